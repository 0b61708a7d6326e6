"""A plot as a file: its name, its type, its bytes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from analysis.figures.files.saved import save
from analysis.figures.files.sidecar import Signature, sidecar
from analysis.figures.files.written import written
from analysis.figures.picture import Picture
from analysis.figures.style.settings import Style

MIME = {
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "png": "image/png",
    "csv": "text/csv",
    "json": "application/json",
    "html": "text/html",
    "tex": "application/x-tex",
    "txt": "text/plain",
    "bib": "application/x-bibtex",
    "pgf": "application/x-tex",
}


@dataclass(frozen=True)
class Export:
    """A file ready to be saved, and what its reader must know (missing glyphs)."""

    filename: str
    mime: str
    data: bytes
    notices: tuple[str, ...]


def export(
    plot: Picture,
    format: str,
    venue: str = "acl",
    width: str | float = "column",
    dpi: int = 300,
    style: Style | None = None,
    signed: Signature | None = None,
) -> Export:
    """The plot as pdf, svg, png (`dpi` dots an inch), csv (its frame) or json (its sidecar);
    html (interactive), tex (its numbers as a table), txt (a caption), bib (what to cite), pgf.

    `venue` and `width` are a shorthand for a style that has only these. Unless it is `signed`,
    owners and folders of checkpoints are left out. Raises `ValueError` for an unknown format,
    `UnknownVenue` for an unknown venue or width, `NoTeX` for PGF where no TeX is installed.
    """
    if format not in MIME:
        raise ValueError(f"no format is called {format!r}; known are {', '.join(MIME)}")
    card = sidecar(plot, style or Style(venue, width), format, dpi, signed=signed)
    plot = card.plots[0]
    name = f"{slug(plot)}.{format}"
    if format == "json":  # the sidecar of the PDF: other formats are rebuilt from the same
        saved = save(replace(card, format="pdf"), slug(plot))
        return Export(name, MIME[format], saved.sidecar, saved.notices)
    data, notices = written(card)
    return Export(name, MIME[format], data, notices)


def slug(plot: Picture) -> str:
    """File name without its ending: view and checkpoint, in characters every system takes."""
    checkpoint = plot.provenance.get("checkpoint")
    several = [
        checkpoint["checkpoint"]
        for checkpoint in plot.provenance.get("checkpoints") or ()
        if "checkpoint" in checkpoint
    ]
    if not checkpoint and several:
        more = f"-and-{len(several) - 1}-more" if len(several) > 1 else ""
        checkpoint = f"{several[0]}{more}"
    text = f"{plot.view}-{checkpoint}" if checkpoint else plot.view
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-_")[:80].rstrip("-_") or "figure"
