"""The Embedding map page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from analysis.common import jobs as work_in_hand
from analysis.common.faults import reason
from analysis.common.phrases import owned
from analysis.figures.recipes.map_results import texts_of
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
from pages.ui.frame.choice import Choice
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards

_MAP, _UNASKED = "map-panels", "map_unasked"
_LONG = 30.0  # seconds of a pass


def draw(checkpoints: Catalogue, choice: Choice, place: Workplace) -> None:
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
    draw_sidebar(checkpoints, choice.entries)


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
        request = controls.ask((), max(layers), len(opened.table), poolings)
    if not request.poolings:
        place.stage.info("Choose at least one pooling under “Data and colour”.")
        return
    data_pass = engine.plan(opened.table, request)
    if choice.text.strip():
        place.below.caption(
            "The typed sentence is not on these maps: their folder holds vectors and no checkpoint."
        )
    _too_many(place, len(request.poolings))
    source = MapSource(chosen, data_pass, request, opened)
    _maps(choice, source, map_folder.sheets(opened, data_pass), place)


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
        request = controls.ask(members, deepest, len(chosen.table))
    if not request.poolings:
        place.stage.info("Choose at least one pooling under “Data and colour”.")
        return
    data_pass = engine.plan(chosen.table, request)
    _too_many(place, len(data_pass.panels()))
    if len(data_pass.layers) == 1 and request.layers:
        place.below.caption("With so many rows and maps only the layer in view is computed.")
    sheets, lacking = engine.sheets(data_pass)
    if not sheets:
        job = jobs.find(data_pass.key)
        running = job is not None and job.running
        begun = part.begun(data_pass, request.layer, running)
        sheets, _ = engine.sheets(begun) if begun is not None else ([], 0)
        _vectors_job(data_pass, lacking, chosen.name, request, place, begun, bool(sheets))
        if begun is not None and sheets:
            place.dock.caption(part.sentence(begun, data_pass, running))
            quick = replace(request, wish=request.wish.quickly())
            _maps(choice, MapSource(chosen, begun, quick), sheets, place)
        return
    _vectors_job(data_pass, lacking, chosen.name, request, place, None, True)
    if sheets:
        _maps(choice, MapSource(chosen, data_pass, request), sheets, place)


def _too_many(place: Workplace, panels: int) -> None:
    if panels > controls.MOST_PANELS:
        place.below.info(
            f"{panels} maps are asked for; the first {controls.MOST_PANELS} are computed and "
            "drawn. Choose fewer poolings or checkpoints to see the others."
        )


def _vectors_job(
    data_pass: Pass,
    lacking: int,
    name: str,
    request: MapRequest,
    place: Workplace,
    drawn: Pass | None,
    over: bool,
) -> None:
    """The vectors: at once where they take no time, else on a click.

    ``drawn`` is the part of the rows that is on the map; ``over`` says that a map stands.
    """
    work = engine.work(data_pass)
    rows = len(data_pass.table) * len(data_pass.members)
    with place.jobs if over else place.stage, st.container(key="vectors-job"):
        job = jobs.find(data_pass.key)
        about = ""
        # One that failed for a checkpoint is not begun again by itself: it would not end.
        if lacking and (job is None or (job.state == "done" and not job.results)):
            expected = engine.seconds(data_pass)
            about = f", about {work_in_hand.time_in_words(expected)}"
            if expected <= AT_ONCE:
                jobs.begin(data_pass.key, work)  # again: what it made may have been cleared
                st.session_state[_UNASKED] = data_pass.key
        job = jobs.draw(
            data_pass.key,
            work,
            label=f"Map {len(data_pass.table):,} rows",
            finished=not lacking,
            begun=drawn is not None,
            place="vectors",
            anew=None
            if over and drawn is None
            else lambda: part.is_due(data_pass, request.layer, drawn),
            about=f"{cards.plain(name)}. {rows:,} forwards in {data_pass.precision}{about}; it "
            "can be stopped and keeps what is done. Other data: “Data and colour”.",
        )
        for checkpoint, problem in job.results if job is not None else ():
            st.error(cards.plain(owned(checkpoint, problem)))
    if job is None or st.session_state.get(_UNASKED) == data_pass.key:
        return
    engine.ask_for(data_pass)
    if request.wish.method == "umap" and job.running and engine.seconds(data_pass) > _LONG:
        # Beside vectors that take long UMAP's kernels can be read, or compiled once; beside
        # others that would only hold the first map up.
        large = len(data_pass.table) > projection.LARGE
        work_in_hand.start(
            f"umap-compiles-{large}", lambda desk: projection.warm_up(large), lane="maps"
        )


@dataclass(frozen=True)
class _Look:
    """Requested look of the map."""

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
    chosen, data_pass, request = source.chosen, source.data_pass, source.request
    sheets, problems = engine.usable(sheets, request.layer)
    for problem in problems:
        place.below.warning(cards.plain(problem))
    if not sheets:
        return
    try:
        with place.jobs:
            shown = layout.lay_out(sheets, request)
    except Exception as error:
        place.stage.error(cards.plain(reason(error)))
        return
    labels = data_pass.table.label if data_pass.table.labels else None
    index = shown.place(request.layer)
    now = [row[index] for row in shown.maps]
    texts = texts_of(data_pass.table)
    with place.drawer:
        groups = map_groups.ask(chosen, data_pass)
    of_part = (
        data_pass.whole is not None
    )  # which is drawn, and not measured: it is soon another one
    with place.jobs:
        measured = (
            layout.unmeasured(sheets)
            if of_part
            else layout.measured(sheets, request.layer, shown.wish, labels, groups.codes, texts)
        )
    qualities = measured.qualities
    structures = [
        structure and structure.onto(each)
        for structure, each in zip(measured.structures, now, strict=True)
    ]
    answers = [
        predictions
        for member in data_pass.members
        if (predictions := engine.answers(member, data_pass)) is not None
    ]
    with place.drawer:
        colour_name, colour = map_colour.ask(chosen, data_pass, answers, qualities)
    look = _look(place)
    hits = _hits(texts, look.find)
    panels = [
        Panel(sheet.title, tuple(each.projection.points for each in row))
        for sheet, row in zip(sheets, shown.maps, strict=True)
    ]
    with place.stage, st.container(key="maps"):
        frame = component.draw(
            panels,
            texts,
            data_pass.table.digest,
            _MAP,
            on_selected=lambda rows: details.select(data_pass, rows),
            on_layer=lambda layer: controls.show_layer(layer, request.layers),
            layers=shown.layers,
            depth=request.layers,
        )
        view = [sheet.nearest(request.layer) for sheet in sheets]
        typed = typed_sentence.land(choice, data_pass, sheets, now, view)
        rings = typed_sentence.rings(typed, len(shown.layers), index)
        component.look(
            frame,
            data_pass.table.digest,
            "map-look-data",
            colour,
            index,
            rings,
            hits,
            look.classes,
            [
                quality_words.subtitle(layout, quality, groups, measured.more)
                for layout, quality in zip(now, qualities, strict=True)
            ],
            details.selected(data_pass),
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
        for note in dict.fromkeys(note for layout in now for note in layout.projection.notes):
            st.caption(cards.plain(note))
        if hits is not None:
            st.caption(f"{sum(hits):,} of {len(texts):,} texts contain it.")
        known = any(quality is not None for quality in qualities)
        details.draw(source, choice, sheets, shown, now, colour_name, typed, groups, known)


def _hits(texts: Sequence[str], words: str) -> list[bool] | None:
    plain = words.strip().casefold()
    if not plain:
        return None
    return [plain in text.casefold() for text in texts]
