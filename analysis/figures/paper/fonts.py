"""Installed fonts that a figure is set in: TrueType, with a glyph for every character."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.ft2font import FT2Font

from analysis.figures.files.scripts import advice, debian_package, install_of
from analysis.figures.style.style import printable

SANS = ("Arial", "Liberation Sans", "DejaVu Sans")  # the last one comes with matplotlib
# STIX and DejaVu come with matplotlib. Latin Modern is left out: its outlines are no TrueType.
SERIFS = {
    "times": ("Times New Roman", "Liberation Serif", "Tinos", "STIXGeneral", "DejaVu Serif"),
    "modern": ("CMU Serif", "STIXGeneral", "Liberation Serif", "DejaVu Serif"),
}
_NAMED = {"times": ("Times", 4), "modern": ("Computer Modern", 1)}  # face, first families of it

Measure = Callable[[str, float], float]


def families(characters: set[str], font: str, serif: str) -> tuple[list[str], list[str]]:
    """(families in order of fallback, notices): an installed font for each glyph, if there is."""
    installed = {entry.name for entry in fontManager.ttflist}
    names = SANS if font == "sans" else SERIFS[serif]
    chosen = [name for name in names if name in installed] or ["DejaVu Sans"]
    notices = []
    if font == "serif":
        face, like = _NAMED[serif]
        if chosen[0] not in names[:like]:
            notices.append(
                f"No installed font looks like the venue's {face}: set in {chosen[0]}. "
                f"Install the Debian package {debian_package(face)} and export again."
            )
    invisible = " \N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}"
    missing = {ord(c) for c in characters if c not in invisible}
    for name in chosen:
        missing -= _covered(fontManager.findfont(FontProperties(family=[name])))
    if missing and font == "serif":  # a sans font of the house before one of another script
        spare = [name for name in SANS if name in installed and name not in chosen]
        for name in spare:
            covered = missing & _covered(fontManager.findfont(FontProperties(family=[name])))
            if covered:
                chosen.append(name)
                missing -= covered
    if not missing:
        return chosen, notices
    regular = [
        e
        for e in fontManager.ttflist
        if e.style == "normal"
        and e.weight in (400, "normal", "regular")
        and "Last" not in e.name
        and e.fname.lower().endswith((".ttf", ".ttc", ".otf"))
    ]
    kind = "Serif" if font == "serif" else "Sans"
    regular.sort(key=lambda e: (_is_cff(e.fname), "Noto" not in e.name, kind not in e.name, e.name))
    for entry in regular:
        covered = missing & _covered(entry.fname, getattr(entry, "index", 0))
        if covered:
            chosen.append(entry.name)
            missing -= covered
            if _is_cff(entry.fname):
                notices.append(
                    f"{len(covered)} of the characters come from {entry.name}, which is not a "
                    "TrueType font: a PDF with it may fail a venue's font check. Install "
                    f"{install_of(covered)}, or export SVG."
                )
        if not missing:
            break
    return chosen, advice(missing) + notices


def characters_of(*parts: object) -> set[str]:
    """Every character in the strings of these records, tuples and lists."""
    characters: set[str] = set()

    def collect(value: object) -> None:
        if isinstance(value, str):
            characters.update(printable(value))
        elif isinstance(value, (tuple, list)):
            for entry in value:
                collect(entry)
        elif hasattr(value, "__dataclass_fields__"):
            for name in value.__dataclass_fields__:
                collect(getattr(value, name))

    collect(parts)
    return characters


def measuring() -> Measure:
    """(text, size) -> width in points, in the current fonts, free of screen hinting."""
    scale = 10.0  # at 720 dpi a hinted pixel is a tenth of a point
    renderer: RendererBase = RendererAgg(1, 1, 72.0 * scale)  # type: ignore[no-untyped-call]
    known: dict[tuple[str, float], float] = {}

    def width(text: str, size: float) -> float:
        if (text, size) not in known:
            properties = FontProperties(size=size)
            known[text, size] = (
                float(renderer.get_text_width_height_descent(text, properties, False)[0]) / scale
            )
        return known[text, size]

    return width


_CHARMAPS: dict[tuple[str, int], frozenset[int]] = {}


def _covered(file: str, index: int = 0) -> frozenset[int]:
    """Code points that a font file draws as outlines; none for a file that cannot be used."""
    if (file, index) not in _CHARMAPS:
        try:
            font = FT2Font(file, face_index=index)
            codes = frozenset(font.get_charmap()) if font.scalable else frozenset()
        except (OSError, RuntimeError, ValueError):
            codes = frozenset()
        _CHARMAPS[file, index] = codes
    return _CHARMAPS[file, index]


@lru_cache(maxsize=1024)
def _is_cff(file: str) -> bool:
    """Whether a font's outlines are CFF, which matplotlib embeds in a PDF under a wrong type."""
    try:
        with open(file, "rb") as opened:
            start = opened.read(16)
            if start[:4] == b"ttcf":
                opened.seek(int.from_bytes(start[12:16], "big"))
                start = opened.read(4)
    except OSError:
        return True
    return start[:4] == b"OTTO"
