"""Views of attributions: strips by method, bars with intervals, methods x tokens, disagreement.

Scores of different methods have different units. They share a scale within a method, over
checkpoints; between methods only their order, or shares of the largest one, is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.phrases import listed
from analysis.figures.marks import Bars, Grid, HeatMap, Strip, symmetric_limit
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.style.style import CHOSEN
from analysis.figures.views.attribution_results import (
    by_layer,
    coarsest,
    explained,
    line_of,
    on_common_units,
    output_words,
    shares,
    source_of,
    spread_of,
    title_of,
    unit_of,
)
from analysis.figures.views.source import as_list, cut_note, names_of
from analysis.figures.views.token_axis import label_of
from analysis.figures.views.units import strip_of

if TYPE_CHECKING:
    from analysis.attribution.results import Attribution
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.text.tokens import Tokens


@view("attribution_strips")
def strips(
    results: Sequence[Sequence[Attribution]],
    tokens: Tokens | Sequence[Tokens],
    checkpoints: Checkpoint | Sequence[Checkpoint] | None = None,
    names: Sequence[str] | None = None,
    limits: Sequence[float] | None = None,
) -> Plot:
    """The text coloured once for each method and checkpoint; one scale within a method.

    `results[m][c]` is method m on checkpoint c; `limits[m]` fixes the scale of a method.

    Raises
    ------
    ValueError
        There is no attribution, or one is missing for a checkpoint.
    """
    rows = [list(row) for row in results]
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
            strip = strip_of(
                text,
                [list(unit) for unit in result.unit_tokens],
                result.scores,
                f"{title_of(result)} attribution",
                unit_of(result),
            )
            fields = {field: getattr(strip, field) for field in strip.__dataclass_fields__}
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
        provenance=source_of("attribution_strips", [r for row in rows for r in row], texts, owners),
        notes=tuple(
            dict.fromkeys(
                line_of(r, n if width > 1 else "")
                for row in rows
                for r, n in zip(row, names, strict=True)
            )
        )
        + cut_note(texts),
        caption=f"Attribution to {label}: {output_words(first)}, by "
        f"{listed(title_of(row[0]) for row in rows)}. One colour scale for each method. "
        "Orange is towards the class, blue and underlined is against it.",
    )


@view("attribution_bars")
def bars(
    results: Sequence[Attribution | list[Attribution]],
    tokens: Tokens | Sequence[Tokens],
    checkpoints: Checkpoint | Sequence[Checkpoint] | None = None,
    names: Sequence[str] | None = None,
    limit: float | None = None,
    order: Sequence[int] | None = None,
    chosen: int | None = None,
) -> Plot:
    """Scores of every unit with their intervals, a panel for each checkpoint, on one scale.

    An entry of `results` is an Attribution (with its own interval where its method samples) or
    a list of them, a seed group: mean, plus and minus one standard deviation, a dot for each
    seed. `order` is the order of the units, `chosen` the token position of a marked one.

    Raises
    ------
    ValueError
        There is no attribution, or nothing of it is left to show.
    """
    entries: list[list[Attribution]] = [as_list(entry) for entry in results]
    if not entries or not all(entries):
        raise ValueError("no attribution to draw: give at least one result")
    texts, owners = as_list(tokens, len(entries)), as_list(checkpoints, len(entries))
    names = list(names or names_of(owners))
    several = max(len(entry) for entry in entries)
    drawn = [spread_of(entry) for entry in entries]
    bound = (
        limit
        if limit is not None
        else symmetric_limit(
            *(mean for _, mean, _, _ in drawn), *(i for _, _, i, _ in drawn if i is not None)
        )
    )
    panels = []
    for (units, mean, interval, dots), text in zip(drawn, texts, strict=True):
        places = list(range(len(units))) if order is None else list(order)
        panels.append(
            Bars(
                values=mean[places][None],
                categories=tuple(
                    (CHOSEN if chosen in units[p] else "") + label_of(text, units[p])
                    for p in places
                ),
                series=(title_of(entries[0][0]),),
                category_label=str(entries[0][0].unit),
                value_label=f"attribution ({unit_of(entries[0][0])})",
                intervals=None if interval is None else interval[places][None],
                dots=None if dots is None else dots[places][None],
                colours="sign",
                style="signed",
                limits=(-bound, bound),
            )
        )
    first = entries[0][0]
    label = explained(owners[0], first)
    note: tuple[str, ...] = ()
    if several > 1:
        note = (
            "Bars: mean over the seeds; lines: plus and minus one standard deviation; dots: "
            "one seed each.",
        )
    elif any(interval is not None for _, _, interval, _ in drawn):
        note = ("Lines: 95 % interval of the method's own sampling error.",)
    mark = panels[0] if len(panels) == 1 else Grid(tuple(panels), tuple(names), len(panels))
    return Plot(
        view="attribution_bars",
        title=f"{title_of(first)}: attribution to {label}",
        mark=mark,
        params={"names": names, "limit": limit},
        provenance=source_of("attribution_bars", [e[0] for e in entries], texts, owners),
        notes=note
        + tuple(
            line_of(e[0], n if len(entries) > 1 else "")
            for e, n in zip(entries, names, strict=True)
        )
        + cut_note(texts),
        caption=f"{title_of(first)} by {first.unit} for {label}: {output_words(first)}.",
    )


@view("attribution_methods")
def methods(
    results: Sequence[Attribution],
    tokens: Tokens,
    checkpoint: Checkpoint | None = None,
    special: bool = True,
    chosen: int | None = None,
) -> Plot:
    """Methods x units of one checkpoint, every row as shares of its own largest score.

    Raises
    ------
    ValueError
        There is no attribution, or nothing of it is left to show.
    """
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
            columns=tuple(
                (CHOSEN if chosen in units[i] else "") + label_of(tokens, units[i]) for i in kept
            ),
            row_label="method",
            column_label=coarsest(results),
            value_label="share of the method's largest score",
            limits=(-1.0, 1.0),
        ),
        params={"special": special},
        provenance=source_of("attribution_methods", results, [tokens], [checkpoint]),
        notes=(
            "Every row is scaled by its own largest score: methods measure in different units.",
            *cut_note([tokens]),
        ),
        caption=f"Attribution to {label} by method and {coarsest(results)}, each row as shares of "
        "its largest absolute score.",
    )


@view("attribution_disagreement")
def disagreement(
    first: Attribution,
    second: Attribution,
    tokens: Tokens,
    names: tuple[str, str],
    checkpoints: Checkpoint | Sequence[Checkpoint] | None = None,
) -> Plot:
    """Two results on one text, as shares of their largest scores, and the difference."""
    units, scores = on_common_units([first, second])
    first_share, second_share = shares(np.stack(scores))
    kept = [i for i, unit in enumerate(units) if not tokens.special[unit[0]]]
    labels = tuple(label_of(tokens, units[i]) for i in kept)
    panels = tuple(
        Bars(
            values=values[kept][None],
            categories=labels,
            series=(name,),
            category_label=coarsest([first, second]),
            value_label="share of the largest score",
            colours="sign",
            style="signed",
            limits=(-limit, limit),
        )
        for values, name, limit in (
            (first_share, names[0], 1.0),
            (second_share, names[1], 1.0),
            (first_share - second_share, "difference", 2.0),
        )
    )
    owners = as_list(checkpoints, 2)
    return Plot(
        view="attribution_disagreement",
        title=f"{names[0]} against {names[1]}",
        mark=Grid(panels, (*names, "difference"), 3),
        params={"names": list(names)},
        provenance=source_of("attribution_disagreement", [first, second], [tokens], owners),
        notes=cut_note([tokens]),
        caption=f"{names[0]} and {names[1]} by {coarsest([first, second])}, each as shares of its "
        "largest absolute score, and their difference.",
    )


@view("attribution_layers")
def layers(
    joint: Attribution | Sequence[Attribution],
    split: Attribution | Sequence[Attribution] | None = None,
    checkpoint: Checkpoint | None = None,
    tokens: Tokens | None = None,
    name: str = "",
    limit: float | None = None,
) -> Plot:
    """The layers that carry the prediction: joint integrated gradients, beside the head's split.

    Each is an Attribution with `layer_scores`, or a list of them (a seed group: mean, plus and
    minus one standard deviation, a dot for each seed). Units are summed.

    Raises
    ------
    ValueError
        The attributions tell no layers apart.
    """
    parts = [as_list(joint)] + ([as_list(split)] if split else [])
    if not parts[0] or any(r.layer_scores is None for part in parts for r in part):
        raise ValueError(
            "these methods attribute to tokens, not to layers: use joint_layers or exact_split"
        )
    every = sorted({int(layer) for part in parts for r in part for layer in r.layers})
    rows = [np.stack([by_layer(r, every) for r in part]) for part in parts]  # (M, K) each
    bound = limit if limit is not None else symmetric_limit(*rows)
    panels = []
    for values in rows:
        mean = values.mean(axis=0)
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else None
        ends = None if spread is None else np.stack([mean - spread, mean + spread], axis=1)[None]
        panels.append(
            Bars(
                values=mean[None],
                categories=tuple(map(str, every)),
                series=("attribution",),
                category_label="layer",
                value_label=f"attribution ({unit_of(parts[0][0])})",
                intervals=ends,
                dots=None if spread is None else values.T[None],
                kind="layer",
                colours="sign",
                style="signed",
                limits=(-bound, bound),
            )
        )
    first = parts[0][0]
    label = explained(checkpoint, first)
    exact = len(parts) > 1 and all("straight line" not in (r.layer or "") for r in parts[1])
    of_split = "exact split" if exact else "split along a straight line"
    titles = ["integrated gradients", of_split][: len(panels)]
    sums = [
        f"{title} from {part[0].baseline}: {values.sum(axis=1).mean():+.2f} in all"
        for title, part, values in zip(titles, parts, rows, strict=True)
    ]
    seeds = (f"Mean over {len(rows[0])} seeds; lines: plus and minus one standard deviation.",)
    return Plot(
        view="attribution_layers",
        title=(f"{name}: " if name else "") + "which layer carries the prediction",
        mark=Grid(tuple(panels), tuple(titles), 2) if len(panels) > 1 else panels[0],
        params={"limit": limit},
        provenance=source_of("attribution_layers", [p[0] for p in parts], [tokens], [checkpoint]),
        notes=(*(seeds if len(rows[0]) > 1 else ()), "; ".join(sums) + "."),
        caption=f"Which layer carries {label}: integrated gradients with the pooled layers as "
        "joint inputs" + (f", beside the {of_split} of the pooling head." if split else "."),
    )
