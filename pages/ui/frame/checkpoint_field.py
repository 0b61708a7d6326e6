"""The field of checkpoints, and a link that names one which is not here."""

from __future__ import annotations

import streamlit as st

from analysis.common.faults import reason
from pages.ui.frame import address, settings
from pages.ui.frame.catalogue import Catalogue, Entry
from pages.ui.frame.catalogue import add as add_checkpoint
from pages.ui.kit import cards


def checkpoints(catalogue: Catalogue) -> tuple[Entry, ...]:
    """The checkpoints and seed groups that are chosen, in the order of the catalogue."""
    options = [entry.id for entry in catalogue.entries]
    defaults = catalogue.defaults(catalogue.tasks[0] if catalogue.tasks else "")
    if "checkpoints" in st.session_state:
        # A checkpoint that is not in the folder, or no longer, must not stop the widget.
        shown = list(st.session_state["checkpoints"])
        arrived = [name for name in address.waiting("checkpoints") if name in options]
        if arrived and address.is_default("checkpoints"):  # they stood in for what was asked for
            shown = []
        names = list(dict.fromkeys((*shown, *address.waiting("checkpoints"))))
        here = [name for name in names if name in options]
        address.wait("checkpoints", [name for name in names if name not in options])
        added = st.session_state.pop("select_added", None)
        here += [added] if added in options and added not in here else []
        if not here and names:
            del st.session_state["checkpoints"]
        elif here != st.session_state["checkpoints"]:
            st.session_state["checkpoints"] = here
    _name_missing()
    named = catalogue.names
    chosen = st.multiselect(
        "Checkpoints",
        options,
        format_func=lambda id: named.get(id, id),
        default=defaults,
        **address.kept("checkpoints"),
        placeholder="Choose checkpoints",
        on_change=_forget_missing,
        help="Names without -s0, -s1, ... are seed groups: their members differ in the seed only.",
    )
    entries = [catalogue.get(name) for name in options if name in chosen]
    return tuple(entry for entry in entries if entry is not None)


def _name_missing() -> None:
    """A link may name checkpoints that are not here: say which, and what can be done."""
    missing = address.waiting("checkpoints")
    if not missing:
        return
    names = cards.plain(", ".join(missing))
    with st.container(horizontal=True, vertical_alignment="center", key="missing"):
        if settings.read().shared:
            st.warning(f"The address names {names}, which this server does not offer.")
        else:
            st.warning(f"The address names {names}, which is not open here.")
            st.button("Open it", key="open_missing", on_click=_open_missing)
        st.button("Leave out", key="leave_missing", on_click=_forget_missing)
    if problem := st.session_state.get("missing_problem"):
        st.text(problem)


def _open_missing() -> None:
    """Look for what a link named: a folder of this machine is opened by a click only."""
    problems = []
    for reference in address.waiting("checkpoints"):
        try:
            add_checkpoint(reference)
        except Exception as error:
            problems.append(reason(error, reference))
    st.session_state["missing_problem"] = "\n".join(problems)


def _forget_missing() -> None:
    address.wait("checkpoints", ())
    st.session_state.pop("missing_problem", None)
