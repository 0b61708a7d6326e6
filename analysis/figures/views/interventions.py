"""Views of what changes when something is changed: the sweep over k, and what if."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.phrases import listed
from analysis.figures.marks import Bars, HeatMap, Lines
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import (
    as_list,
    cut_note,
    groups_of,
    names_of,
    provenance_of,
    target_label,
)
from analysis.figures.views.token_axis import layer_labels

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.interventions.effects import Sweep, WhatIf


@view("sweep")
def sweep(
    sweeps: Sweep | Sequence[Sweep | Sequence[Sweep]],
    names: Sequence[str] | None = None,
    target: int | None = None,
) -> Plot:
    """Class probability for the last k layers, k = 1 .. L, with label flips ringed.

    `sweeps` is a Sweep, or a list whose entries are Sweeps or lists of them (a seed group).

    Raises
    ------
    ValueError
        There is no sweep, or the checkpoints differ in layers or classes.
    """
    entries = groups_of(sweeps)
    if not entries or not all(entries):
        raise ValueError("no sweep to draw: give at least one")
    owners = [entry[0].checkpoint for entry in entries]
    if len({(len(s.last_k), s.checkpoint.labels) for entry in entries for s in entry}) > 1:
        raise ValueError("these checkpoints differ in layers or classes: draw them one by one")
    names = list(names or names_of(owners))
    first = entries[0][0]
    index = int(first.predicted[first.trained - 1]) if target is None else target
    y = np.array([np.mean([s.probabilities[:, index] for s in entry], axis=0) for entry in entries])
    bands = None
    if any(len(entry) > 1 for entry in entries):
        spread = np.array(
            [
                np.std([s.probabilities[:, index] for s in entry], axis=0, ddof=1)
                if len(entry) > 1
                else np.zeros(y.shape[1])
                for entry in entries
            ]
        )
        bands = np.stack([y - spread, y + spread], axis=-1)
    regression = first.checkpoint.regression
    label = target_label(first.checkpoint, index)
    trained = sorted({s.trained for entry in entries for s in entry})
    return Plot(
        view="sweep",
        title="Sweep over the last k layers",
        mark=Lines(
            x=first.last_k,
            y=y,
            series=tuple(names),
            x_label="last k layers in the maximum",
            y_label=f"{'value' if regression else 'probability'} of {label}",
            bands=bands,
            flags=np.array(
                [np.any([s.flips for s in entry], axis=0) & (not regression) for entry in entries]
            ),
            flag_label="label flips",
            limits=None if regression else (-0.02, 1.02),
        ),
        params={"target": index, "names": names, "groups": [len(entry) for entry in entries]},
        provenance=provenance_of(
            [s.checkpoint for entry in entries for s in entry],
            first.tokens,
            view="sweep",
            target=label,
        ),
        notes=(
            f"Trained with k = {', '.join(map(str, trained))} only: at another k the weights "
            "read layers that they were not trained on. A checkpoint trained with that k may "
            "predict otherwise.",
            *cut_note([first.tokens]),
        ),
        caption=f"Prediction of {label} when the maximum runs over the last k layers, without "
        f"retraining; rings: the label differs from that at k - 1.",
    )


@view("sweep_winners")
def sweep_winners(result: Sweep) -> Plot:
    """Share of wins by layer for every k of a sweep."""
    depth = len(result.last_k)
    return Plot(
        view="sweep_winners",
        title="Winners for the last k layers",
        mark=HeatMap(
            values=100 * result.shares,
            rows=tuple(str(k) for k in result.last_k.tolist()),
            columns=layer_labels(range(1, depth + 1)),
            row_label="last k layers",
            column_label="source layer",
            value_label="share of wins (%)",
            scale="sequential",
            limits=(0.0, 100.0),
        ),
        provenance=provenance_of([result.checkpoint], result.tokens, view="sweep_winners"),
        caption="Share of wins by source layer when the maximum runs over the last k layers.",
    )


@view("sweep_pooled")
def sweep_pooled(
    sweeps: Sweep | Sequence[Sweep | Sequence[Sweep]], names: Sequence[str] | None = None
) -> Plot:
    """Cosine of the pooled vector over the last k layers to that over the k trained with.

    `sweeps` as in "sweep". A cosine of 1 is the same direction: another prediction is then a
    matter of length.

    Raises
    ------
    ValueError
        There is no sweep, or the encoders differ in their number of layers.
    """
    entries = groups_of(sweeps)
    if not entries or not all(entries):
        raise ValueError("no sweep to draw: give at least one")
    if len({len(s.last_k) for entry in entries for s in entry}) > 1:
        raise ValueError("these encoders differ in their number of layers: draw them one by one")
    names = list(names or names_of([entry[0].checkpoint for entry in entries]))
    rows = [np.stack([s.cosine_to_trained for s in entry]) for entry in entries]
    y = np.stack([row.mean(axis=0) for row in rows])
    bands = None
    if any(len(row) > 1 for row in rows):
        spread = np.stack([row.std(axis=0, ddof=1) if len(row) > 1 else 0 * row[0] for row in rows])
        bands = np.stack([y - spread, y + spread], axis=-1)
    first = entries[0][0]
    return Plot(
        view="sweep_pooled",
        title="Pooled vector for each k",
        mark=Lines(
            x=first.last_k,
            y=y,
            series=tuple(names),
            x_label="last k layers in the maximum",
            y_label="cosine to that of the trained k",
            bands=bands,
        ),
        params={"names": names},
        provenance=provenance_of(
            [s.checkpoint for entry in entries for s in entry], first.tokens, view="sweep_pooled"
        ),
        notes=cut_note([first.tokens]),
        caption="Cosine between the pooled vector over the last k layers and that over the k "
        "trained with, without retraining.",
    )


@view("what_if")
def what_if(results: WhatIf | Sequence[WhatIf], owner: Checkpoint | None = None) -> Plot:
    """Class probabilities before and after layers left the pool or tokens were masked.

    `results` is one WhatIf, or a list with one a seed of the group `owner`: mean, standard
    deviation and a dot each. Raises ``ValueError`` where they are of different changes.
    """
    each = as_list(results)
    if not each:
        raise ValueError("nothing to draw: give at least one result")
    result = each[0]
    changes = {(change.drop_layers, change.mask_tokens, change.where) for change in each}
    if len(changes) > 1:
        raise ValueError("these results are of different changes: draw them one by one")
    labels = result.checkpoint.labels
    regression = result.checkpoint.regression
    done = []
    if result.drop_layers:
        done.append(f"without layer {', '.join(map(str, result.drop_layers))} in the pool")
    if result.mask_tokens:
        names = ", ".join(result.tokens.labels[t] for t in result.mask_tokens)
        done.append(f"without {names} ({result.where})")
    after = listed(done) or "nothing changed"
    every = np.stack([change.probabilities for change in each]).astype(float)  # (M, 2, C)
    mean = every.mean(axis=0)
    several = len(each) > 1
    spread = every.std(axis=0, ddof=1) if several else np.zeros_like(mean)
    seeds = f"Mean, standard deviation and dots of {len(each)} seeds." if several else ""
    notes: tuple[str, ...] = (seeds,) if several else ()
    changed = [change.changed_wins for change in each if change.changed_wins is not None]
    if changed:
        share = 100 * float(np.mean(changed))
        notes += (f"{share:.0f} % of the wins go to another layer or token.",)
    what = "Predicted value" if regression else "Class probabilities"
    return Plot(
        view="what_if",
        title=f"What if: {after}",
        mark=Bars(
            values=mean,
            categories=tuple(labels),
            series=("as it is", after),
            category_label="output" if regression else "class",
            value_label="predicted value" if regression else "class probability",
            intervals=np.stack([mean - spread, mean + spread], axis=-1) if several else None,
            dots=np.moveaxis(every, 0, -1) if several else None,
            style="number" if regression else "probability",
            limits=None if regression else (0.0, 1.0),
            kind="class",
            predicted=() if regression else tuple(mean.argmax(axis=1).tolist()),
        ),
        params={
            "drop_layers": list(result.drop_layers),
            "mask_tokens": list(result.mask_tokens),
            "where": result.where,
        },
        provenance=provenance_of([owner or result.checkpoint], result.tokens, view="what_if"),
        notes=notes,
        caption=f"{what} as it is, and {after}."
        if regression
        else f"{what} as they are, and {after}." + (f" {seeds}" if several else ""),
    )
