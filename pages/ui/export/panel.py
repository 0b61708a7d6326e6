"""Export of a picture: its style for the paper, what will be saved at true size, checks, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from analysis.common.faults import reason
from analysis.figures.files.captions import draft
from analysis.figures.files.citations import bibtex as references
from analysis.figures.files.export import export, slug
from analysis.figures.files.saved import save
from analysis.figures.files.sidecar import Signature, sidecar
from analysis.figures.plot import Plot
from analysis.figures.style.settings import Style
from pages.ui.export import collection
from pages.ui.export.preview import checks_html, columns_for, drawn, left_out, preview_html
from pages.ui.export.style_controls import controls, signature, style
from pages.ui.kit import cards

CSS = (Path(__file__).parent / "panel.css").read_text(encoding="utf-8")
# what a button says, format, dots an inch
FILES = (
    ("PDF", "pdf", 300),
    ("SVG", "svg", 300),
    ("PNG 300 dpi", "png", 300),
    ("PNG 600 dpi", "png", 600),
    ("HTML", "html", 300),
    ("CSV", "csv", 300),
    ("LaTeX table", "tex", 300),
    ("JSON to rebuild", "json", 300),
)
TOGETHER = ("pdf", "svg", "png", "json")  # what several pictures can be as one


def export_menu(
    plots: Mapping[str, Plot], key: str, label: str = "Export", together: str = ""
) -> None:
    """ "Export" and "Paper" for these pictures; nothing is drawn until Export is opened.

    `together` is the name under which all of them are offered first, as one figure.
    """
    _menu(plots, key, label, together if len(plots) > 1 else "")


def _menu(plots: Mapping[str, Plot], key: str, label: str, together: str) -> None:
    with st.container(horizontal=True, width="content", gap="xsmall", key=f"{key}-menu"):
        menu = st.popover(
            label, type="tertiary", icon=":material/download:", key=key, on_change="rerun"
        )
        if len(plots) == 1:
            _add_button(next(iter(plots.values())), f"{key}-add")
        elif plots:
            more = st.popover(
                "Paper",
                type="tertiary",
                icon=":material/add:",
                key=f"{key}-more",
                on_change="rerun",
            )
            if more.open:
                with more:
                    st.caption("Add to paper")
                    if together:
                        st.button(
                            cards.plain(together),
                            type="tertiary",
                            key=f"{key}-add-all",
                            on_click=_collect,
                            args=(tuple(plots.values()),),
                        )
                    for index, (name, plot) in enumerate(plots.items()):
                        _add_button(plot, f"{key}-add-{index}", name)
    if menu.open and plots:
        with menu:
            _panel(plots, key, together)


def _add_button(plot: Plot, key: str, name: str = "") -> None:
    """Under the picture's name where there are several, else as the menu of several is called."""
    st.button(
        cards.plain(name) if name else "Paper",
        type="tertiary",
        key=key,
        icon=None if name else ":material/add:",
        on_click=_collect,
        args=((plot,),),
        help=None if name else "Add to paper: collect this picture on the page Figures.",
    )


def _collect(plots: tuple[Plot, ...]) -> None:
    if len(plots) == 1:
        collection.add(plots[0], style())
    else:
        collection.add_together(plots, columns_for(plots, style()), style())


@st.fragment
def _panel(plots: Mapping[str, Plot], key: str, together: str = "") -> None:
    """Content of the menu; a change of style draws this part anew and not the page."""
    st.html(f"<style>{CSS}</style>")
    with st.container(key=f"{key}-export-panel"):
        left, right = st.columns([1, 3.2], gap="medium")
        with left:
            names = [*([together] if together else []), *plots]
            name = names[0]
            if len(names) > 1:
                name = st.selectbox("Picture", names, key=f"{key}-picture")
            chosen_plots = (plots[name],) if name in plots else tuple(plots.values())
            controls(chosen_plots, key)
        with right:
            chosen = (
                style() if len(chosen_plots) == 1 else replace(style(), letters=True, height=None)
            )
            try:
                columns = columns_for(chosen_plots, chosen)
                made = drawn(chosen_plots, chosen, columns, bool(signature()))
            except Exception as error:  # of one picture: the page and its other menus stay
                st.error(cards.plain(reason(error, chosen_plots[0].title)))
                return
            st.html(
                preview_html(made, chosen, name if len(chosen_plots) > 1 else chosen_plots[0].title)
            )
            for notice in made.notices:
                st.caption(cards.plain(notice))
            for line in left_out(chosen_plots) if not signature() else ():
                st.caption(
                    cards.plain(
                        f"Left out, so that the files say nothing of who made them: {line}."
                    )
                )
            _files(chosen_plots, chosen, columns, key)
            st.html(checks_html(made.checks))
            _words(chosen_plots, chosen)


# --- files and words --------------------------------------------------------------------------


def _files(plots: tuple[Plot, ...], chosen: Style, columns: int, key: str) -> None:
    from analysis.figures.files.standalone import PLOTLY_MEGABYTES, needs_plotly
    from analysis.figures.paper import pgf

    signed = signature()
    with st.container(horizontal=True, gap="small", key=f"{key}-files"):
        offered = [*FILES, *([("PGF", "pgf", 300)] if pgf.available() else [])]
        if len(plots) > 1:
            offered = [offer for offer in offered if offer[1] in TOGETHER]
        for label, format, dpi in offered:
            if format == "html" and needs_plotly(plots[0]):
                label = f"HTML ({PLOTLY_MEGABYTES} MB)"
            name = f"{_stem(plots)}{'-600dpi' if dpi == 600 else ''}.{format}"
            st.download_button(
                label,
                data=partial(_bytes, plots, format, dpi, chosen, columns, signed),
                file_name=name,
                on_click="ignore",
                key=f"{key}-{format}{dpi if format == 'png' else ''}",
                type="primary" if format == "pdf" else "secondary",
            )
        st.button(
            "Add to paper",
            key=f"{key}-add-chosen",
            on_click=_collect,
            args=(plots,),
            icon=":material/add:",
        )
    if not pgf.available():
        st.caption(
            f"PGF for LaTeX needs {pgf.PROGRAM}, which is not installed here "
            "(Debian package texlive-xetex)."
        )


def _stem(plots: tuple[Plot, ...]) -> str:
    return slug(plots[0]) + ("-and-more" if len(plots) > 1 else "")


def _bytes(
    plots: tuple[Plot, ...],
    format: str,
    dpi: int,
    chosen: Style,
    columns: int,
    signed: Signature,
) -> bytes:
    if len(plots) == 1:
        return export(plots[0], format, dpi=dpi, style=chosen, signed=signed).data
    kind = "pdf" if format == "json" else format
    saved = save(sidecar(plots, chosen, kind, dpi, columns, signed=signed), _stem(plots))
    return saved.sidecar if format == "json" else saved.data


def _words(plots: tuple[Plot, ...], chosen: Style) -> None:
    from analysis.figures.files import latex

    printed = sidecar(plots, chosen, signed=signature()).plots
    caption, bibtex = draft(printed, chosen), references(printed).strip()
    table = "\n".join(
        export(plot, "tex", style=chosen, signed=signature()).data.decode("utf-8").strip()
        for plot in plots
    )
    label = latex.label(printed[0].view)
    included = latex.figure(f"{_stem(plots)}.pdf", caption, label, chosen).strip()
    for tab, (text, language) in zip(
        st.tabs(["Caption", "LaTeX", "BibTeX", "Table"]),
        ((caption, None), (included, "latex"), (bibtex, "latex"), (table, "latex")),
        strict=True,
    ):
        tab.code(
            text,
            language=language,
            wrap_lines=True,
            height=240 if text.count("\n") > 9 else "content",
        )
