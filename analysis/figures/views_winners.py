"""Views of the max-pool: who wins, what it contributes, and what is lost without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.figures.plot import Bars, Grid, HeatMap, Lines, Plot, symmetric_limit
from analysis.figures.registry import view
from analysis.figures.source import (
    as_list,
    cut_note,
    name_of,
    names_of,
    provenance_of,
    target_label,
)
from analysis.figures.token_axis import layer_labels, token_axis
from analysis.words import wins_by_token

QUANTITIES = {
    "deviation": "wins above the usual share (percentage points)",
    "contribution": "contribution to the contrast (logit)",
    "drop effect": "fall of the contrast without this layer here (logit)",
    "attention": "attention times share of wins (%)",
}


@view("winners")
def winners(
    trace: Any,
    quantity: str = "deviation",
    target: int | None = None,
    split: Any = None,
    effects: Any = None,
    profile: Any = None,
    words: bool = False,
    special: bool = True,
    limit: float | None = None,
    chosen_token: int | None = None,
    chosen_layer: int | None = None,
) -> Plot:
    """Layers x tokens of a maximum over layers: wins, contribution, drop effect or attention.

    "contribution" needs `split` (a Decomposition), "drop effect" needs `effects` (DropEffects by
    token). "deviation" is measured from the mean share in `profile`, or, without one, from the
    mean over this text. Words: wins are counted, contributions and attention summed.
    """
    won = _of_layers(trace)
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity is {quantity!r}; known: {', '.join(QUANTITIES)}")
    axis = token_axis(trace.tokens, words, special, chosen_token)
    index = trace.predicted if target is None else target
    cells, notes = _cells(trace, won, quantity, index, split, effects, profile, axis)
    diverging = quantity != "attention"
    bounds = None if limit is None else ((-limit, limit) if diverging else (0.0, limit))
    if bounds is None and not diverging:
        bounds = (0.0, max(float(np.nanmax(cells, initial=0.0)), 1e-9))
    label = target_label(trace.checkpoint, index)
    of = f" for {label}" if quantity in ("contribution", "drop effect") else ""
    return Plot(
        view="winners",
        title=f"Max-pool winners: {quantity}{of}",
        mark=HeatMap(
            values=cells.T,
            rows=layer_labels(won.layers, chosen_layer),
            columns=axis.labels,
            row_label="source layer",
            column_label=axis.label,
            value_label=QUANTITIES[quantity],
            scale="diverging" if diverging else "sequential",
            limits=bounds,
        ),
        params={"quantity": quantity, "target": index, "words": words, "special": special,
                "limit": limit},
        provenance=provenance_of(
            [trace.checkpoint], trace.tokens, view="winners", quantity=quantity,
            target=label if of else None, reference=getattr(split, "reference", None),
        ),
        notes=notes + cut_note([trace.tokens]),
        caption=f"{QUANTITIES[quantity][0].upper()}{QUANTITIES[quantity][1:]}{of}, by source layer "
        f"and {axis.label}.",
    )  # fmt: skip


def _of_layers(trace: Any) -> Any:
    won = trace.head.winners
    if won is None or won.token is not None:
        raise ValueError(
            f"{name_of(trace.checkpoint, 0)}: its pooling head takes no maximum over layers, so "
            "there are no source layers to show"
        )
    return won


def _cells(
    trace: Any, won: Any, quantity: str, target: int, split: Any, effects: Any, profile: Any,
    axis: Any,
) -> tuple[np.ndarray, tuple[str, ...]]:  # fmt: skip
    """(U, K) values, and what has to be said of them."""
    if quantity == "contribution":
        if split is None:
            raise ValueError("a contribution needs the exact split: give split=decompose(trace)")
        return axis.take(split.contrast(target).sum(axis=0), axis=0), (
            f"Exact given source layers and attention weights, relative to {_reference(split)}; "
            f"measured error {split.error:.0e}.",
        )
    if quantity == "drop effect":
        if effects is None:
            raise ValueError("give effects=drop_effects(..., by_token=True)")
        if axis.words:
            raise ValueError("drop effects of pieces do not add up to words: show word pieces")
        return axis.take(effects.contrast_by_token(target), axis=0), (
            "The change when the layer leaves the pool at this token only; these do not add up.",
        )
    wins = wins_by_token(won, len(trace.tokens)).astype(float)
    total = wins.sum(axis=1, keepdims=True)
    if quantity == "attention":
        share = np.divide(wins, total, out=np.zeros_like(wins), where=total > 0)
        if trace.head.attention is None:
            return axis.take(100 * share, axis=0), (
                "This pooling head reads [CLS] alone and has no attention: shares of wins.",
            )
        weight = np.asarray(trace.head.attention, float).mean(axis=0)
        cells = 100 * weight[:, None] * share
        return axis.take(cells, axis=0), (
            "Mean over the attention heads, times the layer's share of wins at the token.",
            *axis.hidden_mass(weight),
        )
    counted, of = axis.take(wins, axis=0), axis.take(total, axis=0)
    shares = np.divide(counted, of, out=np.full_like(counted, np.nan), where=of > 0)
    usual, named = _usual(won, profile)
    return 100 * (shares - usual), (f"The usual share is the mean over {named}.",)


def _usual(won: Any, profile: Any) -> tuple[np.ndarray, str]:
    """(K,) usual shares, and over what."""
    if profile is not None and tuple(profile.layers) == tuple(won.layers):
        return profile.share_of_wins.mean(axis=0), profile.corpus or "the corpus"
    return won.share_by_layer(), "this text (the checkpoint has no corpus profile)"


def _reference(split: Any) -> str:
    words = {"corpus": "the corpus mean", "custom": "a reference of one's own"}
    return words.get(split.reference, str(split.reference))


@view("layer_quantities")
def layer_quantities(
    traces: Any,
    target: int | None = None,
    splits: Any = None,
    effects: Any = None,
    profile: Any = None,
    limit: float | None = None,
    chosen: int | None = None,
) -> Plot:
    """By source layer, on aligned axes: share of wins, its deviation, contribution, drop effect.

    Each argument is one result, or a list with one a seed (mean, spread and a dot each). A
    quantity whose results are not given has no panel.
    """
    entries = as_list(traces)
    if not entries:
        raise ValueError("nothing to draw: give at least one trace")
    won = [_of_layers(trace) for trace in entries]
    layers = won[0].layers
    if any(w.layers != layers for w in won):
        raise ValueError("the maxima do not run over the same layers: draw them one by one")
    index = entries[0].predicted if target is None else target
    share = 100 * np.array([w.share_by_layer() for w in won])
    usual, named = _usual(won[0], profile)
    rows: list[tuple[str, str, np.ndarray, tuple[float, float] | None]] = [
        ("share of wins", "%", share, (0.0, 100.0)),
        ("deviation", "percentage points", share - 100 * usual, None),
    ]
    parts = [split.by_layer(index) for split in as_list(splits, 1) if split is not None]
    falls = [effect.contrast(index) for effect in as_list(effects, 1) if effect is not None]
    bound = limit or symmetric_limit(*map(np.asarray, [*parts, *falls]))
    if parts:
        rows.append(("contribution", "logit", np.array(parts), (-bound, bound)))
    if falls:
        rows.append(("drop effect", "fall of the logit", np.array(falls), (-bound, bound)))
    panels = tuple(_layer_bars(*row, layers, chosen) for row in rows)
    label = target_label(entries[0].checkpoint, index)
    percentile: tuple[str, ...] = ()
    if profile is not None and tuple(profile.layers) == tuple(layers) and len(entries) == 1:
        told = ", ".join(
            f"layer {layer}: {p:.0f}"
            for layer, p in zip(layers, profile.percentile(share[0] / 100), strict=True)
        )
        percentile = (f"Percentile of the share among {profile.sentences} sentences: {told}.",)
    return Plot(
        view="layer_quantities",
        title="What wins, and what matters",
        mark=Grid(panels, tuple(row[0] for row in rows), len(rows)),
        params={"target": index, "limit": limit},
        provenance=provenance_of(
            [trace.checkpoint for trace in entries], entries[0].tokens, view="layer_quantities",
            target=label, reference=[s.reference for s in as_list(splits, 1) if s is not None],
        ),
        notes=(
            f"Deviation from the mean over {named}. A share says where values came from; the drop "
            "effect says what the layer's wins are worth.",
            *percentile, *cut_note([trace.tokens for trace in entries]),
        ),
        caption=f"By source layer: share of wins, its deviation from the usual share, contribution "
        f"to {label} minus the mean of the other classes, and the fall of the same when the layer "
        "leaves the pool.",
    )  # fmt: skip


def _layer_bars(
    name: str, unit: str, rows: np.ndarray, limits: tuple[float, float] | None,
    layers: Sequence[int], chosen: int | None,
) -> Bars:  # fmt: skip
    mean = rows.mean(axis=0)
    several = len(rows) > 1
    spread = rows.std(axis=0, ddof=1) if several else np.zeros_like(mean)
    share = name == "share of wins"
    return Bars(
        values=mean[None],
        categories=layer_labels(layers, chosen),
        series=(name,),
        category_label="source layer",
        value_label=f"{name} ({unit})",
        intervals=np.stack([mean - spread, mean + spread], axis=-1)[None] if several else None,
        dots=rows.T[None] if several else None,
        style="percent" if share else "signed",
        colours="series" if share else "sign",
        limits=limits,
        kind="layer",
    )


@view("margins")
def margins(histogram: Any, flips: Any = None, checkpoint: Any = None, tokens: Any = None) -> Plot:
    """How close the wins were: histogram of margins; with `flips`, how many survive noise."""
    edges = histogram.edges
    names = [f"{low:.2g}" for low in edges[:-1]]
    notes = [
        f"{histogram.wins} wins with a runner-up, median margin {histogram.median:.2g}; "
        f"{histogram.ties} ties. The last bar holds all above, too."
    ]
    if flips is not None:
        notes.append(
            f"{100 * flips.share:.1f} % of the wins flip under noise of {100 * flips.scale:.0f} % "
            "of each dimension's standard deviation over the corpus "
            f"({flips.draws} draws: {100 * flips.interval[0]:.1f} to "
            f"{100 * flips.interval[1]:.1f} %)."
        )
    return Plot(
        view="margins",
        title="Win margins",
        mark=Bars(
            values=histogram.counts[None].astype(float),
            categories=tuple(names),
            series=("wins",),
            category_label="win margin (lower end of the bar)",
            value_label="number of wins",
            horizontal=False,
        ),
        provenance=provenance_of([checkpoint], tokens, view="margins"),
        notes=tuple(notes),
        caption="Win margins: maximum minus runner-up of every dimension. " + " ".join(notes),
    )


@view("sweep")
def sweep(
    sweeps: Any, names: Sequence[str] | None = None, target: int | None = None
) -> Plot:
    """Class probability for the last k layers, k = 1 .. L, with label flips ringed.

    `sweeps` is a Sweep, or a list whose entries are Sweeps or lists of them (a seed group).
    """
    entries = [as_list(entry) for entry in as_list(sweeps)]
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
        spread = np.array([
            np.std([s.probabilities[:, index] for s in entry], axis=0, ddof=1)
            if len(entry) > 1 else np.zeros(y.shape[1])
            for entry in entries
        ])
        bands = np.stack([y - spread, y + spread], axis=-1)
    regression = first.checkpoint.regression
    label = target_label(first.checkpoint, index)
    trained = sorted({s.trained for entry in entries for s in entry})
    return Plot(
        view="sweep",
        title="Sweep over the last k layers",
        mark=Lines(
            x=first.last_k, y=y, series=tuple(names),
            x_label="last k layers in the maximum",
            y_label=f"{'value' if regression else 'probability'} of {label}",
            bands=bands,
            flags=np.array([
                np.any([s.flips for s in entry], axis=0) & (not regression) for entry in entries
            ]),
            flag_label="label flips",
            limits=None if regression else (-0.02, 1.02),
        ),
        params={"target": index, "names": names},
        provenance=provenance_of(owners, first.tokens, view="sweep", target=label),
        notes=(
            f"Trained with k = {', '.join(map(str, trained))} only: other k use weights that never "
            "saw them, and say nothing of a pooling head trained so.",
            *cut_note([first.tokens]),
        ),
        caption=f"Prediction of {label} when the maximum runs over the last k layers, without "
        "training again; rings: the label differs from that at k - 1.",
    )  # fmt: skip


@view("sweep_winners")
def sweep_winners(result: Any) -> Plot:
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


@view("what_if")
def what_if(result: Any) -> Plot:
    """Class probabilities before and after layers left the pool or tokens were masked."""
    labels = result.checkpoint.labels
    regression = result.checkpoint.regression
    done = []
    if result.drop_layers:
        done.append(f"without layer {', '.join(map(str, result.drop_layers))} in the pool")
    if result.mask_tokens:
        names = ", ".join(result.tokens.labels[t] for t in result.mask_tokens)
        done.append(f"without {names} ({result.where})")
    after = " and ".join(done) or "nothing changed"
    notes: tuple[str, ...] = ()
    if result.changed_wins is not None:
        notes = (f"{100 * result.changed_wins:.0f} % of the wins go to another layer or token.",)
    return Plot(
        view="what_if",
        title=f"What if: {after}",
        mark=Bars(
            values=result.probabilities,
            categories=tuple(labels),
            series=("as it is", after),
            category_label="output" if regression else "class",
            value_label="predicted value" if regression else "class probability",
            style="number" if regression else "probability",
            limits=None if regression else (0.0, 1.0),
            kind="class",
            predicted=() if regression else result.predicted,
        ),
        params={"drop_layers": list(result.drop_layers), "mask_tokens": list(result.mask_tokens),
                "where": result.where},
        provenance=provenance_of([result.checkpoint], result.tokens, view="what_if"),
        notes=notes,
        caption=f"Class probabilities as they are, and {after}.",
    )  # fmt: skip
