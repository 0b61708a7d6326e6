"""Which script a character without a glyph belongs to, and which font brings it."""

from __future__ import annotations

from collections.abc import Iterable

# (first, last, script, a free font that has it); the first range that fits counts
_RANGES = (
    (0x0590, 0x05FF, "Hebrew", "Noto Sans Hebrew"),
    (0x0600, 0x08FF, "Arabic", "Noto Sans Arabic"),
    (0x0900, 0x097F, "Devanagari", "Noto Sans Devanagari"),
    (0x0980, 0x0DFF, "Indic", "the Noto Sans font of the script"),
    (0x0E00, 0x0E7F, "Thai", "Noto Sans Thai"),
    (0x10A0, 0x10FF, "Georgian", "Noto Sans Georgian"),
    (0x1100, 0x11FF, "Korean", "Noto Sans CJK"),
    (0x3040, 0x30FF, "Japanese", "Noto Sans CJK"),
    (0xAC00, 0xD7AF, "Korean", "Noto Sans CJK"),
    (0x2E80, 0x9FFF, "Chinese or Japanese", "Noto Sans CJK"),
    (0xF900, 0xFAFF, "Chinese or Japanese", "Noto Sans CJK"),
    (0xFE00, 0xFE0F, "variation selector", "a font that has them"),
    (0xFF00, 0xFFEF, "full-width", "Noto Sans CJK"),
    (0x1F000, 0x1FAFF, "emoji", "Noto Emoji, the monochrome one"),
    (0x2600, 0x27BF, "symbol", "Noto Sans Symbols"),
    (0x20000, 0x3FFFF, "Chinese or Japanese", "Noto Sans CJK"),
)


def advice(missing: Iterable[int]) -> list[str]:
    """One sentence a script: what is drawn as boxes, and what to install."""
    found: dict[tuple[str, str], list[str]] = {}
    for code in sorted(missing):
        script, font = next(
            ((s, f) for low, high, s, f in _RANGES if low <= code <= high),
            ("other", "a font that has them"),
        )
        found.setdefault((script, font), []).append(f"U+{code:04X}")
    return [
        f"{len(codes)} {script} character{'s are' if len(codes) > 1 else ' is'} drawn as a box "
        f"({', '.join(codes[:3])}{' ...' if len(codes) > 3 else ''}): no installed font has "
        f"{'them' if len(codes) > 1 else 'it'}. Install {font} and export again."
        for (script, font), codes in found.items()
    ]
