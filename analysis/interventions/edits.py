"""Edits of words: where the words of a text stand, and the text with some of them changed."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np

from analysis.text.word_spans import words_of

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

Span = tuple[int, int, int]  # (segment, first character, behind the last)
MASK = "[MASK]"  # in place of a word: the mask token of each checkpoint's own tokenizer


def word_spans(text: str, pair: str | None = None) -> tuple[Span, ...]:
    """Where the words of a text (and of its pair) stand, in reading order; marks are words."""
    spans: list[Span] = []
    for segment, part in enumerate((text, pair or "")):
        numbers = words_of(part)
        for word in range(int(numbers.max(initial=-1)) + 1):
            places = np.flatnonzero(numbers == word)
            spans.append((segment, int(places[0]), int(places[-1]) + 1))
    return tuple(spans)


def word_at(text: str, pair: str | None, span: Span) -> str:
    """The characters that a span covers."""
    segment, start, end = span
    return ((pair or "") if segment else text)[start:end]


def moved(span: Span, before: tuple[str, str | None], after: tuple[str, str | None]) -> Span | None:
    """Where the word at a span of one text (and pair) stands after an edit of it.

    None where that word is no longer there. Words are matched in order, as the longest blocks that
    both texts share.
    """
    segment, start, end = span
    old, new = before[segment] or "", after[segment] or ""
    old_words, new_words = word_spans(old), word_spans(new)
    place = next((n for n, (_, a, b) in enumerate(old_words) if a <= start < end <= b), None)
    if place is None:
        return None
    blocks = SequenceMatcher(
        None, [old[a:b] for _, a, b in old_words], [new[a:b] for _, a, b in new_words]
    ).get_matching_blocks()
    for block in blocks:
        if block.a <= place < block.a + block.size:
            shift = new_words[block.b + place - block.a][1] - old_words[place][1]
            return segment, start + shift, end + shift
    return None


def without(text: str, start: int, end: int, instead: str = "") -> str:
    """The text with the characters from `start` to `end` struck out, or replaced.

    Of the white space on both sides of what is struck out one side goes with it.
    """
    before, after = text[:start], text[end:]
    if instead.strip():
        return before + instead + after
    if not before.strip():
        return after.lstrip()
    if not after.strip():
        return before.rstrip()
    if before[-1].isspace() and after[0].isspace():
        after = after[1:]
    return before + after


def edited(
    text: str, pair: str | None, spans: Sequence[Span], instead: str = ""
) -> tuple[str, str | None]:
    """Text and pair with all of these spans struck out, or each replaced by `instead`.

    Raises
    ------
    ValueError
        Nothing stays of the text or of its pair.
    """
    parts = [text, pair or ""]
    for segment, start, end in sorted(spans, reverse=True):  # from behind: places stay true
        parts[segment] = without(parts[segment], start, end, instead)
    if not parts[0].strip() or (pair is not None and not parts[1].strip()):
        which = "text" if pair is None else "text or of its pair"
        raise ValueError(f"nothing would be left of the {which}: leave at least one word")
    return parts[0], None if pair is None else parts[1]


def replacement(classifier: Classifier, instead: str) -> str:
    """Replacement of a word for this checkpoint: its own mask token for `MASK`.

    Raises
    ------
    ValueError
        The tokenizer has no mask token.
    """
    if instead != MASK:
        return instead
    token = classifier.tokenizer.mask_token
    if not token:
        raise ValueError(
            f"{classifier.checkpoint.name}: its tokenizer has no mask token to put in a word's "
            "place; type a word, or strike it out"
        )
    return str(token)
