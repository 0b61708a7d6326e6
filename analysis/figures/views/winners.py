"""Views of the max-pool: who wins, what it contributes, and what is lost without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import Bars, Grid, HeatMap, symmetric_limit
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import as_list, cut_note, name_of, provenance_of, target_label
from analysis.figures.views.token_axis import layer_labels, token_axis
from analysis.reading.decomposition import described
from analysis.reading.winners import wins_by_token

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.checkpoints.profiles import Profile
    from analysis.figures.views.token_axis import TokenAxis
    from analysis.interventions.effects import DropEffects
    from analysis.reading.decomposition import Decomposition
    from analysis.reading.margins import MarginHistogram, NoiseFlips
    from analysis.reading.trace import HeadTrace, Trace
    from analysis.reading.winners import Winners
    from analysis.text.tokens import Tokens

QUANTITIES = {
    "deviation": "wins above the usual share (percentage points)",
    "contribution": "contribution to the logit margin (logit)",
    "drop effect": "fall of the logit margin without this layer here (logit)",
    "attention": "attention times share of wins (%)",
}


BY_HEAD = ("contribution", "attention")  # which of them each attention head has of its own


@view("winners")
def winners(
    trace: Trace,
    quantity: str = "deviation",
    target: int | None = None,
    split: Decomposition | None = None,
    effects: DropEffects | None = None,
    profile: Profile | None = None,
    words: bool = False,
    special: bool = True,
    limit: float | None = None,
    chosen_token: int | None = None,
    chosen_layer: int | None = None,
    head: int | None = None,
) -> Plot:
    """Layers x tokens of a maximum over layers: wins, contribution, drop effect or attention.

    `head` is one attention head of the pooling head, for its contribution or its attention
    alone; default: all of them, attention as their mean.

    "contribution" needs `split` (a Decomposition), "drop effect" needs `effects` (DropEffects by
    token). "deviation" is measured from the mean share in `profile`, or, without one, from the
    mean over this text. Words: wins are counted, contributions and attention summed.

    Raises
    ------
    ValueError
        There is no such quantity.
    """
    won = _of_layers(trace)
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity is {quantity!r}; known: {', '.join(QUANTITIES)}")
    axis = token_axis(trace.tokens, words, special, chosen_token)
    index = trace.predicted if target is None else target
    head = head if quantity in BY_HEAD else None
    cells, notes = _cells(trace, won, quantity, index, split, effects, profile, axis, head)
    diverging = quantity != "attention"
    bounds = None if limit is None else ((-limit, limit) if diverging else (0.0, limit))
    if bounds is None and not diverging:
        bounds = (0.0, max(float(np.nanmax(cells, initial=0.0)), 1e-9))
    label = target_label(trace.checkpoint, index)
    of = f" for {label}" if quantity in ("contribution", "drop effect") else ""
    of += "" if head is None else f", attention head {head}"
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
        params={
            "quantity": quantity,
            "target": index,
            "words": words,
            "special": special,
            "limit": limit,
            "head": head,
        },
        provenance=provenance_of(
            [trace.checkpoint],
            trace.tokens,
            view="winners",
            quantity=quantity,
            target=label if of else None,
            reference=getattr(split, "reference", None),
        ),
        notes=(*notes, *filter(None, [trace.compares]), *cut_note([trace.tokens])),
        caption=f"{QUANTITIES[quantity][0].upper()}{QUANTITIES[quantity][1:]}{of}, by source layer "
        f"and {axis.label}.",
    )


def _of_layers(trace: Trace) -> Winners:
    won = trace.head.winners
    if won is None or won.token is not None:
        raise ValueError(
            f"{name_of(trace.checkpoint, 0)}: its pooling head takes no maximum over layers, so "
            "there are no source layers to show"
        )
    return won


def _cells(
    trace: Trace,
    won: Winners,
    quantity: str,
    target: int,
    split: Decomposition | None,
    effects: DropEffects | None,
    profile: Profile | None,
    axis: TokenAxis,
    head: int | None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(U, K) values, and what has to be said of them."""
    if quantity == "contribution":
        if split is None:
            raise ValueError("a contribution needs the split: give split=decompose(trace)")
        parts = split.contrast(target)
        return axis.take(parts.sum(axis=0) if head is None else parts[head], axis=0), (
            exact(trace.head, [split]),
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
        weight = np.asarray(trace.head.attention, float)
        weight = weight.mean(axis=0) if head is None else weight[head]
        cells = 100 * weight[:, None] * share
        whose = "Mean over the attention heads" if head is None else f"Attention head {head}"
        return axis.take(cells, axis=0), (
            f"{whose}, times the layer's share of wins at the token.",
            *axis.hidden_mass(weight),
        )
    counted, of = axis.take(wins, axis=0), axis.take(total, axis=0)
    shares = np.divide(counted, of, out=np.full_like(counted, np.nan), where=of > 0)
    usual, named = _usual(won, profile)
    return 100 * (shares - usual), (f"The usual share is the mean over {named}.",)


def _usual(won: Winners, profile: Profile | None) -> tuple[np.ndarray, str]:
    """(K,) usual shares, and over what."""
    if profile is not None and tuple(profile.layers) == tuple(won.layers):
        return profile.share_of_wins.mean(axis=0), profile.corpus or "the corpus"
    return won.share_by_layer(), "this text (the checkpoint has no corpus profile)"


def exact(head: HeadTrace, splits: Sequence[Decomposition]) -> str:
    """Rule, reference and measured error of a pooling head's split."""
    fixed = "source layers" + ("" if head.attention is None else " and attention weights")
    return f"Contributions: {described(splits, fixed)}."


@view("layer_quantities")
def layer_quantities(
    traces: Trace | Sequence[Trace],
    target: int | None = None,
    splits: Decomposition | Sequence[Decomposition] | None = None,
    effects: DropEffects | Sequence[DropEffects] | None = None,
    profile: Profile | Sequence[Profile | None] | None = None,
    limit: float | None = None,
    chosen: int | None = None,
) -> Plot:
    """By source layer: share of wins, its percentile, deviation, contribution, drop effect.

    Each argument is one result, or a list with one a seed (mean, spread and a dot each). A
    quantity whose results are not given has no panel. The percentile is that of a seed's share
    in the corpus of its own profile.

    Raises
    ------
    ValueError
        There is no trace, or the maxima run over different layers.
    """
    entries = as_list(traces)
    if not entries:
        raise ValueError("nothing to draw: give at least one trace")
    won = [_of_layers(trace) for trace in entries]
    layers = won[0].layers
    if any(w.layers != layers for w in won):
        raise ValueError("the maxima do not run over the same layers: draw them one by one")
    index = entries[0].predicted if target is None else target
    own = np.array([w.share_by_layer() for w in won])
    share = 100 * own
    kept = as_list(profile, len(entries))
    usual, named = _usual(won[0], kept[0])
    rows: list[tuple[str, str, np.ndarray, tuple[float, float] | None]] = [
        ("share of wins", "%", share, (0.0, 100.0)),
    ]
    profiled = kept[0] is not None and tuple(kept[0].layers) == tuple(layers)
    if profiled:  # from this text's own mean it would be 0 everywhere
        rows.append(("deviation", "percentage points", share - 100 * usual, None))
    known = [null for null in kept if null is not None and tuple(null.layers) == tuple(layers)]
    percentile: tuple[str, ...] = ()
    if len(known) == len(entries):
        ranks = [null.percentile(row) for null, row in zip(known, own, strict=True)]
        rows.insert(1, ("percentile", "of the share, %", np.array(ranks), (0.0, 100.0)))
        percentile = (
            f"Percentile: percent of {known[0].sentences} sentences of the corpus with a "
            "smaller share.",
        )
    known_splits = [split for split in as_list(splits, 1) if split is not None]
    parts = [split.by_layer(index) for split in known_splits]
    split_note = (exact(entries[0].head, known_splits),) if known_splits else ()
    falls = [effect.contrast(index) for effect in as_list(effects, 1) if effect is not None]
    bound = limit or symmetric_limit(*map(np.asarray, [*parts, *falls]))
    if parts:
        rows.append(("contribution", "logit", np.array(parts), (-bound, bound)))
    if falls:
        rows.append(("drop effect", "fall of the logit", np.array(falls), (-bound, bound)))
    panels = tuple(_layer_bars(*row, layers, chosen) for row in rows)
    label = target_label(entries[0].checkpoint, index)
    return Plot(
        view="layer_quantities",
        title="Wins and effects by source layer",
        mark=Grid(panels, tuple(row[0] for row in rows), len(rows)),
        params={"target": index, "limit": limit},
        provenance=provenance_of(
            [trace.checkpoint for trace in entries],
            entries[0].tokens,
            view="layer_quantities",
            target=label,
            reference=[split.reference for split in known_splits],
        ),
        notes=(
            *([f"Deviation from the mean over {named}."] if profiled else []),
            "The share of wins shows which layers the values come from; the drop effect shows how "
            "much the logit margin falls when the layer leaves the pool.",
            *split_note,
            *percentile,
            *filter(None, [entries[0].compares]),
            *cut_note([trace.tokens for trace in entries]),
        ),
        caption="By source layer: share of wins"
        + (", its percentile in the corpus" if percentile else "")
        + (", its deviation from the usual share" if profiled else "")
        + (f", contribution to {label} minus the mean of the other classes" if known_splits else "")
        + (
            f", and the fall of the logit of {label} minus the mean of the others when the layer "
            "leaves the pool"
            if falls
            else ""
        )
        + "".join((".", *(f" {note}" for note in split_note))),
    )


def _layer_bars(
    name: str,
    unit: str,
    rows: np.ndarray,
    limits: tuple[float, float] | None,
    layers: Sequence[int],
    chosen: int | None,
) -> Bars:
    mean = rows.mean(axis=0)
    several = len(rows) > 1
    spread = rows.std(axis=0, ddof=1) if several else np.zeros_like(mean)
    share = name in ("share of wins", "percentile")
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
def margins(
    histogram: MarginHistogram,
    flips: NoiseFlips | None = None,
    checkpoint: Checkpoint | None = None,
    tokens: Tokens | None = None,
) -> Plot:
    """Histogram of the wins' margins; with `flips`, the share of wins that survive noise."""
    edges = histogram.edges
    names = [f"{low:.2g}" for low in edges[:-1]]
    notes = [
        f"{histogram.wins} wins with a runner-up, median margin {histogram.median:.2g}; "
        f"{histogram.ties} ties. The last bin includes all larger values."
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
