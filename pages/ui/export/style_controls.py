"""The style and signature of exports: kept in the session, one for all pictures, with controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from analysis.figures.files.sidecar import Signature
from analysis.figures.marks import Grid
from analysis.figures.plot import Plot
from analysis.figures.style.palettes import PALETTES
from analysis.figures.style.settings import FONTS, Style
from analysis.figures.style.venues import NARROWEST, VENUES, WIDEST, width_in_inches

STYLE, SIGNED = "export_style", "export_signed"  # one for all pictures, kept in the session
NOBODY: dict[str, Any] = {"on": False, "author": "", "project": ""}
_WIDTHS = {"column": "Column", "full": "Full width", "inches": "My own"}
_FONTS = {"sans": "Sans", "serif": "Serif, as the venue's"}


def style() -> Style:
    """The style that was set last in this session."""
    kept = st.session_state.get(STYLE)
    return Style.from_dict(kept) if kept else Style()


def signature() -> Signature:
    """Signature of the files; none unless it is switched on."""
    kept = {**NOBODY, **st.session_state.get(SIGNED, {})}
    return Signature(kept["author"].strip(), kept["project"].strip()) if kept["on"] else Signature()


def controls(plots: tuple[Plot, ...], key: str) -> None:
    """Draw the controls of the style; every change holds for all pictures."""
    now = style()
    columns: tuple[str, ...] = ("column", "full") if now.of.column is not None else ("full",)
    if now.venue == "custom":
        columns = ()
    free = isinstance(now.width, float) or not columns
    with st.container(gap="xsmall", key=f"{key}-style"):
        _select(key, "venue", list(VENUES), now.venue, lambda v: VENUES[v].name)
        width = "inches" if free else now.width if now.width in columns else columns[0]
        _select(key, "width", [*columns, "inches"], width, partial(_width, now))
        if free:
            _set(key, "inches", now.inches)
            st.number_input(
                "Inches",
                NARROWEST,
                WIDEST,
                step=0.1,
                format="%.3f",
                key=f"{key}-inches",
                **_on("inches", key),
            )
        _set(key, "height", now.height)
        st.number_input(
            "Height, inches",
            0.3,
            60.0,
            value=None,
            step=0.1,
            format="%.2f",
            placeholder="as drawn",
            key=f"{key}-height",
            help="Token strips take the height that their text needs.",
            **_on("height", key),
        )
        _select(key, "font", FONTS, now.font, lambda f: _FONTS[f])
        _set(key, "size", now.font_size)
        st.number_input(
            "Font size, points",
            4.0,
            60.0,
            value=None,
            step=0.5,
            format="%.1f",
            placeholder=f"{now.of.text:g}, for {now.of.name}",
            key=f"{key}-size",
            **_on("size", key),
        )
        _select(key, "palette", list(PALETTES), now.palette, lambda p: PALETTES[p].label)
        mark = plots[0].mark
        several = len(plots) == 1 and isinstance(mark, Grid) and len(mark.panels) > 1
        for field, label in (
            ("greyscale", "Greyscale"),
            ("title", "Title"),
            *([("letters", "Panel letters")] if several else []),
        ):
            _set(key, field, getattr(now, field))
            st.toggle(label, key=f"{key}-{field}", **_on(field, key))
        _signature(key)


def _signature(key: str) -> None:
    """Author and project, which no file names unless this is switched on."""
    kept = {**NOBODY, **st.session_state.get(SIGNED, {})}
    _set(key, "sign", kept["on"])
    st.toggle(
        "Embed author name",
        key=f"{key}-sign",
        on_change=_sign,
        args=("on", f"{key}-sign"),
        help="Without it the files name no user, host, owner of a checkpoint or folder. Leave it "
        "off for a paper under double-blind review.",
    )
    if kept["on"]:
        for name in ("author", "project"):
            _set(key, name, kept[name])
            st.text_input(
                name.capitalize(),
                key=f"{key}-{name}",
                on_change=_sign,
                args=(name, f"{key}-{name}"),
            )


def _sign(name: str, widget: str) -> None:
    kept = {**NOBODY, **st.session_state.get(SIGNED, {})}
    st.session_state[SIGNED] = {**kept, name: st.session_state[widget]}


def _width(now: Style, width: str) -> str:
    """A width with its inches, where the venue fixes them."""
    if width == "inches":
        return _WIDTHS[width]
    return f"{_WIDTHS[width]}, {width_in_inches(now.venue, width):g} in"


def _select(
    key: str, field: str, options: Sequence[str], value: str, name_of: Callable[[str], str]
) -> None:
    """A choice of the style, labelled by its field."""
    _set(key, field, value)
    st.selectbox(
        field.capitalize(), options, key=f"{key}-{field}", format_func=name_of, **_on(field, key)
    )


def _set(key: str, field: str, value: Any) -> None:
    """The one style decides what a widget shows: another picture's menu may have changed it."""
    st.session_state[f"{key}-{field}"] = value


def _on(field: str, key: str) -> dict[str, Any]:
    return {"on_change": _changed, "args": (field, f"{key}-{field}")}


def _changed(field: str, widget: str) -> None:
    now, value = style(), st.session_state[widget]
    if field == "venue":
        keep = now.width if now.width in ("column", "full") and value != "custom" else "column"
        changes: dict[str, Any] = {"venue": value, "width": keep}
        if value == "custom":
            changes["width"] = now.inches
    elif field == "width":
        changes = {"width": now.inches if value == "inches" else value}
    else:
        name = {"inches": "width", "size": "font_size"}.get(field, field)
        changes = {name: value}
    try:
        st.session_state[STYLE] = replace(now, **changes).as_dict()
    except ValueError as error:  # a number beyond what can be drawn: the widget shows the old one
        st.toast(str(error), icon=":material/warning:")
