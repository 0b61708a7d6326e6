"""Views: pure functions from results to a `Plot`, by key.

Results are read by their attributes, so that any record of the same shape can be drawn.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from analysis.figures.plot import Bars, Grid, Plot, Strip, symmetric_limit

View = Callable[..., Plot]
F = TypeVar("F", bound=View)

_VIEWS: dict[str, View] = {}


class UnknownView(ValueError):
    """No view is registered under this key."""


def view(key: str) -> Callable[[F], F]:
    """Register a view; a key that is taken raises `ValueError`."""

    def register(function: F) -> F:
        if key in _VIEWS:
            raise ValueError(f"the view {key!r} is already registered: choose another key")
        _VIEWS[key] = function
        return function

    return register


def draw(key: str, *results: Any, **options: Any) -> Plot:
    """The picture of `results` that the view `key` describes; `UnknownView` lists the known."""
    if key not in _VIEWS:
        raise UnknownView(f"no view is called {key!r}; known are {', '.join(sorted(_VIEWS))}")
    return _VIEWS[key](*results, **options)


def views() -> dict[str, str]:
    """Every key with the first line of its view's docstring."""
    return {key: (f.__doc__ or "").strip().partition("\n")[0] for key, f in sorted(_VIEWS.items())}


# --- what the views share ---------------------------------------------------------------------


def _as_list(value: Any, size: int | None = None) -> list[Any]:
    """A list as it is; one value alone, or repeated to `size`."""
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value] * (1 if size is None else size)


def _checkpoint_source(checkpoint: Any) -> dict[str, Any]:
    """What identifies a checkpoint on another machine: never where it lies on this one."""
    if checkpoint is None:
        return {}
    name = str(checkpoint.id)
    if os.path.isabs(name) or "\\" in name:
        name = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    digest = getattr(checkpoint, "sha256", None)
    return {"checkpoint": name} | ({"sha256": str(digest)[:12]} if digest else {})


def _source(checkpoints: Sequence[Any], tokens: Any = None, **more: Any) -> dict[str, Any]:
    """Provenance: checkpoints, the text, and whatever else is known (None is left out)."""
    named = [c for c in map(_checkpoint_source, checkpoints) if c]
    source: dict[str, Any] = named[0] if len(named) == 1 else {"checkpoints": named}
    if tokens is not None:
        source |= {"text": tokens.text, "pair": tokens.pair}
    return {k: v for k, v in (source | more).items() if v is not None and v != []}


def _label(checkpoint: Any, target: int) -> str:
    labels = tuple(getattr(checkpoint, "labels", ()) or ())
    return str(labels[target]) if target < len(labels) else f"class {target}"


def _name(checkpoint: Any, index: int) -> str:
    return _checkpoint_source(checkpoint).get("checkpoint", f"checkpoint {index + 1}")


def _groups(tokens: Any, words: bool) -> tuple[tuple[int, ...], ...]:
    if words:
        return tuple(tokens.word_groups())
    return tuple((position,) for position in range(len(tokens.ids)))


def _strip(
    tokens: Any, groups: Sequence[Sequence[int]], values: np.ndarray, value_label: str, unit: str
) -> Strip:
    """A strip of units; the text between a unit's first and last character is its label."""
    pieces, spaced, texts = tokens.labels, tokens.spaced, (tokens.text, tokens.pair or "")
    offsets, special, segment = tokens.offsets, tokens.special, tokens.segment
    labels, spans = [], np.zeros((len(groups), 2), int)
    for index, group in enumerate(groups):
        first, last = group[0], group[-1]
        spans[index] = offsets[first][0], offsets[last][1]
        whole = texts[int(segment[first])][spans[index, 0] : spans[index, 1]]
        labels.append(whole if len(group) > 1 and whole else pieces[first])
    return Strip(
        labels=tuple(labels),
        values=np.asarray(values, float),
        spaced=tuple(bool(spaced[g[0]]) for g in groups),
        special=tuple(bool(special[g[0]]) for g in groups),
        segment=tuple(int(segment[g[0]]) for g in groups),
        positions=tuple(tuple(int(p) for p in g) for g in groups),
        spans=spans,
        value_label=value_label,
        unit=unit,
    )


def _one_or_grid(strips: list[Strip], names: Sequence[str], limit: float | None) -> Strip | Grid:
    """One strip, or several on one common scale: the largest value of all, or the given limit."""
    common = limit if limit is not None else symmetric_limit(*(s.values for s in strips))
    fields = [
        {name: getattr(s, name) for name in s.__dataclass_fields__} | {"limit": common}
        for s in strips
    ]
    scaled = tuple(Strip(**f) for f in fields)
    return scaled[0] if len(scaled) == 1 else Grid(scaled, tuple(names), columns=1)


def _cut(tokens: Sequence[Any]) -> tuple[str, ...]:
    dropped = max((int(getattr(t, "dropped", 0)) for t in tokens), default=0)
    return (f"{dropped} tokens beyond the model's limit are not shown.",) if dropped else ()


# --- the views --------------------------------------------------------------------------------


@view("classes")
def classes(
    traces: Any,
    names: Sequence[str] | None = None,
    target: int | None = None,
) -> Plot:
    """Class probabilities of one or several checkpoints; a seed group with mean, spread, dots.

    `traces` is a Trace, or a list whose entries are Traces or lists of Traces (a seed group).
    With one output (regression) the bar is the predicted value itself.
    """
    entries = [_as_list(entry) for entry in _as_list(traces)]
    if not entries or not all(entries):
        raise ValueError("no predictions to draw: give at least one trace")
    if any(trace.logits is None for entry in entries for trace in entry):
        raise ValueError("a bare encoder predicts nothing: choose a checkpoint with classes")
    checkpoints = [trace.checkpoint for entry in entries for trace in entry]
    labels = tuple(str(label) for label in entries[0][0].checkpoint.labels)
    for checkpoint in checkpoints:
        if tuple(str(label) for label in checkpoint.labels) != labels:
            raise ValueError(
                f"{_name(checkpoint, 0)} has other classes than {_name(checkpoints[0], 0)}: "
                "draw checkpoints of one task together"
            )
    regression = len(entries[0][0].probabilities) == 1
    count, seeds = len(entries[0][0].probabilities), max(map(len, entries))
    if len(labels) != count:
        labels = ("value",) if regression else tuple(f"class {c}" for c in range(count))
    dots = np.full((len(entries), count, seeds), np.nan)
    for index, entry in enumerate(entries):
        dots[index, :, : len(entry)] = np.array([t.probabilities for t in entry], float).T
    means = np.nanmean(dots, axis=2)
    intervals = np.full((len(entries), count, 2), np.nan)
    for index, entry in enumerate(entries):
        if len(entry) > 1:
            spread = dots[index, :, : len(entry)].std(axis=1, ddof=1)
            intervals[index] = np.stack([means[index] - spread, means[index] + spread], axis=1)
    grouped = seeds > 1
    if names is None:
        names = [
            str(getattr(e[0].checkpoint, "group", None) or _name(e[0].checkpoint, i))
            if len(e) > 1
            else _name(e[0].checkpoint, i)
            for i, e in enumerate(entries)
        ]
    mark = Bars(
        values=means,
        categories=labels,
        series=tuple(names),
        category_label="output" if regression else "class",
        value_label="predicted value" if regression else "class probability",
        intervals=intervals if grouped else None,
        dots=dots if grouped else None,
        colours="sign" if regression and (means < 0).any() else "series",
        style="number" if regression else "probability",
        limits=None if regression else (0.0, 1.0),
        kind="class",
        predicted=tuple(None if regression else int(row.argmax()) for row in means),
        chosen=target,
    )
    notes = ()
    if grouped:
        notes = (
            "Bars: mean over the seeds; whiskers: plus and minus one standard deviation; "
            "dots: one seed each.",
        )
    tokens = entries[0][0].tokens
    return Plot(
        view="classes",
        title="Predicted value" if regression else "Class probabilities",
        mark=mark,
        params={"target": target, "names": list(names)},
        provenance=_source(
            checkpoints,
            tokens,
            view="classes",
            target=None if target is None else _label(checkpoints[0], target),
            seed=[s for s in (getattr(c, "seed", None) for c in checkpoints) if s is not None],
        ),
        notes=notes + _cut([tokens]),
        caption="Class probabilities of " + ", ".join(names) + ".",
    )


@view("input_attribution")
def input_attribution(
    attribution: Any,
    tokens: Any,
    checkpoint: Any = None,
    words: bool = False,
    limit: float | None = None,
    names: Sequence[str] | None = None,
) -> Plot:
    """The text coloured by an input attribution, in words or pieces.

    Each argument is one result or a list of them: several are drawn on one common scale, +-limit.
    Scores of pieces are summed into words; scores of words stay words.
    """
    results = _as_list(attribution)
    if not results:
        raise ValueError("no attribution to draw: give at least one result")
    texts, owners = _as_list(tokens, len(results)), _as_list(checkpoint, len(results))
    strips, lines = [], []
    for index, (result, text, owner) in enumerate(zip(results, texts, owners, strict=True)):
        groups, scores = _merged(result, text, words)
        unit = "probability" if result.output == "probability" else "logit"
        strips.append(_strip(text, groups, scores, f"{result.method} attribution", unit))
        gap = result.completeness_gap
        line = f"{_name(owner, index)}: " if len(results) > 1 else ""
        line += f"{result.method}, baseline {result.baseline}"
        lines.append(line + ("" if gap is None else f", completeness gap {gap:.1e}"))
    first = results[0]
    names = names or [_name(owner, index) for index, owner in enumerate(owners)]
    label = _label(owners[0], first.target)
    of = {"contrast": "target minus the mean of the other logits", "logit": "target logit"}
    return Plot(
        view="input_attribution",
        title=f"Input attribution for {label}",
        mark=_one_or_grid(strips, names, limit),
        params={"words": words, "limit": limit, "names": list(names)},
        provenance=_source(
            owners,
            texts[0],
            view="input_attribution",
            target=label,
            method=first.method,
            output=first.output,
            baseline=str(first.baseline),
            completeness_gap=[
                None if r.completeness_gap is None else float(r.completeness_gap) for r in results
            ],
            seed=first.seed,
        ),
        notes=tuple(lines) + _cut(texts),
        caption=f"Input attribution ({first.method}) for {label}: "
        f"{of.get(first.output, 'class probability')}. "
        "Orange is towards the class, blue and underlined is against it.",
    )


def _merged(
    result: Any, tokens: Any, words: bool
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """(units, scores), with piece scores summed into words where words are asked for."""
    units = [tuple(int(p) for p in unit) for unit in result.unit_tokens]
    scores = np.asarray(result.scores, float)
    if not words:
        return units, scores
    word_of = {p: index for index, group in enumerate(tokens.word_groups()) for p in group}
    merged: dict[int, tuple[list[int], float]] = {}
    for unit, score in zip(units, scores.tolist(), strict=True):
        positions, total = merged.get(word_of[unit[0]], ([], 0.0))
        merged[word_of[unit[0]]] = ([*positions, *unit], total + score)
    return [tuple(p) for p, _ in merged.values()], np.array([s for _, s in merged.values()])


@view("reading")
def reading(
    decomposition: Any,
    tokens: Any,
    target: int,
    checkpoint: Any = None,
    words: bool = False,
    limit: float | None = None,
    names: Sequence[str] | None = None,
) -> Plot:
    """What the pooling head reads from each position: the exact split of a class's contrast.

    Each argument but `target` is one result or a list of them: several share one scale.
    """
    splits = _as_list(decomposition)
    if not splits:
        raise ValueError("no split to draw: give at least one decomposition")
    texts, owners = _as_list(tokens, len(splits)), _as_list(checkpoint, len(splits))
    strips = []
    for split, text in zip(splits, texts, strict=True):
        _check_target(split, target)
        by_token = np.asarray(split.by_token(target), float)
        if len(by_token) != len(text.ids):
            raise ValueError(
                f"the split has {len(by_token)} positions and the text {len(text.ids)} tokens: "
                "give the tokens of the same trace"
            )
        groups = _groups(text, words)
        values = np.array([by_token[list(group)].sum() for group in groups])
        strips.append(_strip(text, groups, values, "contribution to the contrast", "logit"))
    names = names or [_name(owner, index) for index, owner in enumerate(owners)]
    label, reference = _label(owners[0], target), splits[0].reference
    return Plot(
        view="reading",
        title="What the pooling head reads from each position",
        mark=_one_or_grid(strips, names, limit),
        params={"target": target, "words": words, "limit": limit, "names": list(names)},
        provenance=_split_source(owners, texts[0], "reading", splits[0], target),
        notes=(
            f"Exact given the source layers and the attention weights, relative to {reference}; "
            f"measured error {max(s.error for s in splits):.0e}.",
            *_cut(texts),
        ),
        caption=f"What the pooling head reads from each position: contribution to {label} minus "
        f"the mean of the other classes, in logits, relative to {reference}. Orange is towards "
        "the class, blue and underlined is against it.",
    )


def _check_target(split: Any, target: int) -> None:
    if not 0 <= target < len(split.logits):
        raise ValueError(
            f"class {target} does not exist: this checkpoint has {len(split.logits)} classes, "
            "counted from 0"
        )


def _split_source(
    owners: Sequence[Any], tokens: Any, key: str, split: Any, target: int
) -> dict[str, Any]:
    return _source(
        owners,
        tokens,
        view=key,
        target=_label(owners[0], target),
        method="exact split, target minus mean of the others",
        reference=split.reference,
        seed=getattr(owners[0], "seed", None),
    )


@view("source_layers")
def source_layers(
    decomposition: Any,
    winners: Any,
    target: int,
    checkpoint: Any = None,
    tokens: Any = None,
    limit: float | None = None,
) -> Plot:
    """Source layers of the max-pool: share of the wins beside what each contributed.

    A layer that did not compete has no bar in the first panel.
    """
    if winners is None:
        raise ValueError(
            "this pooling head takes no maximum over layers: there are no source layers to show"
        )
    _check_target(decomposition, target)
    share = dict(zip(winners.layers, winners.share_by_layer(), strict=True))
    layers = tuple(int(layer) for layer in decomposition.layers)
    if missing := sorted(set(share) - set(layers)):
        raise ValueError(
            f"layers {missing} win values but are no part of the split: "
            "give winners and split of the same trace"
        )
    wins = np.array([[100.0 * share.get(layer, np.nan) for layer in layers]])
    contributed = np.asarray(decomposition.by_layer(target), float)[None, :]
    common = {
        "categories": tuple(str(layer) for layer in layers),
        "category_label": "source layer",
        "kind": "layer",
    }
    bound = symmetric_limit(contributed) if limit is None else limit
    label = _label(checkpoint, target)
    return Plot(
        view="source_layers",
        title="Source layers of the max-pool",
        mark=Grid(
            panels=(
                Bars(
                    values=wins, series=("wins",), value_label="share of wins (%)",
                    style="percent", limits=(0.0, 100.0), **common,
                ),
                Bars(
                    values=contributed, series=("contribution",),
                    value_label="contribution to the contrast (logit)",
                    style="signed", colours="sign", limits=(-bound, bound), **common,
                ),
            ),
            subtitles=("wins", "contribution"),
            columns=2,
        ),
        params={"target": target, "limit": limit},
        provenance=_split_source(
            [checkpoint], tokens, "source_layers", decomposition, target
        ),
        notes=("A share of wins says where values came from, not what a win is worth.",),
        caption=f"Source layers of the max-pool: share of the wins, and contribution to {label} "
        f"minus the mean of the other classes, relative to {decomposition.reference}.",
    )
