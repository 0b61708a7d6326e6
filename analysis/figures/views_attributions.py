"""Views of attributions: strips by method, bars with intervals, methods x tokens, disagreement.

Scores of different methods have different units. They share a scale within a method, over
checkpoints; between methods only their order, or shares of the largest one, is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.figures.marks import Bars, Grid, HeatMap, Strip, symmetric_limit
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.source import (
    as_list,
    cut_note,
    names_of,
    provenance_of,
    target_label,
)
from analysis.figures.token_axis import CHOSEN, label_of
from analysis.figures.units import strip_of
from analysis.phrases import listed

Units = tuple[tuple[int, ...], ...]


def title_of(result: Any) -> str:
    """How a result's method is called."""
    from analysis.attribution import METHODS

    known = METHODS.get(str(result.method))
    return known.title if known is not None else str(result.method).replace("_", " ")


def on_common_units(results: Sequence[Any]) -> tuple[Units, list[np.ndarray]]:
    """(units, scores of each result) on the coarsest units among them; finer ones are summed.

    Raises ``ValueError`` where neither is made of the other's, as with two different spans.
    """
    parts = [tuple(tuple(int(p) for p in unit) for unit in r.unit_tokens) for r in results]
    units = min(parts, key=len)
    home = {position: index for index, unit in enumerate(units) for position in unit}
    merged = []
    for part, result in zip(parts, results, strict=True):
        scores = np.zeros(len(units))
        for unit, score in zip(part, np.asarray(result.scores, float), strict=True):
            places = {home.get(position, -1) for position in unit}
            if len(places) > 1 or -1 in places:
                raise ValueError(
                    f"{title_of(result)} is computed for other units than the rest: choose one "
                    "unit for all"
                )
            scores[places.pop()] += score
        merged.append(scores)
    return units, merged


def shares(scores: np.ndarray) -> np.ndarray:
    """(..., U) scores as shares of the largest absolute one along the last axis, -1 to 1."""
    largest = np.abs(scores).max(axis=-1, keepdims=True)
    return np.asarray(scores / np.where(largest > 0, largest, 1.0))


@view("attribution_strips")
def strips(
    results: Sequence[Sequence[Any]],
    tokens: Any,
    checkpoints: Any = None,
    names: Sequence[str] | None = None,
    limits: Sequence[float] | None = None,
) -> Plot:
    """The text coloured once for each method and checkpoint; one scale within a method.

    `results[m][c]` is method m on checkpoint c; `limits[m]` fixes the scale of a method.
    """
    rows = [as_list(row) for row in results]
    if not rows or not all(rows):
        raise ValueError("no attribution to draw: give at least one result")
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise ValueError("every method needs a result for every checkpoint")
    texts, owners = as_list(tokens, width), as_list(checkpoints, width)
    names = list(names or names_of(owners))
    panels: list[Strip] = []
    titles: list[str] = []
    for place, row in enumerate(rows):
        bound = symmetric_limit(*(np.asarray(r.scores, float) for r in row))
        limit = bound if limits is None else limits[place]
        for result, text, name in zip(row, texts, names, strict=True):
            one = strip_of(
                text, [list(unit) for unit in result.unit_tokens], result.scores,
                f"{title_of(result)} attribution", unit_of(result),
            )
            fields = {field: getattr(one, field) for field in one.__dataclass_fields__}
            panels.append(Strip(**{**fields, "limit": limit}))
            titles.append(f"{title_of(result)}, {name}" if width > 1 else title_of(result))
    first = rows[0][0]
    label = explained(owners[0], first)
    mark = panels[0] if len(panels) == 1 else Grid(tuple(panels), tuple(titles), 1)
    return Plot(
        view="attribution_strips",
        title=f"Attribution to {label}",
        mark=mark,
        params={"names": names, "limits": None if limits is None else list(limits)},
        provenance=_source("attribution_strips", [r for row in rows for r in row], texts, owners),
        notes=tuple(dict.fromkeys(_line(r, n if width > 1 else "") for row in rows
                                  for r, n in zip(row, names, strict=True))) + cut_note(texts),
        caption=f"Attribution to {label}: {output_words(first)}, by "
        f"{listed(title_of(row[0]) for row in rows)}. One colour scale for each method. "
        "Orange is towards the class, blue and underlined is against it.",
    )


@view("attribution_bars")
def bars(
    results: Sequence[Any],
    tokens: Any,
    checkpoints: Any = None,
    names: Sequence[str] | None = None,
    limit: float | None = None,
    order: Sequence[int] | None = None,
    chosen: int | None = None,
) -> Plot:
    """Scores of every unit with their intervals, a panel for each checkpoint, on one scale.

    An entry of `results` is an Attribution (with its own interval where its method samples) or
    a list of them, a seed group: mean, plus and minus one standard deviation, a dot for each
    seed. `order` is the order of the units, `chosen` the token position of a marked one.
    """
    entries = [as_list(entry) for entry in results]
    if not entries or not all(entries):
        raise ValueError("no attribution to draw: give at least one result")
    texts, owners = as_list(tokens, len(entries)), as_list(checkpoints, len(entries))
    names = list(names or names_of(owners))
    several = max(len(entry) for entry in entries)
    drawn = [spread_of(entry) for entry in entries]
    bound = limit if limit is not None else symmetric_limit(
        *(mean for _, mean, _, _ in drawn), *(i for _, _, i, _ in drawn if i is not None)
    )
    panels = []
    for (units, mean, interval, dots), text in zip(drawn, texts, strict=True):
        places = list(range(len(units))) if order is None else list(order)
        panels.append(Bars(
            values=mean[places][None],
            categories=tuple((CHOSEN if chosen in units[p] else "") + label_of(text, units[p])
                             for p in places),
            series=(title_of(entries[0][0]),),
            category_label=str(entries[0][0].unit),
            value_label=f"attribution ({unit_of(entries[0][0])})",
            intervals=None if interval is None else interval[places][None],
            dots=None if dots is None else dots[places][None],
            colours="sign", style="signed", limits=(-bound, bound),
        ))  # fmt: skip
    first = entries[0][0]
    label = explained(owners[0], first)
    note: tuple[str, ...] = ()
    if several > 1:
        note = ("Bars: mean over the seeds; lines: plus and minus one standard deviation; dots: "
                "one seed each.",)  # fmt: skip
    elif any(interval is not None for _, _, interval, _ in drawn):
        note = ("Lines: 95 % interval of the method's own sampling error.",)
    mark = panels[0] if len(panels) == 1 else Grid(tuple(panels), tuple(names), len(panels))
    return Plot(
        view="attribution_bars",
        title=f"{title_of(first)}: attribution to {label}",
        mark=mark,
        params={"names": names, "limit": limit},
        provenance=_source("attribution_bars", [e[0] for e in entries], texts, owners),
        notes=note + tuple(_line(e[0], n if len(entries) > 1 else "")
                           for e, n in zip(entries, names, strict=True)) + cut_note(texts),
        caption=f"{title_of(first)} by {first.unit} for {label}: {output_words(first)}.",
    )


def spread_of(
    entry: Sequence[Any],
) -> tuple[Units, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """(units, mean, (U, 2) interval or None, (U, M) dots or None) of one result or a seed group."""
    units, scores = on_common_units(entry)
    if len(entry) == 1:
        interval = entry[0].interval
        return units, scores[0], None if interval is None else np.asarray(interval, float), None
    dots = np.stack(scores, axis=1)
    mean, spread = dots.mean(axis=1), dots.std(axis=1, ddof=1)
    return units, mean, np.stack([mean - spread, mean + spread], axis=1), dots


@view("attribution_methods")
def methods(
    results: Sequence[Any],
    tokens: Any,
    checkpoint: Any = None,
    special: bool = True,
    chosen: int | None = None,
) -> Plot:
    """Methods x units of one checkpoint, every row as shares of its own largest score."""
    if not results:
        raise ValueError("no attribution to draw: give at least one result")
    units, scores = on_common_units(results)
    kept = [i for i, unit in enumerate(units) if special or not tokens.special[unit[0]]]
    if not kept:
        raise ValueError("nothing is left to show without special tokens: show them")
    cells = shares(np.stack(scores)[:, kept])
    label = explained(checkpoint, results[0])
    return Plot(
        view="attribution_methods",
        title="Methods side by side",
        mark=HeatMap(
            values=cells,
            rows=tuple(title_of(result) for result in results),
            columns=tuple((CHOSEN if chosen in units[i] else "") + label_of(tokens, units[i])
                          for i in kept),
            row_label="method", column_label=coarsest(results),
            value_label="share of the method's largest score", limits=(-1.0, 1.0),
        ),
        params={"special": special},
        provenance=_source("attribution_methods", results, [tokens], [checkpoint]),
        notes=("Every row is scaled by its own largest score: methods measure in different units.",
               *cut_note([tokens])),
        caption=f"Attribution to {label} by method and {coarsest(results)}, each row as shares of "
        "its largest absolute score.",
    )  # fmt: skip


@view("attribution_disagreement")
def disagreement(
    first: Any,
    second: Any,
    tokens: Any,
    names: tuple[str, str],
    checkpoints: Any = None,
) -> Plot:
    """Two results on one text, as shares of their largest scores, and the difference."""
    units, scores = on_common_units([first, second])
    one, other = shares(np.stack(scores))
    kept = [i for i, unit in enumerate(units) if not tokens.special[unit[0]]]
    labels = tuple(label_of(tokens, units[i]) for i in kept)
    panels = tuple(
        Bars(
            values=values[kept][None], categories=labels, series=(name,),
            category_label=coarsest([first, second]), value_label="share of the largest score",
            colours="sign", style="signed", limits=(-limit, limit),
        )
        for values, name, limit in (
            (one, names[0], 1.0), (other, names[1], 1.0), (one - other, "difference", 2.0)
        )
    )  # fmt: skip
    owners = as_list(checkpoints, 2)
    return Plot(
        view="attribution_disagreement",
        title=f"{names[0]} against {names[1]}",
        mark=Grid(panels, (*names, "difference"), 3),
        params={"names": list(names)},
        provenance=_source("attribution_disagreement", [first, second], [tokens], owners),
        notes=cut_note([tokens]),
        caption=f"{names[0]} and {names[1]} by {coarsest([first, second])}, each as shares of its "
        "largest absolute score, and their difference.",
    )


@view("attribution_layers")
def layers(
    joint: Any, split: Any = None, checkpoint: Any = None, tokens: Any = None,
    name: str = "", limit: float | None = None,
) -> Plot:  # fmt: skip
    """Which layer carries the prediction: joint integrated gradients, beside the exact split.

    Each is an Attribution with `layer_scores`, or a list of them (a seed group: mean, plus and
    minus one standard deviation, a dot for each seed). Units are summed.
    """
    parts = [as_list(joint)] + ([as_list(split)] if split else [])
    if not parts[0] or any(r.layer_scores is None for part in parts for r in part):
        raise ValueError("these attributions tell no layers apart: use joint_layers or exact_split")
    every = sorted({int(layer) for part in parts for r in part for layer in r.layers})
    rows = [np.stack([_by_layer(r, every) for r in part]) for part in parts]  # (M, K) each
    bound = limit if limit is not None else symmetric_limit(*rows)
    panels = []
    for values in rows:
        mean = values.mean(axis=0)
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else None
        ends = None if spread is None else np.stack([mean - spread, mean + spread], axis=1)[None]
        panels.append(Bars(
            values=mean[None], categories=tuple(map(str, every)), series=("attribution",),
            category_label="layer", value_label=f"attribution ({unit_of(parts[0][0])})",
            intervals=ends, dots=None if spread is None else values.T[None], kind="layer",
            colours="sign", style="signed", limits=(-bound, bound),
        ))  # fmt: skip
    first = parts[0][0]
    label = explained(checkpoint, first)
    titles = ["integrated gradients", "exact split"][: len(panels)]
    sums = [f"{title} from {part[0].baseline}: {values.sum(axis=1).mean():+.2f} in all"
            for title, part, values in zip(titles, parts, rows, strict=True)]  # fmt: skip
    seeds = (f"Mean over {len(rows[0])} seeds; lines: plus and minus one standard deviation.",)
    return Plot(
        view="attribution_layers",
        title=(f"{name}: " if name else "") + "which layer carries the prediction",
        mark=Grid(tuple(panels), tuple(titles), 2) if len(panels) > 1 else panels[0],
        params={"limit": limit},
        provenance=_source(
            "attribution_layers", [p[0] for p in parts], [tokens], [checkpoint]
        ),
        notes=(*(seeds if len(rows[0]) > 1 else ()), "; ".join(sums) + "."),
        caption=f"Which layer carries {label}: integrated gradients with the pooled layers as "
        "joint inputs" + (", beside the exact split of the pooling head." if split else "."),
    )


def _by_layer(result: Any, every: Sequence[int]) -> np.ndarray:
    """(K,) sums over the units; a layer that is not read has no bar."""
    total = np.asarray(result.layer_scores, float).sum(axis=0)
    own = {int(layer): float(value) for layer, value in zip(result.layers, total, strict=True)}
    return np.array([own.get(layer, np.nan) for layer in every])


def unit_of(result: Any) -> str:
    """What the scores of a result are measured in."""
    return "probability" if result.output == "probability" else "logit"


def output_words(result: Any) -> str:
    """Which output of the checkpoint is explained."""
    if isinstance(result.target, tuple):
        what = "probabilities" if result.output == "probability" else "logits"
        return f"the difference of the two classes' {what}"
    known = {"contrast": "the class's logit minus the mean of the others",
             "logit": "the class's logit"}  # fmt: skip
    return known.get(str(result.output), "the class's probability")


def explained(checkpoint: Any, result: Any) -> str:
    """The explained class, or the difference of two."""
    if isinstance(result.target, tuple):
        return " against ".join(target_label(checkpoint, int(c)) for c in result.target)
    return target_label(checkpoint, int(result.target))


def coarsest(results: Sequence[Any]) -> str:
    """The unit that all of these results can be shown in."""
    return str(min(results, key=lambda result: len(result.unit_tokens)).unit)


def _line(result: Any, name: str) -> str:
    gap = result.completeness_gap
    told = f"{name}: " if name else ""
    told += f"{title_of(result)}, baseline {result.baseline}"
    if gap is None:
        return f"{told}."
    short = getattr(result, "converged", None) is False
    return f"{told}, integration error {gap:.1e}" + (", tolerance not reached." if short else ".")


def _source(key: str, results: Sequence[Any], texts: Sequence[Any], owners: Sequence[Any]) -> Any:
    first = results[0]
    return provenance_of(
        owners, texts[0], view=key,
        target=explained(owners[0], first),
        method=list(dict.fromkeys(str(r.method) for r in results)),
        output=first.output, unit=first.unit, baseline=str(first.baseline),
        options=[dict(r.options) for r in results],
        completeness_gap=[None if r.completeness_gap is None else float(r.completeness_gap)
                          for r in results],
        seed=first.seed,
    )  # fmt: skip
