"""Figures of the collection as pictures, drawn once for each set of pictures and style."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.files.bundle import caption_of
from analysis.figures.files.collected import Collection
from analysis.figures.style.printed import EMPTY_AREA
from pages.ui.engine.server_wide import kept_up_to

if TYPE_CHECKING:
    from analysis.figures.style.verdict import Check

PREVIEW_DPI, THUMBNAIL_DPI = 192, 50  # two dots a pixel: sharp on a fine screen, too
_THUMBNAILS = "figures_thumbnails"
PIXELS_AN_INCH = 96  # of CSS: what browsers call an inch


@dataclass(frozen=True)
class Drawn:
    """One figure as PNG, or in one sentence why there is none."""

    png: bytes = b""
    dpi: int = PREVIEW_DPI
    notices: tuple[str, ...] = ()
    problem: str = ""
    offer: int = 0  # columns that can be read, where those that were asked for cannot

    @property
    def inches(self) -> tuple[float, float]:
        """Width and height."""
        if not self.png:
            return 0.0, 0.0
        width, height = struct.unpack(">II", self.png[16:24])
        return width / self.dpi, height / self.dpi

    @property
    def source(self) -> str:
        """For an image element."""
        coded = base64.b64encode(self.png).decode("ascii")
        return f"data:image/png;base64,{coded}" if self.png else ""


def draw(collection: Collection, index: int, dpi: int = PREVIEW_DPI) -> Drawn:
    """The figure by the code that saves it."""
    key = _key(collection, index)
    made = _draw(key, dpi, _collection=collection, _index=index)
    if dpi == THUMBNAIL_DPI:
        st.session_state.setdefault(_THUMBNAILS, set()).add(key)
    return made


def is_drawn(collection: Collection, index: int) -> bool:
    """Whether this session has its thumbnail already."""
    return _key(collection, index) in st.session_state.get(_THUMBNAILS, ())


def check(collection: Collection, index: int) -> tuple[Check, ...]:
    """The checks of the figure's PDF and of its page, with its caption."""
    caption = caption_of(collection, index)
    return _check(_key(collection, index), caption, _collection=collection, _index=index)


def fits_the_full_width(collection: Collection, index: int) -> bool:
    """Whether a figure that is one column wide can be read over the whole page."""
    from analysis.figures.paper import can_be_read

    figure = collection.figures[index]
    style = figure.in_style(collection.style)
    if figure.wide or style.inches >= style.of.full:
        return False
    return can_be_read(figure.plots, replace(style, width="full"), figure.columns)


def fuller_columns(collection: Collection, index: int) -> int:
    """Columns that leave less of the page empty than those chosen, where the check says that too
    much is; 0 where it does not, or no other number does better."""
    figure = collection.figures[index]
    failed = [result.name for result in check(collection, index) if not result.passed]
    if len(figure.plots) < 2 or EMPTY_AREA not in failed:
        return 0
    columns = _fuller(_key(collection, index), _collection=collection, _index=index)
    return 0 if columns == figure.columns else columns


def best_columns(collection: Collection, indices: Sequence[int]) -> int:
    """Columns in which these figures take the least paper as one."""
    from analysis.figures.paper import columns_that_fit

    plots = [plot for index in indices for plot in collection.figures[index].plots]
    wide = any(collection.figures[index].wide for index in indices)
    width = "full" if wide else collection.style.width
    return columns_that_fit(plots, replace(collection.style, letters=True, width=width))


def _key(collection: Collection, index: int) -> str:
    """Key of all that decides a figure's look."""
    figure = collection.figures[index]
    style = figure.in_style(collection.style).as_dict()
    return json.dumps([figure.key, figure.columns, style, bool(collection.signed)])


@kept_up_to(256, most=200)
def _draw(key: str, dpi: int, _collection: Collection, _index: int) -> Drawn:
    from analysis.figures.paper import Unreadable, compose

    try:
        card = _collection.sidecar(_index)
        made = compose(card.plots, card.style, card.columns, "png", dpi)
    except Unreadable as error:
        return Drawn(problem=str(error), offer=error.offer)
    except ValueError as error:
        return Drawn(problem=str(error))
    except Exception as error:  # a picture from a stranger's file: the page and the rest go on
        return Drawn(problem=f"its numbers cannot be drawn ({type(error).__name__}: {error})")
    return Drawn(made.data, dpi, made.notices)


@kept_up_to(1, most=100)
def _fuller(key: str, _collection: Collection, _index: int) -> int:
    from analysis.figures.paper import columns_that_fit

    card = _collection.sidecar(_index)
    return columns_that_fit(card.plots, card.style)


@kept_up_to(16, most=100)
def _check(key: str, caption: str, _collection: Collection, _index: int) -> tuple[Check, ...]:
    from analysis.figures.style.checks import check as checks

    try:
        card = _collection.sidecar(_index)
        return checks(card.plots, card.style, card.columns, caption=caption)
    except ValueError:
        raise
    except Exception as error:  # as above
        raise ValueError("what cannot be drawn cannot be checked") from error
