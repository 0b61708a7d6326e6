"""Files of the Figures page: the ZIP, saving and loading the collection, and an example."""

from __future__ import annotations

import hashlib

import streamlit as st

from analysis.common.faults import reason
from analysis.figures.files.bundle import Bundle, bundle
from analysis.figures.files.collected import BadCollection, Collection, read
from pages.ui.engine import models
from pages.ui.export import collection
from pages.ui.frame.catalogue import catalogue
from pages.ui.frame.examples import words_for
from pages.ui.kit import cards

_LOADED, _ZIP = "figures_loaded", "figures_zip_made"


def draw_top(figures: Collection) -> None:
    """Number of figures, and actions for all of them."""
    count = len(figures)
    pictures = f", {figures.pictures} pictures" if figures.pictures != count else ""
    st.markdown(
        f"**{count} figure{'s' if count > 1 else ''}**{pictures} for {figures.style.of.name}"
    )
    with st.popover("Save or load", type="tertiary", icon=":material/folder_open:"):
        st.download_button(
            "Save the collection",
            data=figures.to_json,
            file_name="figures.poollens.json",
            mime="application/json",
            on_click="ignore",
            key="figures-save",
        )
        _draw_loader()
        st.button("Remove all", type="tertiary", key="figures-clear", on_click=_clear)
    also = st.pills(
        "Beside PDF",
        ("svg", "png"),
        selection_mode="multi",
        key="figures-also",
        label_visibility="collapsed",
        format_func=lambda name: f"+ {name.upper()}",
    )
    _draw_zip(figures, tuple(also or ()))


def _draw_zip(figures: Collection, also: tuple[str, ...]) -> None:
    """Packed when asked for, with its progress; then what its reader must know, and the file."""
    key = hashlib.sha256(f"{also}{figures.to_json()}".encode("ascii")).hexdigest()
    made: tuple[str, Bundle] | None = st.session_state.get(_ZIP)
    if made is None or made[0] != key:
        pressed = st.button(
            "Make ZIP",
            type="primary",
            key="figures-zip-make",
            icon=":material/folder_zip:",
            help="Figures as PDF, their sidecars, data as CSV, figures.tex, references.bib, and a "
            "script that makes all of it again. About a second a figure.",
        )
        if not pressed:
            return
        bar = st.progress(0.0, "Drawing")

        def progress(share: float) -> None:
            bar.progress(share, "Drawing")

        try:
            made = key, bundle(figures, also, progress=progress)
        except Exception as error:
            bar.empty()
            st.error(cards.plain(reason(error, "The folder of files")))
            return
        bar.empty()
        st.session_state[_ZIP] = made
    st.download_button(
        f"Download ZIP ({len(made[1].data) / 2**20:.1f} MB)",
        data=made[1].data,
        type="primary",
        file_name="figures.zip",
        mime="application/zip",
        on_click="ignore",
        key="figures-zip",
    )
    if made[1].notices:
        count = len(made[1].notices)
        with st.popover(
            f"{count} notice{'s' if count > 1 else ''}", type="tertiary", icon=":material/info:"
        ):
            for line in made[1].notices:
                st.caption(cards.plain(line))


def _clear() -> None:
    collection.change(lambda figures: Collection(style=figures.style), undo=True)


def draw_empty() -> None:
    """One sentence, an example, and the way to load what was saved."""
    st.info(
        "No figures yet. Press '+ Paper' beside any picture on the other pages: it is collected "
        "here."
    )
    with st.container(horizontal=True):
        if st.button("Add an example", key="figures-example"):
            _example()
        with st.popover("Load a collection", type="tertiary", icon=":material/folder_open:"):
            _draw_loader()
        if collection.before() is not None:
            from pages.ui.figures.edit import _undo

            st.button("Undo", type="tertiary", icon=":material/undo:", on_click=_undo)


def _draw_loader() -> None:
    file = st.file_uploader(
        "Load a collection or a sidecar",
        type="json",
        key="figures-file",
        max_upload_size=32,
    )
    if file is None:
        return
    if st.session_state.get(_LOADED) != file.file_id:
        st.session_state[_LOADED] = file.file_id
        problem = load(file.getvalue())
        st.session_state["figures_load_problem"] = problem
        if not problem:
            st.rerun()
    if st.session_state.get("figures_load_problem"):
        st.error(cards.plain(f"{file.name}: {st.session_state['figures_load_problem']}."))


def load(data: bytes) -> str:
    """Put a file's figures behind those that are here; returns why not, or ""."""
    try:
        loaded = read(data)
        collection.change(lambda figures: figures.with_all(loaded), undo=True)
    except BadCollection as error:
        return str(error)
    return ""


def _example() -> None:
    """Two pictures of the first checkpoint that has a maximum over layers."""
    classifiers = [entry.first for entry in catalogue().entries if entry.classifies]
    heads = [
        classifier for classifier in classifiers if classifier.head == "max_seq_mha"
    ] or classifiers
    if not heads:
        st.warning("There is no checkpoint to draw an example with.")
        return
    with st.spinner("Drawing an example"):
        from analysis.figures.recipes.registry import make

        models.wait_until_warm()
        checkpoint = heads[0]
        words = words_for(checkpoint.task or "other").examples[0]
        try:
            loaded = models.classifier(checkpoint)
            for view in (
                ("reading", "winners") if checkpoint.head == "max_seq_mha" else ("classes",)
            ):
                params = {"quantity": "contribution"} if view == "winners" else {}
                collection.add(make(view, [loaded], words.text, words.pair or None, None, params))
        except Exception as error:
            st.warning(cards.plain(reason(error)))
            return
    st.rerun()
