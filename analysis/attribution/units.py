"""Units of a text: pieces, words, or a chosen span that stands as one unit among the words."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence

from analysis.text.tokens import Tokens

Groups = tuple[tuple[int, ...], ...]
Span = Sequence[int]  # (start, end) characters of the text, or (segment, start, end)


def unit_groups(tokens: Tokens, unit: str, span: Sequence[Span] | None = None) -> Groups:
    """(U,) token positions of each unit, in order; a special token is a unit of its own.

    With "span" every piece that shares a character with a span belongs to it, and each span is
    one unit; what is left of the text stays in words. Raises ``ValueError`` for spans that are
    missing, overlap, or hold no piece.
    """
    if unit == "piece":
        return tuple((position,) for position in range(len(tokens)))
    if unit == "word":
        return tokens.word_groups()
    owner = [-1] * len(tokens)
    for number, (segment, start, end) in enumerate(_checked(span)):
        inside = [
            position
            for position in range(len(tokens))
            if not tokens.special[position] and _shares(tokens.span(position), segment, start, end)
        ]
        if not inside:
            raise ValueError(f"characters {start} to {end} hold no piece of the text")
        if any(owner[position] >= 0 for position in inside):
            raise ValueError(f"characters {start} to {end}: two spans share a piece of the text")
        for position in inside:
            owner[position] = number
    groups: list[list[int]] = []
    previous: tuple[int, int] | None = None
    for position, word in enumerate(tokens.words.tolist()):
        # What a span leaves of a word is a unit of its own on each side of the span.
        key = (owner[position], -1 if owner[position] >= 0 else word)
        if key == previous and (owner[position] >= 0 or word >= 0):
            groups[-1].append(position)
        else:
            groups.append([position])
        previous = key
    return tuple(tuple(group) for group in groups)


def check_cover(units: Sequence[Sequence[int]], length: int) -> None:
    """``ValueError`` where units are not those of a text of so many tokens: each token once."""
    covered = sorted(token for unit in units for token in unit)
    if covered != list(range(length)):
        raise ValueError(
            f"the attribution was made for another text: its units hold {len(covered)} tokens, "
            f"and this text has {length}"
            + (", not each of them once" if len(covered) == length else "")
        )


def _checked(span: Sequence[Span] | None) -> list[tuple[int, int, int]]:
    if not span:
        raise ValueError("unit='span' needs span=((start, end), ...), characters of the text")
    places = []
    for place in span if isinstance(span, Iterable) else (span,):
        try:
            values = tuple(operator.index(value) for value in place)
        except TypeError:
            values = ()
        if len(values) not in (2, 3):
            raise ValueError(
                f"a span is (start, end) or (segment, start, end), characters of the text, "
                f"not {place!r}"
            )
        segment, start, end = values if len(values) == 3 else (0, *values)
        if not 0 <= start < end or segment not in (0, 1):
            raise ValueError(f"{place!r} is no span: 0 <= start < end is needed")
        places.append((segment, start, end))
    return places


def _shares(piece: tuple[int, int, int], segment: int, start: int, end: int) -> bool:
    return piece[0] == segment and piece[1] < end and start < piece[2]
