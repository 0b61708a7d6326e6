"""Scripts of characters without a glyph, and the Debian package that brings a font for each."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.common.phrases import listed

# TrueType fonts only: matplotlib embeds the outlines of others (Noto's CJK) under a wrong type.
_DROID = "Droid Sans Fallback"
# (first, last, script, a free font that has it); the first range that fits counts
_RANGES = (
    (0x0530, 0x058F, "Armenian", "Noto Sans Armenian"),
    (0x0590, 0x05FF, "Hebrew", "Noto Sans Hebrew"),
    (0x0600, 0x06FF, "Arabic", "Noto Sans Arabic"),
    (0x0700, 0x074F, "Syriac", "Noto Sans Syriac"),
    (0x0750, 0x077F, "Arabic", "Noto Sans Arabic"),
    (0x0780, 0x07BF, "Thaana", "Noto Sans Thaana"),
    (0x07C0, 0x07FF, "N'Ko", "Noto Sans NKo"),
    (0x0800, 0x083F, "Samaritan", "Noto Sans Samaritan"),
    (0x0840, 0x085F, "Mandaic", "Noto Sans Mandaic"),
    (0x0860, 0x086F, "Syriac", "Noto Sans Syriac"),
    (0x0870, 0x08FF, "Arabic", "Noto Sans Arabic"),
    (0x0900, 0x097F, "Devanagari", "Noto Sans Devanagari"),
    (0x0980, 0x09FF, "Bengali", "Noto Sans Bengali"),
    (0x0A00, 0x0A7F, "Gurmukhi", "Noto Sans Gurmukhi"),
    (0x0A80, 0x0AFF, "Gujarati", "Noto Sans Gujarati"),
    (0x0B00, 0x0B7F, "Odia", "Noto Sans Oriya"),
    (0x0B80, 0x0BFF, "Tamil", "Noto Sans Tamil"),
    (0x0C00, 0x0C7F, "Telugu", "Noto Sans Telugu"),
    (0x0C80, 0x0CFF, "Kannada", "Noto Sans Kannada"),
    (0x0D00, 0x0D7F, "Malayalam", "Noto Sans Malayalam"),
    (0x0D80, 0x0DFF, "Sinhala", "Noto Sans Sinhala"),
    (0x0E00, 0x0E7F, "Thai", "Noto Sans Thai"),
    (0x0E80, 0x0EFF, "Lao", "Noto Sans Lao"),
    (0x0F00, 0x0FFF, "Tibetan", "Noto Serif Tibetan"),
    (0x1000, 0x109F, "Myanmar", "Noto Sans Myanmar"),
    (0x10A0, 0x10FF, "Georgian", "Noto Sans Georgian"),
    (0x1100, 0x11FF, "Korean", _DROID),
    (0x1200, 0x139F, "Ethiopic", "Noto Sans Ethiopic"),
    (0x13A0, 0x13FF, "Cherokee", "Noto Sans Cherokee"),
    (0x1780, 0x17FF, "Khmer", "Noto Sans Khmer"),
    (0x1800, 0x18AF, "Mongolian", "Noto Sans Mongolian"),
    (0x19E0, 0x19FF, "Khmer", "Noto Sans Khmer"),
    (0x1C90, 0x1CBF, "Georgian", "Noto Sans Georgian"),
    (0x2600, 0x27BF, "symbol", "Symbola"),
    (0x2D00, 0x2D2F, "Georgian", "Noto Sans Georgian"),
    (0x2D80, 0x2DDF, "Ethiopic", "Noto Sans Ethiopic"),
    (0x2E80, 0x303F, "Chinese or Japanese", _DROID),
    (0x3040, 0x30FF, "Japanese", _DROID),
    (0x3130, 0x318F, "Korean", _DROID),
    (0x3190, 0x9FFF, "Chinese or Japanese", _DROID),
    (0xAA60, 0xAA7F, "Myanmar", "Noto Sans Myanmar"),
    (0xAB00, 0xAB2F, "Ethiopic", "Noto Sans Ethiopic"),
    (0xAC00, 0xD7AF, "Korean", _DROID),
    (0xF900, 0xFAFF, "Chinese or Japanese", _DROID),
    (0xFB1D, 0xFB4F, "Hebrew", "Noto Sans Hebrew"),
    (0xFB50, 0xFDFF, "Arabic", "Noto Sans Arabic"),
    (0xFE00, 0xFE0F, "variation selector", ""),
    (0xFE70, 0xFEFF, "Arabic", "Noto Sans Arabic"),
    (0xFF00, 0xFFEF, "full-width", _DROID),
    (0x1F000, 0x1FAFF, "emoji", "Symbola"),
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


def script_of(code: int) -> tuple[str, str]:
    """(script of a character, a free TrueType font that has it or "")."""
    return next(((s, f) for low, high, s, f in _RANGES if low <= code <= high), ("other", ""))


def install_of(codes: Iterable[int]) -> str:
    """Fonts to install for these characters, each with its script and Debian package."""
    fonts = dict.fromkeys(script_of(code) for code in sorted(codes))
    named = [
        f"{font} for {script} (Debian package {debian_package(font)})"
        for script, font in fonts
        if font
    ]
    return listed(named) or "a TrueType font that has these characters"


def advice(missing: Iterable[int]) -> list[str]:
    """One sentence a script: what is drawn as boxes, and what to install."""
    codes_by_script: dict[tuple[str, str], list[str]] = {}
    for code in sorted(missing):
        codes_by_script.setdefault(script_of(code), []).append(f"U+{code:04X}")
    notices = []
    for (script, font), codes in codes_by_script.items():
        many = len(codes) > 1
        install = (
            f"Install {font} (Debian package {debian_package(font)})"
            if font
            else f"Install a TrueType font that has {'them' if many else 'it'}"
        )
        notices.append(
            f"{len(codes)} {script} character{'s are' if many else ' is'} drawn as a box "
            f"({', '.join(codes[:3])}{' ...' if len(codes) > 3 else ''}): no installed font has "
            f"{'them' if many else 'it'}. {install} and export again."
        )
    return notices
