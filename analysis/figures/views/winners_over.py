"""Pictures and sentences of winners over many sentences: means, seeds of a group, two groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from analysis.figures.marks import Bars
from analysis.figures.plot import Plot
from analysis.figures.views import winner_statistics as views
from analysis.reading.winner_statistics import (
    GroupDifference,
    WinnerMeans,
    WinnerSample,
    between_groups,
    summarise,
    summarise_by_class,
)
from analysis.seed_groups.winners_over import Many
from analysis.statistics.basics import mean_interval
from analysis.text.token_types import TYPES

LAYER, TYPE = "source layer", "token type"
WINS, ADDS = "share of wins", "contribution"
EVERY = "all sentences"  # what a summary is of where classes are not told apart
TOGETHER, PREDICTED, LABELLED = "together", "predicted", "given"
Series = list[tuple[WinnerMeans, np.ndarray]]  # a summary, and the (members, N) means behind it


def means(
    many: Many,
    by: str,
    quantity: str,
    classes: str = TOGETHER,
    names: Sequence[str] | None = None,
) -> list[Plot]:
    """Means over the sentences with intervals; of a seed group over the seeds, a dot each.

    `classes` is TOGETHER, PREDICTED or LABELLED (`names` then holds each sentence's class). One
    picture; or one a class, where the series within a picture are layers already.

    Raises ``ValueError`` with the reason where the numbers would be the same by construction, or
    where there are no such classes.
    """
    name, layers = many.name, many.samples[0].layers
    if by == LAYER and many.over_tokens:
        raise ValueError(f"{name} takes its maximum over tokens: choose token types.")
    if by == TYPE and many.only_cls:
        raise ValueError(f"{name} pools [CLS] only, so there is nothing to compare by token type.")
    held = _classes(many, classes, names)
    if by == TYPE and quantity == WINS and not many.over_tokens:
        each = [_series(many, _within(k), held) for k in range(len(layers))]
        label = "share of the wins at tokens of a type (%)"
        return [
            _plot(
                many,
                by,
                quantity,
                label,
                [
                    (replace(layer_means, of=f"layer {layer}"), own)
                    for layer, (layer_means, own) in zip(layers, of_class, strict=True)
                ],
                of_class[0][0].of if held is not None else "",
            )
            for of_class in zip(*each, strict=True)
        ]
    label = (
        "share of wins (%)" if quantity == WINS else "contribution to the predicted class (logit)"
    )
    return [_plot(many, by, quantity, label, _series(many, _rows(by, quantity), held))]


def _plot(many: Many, by: str, quantity: str, label: str, series: Series, of: str = "") -> Plot:
    name, layers = many.name, many.samples[0].layers
    if all(np.isnan(part.mean).all() for part, _ in series):
        raise ValueError(
            f"{name}: the logits of this pooling head are not split, so no contributions."
        )
    categories = tuple(map(str, layers)) if by == LAYER else TYPES
    scale = 100.0 if quantity == WINS else 1.0
    plot = views.winner_means(
        [part for part, _ in series],
        categories,
        label,
        by,
        scale,
        [many.checkpoint],
    )
    assert isinstance(plot.mark, Bars)
    mark = replace(plot.mark, style="number" if quantity == WINS else "signed")
    if many.is_group:
        dots = scale * np.stack([rows.T for _, rows in series])
        low, high = np.nanmin(dots, initial=mark.bounds[0]), np.nanmax(dots, initial=mark.bounds[1])
        mark = replace(mark, dots=dots, limits=(float(low), float(high)))
    title = f"{name}: {quantity} by {by}" + (f", {of}" if of else "")
    return replace(plot, title=title, mark=mark, notes=(_note(many, series, of),))


Rows = Callable[[WinnerSample], np.ndarray]


def _rows(by: str, quantity: str) -> Rows:
    if by == LAYER:
        return (
            WinnerSample.wins_by_layer if quantity == WINS else WinnerSample.contribution_by_layer
        )
    return WinnerSample.wins_by_type if quantity == WINS else WinnerSample.contribution_by_type


def _within(layer: int) -> Rows:
    return lambda sample: np.asarray(sample.wins_within_type()[:, :, layer])


def _classes(many: Many, classes: str, names: Sequence[str] | None) -> list[np.ndarray] | None:
    """(N,) class of every sentence for each member; None: all together."""
    if classes == TOGETHER:
        return None
    name, first = many.name, many.samples[0].checkpoint
    if first.regression:
        raise ValueError(f"{name} predicts a number, so there are no classes to group by.")
    if classes == PREDICTED:
        return [sample.predicted for sample in many.samples]
    if names is None:
        raise ValueError(
            f"{name}: the data set has no labels. Choose a labelled one, or group by the "
            f"predicted class."
        )
    if unknown := sorted({name for name in names if name not in first.labels}):
        raise ValueError(
            f"{name}: the data set gives {', '.join(unknown)}, which it does not predict; its "
            f"classes are {', '.join(first.labels)}."
        )
    return [np.array([first.labels.index(name) for name in names])] * len(many.samples)


def _series(many: Many, rows: Rows, classes: Sequence[np.ndarray] | None) -> Series:
    if classes is None:
        return [_summary(many, rows, EVERY)]
    return _by_class(many, rows, classes)


def _summary(many: Many, rows: Rows, of: str) -> tuple[WinnerMeans, np.ndarray]:
    """The summary, and (members, N) means behind it."""
    own = np.stack([mean_interval(rows(sample))[0] for sample in many.samples])
    if not many.is_group:
        return summarise(rows(many.samples[0]), of), own
    return WinnerMeans(*mean_interval(own), many.sentences, of), own


def _by_class(many: Many, rows: Rows, classes: Sequence[np.ndarray]) -> Series:
    """One for each class; of a group over those seeds that have it."""
    each = [
        {s.of: s for s in summarise_by_class(sample, rows(sample), own)}
        for sample, own in zip(many.samples, classes, strict=True)
    ]
    series = []
    for name in dict.fromkeys(name for means_by_name in each for name in sorted(means_by_name)):
        held = [means_by_name[name] for means_by_name in each if name in means_by_name]
        empty = np.full_like(held[0].mean, np.nan)
        own = np.stack(
            [means_by_name[name].mean if name in means_by_name else empty for means_by_name in each]
        )
        if many.is_group:
            count = round(float(np.mean([mean.sentences for mean in held])))
            series.append((WinnerMeans(*mean_interval(own), count, name), own))
        else:
            series.append((held[0], own))
    return series


def _note(many: Many, series: Series, of: str = "") -> str:
    over = f"over {len(many.samples)} seeds" if many.is_group else "over sentences"
    names = dict.fromkeys(
        (part.of, part.sentences)
        for part, _ in series
        if part.of != EVERY and not part.of.startswith("layer ")
    )
    counts = ", ".join(f"{name}: {count}" for name, count in names)
    counts = counts or (f"{of}: {series[0][0].sentences}" if of else str(many.sentences))
    return f"Lines: 95 % interval of the mean {over} (Student's t). Sentences: {counts}."


def common(plots: Sequence[Plot]) -> list[Plot]:
    """The plots with one value axis for all."""
    bars = [(plot, plot.mark) for plot in plots if isinstance(plot.mark, Bars)]
    bounds = [mark.bounds for _, mark in bars]
    limits = (min(low for low, _ in bounds), max(high for _, high in bounds))
    return [replace(plot, mark=replace(mark, limits=limits)) for plot, mark in bars]


def stable(many: Many) -> Plot:
    """Share of places where two seeds of the group have another winner."""
    assert many.seeds is not None
    plot = views.seed_disagreement(many.seeds, [many.checkpoint])
    return replace(plot, title=f"{many.name}: stable over seeds?")


def stable_in_words(many: Many) -> str:
    """The answer to "are the winners stable, or noise?", with its numbers."""
    assert many.seeds is not None
    share, chance = 100 * many.seeds.share, 100 * many.seeds.chance
    what = "token" if many.over_tokens else "source layer"
    mean = f"{share.mean():.0f} %"
    spread = f" ({share.min():.0f} to {share.max():.0f} %)" if len(share) > 1 else ""
    return (
        f"Two seeds of {many.name} differ in the {what} of {mean} of the places{spread}; "
        f"independent winners with the same shares would differ in {chance.mean():.0f} %."
    )


def couples(all_of: Sequence[Many]) -> list[tuple[Many, Many]]:
    """Two seed groups each whose layers compete and are the same."""
    able = [
        checkpoint
        for checkpoint in all_of
        if checkpoint.is_group and checkpoint.samples and not checkpoint.over_tokens
    ]
    return [(a, b) for a, b in combinations(able, 2) if a.samples[0].layers == b.samples[0].layers]


def against(first: Many, second: Many) -> tuple[Plot, str]:
    """The difference of two groups beside that within them, as a picture and in words."""
    difference = between_groups(first.samples, second.samples)
    names = (first.name, second.name)
    checkpoints = [first.checkpoint, second.checkpoint]
    plot = views.group_difference(difference, names, checkpoints)
    sentence = _difference_in_words(difference, names)
    if first.only_cls != second.only_cls:
        sentence += (
            " One of them pools [CLS] alone and the other every token, which is part of the "
            "difference."
        )
    return plot, sentence


def _difference_in_words(difference: GroupDifference, names: tuple[str, str]) -> str:
    top = int(np.abs(difference.difference).argmax())
    low, high = 100 * difference.interval[top]
    inside = "includes" if low <= 0 <= high else "excludes"
    return (
        f"{names[0]} and {names[1]} differ most at layer {difference.layers[top]}: "
        f"{100 * difference.difference[top]:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}, "
        f"which {inside} 0); two seeds of one group differ there by "
        f"{100 * difference.within[top]:.1f} points."
    )
