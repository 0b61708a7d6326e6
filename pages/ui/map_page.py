"""The Embedding map page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from analysis import jobs as work_in_hand
from analysis import projection
from analysis.atlas import Sheet, Wish, aligned, missing
from analysis.checkpoints import CheckpointError
from analysis.map_quality import Quality
from analysis.projection import Map
from pages.ui import (
    cards,
    dataset,
    jobs,
    map_below,
    map_colour,
    map_component,
    map_controls,
    map_engine,
    map_folder,
    map_typed,
)
from pages.ui.catalogue import Catalogue
from pages.ui.inputs import KEPT, Choice
from pages.ui.map_component import Panel
from pages.ui.map_controls import Asked
from pages.ui.map_engine import Pass
from pages.ui.sidebar import draw_sidebar

_STYLE = Path(__file__).with_name("map_page.css").read_text(encoding="utf-8")
_AT_ONCE = 2_000  # rows times checkpoints that are computed without being asked
_MAP = "map-panels"


def draw(found: Catalogue, choice: Choice) -> None:
    """The data set, the maps, the typed sentence among them, what was selected, the numbers."""
    map_below.follow()
    st.html(f"<style>{_STYLE}</style>")
    # UMAP compiles itself in every new process: it may begin while somebody looks around.
    work_in_hand.start("umap-compiles", lambda desk: projection.warm_up(), lane="maps")
    folder = map_folder.ask()
    if folder:
        _draw_folder(choice, folder)
    elif not choice.entries:
        st.info("Choose at least one checkpoint above.")
    else:
        chosen = dataset.choose(choice.entries, any_labels=True)
        if chosen.table is not None and len(chosen.table):
            _draw(choice, chosen)
    draw_sidebar(found, choice.entries)


def _draw_folder(choice: Choice, folder: str) -> None:
    """Vectors that were computed elsewhere: no checkpoint is asked."""
    try:
        opened = map_folder.read(folder)
    except ValueError as error:
        st.error(cards.plain(str(error)))
        return
    chosen = dataset.Chosen(opened.table, f"{opened.table.split}, vectors of {opened.checkpoint}")
    poolings = list(dict.fromkeys(name for name, _ in opened.vectors))
    layers = [layer for _, layer in opened.vectors]
    asked = map_controls.ask((), max(layers), len(opened.table), poolings)
    if not asked.poolings:
        st.info("Choose at least one pooling.")
        return
    given = map_engine.plan(opened.table, asked)
    _maps(choice, chosen, given, asked, map_folder.sheets(opened, given))


def _draw(choice: Choice, chosen: dataset.Chosen) -> None:
    assert chosen.table is not None
    members = []
    for entry in choice.entries:
        try:
            map_engine.depth(entry.first)
        except CheckpointError as error:
            st.warning(cards.plain(str(error)))
            continue
        members.append(entry.first)
        if entry.is_group:
            st.caption(f"{cards.plain(entry.id)}: its first seed, {cards.plain(entry.first.id)}.")
    if not members:
        return
    deepest = max(map_engine.depth(member) for member in members)
    asked = map_controls.ask(members, deepest, len(chosen.table))
    if not asked.poolings:
        st.info("Choose at least one pooling.")
        return
    given = map_engine.plan(chosen.table, asked)
    sheets, lacking = map_engine.sheets(given)
    _vectors_job(given, lacking)
    if sheets:
        _maps(choice, chosen, given, asked, sheets)


def _vectors_job(given: Pass, lacking: int) -> None:
    work = map_engine.work(given)
    rows = len(given.table) * len(given.members)
    with st.container(key="vectors-job"):
        job = work_in_hand.find(given.key)
        if lacking and rows <= _AT_ONCE and (job is None or job.state == "done"):
            work_in_hand.start(given.key, work, again=True)  # what it made was cleared
        job = jobs.draw(
            given.key, work, label=f"Read {len(given.table):,} rows", finished=not lacking,
            place="vectors", about=f"{rows:,} forwards in {given.precision}; it can be stopped and "
            "keeps what is done.",
        )  # fmt: skip
        for name, problem in job.results if job is not None else ():
            st.error(f"{cards.plain(name)}: {cards.plain(problem)}")


def _maps(
    choice: Choice, chosen: dataset.Chosen, given: Pass, asked: Asked, sheets: list[Sheet]
) -> None:
    store = map_engine.layouts()
    wish = asked.wish
    view = [(sheet, sheet.nearest(asked.layer)) for sheet in sheets]
    if wish.method == "umap" and missing(store, sheets, asked.layer, wish):
        _lay_out(sheets, asked, wish)
    if any(store.get(sheet, layer, wish) is None for sheet, layer in view):
        wish = wish.quickly()  # PCA stands there until the other is done
        for sheet, layer in view:
            store.made(sheet, layer, wish)
    layers = _layers(sheets, asked, wish)
    maps = aligned(store, sheets, layers, wish)
    labels = given.table.label if given.table.labels else None
    qualities = [store.quality(sheet, layer, wish, labels, "label") for sheet, layer in view]
    with st.container(key="map-look"):
        answers = [one for member in given.members
                   if (one := map_engine.answers(member, given)) is not None]  # fmt: skip
        measured = [one for one in qualities if one is not None]
        colour = map_colour.ask(chosen, given, answers, measured)
        words = st.text_input("Find in the texts", key="find", live="150ms", **KEPT,
                              placeholder="a word")  # fmt: skip
        names = st.toggle("Class names", key="centres", value=True, **KEPT)
    texts = _texts(given)
    found = _found(texts, words)
    place = layers.index(asked.layer) if asked.layer in layers else len(layers) - 1
    now = [row[place] for row in maps]
    panels = [
        Panel(sheet.title, _subtitle(one, quality),
              tuple(each.projection.points for each in row))
        for sheet, row, one, quality in zip(sheets, maps, now, qualities, strict=True)
    ]  # fmt: skip
    identity = f"{given.key}-{map_engine.layout_key(sheets, wish)}"
    with st.container(key="maps"):
        frame = map_component.draw(
            panels, texts, identity, _MAP,
            on_selected=lambda rows: map_below.select(given, rows),
            on_opened=lambda row: map_below.opened(given, row),
            selected=map_below.selected(given),
        )  # fmt: skip
        typed = map_typed.land(choice, given, sheets, now, [n for _, n in view])
        rings = map_typed.rings(typed, len(layers), place)
        map_component.look(frame, identity, "map-look-data", colour, place, rings, found, names)
    for note in dict.fromkeys(note for one in now for note in one.projection.notes):
        st.caption(cards.plain(note))
    if found is not None:
        st.caption(f"{int(found.sum()):,} of {len(texts):,} texts contain it.")
    map_below.draw(chosen, given, asked, sheets, now, wish, colour, typed)


def _lay_out(sheets: Sequence[Sheet], asked: Asked, wish: Wish) -> None:
    """First the layer in view, which is then shown; then the others, for the slider."""
    store = map_engine.layouts()
    view = any(store.get(one, one.nearest(asked.layer), wish) is None for one in sheets)
    key = map_engine.layout_key(sheets, wish) + (f"-{asked.layer}" if view else "-all")
    work = map_engine.lay_out(sheets, asked.layer, wish, only_in_view=view)
    if work_in_hand.find(key) is None:
        work_in_hand.start(key, work, lane="maps")
    jobs.draw(
        key, work, label="Lay out by UMAP" if view else "Lay out the other layers", lane="maps",
        place="layout", about="UMAP compiles itself once after a start, which takes some seconds."
        if view else "The slider goes through the layers that are there.",
    )  # fmt: skip


def _layers(sheets: Sequence[Sheet], asked: Asked, wish: Wish) -> list[int]:
    """The layers that the slider can go through now: those of which every panel has its map."""
    store = map_engine.layouts()
    every = sorted({layer for sheet in sheets for layer in sheet.layers})
    if wish.method == "pca":
        for sheet in sheets:
            for layer in every:
                store.made(sheet, sheet.nearest(layer), wish)
        return every
    return [
        layer for layer in every
        if all(store.get(sheet, sheet.nearest(layer), wish) is not None for sheet in sheets)
    ]  # fmt: skip


def _subtitle(one: Map, quality: Quality | None) -> str:
    method = {"pca": "PCA", "umap": "UMAP", "aligned_umap": "AlignedUMAP"}[one.projection.method]
    if quality is None:
        return method
    told = (
        f"{method}, trustworthiness {quality.trustworthiness:.2f}, "
        f"continuity {quality.continuity:.2f}"
    )
    if quality.knn_original is not None:
        told += f", k-NN {quality.knn_original:.2f} → {quality.knn_map:.2f}"
    return told


def _texts(given: Pass) -> list[str]:
    table = given.table
    if table.pair is None:
        return list(table.text)
    return [f"{a} ⁄ {b}" for a, b in zip(table.text, table.pair, strict=True)]


def _found(texts: Sequence[str], words: str | None) -> np.ndarray | None:
    wanted = (words or "").strip().casefold()
    if not wanted:
        return None
    return np.array([wanted in text.casefold() for text in texts])
