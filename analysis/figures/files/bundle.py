"""A collection as one ZIP for the folder of a paper: figures, data, LaTeX, BibTeX, and a script
that makes all of it again. The same collection gives the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from analysis.common.csv_text import as_csv
from analysis.figures.files.captions import draft
from analysis.figures.files.citations import bibtex
from analysis.figures.files.collected import Collection, PaperFigure
from analysis.figures.files.export import slug
from analysis.figures.files.latex import ENGINE, OTHER_SCRIPT, defined, label
from analysis.figures.files.latex import figure as latex_figure
from analysis.figures.files.saved import save
from analysis.figures.files.sidecar import versions
from analysis.figures.style.letters import letter

FORMATS = ("pdf", "svg", "png")
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP can hold: nothing tells when it was made


@dataclass(frozen=True)
class Bundle:
    """The ZIP, and what there is to say of it."""

    data: bytes
    names: tuple[str, ...]
    notices: tuple[str, ...]


def names(collection: Collection) -> list[str]:
    """File names without ending, one a figure: its number, view and checkpoint."""
    width = max(2, len(str(len(collection))))
    return [
        f"{index:0{width}d}-{slug(figure.plots[0])}"
        + ("-and-more" if len(figure.plots) > 1 else "")
        for index, figure in enumerate(collection.figures, 1)
    ]


def bundle(
    collection: Collection,
    also: Sequence[str] = (),
    dpi: int = 300,
    progress: Callable[[float], None] | None = None,
) -> Bundle:
    """Draw everything as PDF, and `also` in other formats, and pack it.

    `progress` is told the share done, and may end it by raising. A figure that cannot be drawn is
    left out, with a notice. Raises ``ValueError`` for an empty collection, an unknown format, or
    where no figure can be drawn.
    """
    if not collection.figures:
        raise ValueError("no figures are collected: there is nothing to pack")
    formats = tuple(dict.fromkeys(("pdf", *also)))
    if unknown := [format for format in formats if format not in FORMATS]:
        raise ValueError(f"no format is called {unknown[0]!r}; known are {', '.join(FORMATS)}")
    files: dict[str, bytes] = {}
    notices: dict[str, None] = {}
    shown = [as_saved(collection, index) for index in range(len(collection))]
    clean = replace(collection, figures=tuple(shown))
    stems = names(clean)
    drawn: list[int] = []
    for index, stem in enumerate(stems):
        try:
            made, lines = _figure_files(collection, index, stem, formats, dpi)
        except Exception as error:  # one that a stranger's file holds must not cost all others
            notices[f"{stem}: left out, for it cannot be drawn ({error})"] = None
        else:
            drawn.append(index)
            files |= made
            notices |= dict.fromkeys(f"{stem}: {line}" for line in lines)
        if progress is not None:
            progress((index + 1) / len(stems))
    if not drawn:
        raise ValueError("none of the figures can be drawn: " + "; ".join(notices))
    clean = replace(clean, figures=tuple(shown[index] for index in drawn))
    stems = [stems[index] for index in drawn]
    written = tex(clean, stems)
    if OTHER_SCRIPT in written:
        notices[f"figures.tex: {ENGINE}"] = None
    files["figures.tex"] = written.encode("utf-8", "replace")
    files["references.bib"] = bib(clean).encode("utf-8", "replace")
    files["rebuild.py"] = _REBUILD.encode("ascii")
    files["rebuild.sh"] = _SHELL.encode("ascii")
    files["README.txt"] = _readme(stems).encode("ascii", "replace")
    return Bundle(_packed(files), tuple(files), tuple(notices))


def _figure_files(
    collection: Collection, index: int, stem: str, formats: Sequence[str], dpi: int
) -> tuple[dict[str, bytes], list[str]]:
    """(the files of one figure, what there is to say of them)."""
    files: dict[str, bytes] = {}
    lines: dict[str, None] = {}
    card = collection.sidecar(index, formats[0], dpi)
    card = replace(card, caption=caption_of(collection, index))
    for place, format in enumerate(formats):
        saved = save(replace(card, format=format), stem)
        files[f"figures/{saved.name}"] = saved.data
        if not place:  # the other formats are rebuilt from the same, with --format
            files[f"figures/{stem}.json"] = saved.sidecar
        lines |= dict.fromkeys(saved.notices)
    for panel, plot in enumerate(card.plots):
        part = f"-{letter(panel)[1:-1]}" if len(card.plots) > 1 else ""
        table = as_csv(plot.frame())
        files[f"data/{stem}{part}.csv"] = table.encode("utf-8", "replace")
    return files, [*lines, *(f"left out {line}" for line in card.left_out)]


def as_saved(collection: Collection, index: int) -> PaperFigure:
    """A figure as its files say it: without owners and folders, unless the files are signed."""
    figure = collection.figures[index]
    return figure if collection.signed else figure.anonymous


def caption_of(collection: Collection, index: int) -> str:
    """Caption of a figure in its files: the one that was written, else the draft."""
    return _written(as_saved(collection, index), collection)


def _written(figure: PaperFigure, collection: Collection) -> str:
    return figure.caption or draft(figure.plots, figure.in_style(collection.style))


def tex(collection: Collection, stems: Sequence[str]) -> str:
    """`figures.tex`: every figure with its caption and label."""
    head = (
        "% Figures of PoolLens. In the preamble: \\usepackage{graphicx}\n"
        "% Then: \\input{figures}, or copy a figure where it belongs.\n\n"
    )
    labels: list[str] = []
    for figure in collection.figures:
        labels.append(label(figure.plots[0].view, labels))
    return head + defined(
        "\n".join(
            latex_figure(
                f"figures/{stem}.pdf",
                _written(figure, collection),
                name,
                figure.in_style(collection.style),
                alone=False,
            )
            for figure, stem, name in zip(collection.figures, stems, labels, strict=True)
        )
    )


def bib(collection: Collection) -> str:
    """`references.bib`: every method that a figure shows, once."""
    return bibtex([plot for figure in collection.figures for plot in figure.plots])


def _packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # the same bytes on every system
            entry.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def _readme(stems: Sequence[str]) -> str:
    made = "\n".join(f"  {name} {version}" for name, version in versions().items())
    listed = "\n".join(f"  figures/{stem}" for stem in stems)
    return (
        "Figures for a paper\n\n"
        "figures/        each figure, and beside it its sidecar (.json) with the numbers, the\n"
        "                text, the checkpoint's hash and the versions it was made with\n"
        "data/           the numbers of each picture as CSV\n"
        "figures.tex     the figures with captions and labels\n"
        "references.bib  the methods they show\n"
        "rebuild.py      makes every figure again, from the sidecars alone:\n"
        "                  python rebuild.py [--venue icml] [--format svg] [--recompute]\n"
        "                It needs PoolLens: an environment that has it installed, or that\n"
        "                of its folder, with the folder on PYTHONPATH. rebuild.sh is the\n"
        "                same for a shell.\n\n"
        f"{listed}\n\nMade with\n{made}\n"
    )


_REBUILD = '''"""Make every figure again from its sidecar, into the folder "rebuilt"."""

import importlib.util
import subprocess
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sidecars = sorted(map(str, (here / "figures").glob("*.json")))
# Where PoolLens is installed it is "poollens"; in its own folder, "analysis".
package = next(filter(importlib.util.find_spec, ("poollens", "analysis")), None)
if package is None:
    sys.exit("PoolLens is not here: install it, or run this in the environment of its folder.")
command = [sys.executable, "-m", package, "rebuild", *sidecars]
sys.exit(subprocess.call([*command, "--output", str(here / "rebuilt"), *sys.argv[1:]]))
'''
_SHELL = """#!/bin/sh
# Make every figure again from its sidecar, into the folder "rebuilt".
cd "$(dirname "$0")" || exit 1
exec "${PYTHON:-python}" rebuild.py "$@"
"""
