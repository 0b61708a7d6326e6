"""The Embedding map page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from analysis.common import jobs as work_in_hand
from analysis.common.faults import reason
from analysis.common.phrases import owned
from analysis.figures.recipes.maps import texts_of
from analysis.maps import projection, quality_words
from analysis.maps.atlas import Sheet
from pages.ui.data import choose
from pages.ui.embedding_map import colour as map_colour
from pages.ui.embedding_map import (
    component,
    controls,
    details,
    dock,
    engine,
    layout,
    part,
    typed_sentence,
)
from pages.ui.embedding_map import folder as map_folder
from pages.ui.embedding_map import groups as map_groups
from pages.ui.embedding_map.component import Panel
from pages.ui.embedding_map.controls import MapRequest
from pages.ui.embedding_map.drawing import MapSource
from pages.ui.embedding_map.engine import Pass
from pages.ui.embedding_map.layout import AT_ONCE
from pages.ui.embedding_map.workplace import Workplace
from pages.ui.engine import jobs
from pages.ui.frame import address
from pages.ui.frame.catalogue import Catalogue
from pages.ui.frame.inputs import Choice
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards

_MAP, _UNASKED = "map-panels", "map_unasked"
_LONG = 30.0  # seconds of a pass


def draw(found: Catalogue, choice: Choice, place: Workplace) -> None:
    """The data set, the maps, the typed sentence among them, what was selected, the numbers."""
    folder = map_folder.ask(place.drawer, place.stage)
    if folder:
        _draw_folder(choice, folder, place)
    elif not choice.entries:
        place.open_drawer()
        place.stage.info("Choose at least one checkpoint under “Data and colour”.")
    else:
        with place.drawer:
            chosen = choose.choose(choice.entries, any_labels=True)
        if chosen.table is not None:
            chosen = replace(chosen, table=chosen.table.by_sets())
        if chosen.table is not None and len(chosen.table):
            _draw(choice, chosen, place)
        else:
            place.open_drawer()
            place.stage.info("Choose a data set under “Data and colour”; its map is drawn here.")
    draw_sidebar(found, choice.entries)


def _draw_folder(choice: Choice, folder: str, place: Workplace) -> None:
    """Vectors that were computed elsewhere: no checkpoint is asked."""
    try:
        opened = map_folder.read(folder)
    except ValueError as error:
        place.stage.error(cards.plain(str(error)))
        return
    for note in opened.notes:
        place.stage.info(cards.plain(note))
    chosen = choose.DataChoice(
        opened.table, f"{opened.table.split}, vectors of {opened.checkpoint}", more=opened.more
    )
    poolings = list(dict.fromkeys(name for name, _ in opened.vectors))
    layers = [layer for _, layer in opened.vectors]
    with place.drawer:
        asked = controls.ask((), max(layers), len(opened.table), poolings)
    if not asked.poolings:
        place.stage.info("Choose at least one pooling under “Data and colour”.")
        return
    given = engine.plan(opened.table, asked)
    if choice.text.strip():
        place.below.caption(
            "The typed sentence is not on these maps: their folder holds vectors and no checkpoint."
        )
    _too_many(place, len(asked.poolings))
    source = MapSource(chosen, given, asked, opened)
    _maps(choice, source, map_folder.sheets(opened, given), place)


def _draw(choice: Choice, chosen: choose.DataChoice, place: Workplace) -> None:
    assert chosen.table is not None
    members = []
    with place.drawer:
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
            place.open_drawer()
            return
        deepest = max(engine.depth(member) for member in members)
        asked = controls.ask(members, deepest, len(chosen.table))
    if not asked.poolings:
        place.stage.info("Choose at least one pooling under “Data and colour”.")
        return
    given = engine.plan(chosen.table, asked)
    _too_many(place, len(given.panels()))
    if len(given.layers) == 1 and asked.layers:
        place.below.caption("With so many rows and maps only the layer in view is computed.")
    sheets, lacking = engine.sheets(given)
    if not sheets:
        job = jobs.find(given.key)
        begun = part.begun(given, asked.layer, job is not None and job.running)
        sheets, _ = engine.sheets(begun) if begun is not None else ([], 0)
        _vectors_job(given, lacking, chosen.name, asked, place, begun, bool(sheets))
        if begun is not None and sheets:
            place.dock.caption(part.sentence(begun, given))
            quick = replace(asked, wish=asked.wish.quickly())
            _maps(choice, MapSource(chosen, begun, quick), sheets, place)
        return
    _vectors_job(given, lacking, chosen.name, asked, place, None, True)
    if sheets:
        _maps(choice, MapSource(chosen, given, asked), sheets, place)


def _too_many(place: Workplace, wanted: int) -> None:
    if wanted > controls.MOST_PANELS:
        place.below.info(
            f"{wanted} maps are asked for; the first {controls.MOST_PANELS} are computed and "
            "drawn. Choose fewer poolings or checkpoints to see the others."
        )


def _vectors_job(
    given: Pass,
    lacking: int,
    name: str,
    asked: MapRequest,
    place: Workplace,
    drawn: Pass | None,
    over: bool,
) -> None:
    """The vectors: at once where they take no time, else on a click.

    ``drawn`` is the part of the rows that is on the map; ``over`` says that a map stands.
    """
    work = engine.work(given)
    rows = len(given.table) * len(given.members)
    with place.jobs if over else place.stage, st.container(key="vectors-job"):
        job = jobs.find(given.key)
        about = ""
        # One that failed for a checkpoint is not begun again by itself: it would not end.
        if lacking and (job is None or (job.state == "done" and not job.results)):
            expected = engine.seconds(given)
            about = f", about {work_in_hand.time_in_words(expected)}"
            if expected <= AT_ONCE:
                jobs.begin(given.key, work)  # again: what it made may have been cleared
                st.session_state[_UNASKED] = given.key
        job = jobs.draw(
            given.key,
            work,
            label=f"Map {len(given.table):,} rows",
            finished=not lacking,
            begun=drawn is not None,
            place="vectors",
            anew=None if over and drawn is None else lambda: part.is_due(given, asked.layer, drawn),
            about=f"{cards.plain(name)}. {rows:,} forwards in {given.precision}{about}; it can be "
            "stopped and keeps what is done. Other data: “Data and colour”.",
        )
        for checkpoint, problem in job.results if job is not None else ():
            st.error(cards.plain(owned(checkpoint, problem)))
    if job is None or st.session_state.get(_UNASKED) == given.key:
        return
    engine.ask_for(given)
    if asked.wish.method == "umap" and job.running and engine.seconds(given) > _LONG:
        # Beside vectors that take long UMAP's kernels can be read, or compiled once; beside
        # others that would only hold the first map up.
        large = len(given.table) > projection.LARGE
        work_in_hand.start(
            f"umap-compiles-{large}", lambda desk: projection.warm_up(large), lane="maps"
        )


@dataclass(frozen=True)
class _Look:
    """How the map is asked to look."""

    find: str
    classes: bool
    clusters: bool
    contours: bool


def _look(place: Workplace) -> _Look:
    with place.find:
        words = st.text_input(
            "Find in the texts",
            live="150ms",
            **address.kept("find"),
            placeholder="Find in the texts",
            label_visibility="collapsed",
        )
    with place.drawer, st.container(key="map-names"):
        classes = st.toggle("Class names", value=True, **address.kept("centres"))
        clusters = st.toggle(
            "Cluster names",
            value=True,
            **address.kept("clusters"),
            help="Clusters of the map (HDBSCAN), named by the words that tell their texts from "
            "the others' (class-based TF-IDF). A name stands where no point is.",
        )
        contours = st.toggle(
            "Density contours",
            value=True,
            **address.kept("contours"),
            help="Lines around the densest regions that hold 90, 60 and 30 % of the points.",
        )
    return _Look(words or "", classes, clusters, contours)


def _maps(choice: Choice, source: MapSource, sheets: list[Sheet], place: Workplace) -> None:
    chosen, given, asked = source.chosen, source.given, source.asked
    sheets, problems = engine.usable(sheets, asked.layer)
    for problem in problems:
        place.below.warning(cards.plain(problem))
    if not sheets:
        return
    try:
        with place.jobs:
            shown = layout.lay_out(sheets, asked)
    except Exception as error:
        place.stage.error(cards.plain(reason(error)))
        return
    labels = given.table.label if given.table.labels else None
    index = shown.place(asked.layer)
    now = [row[index] for row in shown.maps]
    texts = texts_of(given.table)
    with place.drawer:
        groups = map_groups.ask(chosen, given)
    of_part = given.whole is not None  # which is drawn, and not measured: it is soon another one
    with place.jobs:
        measured = (
            layout.unmeasured(sheets)
            if of_part
            else layout.measured(sheets, asked.layer, shown.wish, labels, groups.codes, texts)
        )
    qualities = measured.qualities
    structures = [
        one and one.onto(each) for one, each in zip(measured.structures, now, strict=True)
    ]
    answers = [
        one for member in given.members if (one := engine.answers(member, given)) is not None
    ]
    with place.drawer:
        colour_name, colour = map_colour.ask(chosen, given, answers, qualities)
    look = _look(place)
    found = _found(texts, look.find)
    panels = [
        Panel(sheet.title, tuple(each.projection.points for each in row))
        for sheet, row in zip(sheets, shown.maps, strict=True)
    ]
    with place.stage, st.container(key="maps"):
        frame = component.draw(
            panels,
            texts,
            given.table.digest,
            _MAP,
            on_selected=lambda rows: details.select(given, rows),
            on_layer=lambda layer: controls.show_layer(layer, asked.layers),
            layers=shown.layers,
            depth=asked.layers,
        )
        view = [sheet.nearest(asked.layer) for sheet in sheets]
        typed = typed_sentence.land(choice, given, sheets, now, view)
        rings = typed_sentence.rings(typed, len(shown.layers), index)
        component.look(
            frame,
            given.table.digest,
            "map-look-data",
            colour,
            index,
            rings,
            found,
            look.classes,
            [
                quality_words.subtitle(one, quality, groups, measured.more)
                for one, quality in zip(now, qualities, strict=True)
            ],
            details.selected(given),
            len(texts),
            structures,
            look.contours,
            look.clusters,
        )
    if of_part:
        return
    with place.dock:
        dock.draw(dock.Docked(source, choice, sheets, qualities, structures, colour_name))
    with place.below:
        for note in dict.fromkeys(note for one in now for note in one.projection.notes):
            st.caption(cards.plain(note))
        if found is not None:
            st.caption(f"{sum(found):,} of {len(texts):,} texts contain it.")
        known = any(quality is not None for quality in qualities)
        details.draw(source, choice, sheets, shown, now, colour_name, typed, groups, known)


def _found(texts: Sequence[str], words: str) -> list[bool] | None:
    wanted = words.strip().casefold()
    if not wanted:
        return None
    return [wanted in text.casefold() for text in texts]
