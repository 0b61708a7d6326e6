"""PGF for LaTeX: text is set by the document's own TeX, so writing one needs TeX as well.

matplotlib hands every text to a running TeX, as TeX: a token such as \\input{file} would be carried
out. Every text is therefore escaped at the one door through which both its measuring and its
drawing go.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from functools import partial
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from analysis.figures.files.latex import comment, escape
from analysis.figures.style.settings import Style

PROGRAM = "xelatex"


class NoTeX(ValueError):
    """PGF was asked for on a machine without TeX."""


def available() -> bool:
    """Whether PGF can be written here."""
    return shutil.which(PROGRAM) is not None


def require() -> None:
    """Raises `NoTeX`, with what to install."""
    if not available():
        raise NoTeX(
            f"PGF needs {PROGRAM}, which is not installed: install the Debian packages "
            "texlive-xetex and texlive-pictures, or take the PDF"
        )


def save(drawing: Figure, facts: Mapping[str, str], style: Style) -> bytes:
    """The figure as PGF; `ValueError` where TeX could not set one of its texts."""
    from matplotlib.backends import backend_pgf

    for artist in drawing.findobj():
        artist.set_rasterized(False)  # a stream of PGF has no place for a picture
    mpl.rcParams.update(
        {
            "pgf.texsystem": PROGRAM,
            "pgf.rcfonts": False,
            "font.family": ["serif" if style.font == "serif" else "sans-serif"],
        }
    )
    inside: Any = backend_pgf
    before = inside._tex_escape
    inside._tex_escape = partial(escape, everywhere=False)
    buffer = io.StringIO()
    try:
        drawing.savefig(buffer, format="pgf")
    except backend_pgf.LatexError as error:
        raise ValueError(
            f"{PROGRAM} could not set a text of this figure (a character that its fonts do not "
            "have?): take the PDF"
        ) from error
    finally:
        inside._tex_escape = before
        # The process that measured the texts is let go: its state must not reach the next figure.
        inside.LatexManager._get_cached_or_new_impl.cache_clear()
    head = "".join(f"%% {comment(key)}: {comment(value)}\n" for key, value in facts.items())
    return (head + buffer.getvalue()).encode("utf-8", "replace")
