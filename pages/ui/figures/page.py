"""The Figures page: the collection, one figure at true size, its style and checks, the ZIP."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from analysis.common.faults import reason
from analysis.figures.files.bundle import caption_of
from analysis.figures.files.collected import Collection
from analysis.text.tokens import clean
from pages.ui.export import collection, panel
from pages.ui.export.preview import checks_html
from pages.ui.figures import drawings, edit, files
from pages.ui.figures import thumbnails as figures_list
from pages.ui.figures.drawings import PIXELS_AN_INCH
from pages.ui.kit import cards

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8") + panel.CSS


def draw() -> None:
    """Thumbnails left; right the page, what can be changed, and the checks."""
    st.html(f"<style>{_STYLE}</style>")
    figures = collection.current()
    problem = st.session_state.get(collection.PROBLEM)
    if problem:
        st.warning(cards.plain(problem))
    if not figures.figures:
        files.draw_empty()
        return
    with st.container(key="figures-top"):
        files.draw_top(figures)
    with st.container(key="figures-body"):
        with st.container(key="figures-list"):
            edit.draw_grouping(figures)
            thumbnails = st.container()
        with st.container(key="figures-page"):
            place = figures_list.chosen(figures)
            _draw_page(figures, place)
            edit.draw_figure(figures, place)
            edit.draw_style(figures)
            checks = st.container(border=True, key="figures-checks")
        # The figure first, then its neighbours; what takes longest comes last.
        with thumbnails:
            missing = figures_list.draw(figures)
        with checks:
            _draw_checks(figures, place)
    if missing:
        st.rerun()


def _draw_page(figures: Collection, place: int) -> None:
    drawn = drawings.draw(figures, place)
    if drawn.offer:
        st.warning(cards.plain(f"Figure {place + 1}: {drawn.problem}."))
        edit.draw_offer(figures, place)
        return
    if drawn.problem:
        st.error(cards.plain(f"Figure {place + 1} cannot be drawn this way: {drawn.problem}."))
        return
    style = figures.figures[place].in_style(figures.style)
    width, height = style.inches, drawn.inches[1]
    caption = caption_of(figures, place)
    pixels = round(width * PIXELS_AN_INCH)
    st.html(
        f'<div class="pl-sheet" tabindex="0" role="region" aria-label="Preview at true size">'
        f'<div class="page" style="width:{pixels}px">'
        f'<img src="{drawn.source}" width="{pixels}" alt="Figure {place + 1}">'
        f'<div class="caption" dir="auto">Figure {place + 1}: {_text(caption)}</div></div></div>'
    )
    st.caption(
        f"True size: {width:.2f} × {height:.2f} inches ({style.of.name}), drawn by the code "
        "that saves it. The caption is a draft for your paper; it is not part of the file."
    )
    for notice in drawn.notices:
        st.caption(cards.plain(notice))


def _text(words: str) -> str:
    return escape(clean(words)[0], quote=True)


def _draw_checks(figures: Collection, place: int) -> None:
    st.markdown(
        "**Checks**",
        help="Read back from the figure's PDF and from the page as drawn: what a venue's own "
        "check would look at, whether texts overlap or are cut, what is left empty, and whether "
        "the colours stay apart in greyscale and for colour-blind readers.",
    )
    if drawings.draw(figures, place).offer:
        st.caption("The checks come with a number of columns that can be read.")
        return
    try:
        results = drawings.check(figures, place)
    except Exception as error:
        st.caption(cards.plain(reason(error, "The check")))
        return
    st.html(checks_html(results))
    edit.draw_fuller(figures, place)
