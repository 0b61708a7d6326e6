"""Views of Compare: class probabilities, the input attribution, what the pooling head reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.common.phrases import capital
from analysis.figures.marks import Bars, Grid, symmetric_limit
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import (
    as_list,
    cut_note,
    groups_of,
    name_of,
    names_of,
    provenance_of,
    target_label,
)
from analysis.figures.views.units import merged_scores, one_or_grid, strip_of, units_of
from analysis.reading.decomposition import described, references

if TYPE_CHECKING:
    from analysis.attribution.results import Attribution
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.reading.decomposition import Decomposition
    from analysis.reading.trace import Trace
    from analysis.reading.winners import Winners
    from analysis.seed_groups.averages import GroupWinners
    from analysis.text.tokens import Tokens


@view("classes")
def classes(
    traces: Trace | Sequence[Trace | Sequence[Trace]],
    names: Sequence[str] | None = None,
    target: int | None = None,
) -> Plot:
    """Class probabilities of one or several checkpoints; a seed group with mean, spread, dots.

    `traces` is a Trace, or a list whose entries are Traces or lists of Traces (a seed group).
    With one output (regression) the bar is the predicted value itself.

    Raises
    ------
    ValueError
        There is no trace, a bare encoder is among them, or their classes differ.
    """
    entries = groups_of(traces)
    if not entries or not all(entries):
        raise ValueError("no predictions to draw: give at least one trace")
    if any(trace.logits is None for entry in entries for trace in entry):
        raise ValueError("a bare encoder predicts nothing: choose a checkpoint with classes")
    checkpoints = [trace.checkpoint for entry in entries for trace in entry]
    labels = tuple(str(label) for label in entries[0][0].checkpoint.labels)
    for checkpoint in checkpoints:
        if tuple(str(label) for label in checkpoint.labels) != labels:
            raise ValueError(
                f"{name_of(checkpoint, 0)} has other classes than {name_of(checkpoints[0], 0)}: "
                "draw checkpoints of one task together"
            )
    first = entries[0][0].checkpoint
    regression = bool(getattr(first, "regression", len(labels) == 1))
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
        alone = names_of([entry[0].checkpoint for entry in entries])
        names = [
            str(getattr(entry[0].checkpoint, "group", None) or name) if len(entry) > 1 else name
            for entry, name in zip(entries, alone, strict=True)
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
    notes: tuple[str, ...] = ()
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
        params={"target": target, "names": list(names), "groups": [len(e) for e in entries]},
        provenance=provenance_of(
            checkpoints,
            tokens,
            view="classes",
            target=None if target is None else target_label(checkpoints[0], target),
            seed=[s for s in (getattr(c, "seed", None) for c in checkpoints) if s is not None],
        ),
        notes=notes + cut_note([tokens]),
        caption="Class probabilities of " + ", ".join(names) + ".",
    )


@view("input_attribution")
def input_attribution(
    attribution: Attribution,
    tokens: Tokens,
    checkpoint: Checkpoint | None = None,
    words: bool = False,
    limit: float | None = None,
    names: Sequence[str] | None = None,
) -> Plot:
    """The text coloured by an input attribution, in words or pieces.

    Each argument is one result or a list of them: several are drawn on one common scale,
    +-limit. Scores of pieces are summed into words; scores of words stay words.

    Raises
    ------
    ValueError
        There is no attribution.
    """
    results = as_list(attribution)
    if not results:
        raise ValueError("no attribution to draw: give at least one result")
    texts, owners = as_list(tokens, len(results)), as_list(checkpoint, len(results))
    strips, lines = [], []
    methods = [str(result.method).replace("_", " ") for result in results]
    for index, (result, text, owner) in enumerate(zip(results, texts, owners, strict=True)):
        groups, scores = merged_scores(result, text, words)
        unit = "probability" if result.output == "probability" else "logit"
        strips.append(strip_of(text, groups, scores, f"{methods[index]} attribution", unit))
        gap = result.completeness_gap
        line = f"{name_of(owner, index)}: " if len(results) > 1 else ""
        line += f"{methods[index]}, baseline {result.baseline}"
        lines.append(line + ("" if gap is None else f", completeness gap {gap:.1e}"))
    first = results[0]
    names = names or names_of(owners)
    label = target_label(owners[0], first.target)
    of = {"contrast": "target minus the mean of the other logits", "logit": "target logit"}
    return Plot(
        view="input_attribution",
        title=f"Input attribution for {label}",
        mark=one_or_grid(strips, names, limit),
        params={"words": words, "limit": limit, "names": list(names)},
        provenance=provenance_of(
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
        notes=tuple(lines) + cut_note(texts),
        caption=f"Input attribution ({methods[0]}) for {label}: "
        f"{of.get(first.output, 'class probability')}. "
        "Orange is towards the class, blue and underlined is against it.",
    )


@view("reading")
def reading(
    decomposition: Decomposition,
    tokens: Tokens,
    target: int,
    checkpoint: Checkpoint | None = None,
    words: bool = False,
    limit: float | None = None,
    names: Sequence[str] | None = None,
) -> Plot:
    """The split of a class's contrast over positions: what the pooling head reads from each.

    Exact where the head is linear, else along a straight line through its own layers; a note
    says which, with the measured error.

    Each argument but `target` is one result or a list of them: several share one scale.

    Raises
    ------
    ValueError
        There is no split, or it is of another text than the tokens.
    """
    splits = as_list(decomposition)
    if not splits:
        raise ValueError("no split to draw: give at least one decomposition")
    texts, owners = as_list(tokens, len(splits)), as_list(checkpoint, len(splits))
    strips = []
    for split, text in zip(splits, texts, strict=True):
        check_target(split, target)
        by_token = np.asarray(split.by_token(target), float)
        if len(by_token) != len(text.ids):
            raise ValueError(
                f"the split has {len(by_token)} positions and the text {len(text.ids)} tokens: "
                "give the tokens of the same trace"
            )
        groups = units_of(text, words)
        values = np.array([by_token[list(group)].sum() for group in groups])
        strips.append(strip_of(text, groups, values, "contribution to the logit margin", "logit"))
    names = names or names_of(owners)
    label, reference = target_label(owners[0], target), references(splits)
    return Plot(
        view="reading",
        title="Contribution of each position through the pooling head",
        mark=one_or_grid(strips, names, limit),
        params={"target": target, "words": words, "limit": limit, "names": list(names)},
        provenance=split_source(owners, texts[0], "reading", splits[0], target),
        notes=(
            *split_notes(splits),
            *cut_note(texts),
        ),
        caption=f"Each position's contribution to {label} minus the mean of the other classes, "
        f"through the pooling head, in logits, relative to {reference}. Orange is towards "
        "the class, blue and underlined is against it.",
    )


def split_notes(splits: Sequence[Decomposition]) -> tuple[str, ...]:
    """Rule of the splits and their measured error, a sentence for each kind."""
    fixed = "the source layers and the attention weights"
    kinds = [[s for s in splits if s.exact], [s for s in splits if not s.exact]]
    return tuple(f"{capital(described(kind, fixed))}." for kind in kinds if kind)


def check_target(split: Decomposition, target: int) -> None:
    """Raises ``ValueError`` for a class that the split does not have."""
    if not 0 <= target < len(split.logits):
        raise ValueError(
            f"class {target} does not exist: this checkpoint has {len(split.logits)} classes, "
            "counted from 0"
        )


def split_source(
    owners: Sequence[Checkpoint | None],
    tokens: Tokens | None,
    key: str,
    split: Decomposition,
    target: int,
) -> dict[str, Any]:
    """Provenance of a picture of a split."""
    return provenance_of(
        owners,
        tokens,
        view=key,
        target=target_label(owners[0], target),
        method=f"{'exact split' if split.exact else f'split {split.rule}'}, target minus mean of "
        "the others",
        reference=split.reference,
        seed=getattr(owners[0], "seed", None),
    )


@view("source_layers")
def source_layers(
    decomposition: Decomposition,
    winners: Winners | GroupWinners | None,
    target: int,
    checkpoint: Checkpoint | None = None,
    tokens: Tokens | None = None,
    limit: float | None = None,
) -> Plot:
    """Contribution of each source layer, beside its share of the wins of a max-pool.

    A layer that did not compete has no bar in the panel of wins; without `winners` over layers
    (None) there is no such panel.

    Raises
    ------
    ValueError
        Winners and split are of different traces.
    """
    if winners is not None and winners.token is not None:
        winners = None  # tokens competed, all of one layer
    check_target(decomposition, target)
    share = (
        {} if winners is None else dict(zip(winners.layers, winners.share_by_layer(), strict=True))
    )
    layers = tuple(int(layer) for layer in decomposition.layers)
    if missing := sorted(set(share) - set(layers)):
        raise ValueError(
            f"layers {missing} win values but are no part of the split: "
            "give winners and split of the same trace"
        )
    wins = np.array([[100.0 * share.get(layer, np.nan) for layer in layers]])
    contributed = np.asarray(decomposition.by_layer(target), float)[None, :]
    common: dict[str, Any] = {
        "categories": tuple(str(layer) for layer in layers),
        "category_label": "source layer",
        "kind": "layer",
    }
    bound = symmetric_limit(contributed) if limit is None else limit
    label = target_label(checkpoint, target)
    of_wins = Bars(
        values=wins,
        series=("wins",),
        value_label="share of wins (%)",
        style="percent",
        limits=(0.0, 100.0),
        **common,
    )
    of_contributions = Bars(
        values=contributed,
        series=("contribution",),
        value_label="contribution to the logit margin (logit)",
        style="signed",
        colours="sign",
        limits=(-bound, bound),
        **common,
    )
    relative = (
        f"contribution to {label} minus the mean of the other classes, relative to "
        f"{references([decomposition])}."
    )
    if winners is None:
        return Plot(
            view="source_layers",
            title="Source layers of the contributions",
            mark=of_contributions,
            params={"target": target, "limit": limit},
            provenance=split_source([checkpoint], tokens, "source_layers", decomposition, target),
            notes=split_notes([decomposition]),
            caption=f"Contribution of each source layer of the pooling head: {relative}",
        )
    return Plot(
        view="source_layers",
        title="Source layers of the max-pool",
        mark=Grid(
            panels=(of_wins, of_contributions),
            subtitles=("wins (%)", "contribution"),
            columns=2,
        ),
        params={"target": target, "limit": limit},
        provenance=split_source([checkpoint], tokens, "source_layers", decomposition, target),
        notes=(
            "The share of wins shows which layers the values come from, not how much they matter.",
        ),
        caption=f"Source layers of the max-pool: share of the wins, and {relative}",
    )
