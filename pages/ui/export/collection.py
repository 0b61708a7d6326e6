"""The figures collected for the paper: what every page adds to, and the Figures page shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from analysis.figures.files.collected import BadCollection, Collection, read
from analysis.figures.plot import Plot
from analysis.figures.style.settings import Style
from pages.ui.export import saved as kept

_HELD, _ID, _BEFORE = "figures_held", "figures_id", "figures_before"
PROBLEM = "figures_problem"  # in one sentence: what is wrong with keeping them

_cookie = st.components.v2.component(
    "poollens_cookie",
    html="<span></span>",
    js="""export default function ({ data }) {
      const safe = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `${data.name}=${data.id}; path=/; max-age=31536000; SameSite=Strict${safe}`;
    }""",
)


@dataclass(frozen=True)
class _Held:
    collection: Collection
    stamp: kept.Stamp | None


def add(plot: Plot, style: Style | None = None) -> None:
    """Collect a picture; the same picture twice is kept once. Says so in a toast."""
    _take(lambda before: before.add(plot, style))


def _take(how: Callable[[Collection], Collection]) -> None:
    before = current()
    try:
        after = how(before)
    except BadCollection as error:
        st.toast(str(error), icon=":material/warning:")
        return
    if after is before:
        st.toast("This picture is among the figures already.")
        return
    change(lambda _: after)
    st.toast(f"Added to Figures ({len(after)}).")


def add_together(plots: Sequence[Plot], columns: int, style: Style) -> None:
    """Collect several pictures as one figure. Says so in a toast."""
    _take(lambda before: before.add_together(plots, columns, style))


def count() -> int:
    """Number of collected figures."""
    return len(current())


def current() -> Collection:
    """The collection of this browser, also after a reload or a change in another tab."""
    held: _Held | None = st.session_state.get(_HELD)
    id = _id()
    if id is None:
        return held.collection if held else Collection()
    stamp = kept.stamp(id)
    if held is None and stamp is None and st.session_state.get(_ID) is None:
        st.session_state.setdefault(
            PROBLEM,
            "The figures that this browser had here are gone: those that nobody has opened for "
            "the longest time make room. A collection that you save to a file stays.",
        )
    if held is not None and (stamp is None or stamp == held.stamp):
        return held.collection
    text = kept.read(id)
    collection, why = Collection(), ""
    try:
        if text is not None:
            collection = read(text)
        elif stamp is not None:
            why = "the file cannot be opened"
    except BadCollection as error:
        why = str(error)
    if why:
        _leave(id, why)
        stamp = None
    st.session_state[_HELD] = _Held(collection, stamp)
    return collection


def _leave(id: str, why: str) -> None:
    """Begin anew beside a collection that cannot be read: nothing is ever written over it."""
    name = kept.put_aside(id)
    st.session_state[_ID] = kept.new_id()
    place = f"It is kept as {name}" if name else "It stays where it is"
    st.session_state[PROBLEM] = (
        f"The figures kept from before cannot be read: {why}. {place} in the folder of figures, "
        "and new ones begin a new collection."
    )


def change(how: Callable[[Collection], Collection], undo: bool = False) -> None:
    """Replace the collection and keep the new one; with `undo` the old one can be had back."""
    before = current()
    after = how(before)
    if after is before:
        return
    st.session_state[_BEFORE] = before if undo else None
    id = _id() or kept.new_id()
    st.session_state[_ID] = id
    st.session_state[PROBLEM] = kept.write(id, after.to_json())
    st.session_state[_HELD] = _Held(after, kept.stamp(id))


def before() -> Collection | None:
    """The collection before the last change, where that change can be undone."""
    return st.session_state.get(_BEFORE)


def label(page: str) -> str:
    """Name of a page in the sidebar: the Figures page with its number of figures."""
    number = count() if page == "Figures" else 0
    return f"{page} ({number})" if number else page


def remember() -> None:
    """Give the browser the name of its collection, from the first figure on."""
    id = st.session_state.get(_ID)
    if id and _of_browser() != id:
        _cookie(key="figures-cookie", data={"name": kept.COOKIE, "id": id}, height=1)


def _id() -> str | None:
    own = st.session_state.get(_ID)
    return own if kept.is_id(own) else _of_browser()


def _of_browser() -> str | None:
    try:
        cookie = st.context.cookies.get(kept.COOKIE)
    except (AttributeError, RuntimeError):  # no browser: a test
        return None
    return cookie if kept.is_id(cookie) else None
