"""The Embedding map page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from analysis.common import jobs as work_in_hand
from analysis.common.faults import reason
from analysis.maps import projection, quality_words
from analysis.maps.atlas import Sheet
from pages.ui.data import choose
from pages.ui.embedding_map import colour as map_colour
from pages.ui.embedding_map import component, controls, details, engine, layout, typed_sentence
from pages.ui.embedding_map import folder as map_folder
from pages.ui.embedding_map import groups as map_groups
from pages.ui.embedding_map.component import Panel
from pages.ui.embedding_map.drawing import MapSource
from pages.ui.embedding_map.engine import Pass
from pages.ui.engine import jobs
from pages.ui.frame import address
from pages.ui.frame.catalogue import Catalogue
from pages.ui.frame.inputs import Choice
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
_AT_ONCE = 5.0  # seconds: what takes longer waits for a click
_MAP = "map-panels"


def draw(found: Catalogue, choice: Choice) -> None:
    """The data set, the maps, the typed sentence among them, what was selected, the numbers."""
    st.html(f"<style>{_STYLE}</style>")
    # UMAP compiles itself in every new process: it may begin while somebody looks around.
    work_in_hand.start("umap-compiles", lambda desk: projection.warm_up(), lane="maps")
    folder = map_folder.ask()
    if folder:
        _draw_folder(choice, folder)
    elif not choice.entries:
        st.info("Choose at least one checkpoint above.")
    else:
        chosen = choose.choose(choice.entries, any_labels=True)
        if chosen.table is not None:
            chosen = replace(chosen, table=chosen.table.by_sets())
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
    for note in opened.notes:
        st.info(cards.plain(note))
    chosen = choose.DataChoice(
        opened.table, f"{opened.table.split}, vectors of {opened.checkpoint}", more=opened.more
    )
    poolings = list(dict.fromkeys(name for name, _ in opened.vectors))
    layers = [layer for _, layer in opened.vectors]
    asked = controls.ask((), max(layers), len(opened.table), poolings)
    if not asked.poolings:
        st.info("Choose at least one pooling.")
        return
    given = engine.plan(opened.table, asked)
    if choice.text.strip():
        st.caption(
            "The typed sentence is not on these maps: their folder holds vectors and no checkpoint."
        )
    _too_many(len(asked.poolings))
    source = MapSource(chosen, given, asked, opened)
    _maps(choice, source, map_folder.sheets(opened, given))


def _draw(choice: Choice, chosen: choose.DataChoice) -> None:
    assert chosen.table is not None
    members = []
    for entry in choice.entries:
        try:
            engine.depth(entry.first)
        except Exception as error:
            st.warning(cards.plain(reason(error, entry.id)))
            continue
        members.append(entry.first)
        if entry.is_group:
            st.caption(
                f"{cards.plain(entry.name)}: its first seed, {cards.plain(entry.first.name)}."
            )
    if not members:
        return
    deepest = max(engine.depth(member) for member in members)
    asked = controls.ask(members, deepest, len(chosen.table))
    if not asked.poolings:
        st.info("Choose at least one pooling.")
        return
    given = engine.plan(chosen.table, asked)
    _too_many(len(given.panels()))
    if len(given.layers) == 1 and asked.layers:
        st.caption("With so many rows and maps only the layer in view is computed.")
    if asked.wish.method == "umap" and len(given.table) > projection.LARGE:
        # While the vectors are computed the slower kernels can be compiled.
        work_in_hand.start(
            "umap-compiles-large", lambda desk: projection.warm_up(large=True), lane="maps"
        )
    sheets, lacking = engine.sheets(given)
    _vectors_job(given, lacking)
    if sheets:
        _maps(choice, MapSource(chosen, given, asked), sheets)


def _too_many(wanted: int) -> None:
    if wanted > controls.MOST_PANELS:
        st.info(
            f"{wanted} maps are asked for; the first {controls.MOST_PANELS} are computed and "
            "drawn. Choose fewer poolings or checkpoints to see the others."
        )


def _vectors_job(given: Pass, lacking: int) -> None:
    work = engine.work(given)
    rows = len(given.table) * len(given.members)
    with st.container(key="vectors-job"):
        job = jobs.find(given.key)
        about = ""
        # One that failed for a checkpoint is not begun again by itself: it would not end.
        if lacking and (job is None or (job.state == "done" and not job.results)):
            expected = engine.seconds(given)
            about = f", about {work_in_hand.time_in_words(expected)}"
            if expected <= _AT_ONCE:
                jobs.begin(given.key, work)  # again: what it made may have been cleared
        job = jobs.draw(
            given.key,
            work,
            label=f"Read {len(given.table):,} rows",
            finished=not lacking,
            place="vectors",
            about=f"{rows:,} forwards in {given.precision}{about}; it can be stopped and "
            "keeps what is done.",
        )
        for name, problem in job.results if job is not None else ():
            st.error(f"{cards.plain(name)}: {cards.plain(problem)}")


def _maps(choice: Choice, source: MapSource, sheets: list[Sheet]) -> None:
    chosen, given, asked = source.chosen, source.given, source.asked
    sheets, problems = engine.usable(sheets, asked.layer)
    for problem in problems:
        st.warning(cards.plain(problem))
    if not sheets:
        return
    try:
        shown = layout.lay_out(sheets, asked)
    except Exception as error:
        st.error(cards.plain(reason(error)))
        return
    labels = given.table.label if given.table.labels else None
    place = shown.place(asked.layer)
    now = [row[place] for row in shown.maps]
    with st.container(key="map-look"):
        groups = map_groups.ask(chosen, given)
        qualities, measuring = layout.measured(
            sheets, asked.layer, shown.wish, labels, groups.codes
        )
        answers = [
            one for member in given.members if (one := engine.answers(member, given)) is not None
        ]
        colour_name, colour = map_colour.ask(chosen, given, answers, qualities)
        words = st.text_input(
            "Find in the texts", live="150ms", **address.kept("find"), placeholder="a word"
        )
        names = st.toggle("Class names", value=True, **address.kept("centres"))
    texts = _texts(given)
    found = _found(texts, words)
    panels = [
        Panel(sheet.title, tuple(each.projection.points for each in row))
        for sheet, row in zip(sheets, shown.maps, strict=True)
    ]
    with st.container(key="maps"):
        frame = component.draw(
            panels,
            texts,
            given.table.digest,
            _MAP,
            on_selected=lambda rows: details.select(given, rows),
            on_opened=lambda row: details.opened(given, row),
        )
        view = [sheet.nearest(asked.layer) for sheet in sheets]
        typed = typed_sentence.land(choice, given, sheets, now, view)
        rings = typed_sentence.rings(typed, len(shown.layers), place)
        component.look(
            frame,
            given.table.digest,
            "map-look-data",
            colour,
            place,
            rings,
            found,
            names,
            [
                quality_words.subtitle(one, quality, groups, measuring)
                for one, quality in zip(now, qualities, strict=True)
            ],
            details.selected(given),
            len(texts),
        )
    for note in dict.fromkeys(note for one in now for note in one.projection.notes):
        st.caption(cards.plain(note))
    if found is not None:
        st.caption(f"{sum(found):,} of {len(texts):,} texts contain it.")
    measured = any(quality is not None for quality in qualities)
    details.draw(source, choice, sheets, shown, now, colour_name, typed, groups, measured)


def _texts(given: Pass) -> list[str]:
    table = given.table
    if table.pair is None:
        return list(table.text)
    return [f"{a} ⁄ {b}" for a, b in zip(table.text, table.pair, strict=True)]


def _found(texts: Sequence[str], words: str | None) -> list[bool] | None:
    wanted = (words or "").strip().casefold()
    if not wanted:
        return None
    return [wanted in text.casefold() for text in texts]
