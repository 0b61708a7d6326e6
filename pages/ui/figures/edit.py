"""Editors of the Figures page: one figure, the grouping, the common style."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from analysis.figures.files.bundle import caption_of
from analysis.figures.files.collected import BadCollection, Collection
from analysis.figures.files.sidecar import Signature
from analysis.figures.style.palettes import PALETTES
from analysis.figures.style.settings import FONTS, Style
from analysis.figures.style.venues import NARROWEST, VENUES, WIDEST
from pages.ui.export import collection
from pages.ui.figures import drawings, thumbnails
from pages.ui.kit import cards

_OWN_WIDTH = "inches"


# --- one figure -------------------------------------------------------------------------------


def draw_figure(figures: Collection, place: int) -> None:
    """Caption, width, and for a group its grid and its panels."""
    figure = figures.figures[place]
    key = f"{figure.key}-{place}"
    with st.container(border=True, key="figures-one"):
        st.markdown(f"**Figure {place + 1}**")
        # A caption changed elsewhere (by a loaded file, by undoing) must show here.
        st.session_state[f"caption-{key}"] = caption_of(figures, place)
        st.text_area(
            "Caption",
            key=f"caption-{key}",
            height=100,
            on_change=_take_caption,
            args=(figure.key, f"caption-{key}"),
            help="Empty: the draft made from the picture. LaTeX commands are written as text.",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if figures.style.inches < figures.style.of.full - 1e-6:  # else it is as wide as can be
                st.session_state[f"wide-{key}"] = figure.wide
                st.toggle(
                    "Over both columns",
                    key=f"wide-{key}",
                    on_change=lambda: _set(figure.key, wide=st.session_state[f"wide-{key}"]),
                )
            st.session_state[f"height-{key}"] = figure.height
            st.number_input(
                "Height, inches",
                0.3,
                60.0,
                step=0.1,
                format="%.2f",
                value=None,
                width=150,
                placeholder="as drawn",
                key=f"height-{key}",
                help="Empty: what the picture needs. Token strips take what their text needs.",
                on_change=lambda: _set(figure.key, height=st.session_state[f"height-{key}"]),
            )
            if figure.caption:
                st.button(
                    "Draft again",
                    type="tertiary",
                    key=f"draft-{key}",
                    on_click=lambda: _set(figure.key, caption=""),
                )
        if len(figure.plots) > 1:
            _draw_panels(figures, place, key)


def draw_offer(figures: Collection, place: int, where: str = "") -> None:
    """Buttons for readable alternatives to a grid that is too small. None where it is readable."""
    figure, offer = figures.figures[place], drawings.draw(figures, place).offer
    if not offer:
        return
    with st.container(horizontal=True, key=f"figures-offer{where}"):
        st.button(
            f"Use {offer} column{'' if offer == 1 else 's'}",
            key=f"offer{where}-{figure.key}",
            type="primary",
            icon=":material/grid_view:",
            on_click=lambda: _set(figure.key, columns=offer),
        )
        if drawings.fits_the_full_width(figures, place):
            st.button(
                f"Keep {figure.columns} columns over the full width",
                key=f"offer{where}-wide-{figure.key}",
                icon=":material/width:",
                on_click=lambda: _set(figure.key, wide=True),
            )


def draw_fuller(figures: Collection, place: int) -> None:
    """A button for the number of columns that leaves less empty, where too much is."""
    columns = drawings.fuller_columns(figures, place)
    if columns:
        st.button(
            f"Use {columns} column{'' if columns == 1 else 's'}: less empty area",
            key=f"fuller-{figures.figures[place].key}",
            icon=":material/grid_view:",
            on_click=_set,
            args=(figures.figures[place].key,),
            kwargs={"columns": columns},
        )


def _draw_panels(figures: Collection, place: int, key: str) -> None:
    from analysis.figures.style.letters import letter

    figure = figures.figures[place]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state[f"columns-{key}"] = figure.columns
        st.number_input(
            "Columns",
            1,
            len(figure.plots),
            key=f"columns-{key}",
            width=110,
            on_change=lambda: _set(figure.key, columns=st.session_state[f"columns-{key}"]),
        )
        st.button(
            "Ungroup",
            key=f"ungroup-{key}",
            icon=":material/call_split:",
            on_click=_ungroup,
            args=(place,),
        )
    draw_offer(figures, place, "-here")  # beside the number that was refused, too
    with st.container(key="figures-panels"):
        for index, plot in enumerate(figure.plots):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{letter(index)} {cards.plain(plot.title)}", width="stretch")
                for sign, by, off in (
                    ("↑", -1, index == 0),
                    ("↓", 1, index == len(figure.plots) - 1),
                ):
                    st.button(
                        sign,
                        key=f"{key}-{index}-{by}",
                        type="tertiary",
                        disabled=off,
                        help=f"Move panel {letter(index)} {'up' if by < 0 else 'down'}",
                        on_click=_move_panel,
                        args=(place, index, by),
                    )
                st.button(
                    "✕",
                    key=f"{key}-{index}-out",
                    type="tertiary",
                    help=f"Remove panel {letter(index)}",
                    on_click=_remove_panel,
                    args=(place, index),
                )


def _ungroup(place: int) -> None:
    collection.change(lambda c: c.ungroup(place), undo=True)
    st.session_state[thumbnails.CHOSEN] = collection.current().figures[place].key


def _move_panel(place: int, index: int, by: int) -> None:
    _same_place(place, lambda c: c.move_panel(place, index, by))


def _remove_panel(place: int, index: int) -> None:
    _same_place(place, lambda c: c.remove_panel(place, index), undo=True)


def _same_place(place: int, how: Callable[[Collection], Collection], undo: bool = False) -> None:
    """Change a figure's pictures and keep it the chosen one: its key hangs on them."""
    collection.change(how, undo)
    after = collection.current()
    if place < len(after):
        st.session_state[thumbnails.CHOSEN] = after.figures[place].key


def _take_caption(figure: str, widget: str) -> None:
    text = " ".join(st.session_state[widget].split())
    figures = collection.current()
    places = [i for i, member in enumerate(figures.figures) if member.key == figure]
    if places and text == caption_of(figures, places[0]):
        return
    _set(figure, caption=text)


def _set(figure: str, **values: Any) -> None:
    """Change the figure with this key, wherever it stands by now."""

    def how(figures: Collection) -> Collection:
        places = [i for i, member in enumerate(figures.figures) if member.key == figure]
        return figures.change(places[0], **values) if places else figures

    collection.change(how)


# --- several figures --------------------------------------------------------------------------


def draw_grouping(figures: Collection) -> None:
    """One button that makes one figure of the ticked ones; and the way back."""
    marked = thumbnails.ticked(figures)
    with st.container(horizontal=True):
        st.button(
            f"Group {len(marked)} as one figure" if len(marked) > 1 else "Group as one figure",
            disabled=len(marked) < 2,
            key="figures-group",
            on_click=_group,
            args=(marked,),
            help="Tick two or more figures: they become panels (a), (b), ... of one.",
        )
        if collection.before() is not None:
            st.button(
                "Undo", type="tertiary", key="figures-undo", icon=":material/undo:", on_click=_undo
            )


def _group(marked: list[int]) -> None:
    try:
        columns = drawings.best_columns(collection.current(), marked)
        collection.change(lambda c: c.group(marked, columns), undo=True)
    except BadCollection as error:
        st.toast(cards.plain(str(error)))
        return
    st.session_state[thumbnails.TICKED] = set()
    st.session_state[thumbnails.CHOSEN] = collection.current().figures[min(marked)].key


def _undo() -> None:
    old = collection.before()
    if old is not None:
        collection.change(lambda _: old)


# --- the common style -------------------------------------------------------------------------


def draw_style(figures: Collection) -> None:
    """Venue, size, type and colours of all figures."""
    style = figures.style
    with st.container(border=True, key="figures-style"):
        st.markdown("**Style of all figures**")
        with st.container(key="figures-styles"):
            _box("Venue", "venue", list(VENUES), style.venue, lambda v: VENUES[v].name)
            widths = [w for w in ("column", "full") if getattr(style.of, w)] + [_OWN_WIDTH]
            width = (
                style.width
                if style.width in widths
                else (_OWN_WIDTH if not isinstance(style.width, str) else "full")
            )
            _box("Width", "width", widths, width)
            if width == _OWN_WIDTH:
                _number("Inches", "inches", style.inches, NARROWEST, WIDEST, 0.05)
            _box("Font", "font", list(FONTS), style.font)
            _number("Text (points)", "font_size", style.points, 4.0, 60.0, 0.5)
            _box("Palette", "palette", list(PALETTES), style.palette, lambda p: PALETTES[p].label)
        with st.container(horizontal=True):
            for name, label in (
                ("greyscale", "Greyscale"),
                ("title", "Titles"),
                ("letters", "Letters on the panels of every grid"),
            ):
                st.session_state[f"all-{name}"] = getattr(style, name)
                st.toggle(label, key=f"all-{name}", on_change=_take, args=(name,))
        _draw_signature(figures)


def _box(
    label: str, name: str, options: list[str], value: str, say: Callable[[str], str] = str
) -> None:
    st.session_state[f"all-{name}"] = value if value in options else options[0]
    st.selectbox(label, options, key=f"all-{name}", format_func=say, on_change=_take, args=(name,))


def _number(label: str, name: str, value: float, low: float, high: float, step: float) -> None:
    st.session_state[f"all-{name}"] = min(max(float(value), low), high)
    st.number_input(label, low, high, step=step, key=f"all-{name}", on_change=_take, args=(name,))


def _take(name: str) -> None:
    """One control of the style was moved."""
    value = st.session_state[f"all-{name}"]
    style = collection.current().style
    try:
        collection.change(lambda c: replace(c, style=_changed(style, name, value)))
    except ValueError as error:
        st.toast(cards.plain(str(error)))


def _changed(style: Style, name: str, value: Any) -> Style:
    if name == "venue":  # a size of one's own belongs to the venue it was made for
        width = style.width if isinstance(style.width, str) else "column"
        return replace(style, venue=value, width=width, font_size=None)
    if name == "inches":
        return replace(style, width=float(value))
    if name == "width":
        return replace(style, width=style.inches if value == _OWN_WIDTH else value)
    if name == "font_size":
        return replace(style, font_size=None if value == style.of.text else float(value))
    return replace(style, **{name: value})


def _draw_signature(figures: Collection) -> None:
    st.session_state["sign"] = bool(figures.signed) or bool(st.session_state.get("signing"))
    st.toggle(
        "Embed author name",
        key="sign",
        on_change=_sign,
        help="Without it the files name no user, host, owner of a checkpoint or folder. Leave it "
        "off for a paper under double-blind review.",
    )
    if not st.session_state["sign"]:
        return
    with st.container(horizontal=True):
        for name in ("author", "project"):
            st.session_state[f"sign-{name}"] = getattr(figures.signed, name)
            st.text_input(name.capitalize(), key=f"sign-{name}", on_change=_take_signature)


def _sign() -> None:
    st.session_state["signing"] = st.session_state["sign"]
    if not st.session_state["sign"]:
        collection.change(lambda c: replace(c, signed=Signature()))


def _take_signature() -> None:
    signed = Signature(
        *(st.session_state.get(f"sign-{n}", "").strip() for n in ("author", "project"))
    )
    collection.change(lambda c: replace(c, signed=signed))
