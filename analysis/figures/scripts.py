"""Which script a character without a glyph belongs to, and which Debian package brings a font."""

from __future__ import annotations

from collections.abc import Iterable

# TrueType fonts only: matplotlib embeds the outlines of others (Noto's CJK) under a wrong type.
_DROID = "Droid Sans Fallback"
# (first, last, script, a free font that has it); the first range that fits counts
_RANGES = (
    (0x0590, 0x05FF, "Hebrew", "Noto Sans Hebrew"),
    (0x0600, 0x08FF, "Arabic", "Noto Sans Arabic"),
    (0x0900, 0x097F, "Devanagari", "Noto Sans Devanagari"),
    (0x0980, 0x0DFF, "Indic", "the Noto Sans font of the script"),
    (0x0E00, 0x0E7F, "Thai", "Noto Sans Thai"),
    (0x10A0, 0x10FF, "Georgian", "Noto Sans Georgian"),
    (0x1100, 0x11FF, "Korean", _DROID),
    (0x3040, 0x30FF, "Japanese", _DROID),
    (0xAC00, 0xD7AF, "Korean", _DROID),
    (0x2E80, 0x9FFF, "Chinese or Japanese", _DROID),
    (0xF900, 0xFAFF, "Chinese or Japanese", _DROID),
    (0xFE00, 0xFE0F, "variation selector", ""),
    (0xFF00, 0xFFEF, "full-width", _DROID),
    (0x1F000, 0x1FAFF, "emoji", "Symbola"),
    (0x2600, 0x27BF, "symbol", "Symbola"),
    (0x20000, 0x3FFFF, "rare Chinese", ""),
)
_PACKAGES = {
    _DROID: "fonts-droid-fallback",
    "Symbola": "fonts-symbola",
    "Times": "fonts-liberation",
    "Computer Modern": "fonts-cmu",
}


def debian_package(font: str) -> str:
    """The Debian package of a font that a notice names; the Noto ones come in one."""
    return _PACKAGES.get(font, "fonts-noto-core")


def advice(missing: Iterable[int]) -> list[str]:
    """One sentence a script: what is drawn as boxes, and what to install."""
    found: dict[tuple[str, str], list[str]] = {}
    for code in sorted(missing):
        script, font = next(
            ((s, f) for low, high, s, f in _RANGES if low <= code <= high), ("other", "")
        )
        found.setdefault((script, font), []).append(f"U+{code:04X}")
    notices = []
    for (script, font), codes in found.items():
        many = len(codes) > 1
        install = (
            f"Install {font} (Debian package {debian_package(font)})" if font
            else f"Install a TrueType font that has {'them' if many else 'it'}"
        )  # fmt: skip
        notices.append(
            f"{len(codes)} {script} character{'s are' if many else ' is'} drawn as a box "
            f"({', '.join(codes[:3])}{' ...' if len(codes) > 3 else ''}): no installed font has "
            f"{'them' if many else 'it'}. {install} and export again."
        )
    return notices
