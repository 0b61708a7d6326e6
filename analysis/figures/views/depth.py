"""Views of a token over depth: lines, all numbers at one layer, and how far tokens turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.phrases import listed
from analysis.figures.marks import Bars, Grid, Lines, Strip
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.style.style import printable
from analysis.figures.views.source import groups_of, names_of, provenance_of
from analysis.figures.views.source import target_label as label_of_class
from analysis.figures.views.units import strip_of, units_of
from analysis.reading.over_depth import mean_trajectory

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.reading.layers import Standing, Trajectory
    from analysis.text.tokens import Tokens

QUANTITIES = {
    "norm": "norm",
    "cosine_to_previous": "cosine to the layer before",
    "cosine_to_last": "cosine to the last layer",
}


@view("depth")
def depth(
    trajectories: Trajectory | Sequence[Trajectory | Sequence[Trajectory]],
    names: Sequence[str] | None = None,
    target: int | None = None,
    columns: int = 2,
) -> Plot:
    """Lines over depth: norm, cosines, and the prediction read out at each layer.

    `trajectories` is a Trajectory, or a list whose entries are Trajectories or lists of them (a
    seed group: mean, and a band of one standard deviation). Rings mark where a label flips.

    Raises
    ------
    ValueError
        There is no trajectory, or the encoders differ in their number of layers.
    """
    entries = groups_of(trajectories)
    if not entries or not all(entries):
        raise ValueError("no trajectory to draw: give at least one")
    if len({len(path.norm) for entry in entries for path in entry}) > 1:
        raise ValueError("these encoders have different numbers of layers: draw them one by one")
    owners = [entry[0].checkpoint for entry in entries]
    names = list(names or names_of(owners))
    what = (
        ("norm", "length"),
        ("cosine_to_previous", "cosine"),
        ("cosine_to_last", "cosine"),
    )
    panels = [
        lines_of([[getattr(path, name) for path in entry] for entry in entries], names, label)
        for name, label in what
    ]
    subtitles = ["Euclidean norm", "cosine to the layer before", "cosine to the last layer"]
    logits = [entry[0].logits for entry in entries]
    headed = [i for i, values in enumerate(logits) if values is not None]
    labels = {owners[i].labels for i in headed}
    notes: tuple[str, ...] = ()
    if headed and len(labels) == 1:
        last = next(values for values in logits if values is not None)[-1]
        index = int(last.argmax()) if target is None else target
        value = label_of_class(owners[headed[0]], index)
        regression = owners[headed[0]].regression
        # One without a prediction keeps its place: colours are told by it in all four panels.
        nothing = np.full(len(entries[0][0].norm), np.nan)
        prediction = lines_of(
            [_of_class(entry, index) or [nothing] for entry in entries],
            names,
            f"{'value' if regression else 'probability'} of {value}",
        )
        flips = [_flips(entry) & (not regression) for entry in entries]
        panels.append(
            replace(
                prediction,
                flags=np.array(flips),
                flag_label="label flips",
                limits=None if regression else (-0.02, 1.02),
            )
        )
        subtitles.append("read out at each layer")
        notes = ("The pooling head was trained at the last layer only.",)
    pre_norm = [n for n, entry in zip(names, entries, strict=True) if entry[0].final_norm]
    normed = (
        (f"Each layer with the encoder's own final norm: {listed(pre_norm)}.",) if pre_norm else ()
    )
    return Plot(
        view="depth",
        title="Over depth",
        mark=Grid(tuple(panels), tuple(subtitles), columns),
        params={
            "names": names,
            "target": target,
            "token": entries[0][0].token,
            "groups": [len(entry) for entry in entries],
        },
        provenance=provenance_of(
            [path.checkpoint for entry in entries for path in entry],
            entries[0][0].tokens,
            view="depth",
            token=entries[0][0].token,
        ),
        notes=(*notes, *normed),
        caption=f"{entries[0][0].tokens.labels[entries[0][0].token]} by layer (0: embeddings): "
        "norm, cosine to the layer before and to the last"
        + (
            ", and the prediction read out at each layer; rings: the label flips." if notes else "."
        ),
    )


def lines_of(rows: Sequence[Sequence[np.ndarray]], names: Sequence[str], label: str) -> Lines:
    """Lines by layer of (L+1,) rows, one an entry; a seed group: mean, band of one deviation."""
    y = np.array([np.mean(entry, axis=0) for entry in rows], float)
    bands = None
    if any(len(entry) > 1 for entry in rows):
        spread = np.array(
            [
                np.std(entry, axis=0, ddof=1) if len(entry) > 1 else np.zeros(y.shape[1])
                for entry in rows
            ]
        )
        bands = np.stack([y - spread, y + spread], axis=-1)
    return Lines(np.arange(y.shape[1]), y, tuple(names), "layer", label, bands)


def _of_class(entry: Sequence[Trajectory], index: int) -> list[np.ndarray]:
    """(L+1,) probability of a class, one a member; none of an encoder without a classifier."""
    known = [path.probabilities for path in entry]
    return [probabilities[:, index] for probabilities in known if probabilities is not None]


def _flips(entry: Sequence[Trajectory]) -> np.ndarray:
    """(L+1,) bool: the label of any member differs from that one layer below."""
    flips = np.zeros(len(entry[0].norm), bool)
    for path in entry:
        if path.flips is not None:
            flips |= path.flips
    return flips


@view("at_layer")
def at_layer(
    trajectories: Trajectory | Sequence[Trajectory | Sequence[Trajectory]],
    standings: Sequence[Standing | None],
    layer: int | None = None,
    names: Sequence[str] | None = None,
) -> Plot:
    """Norm, cosines, percentiles and answer of a token at one layer, a bar a checkpoint.

    `trajectories` is as `depth` takes it, `standings` has a Standing (or None) an entry, and
    `layer` is the last one by default. Raises ``ValueError`` where numbers of layers differ.
    """
    entries = groups_of(trajectories)
    if len({len(path.norm) for entry in entries for path in entry}) > 1:
        raise ValueError("these encoders have different numbers of layers: draw them one by one")
    means = [mean_trajectory(entry) for entry in entries]
    at = len(means[0].norm) - 1 if layer is None else layer
    names = list(names or names_of([entry[0].checkpoint for entry in entries]))
    rows = [
        (title, [float(getattr(mean, name)[at]) for mean in means])
        for name, title in QUANTITIES.items()
    ]
    rows += [
        (
            f"percentile of the {title}",
            [
                np.nan if standing is None else float(getattr(standing, name)[at])
                for standing in standings
            ],
        )
        for name, title in QUANTITIES.items()
    ]
    answers = [mean.probabilities for mean in means]
    rows.append(
        (
            "value if the encoder ended here",
            [np.nan if answer is None else float(answer[at].max()) for answer in answers],
        )
    )
    shown = [(title, values) for title, values in rows if np.isfinite(values).any()]
    first = entries[0][0]
    label = first.tokens.labels[first.token]
    followed = label if first.tokens.special[first.token] else f"“{printable(label, 40)}”"
    titles = tuple(title for title, _ in shown)
    return Plot(
        view="at_layer",
        title=f"{followed} at layer {at}",
        mark=Grid(
            tuple(
                Bars(
                    values=np.array([values]),
                    categories=tuple(names),
                    series=(title,),
                    category_label="checkpoint",
                    value_label=title,
                )
                for title, values in shown
            ),
            titles,
            2,
        ),
        params={"layer": at, "token": first.token, "names": names},
        provenance=provenance_of(
            [path.checkpoint for entry in entries for path in entry],
            first.tokens,
            view="at_layer",
            layer=at,
            token=first.token,
        ),
        caption=f"{followed} at layer {at} (0: embeddings): {', '.join(titles)}.",
    )


@view("turned")
def turned(
    turns: np.ndarray,
    tokens: Tokens,
    layer: int,
    checkpoint: Checkpoint | None = None,
    words: bool = True,
) -> Plot:
    """The text coloured by how far each token turns in a layer.

    `turns` is (T,), 1 - cosine of a token's vector to that in the layer before; a word is the mean
    of its pieces.
    """
    what = f"(1 − cosine to layer {layer - 1})"
    return Plot(
        view="turned",
        title=f"Change of direction at layer {layer}",
        mark=text_strip(turns, tokens, what, words),
        params={"layer": layer, "words": words},
        provenance=provenance_of([checkpoint], tokens, view="turned", layer=layer),
        caption=f"Change of direction of each token at layer {layer}: 1 - cosine to its "
        f"vector in layer {layer - 1}.",
    )


def text_strip(turns: np.ndarray, tokens: Tokens, what: str, words: bool) -> Strip:
    """The text with (T,) numbers of its tokens; a word has the mean of its pieces."""
    units = units_of(tokens, words)
    means = np.array([turns[list(unit)].mean() for unit in units])
    return strip_of(tokens, units, means.round(6), "turned", what)
