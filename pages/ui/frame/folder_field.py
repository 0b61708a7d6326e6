"""A field for a folder of the machine that PoolLens runs on."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.frame import address, settings


def folder_field(
    label: str, name: str, placeholder: str, help: str, notice: DeltaGenerator | None = None
) -> str:
    """The folder that was typed, or that a link names once it is opened here; "" before.

    Until then `notice`, or the place of the field itself, says that the link names one.
    A visitor of a shared server names no folders, and has no field.
    """
    if settings.read().shared:
        return ""
    typed = st.text_input(
        label,
        **address.kept(name),
        placeholder=placeholder,
        help=help,
        on_change=address.agree,
        args=(name,),
    )
    folder = str(typed or "").strip()
    if not folder or not address.is_brought(name):
        return folder
    shown = folder if len(folder) <= 120 else f"{folder[:119]}…"
    with notice or st.container():
        st.text(f"The link names the folder {shown}. Nothing in it is read before you open it.")
        st.button(
            "Open it",
            key=f"open-{name}",
            icon=":material/folder_open:",
            on_click=address.agree,
            args=(name,),
        )
    return ""
