"""Tokens of a text, and the one door where text is cleaned before anything else sees it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.records import freeze

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Tokens:
    """T tokens of one text (or pair), by position; repeated pieces never merge."""

    text: str  # as tokenised (cleaned): `offsets` index into it
    pair: str | None  # the second text, where there is one
    ids: np.ndarray  # (T,) int vocabulary ids
    pieces: tuple[str, ...]  # (T,) word pieces as the vocabulary spells them
    words: np.ndarray  # (T,) int word index, unique across both texts; -1 = special token
    offsets: np.ndarray  # (T, 2) int character span in `text` or `pair`; (0, 0) = special token
    special: np.ndarray  # (T,) bool
    segment: np.ndarray  # (T,) int: 0 = text, 1 = pair
    dropped: int  # tokens cut off because the text exceeds the model's limit
    notes: tuple[str, ...] = ()  # what cleaning replaced, in words

    def __post_init__(self) -> None:
        size = len(self.ids)
        for name in ("pieces", "words", "offsets", "special", "segment"):
            if len(getattr(self, name)) != size:
                raise ValueError(f"{name} has {len(getattr(self, name))} entries for {size} tokens")
        freeze(self)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labels(self) -> tuple[str, ...]:
        """(T,) what each token covers in the text as typed; special tokens by their own name."""
        texts = (self.text, self.pair or "")
        return tuple(
            piece
            if is_special
            else texts[segment][start:end] or piece
            for piece, is_special, segment, (start, end) in zip(
                self.pieces, self.special, self.segment, self.offsets.tolist(), strict=True
            )
        )

    @property
    def spaced(self) -> tuple[bool, ...]:
        """(T,) whether white space stands before the token in its text (a strip keeps it)."""
        texts = (self.text, self.pair or "")
        return tuple(
            bool(is_special) or start == 0 or texts[segment][start - 1 : start].isspace()
            for is_special, segment, (start, _) in zip(
                self.special, self.segment, self.offsets.tolist(), strict=True
            )
        )

    def word_groups(self) -> tuple[tuple[int, ...], ...]:
        """Token positions of each word, in order; a special token is a group of its own."""
        groups: list[list[int]] = []
        previous: int | None = None
        for position, word in enumerate(self.words.tolist()):
            if word >= 0 and word == previous:
                groups[-1].append(position)
            else:
                groups.append([position])
            previous = word
        return tuple(tuple(group) for group in groups)
