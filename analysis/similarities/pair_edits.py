"""Edits of a pair by characters: words left out, and words with others in their place.

An edit names the characters of the sentences as they were typed, whatever other edits do. Nothing
here runs a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Span = tuple[int, int, int]  # sentence (0 or 1), first and last character of a word left out
Put = tuple[int, int, int, str]  # the same, and the word that takes its place


def replaced(
    texts: Sequence[str], puts: Sequence[Put], spans: Sequence[Span] = ()
) -> tuple[tuple[str, str], tuple[Span, ...]]:
    """Both sentences with the words of `puts` in their places, and `spans` as they lie there.

    Raises
    ------
    ValueError
        Two edits name the same characters, or a place is not in its sentence.
    """
    every: list[Span] = sorted([*spans, *((side, start, end) for side, start, end, _ in puts)])
    for (side, _, end), (after, start, _) in pairwise(every):
        if side == after and start < end:
            raise ValueError("two edits name the same characters: take one of them back")
    sentences = list(texts)
    for side, start, end in every:
        if side not in (0, 1) or not 0 <= start <= end <= len(texts[side]):
            raise ValueError(f"characters {start} to {end} are not in sentence {side + 1}")
    for side, start, end, word in sorted(puts, reverse=True):
        whole = sentences[side]
        sentences[side] = whole[:start] + word + whole[end:]
    moved = tuple((side, *_moved(puts, side, (start, end))) for side, start, end in spans)
    return (sentences[0], sentences[1]), moved


def _moved(puts: Sequence[Put], side: int, place: tuple[int, int]) -> tuple[int, int]:
    """A place of a sentence as it was, in the sentence with the words put in."""
    shift = sum(
        len(word) - (end - start) for which, start, end, word in puts
        if which == side and end <= place[0]
    )  # fmt: skip
    return place[0] + shift, place[1] + shift


def as_typed(puts: Sequence[Put], side: int, place: tuple[int, int]) -> tuple[int, int]:
    """A place of the edited sentence, in the sentence as it was.

    What lies within a word that was put in is the word whose place it took.
    """
    shift = 0
    for which, start, end, word in sorted(puts):
        if which != side:
            continue
        first, last = start + shift, start + shift + len(word)
        if place[0] >= last:
            shift += len(word) - (end - start)
        elif place[1] > first:
            return start, end
    return place[0] - shift, place[1] - shift
