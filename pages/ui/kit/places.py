"""Places of units in the text, and whether a unit is the marked one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from analysis.figures.style.style import printable
from pages.ui.kit.cards import Span

if TYPE_CHECKING:
    from analysis.text.tokens import Tokens


def span_of(tokens: Tokens, unit: Sequence[int]) -> Span:
    """(segment, start, end) of a unit's characters; (-1, n, n) for the n-th special token."""
    if tokens.special[unit[0]]:
        which = tokens.special_number(unit[0])
        return -1, which, which
    return (
        int(tokens.segment[unit[0]]),
        int(tokens.offsets[unit[0]][0]),
        int(tokens.offsets[unit[-1]][1]),
    )


def is_marked(tokens: Tokens, unit: Sequence[int], mark: Span | None) -> bool:
    """Whether the marked characters touch this unit."""
    if mark is None:
        return False
    span = span_of(tokens, unit)
    if span[0] < 0 or mark[0] < 0:
        return span == mark
    segment, start, end = span
    return segment == mark[0] and start < mark[2] and mark[1] < end


def marked_token(tokens: Tokens, mark: Span | None, otherwise: int = 0) -> int:
    """Position of the first marked token; `otherwise` (0 is [CLS]) where none is."""
    return next((t for t in range(len(tokens)) if is_marked(tokens, (t,), mark)), otherwise)


def text(words: str) -> str:
    """Ready for HTML, also inside quotes."""
    return escape(printable(words), quote=True)
