"""A plot as a file: its name, its type, its bytes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from analysis.figures.plot import Plot

MIME = {
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "png": "image/png",
    "csv": "text/csv",
}


@dataclass(frozen=True)
class Export:
    """A file ready to be saved, and what its reader must know (missing glyphs)."""

    filename: str
    mime: str
    data: bytes
    notices: tuple[str, ...]


def export(
    plot: Plot, format: str, venue: str = "acl", width: str = "column", dpi: int = 300
) -> Export:
    """The plot as pdf, svg, png (`dpi` dots an inch at the venue's width) or csv (its frame).

    Raises `ValueError` for an unknown format, `UnknownVenue` for an unknown venue or width.
    """
    if format not in MIME:
        raise ValueError(f"no format is called {format!r}; known are {', '.join(MIME)}")
    name = f"{slug(plot)}.{format}"
    if format == "csv":
        text = plot.frame().to_csv(index=False, lineterminator="\n")
        return Export(name, MIME[format], text.encode("utf-8", "replace"), ())
    from analysis.figures.paper import render

    drawn = render(plot, venue=venue, width=width, format=format, dpi=dpi)
    return Export(name, MIME[format], drawn.data, drawn.notices)


def slug(plot: Plot) -> str:
    """File name without its ending: view and checkpoint, in characters every system takes."""
    checkpoint = plot.provenance.get("checkpoint")
    several = plot.provenance.get("checkpoints")
    if not checkpoint and several:
        checkpoint = f"{several[0]['checkpoint']}-and-{len(several) - 1}-more"
    text = f"{plot.view}-{checkpoint}" if checkpoint else plot.view
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-_")[:80].rstrip("-_") or "figure"
