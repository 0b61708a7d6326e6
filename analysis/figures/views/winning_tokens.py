"""View of a maximum over tokens: which tokens win, and what their winning values add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.phrases import listed
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import provenance_of, target_label
from analysis.figures.views.units import strip_of, units_of
from analysis.reading import over_winners
from analysis.reading.winners import part_of_maximum

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.reading.decomposition import Decomposition
    from analysis.reading.trace import Trace

QUANTITIES = {"wins": "Share of wins", "contribution": "Contribution"}


@view("token_winners")
def token_winners(
    traces: Sequence[Trace],
    quantity: str = "wins",
    target: int = 0,
    splits: Sequence[Decomposition] | None = None,
    checkpoint: Checkpoint | None = None,
    name: str = "",
    words: bool = True,
    limit: float | None = None,
) -> Plot:
    """The text coloured by which units hold the maximum, or by what their values add to a class.

    `traces` has one a seed, and so has `splits`, which "contribution" needs; `checkpoint`
    describes the group and `name` is what it is called. Raises ``ValueError`` where nothing is won
    over tokens.
    """
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity is {quantity!r}; known: {', '.join(QUANTITIES)}")
    head, tokens = traces[0].head, traces[0].tokens
    if head.winners is None or head.winners.token is None:
        raise ValueError(f"{name}: its pooling head takes no maximum over tokens")
    units = units_of(tokens, words)
    if quantity == "wins":
        rows = 100 * over_winners.shares_by_unit(traces, units)
        what, unit, notes = "share of wins", "%", _spread(rows, "points")
    else:
        if not splits:
            raise ValueError("a contribution needs the exact split: give splits")
        rows = over_winners.added_by_unit(traces, splits, target, units)
        part = part_of_maximum(head)
        others = [label for place, label in enumerate(splits[0].parts) if place != part]
        beside = f" Of the maximum alone: {listed(others)} are read beside it." if others else ""
        reference = splits[0].reference
        error = max(split.error for split in splits)
        what, unit = "contribution", "logit"
        notes = (
            "Exact given the winners, relative to "
            f"{'the corpus mean' if reference == 'corpus' else reference}; measured error "
            f"{error:.0e}.{beside}",
            *_spread(rows, "logits"),
        )
    strip = strip_of(tokens, units, rows.mean(axis=0), what, unit)
    if limit is not None:
        strip = replace(strip, limit=limit)
    label = target_label(checkpoint, target) if quantity == "contribution" else None
    title = QUANTITIES[quantity]
    return Plot(
        view="token_winners",
        title=f"{title} by token, {name}",
        mark=strip,
        params={"quantity": quantity, "words": words, "limit": limit},
        provenance=provenance_of(
            [checkpoint], tokens, view="token_winners", quantity=title, target=label
        ),
        notes=notes,
        caption=f"{title} ({unit}) of each token.",
    )


def _spread(rows: np.ndarray, unit: str) -> tuple[str, ...]:
    """A note on how far the seeds lie apart; (M, U) values, nothing for a single one."""
    if len(rows) < 2:
        return ()
    deviation = rows.std(axis=0, ddof=1)
    return (
        f"Mean over {len(rows)} seeds; standard deviation {deviation.mean():.2g} {unit} on "
        f"average, {deviation.max():.2g} at most.",
    )
