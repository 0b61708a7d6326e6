"""The token axis that the views of one text share: pieces or words, special tokens or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.style.style import CHOSEN
from analysis.figures.views.units import units_of
from analysis.text.words import merge

if TYPE_CHECKING:
    from analysis.text.tokens import Tokens


@dataclass(frozen=True)
class TokenAxis:
    """U places: labels, and the token positions behind each."""

    tokens: Tokens
    words: bool
    kept: tuple[int, ...]  # which of all units are shown
    units: tuple[tuple[int, ...], ...]  # (U,) token positions of each shown unit
    labels: tuple[str, ...]  # (U,)

    def take(self, values: np.ndarray, axis: int = -1, how: str = "sum") -> np.ndarray:
        """(..., T, ...) -> (..., U, ...): merged into words where asked for, hidden ones left out.

        `how` is "sum" (attention into, contributions, wins) or "mean" (attention from).
        """
        whole = merge(values, self.tokens, axis, how) if self.words else np.asarray(values)
        if len(self.kept) == whole.shape[axis]:
            return whole
        return np.asarray(np.take(whole, list(self.kept), axis=axis))

    @property
    def label(self) -> str:
        """The label of the axis."""
        return "word" if self.words else "token"

    def hidden_mass(
        self, rows: np.ndarray, queries: tuple[int, int] | None = None
    ) -> tuple[str, ...]:
        """A note on the mean mass that the tokens not shown took of (..., T) rows.

        With `queries`, the first and behind the last unit that is drawn, rows are (..., T, T), and
        only those of the drawn queries count.
        """
        shown = {position for unit in self.units for position in unit}
        gone = [t for t in range(len(self.tokens.ids)) if t not in shown]
        if not gone:
            return ()
        mass = np.asarray(rows)[..., gone].sum(axis=-1)
        if queries is not None:
            mass = self.take(mass, how="mean")[..., queries[0] : queries[1]]
        whose = "" if queries is None else f" of the {self.label}s shown"
        return (
            f"Special tokens are not shown; they took {100 * float(mass.mean()):.0f} % of the "
            f"attention{whose}.",
        )


def token_axis(
    tokens: Tokens, words: bool = False, special: bool = True, chosen: int | None = None
) -> TokenAxis:
    """The axis of a text; `chosen` is the position of a token that is marked.

    Raises
    ------
    ValueError
        Nothing is left without the special tokens.
    """
    groups = units_of(tokens, words)
    kept = tuple(i for i, g in enumerate(groups) if special or not tokens.special[g[0]])
    if not kept:
        raise ValueError("nothing is left to show without special tokens: show them")
    units = tuple(tuple(int(p) for p in groups[i]) for i in kept)
    labels = tuple(
        (CHOSEN if chosen is not None and chosen in unit else "") + label_of(tokens, unit)
        for unit in units
    )
    return TokenAxis(tokens, words, kept, units, labels)


def label_of(tokens: Tokens, unit: Sequence[int]) -> str:
    """The text between a unit's first and last character, or the piece itself."""
    first, last = unit[0], unit[-1]
    if len(unit) == 1:
        return str(tokens.labels[first])
    text = tokens.pair if tokens.segment[first] else tokens.text
    return str((text or "")[tokens.offsets[first][0] : tokens.offsets[last][1]])


def layer_labels(layers: Sequence[int], chosen: int | None = None) -> tuple[str, ...]:
    """Absolute layer numbers as labels; layer 0 is the embedding output."""
    return tuple((CHOSEN if layer == chosen else "") + str(layer) for layer in layers)
