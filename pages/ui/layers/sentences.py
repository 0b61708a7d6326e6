"""Over many sentences: similarity of layers between checkpoints, and where this sentence stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import sqrt
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.common.faults import reason
from analysis.common.phrases import listed
from analysis.datasets.sentences import digest
from analysis.figures.marks import Grid, Lines
from analysis.figures.plot import Plot
from analysis.figures.recipes.layers import standings
from analysis.figures.views.source import distinct
from analysis.reading.layers import FEWEST, MOST
from analysis.text.tokens import clean
from pages.ui.data import sentence_sets
from pages.ui.data.sentence_sets import ChosenSentences
from pages.ui.engine.results import picture, subject_of
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards, selection, shades, show
from pages.ui.kit.titles import titled
from pages.ui.layers import engine
from pages.ui.layers.depth import chart, legend, target_of
from pages.ui.layers.engine import Way

if TYPE_CHECKING:
    import numpy as np

    from analysis.reading.trace import Trace


_ABOUT = (
    "Both numbers need many sentences. Debiased linear CKA (Kornblith et al. 2019, unbiased HSIC "
    "of Song et al. 2012) says how alike two layers arrange the sentences: 0 unrelated, 1 the "
    "same up to rotation and scale; it does not say that they are used alike. A percentile says "
    "how many of the sentences have a smaller number than the one typed above."
)
_ABOUT_CKA = (
    "Debiased linear CKA between every layer of two checkpoints over these sentences: 0 unrelated, "
    "1 the same up to rotation and scale. It says nothing of what a pooling head takes from them; "
    "over the suite it is the similarity of its templates. Kornblith et al. 2019, Song et al. 2012."
)
_ABOUT_STANDING = (
    "Percent of the sentences whose [CLS] has a smaller number at that layer; equal ones count "
    "half. 50 is the middle of this set, and another set has another middle."
)
_OF = {"cls": "[CLS]", "mean": "mean of all tokens"}


def draw_many(
    ways: Sequence[Way], choice: Choice, references: Mapping[str, Sequence[Trace]]
) -> dict[str, dict[str, np.ndarray]]:
    """The panel; returns percentiles by checkpoint where they were asked for.

    `references` are the traces of the reference text by checkpoint, where there is one.
    """
    with st.container(border=True, key="panel-many"):
        st.markdown("**Over many sentences**", help=_ABOUT)
        chosen, first, second, of = _controls(ways)
        if not chosen.name:
            return {}
        rows = chosen.rows
        named = listed(dict.fromkeys(cards.plain(entry.name) for entry in (first, second)))
        wished = st.session_state.get("many_asked") == digest(rows)
        with st.container(key="many-start"):
            st.button(
                f"Compute over {len(rows)} sentences"
                if not wished
                else f"Computed over {len(rows)} sentences",
                key="many-button",
                disabled=wished,
                on_click=lambda: st.session_state.update(many_asked=digest(rows)),
            )
            status = st.empty()
        with st.container(key="many-results"):
            cka_place = st.container(key="cka-place")
            standing_place = st.container(key="standing-place")
        if not wished:
            status.caption(
                f"{chosen.name}. Similarity of the layers of {named}, and the percentile of this "
                "sentence among them: a forward for every sentence and checkpoint, some seconds."
            )
            return {}
        if not FEWEST <= len(rows) <= MOST:
            status.caption(_refused(len(rows)))
            return {}
        with cka_place:
            _draw_cka(first, second, choice, chosen, of, status)
        with standing_place:
            by_checkpoint = _draw_standings(ways, choice, chosen, references, status)
        status.caption(f"{chosen.name}.")
        return by_checkpoint


def _refused(count: int) -> str:
    if count > MOST:
        return f"{count:,} sentences are more than can be held at once: give at most {MOST:,}."
    return (
        f"{count} different sentences are too few: unrelated layers would differ from 0 by chance "
        f"by about {sqrt(2) / max(count, 1):.2f}. Give at least {FEWEST}."
    )


def _controls(ways: Sequence[Way]) -> tuple[ChosenSentences, Entry, Entry, str]:
    entries = {way.entry.id: way.entry for way in ways}
    names = list(entries)
    called = dict(zip(names, distinct([entry.name for entry in entries.values()]), strict=True))
    chosen = sentence_sets.choose(list(entries.values()))
    with st.container(key="many-controls"):
        of = st.segmented_control(
            "Vector",
            list(_OF),
            default="cls",
            required=True,
            **address.kept("many_of"),
            format_func=_OF.__getitem__,
        )
        for key in ("cka_rows", "cka_columns"):  # a checkpoint that is no longer chosen
            if st.session_state.get(key) not in names:
                st.session_state.pop(key, None)
        first = st.selectbox(
            "Layers of", names, key="cka_rows", width=140, format_func=called.__getitem__
        )
        second = st.selectbox(
            "against layers of",
            names,
            index=min(1, len(names) - 1),
            key="cka_columns",
            width=140,
            format_func=called.__getitem__,
        )
    return chosen, entries[first or names[0]], entries[second or names[-1]], of or "cls"


def _draw_cka(
    first: Entry,
    second: Entry,
    choice: Choice,
    chosen: ChosenSentences,
    of: str,
    status: DeltaGenerator,
) -> None:
    from analysis.figures.screen.plotly import sheet

    entries = [first] if first.id == second.id else [first, second]
    names = listed(cards.plain(entry.name) for entry in entries)
    status.caption(f"Layers of {names}")
    try:
        plot = picture("cka", entries, choice, data=chosen.data, most=chosen.most, of=of)
    except Exception as error:
        st.caption(cards.plain(reason(error)))
        return
    with _panel(plot, "cka", _ABOUT_CKA):
        drawing = sheet(plot, height=330)
        cells = drawing.data[0]
        shades.adapt(drawing)
        cells["colorbar"]["title"] = None
        if cells["z"].shape[1] <= 8:
            cells["texttemplate"] = "%{z:.2f}"
        drawing.layout["margin"] = {"l": 4, "r": 4, "t": 8, "b": 4}
        st.plotly_chart(drawing.figure, key="cka-chart", config={"displayModeBar": False})


@contextmanager
def _panel(plot: Plot, key: str, about: str) -> Iterator[None]:
    """Title, "?", export and notes around a drawing of one's own."""
    with st.container(key=f"panel-{key}"):
        with titled(plot.title, about, key):
            show.export_menu({plot.title: plot}, f"export-{key}")
        yield
        st.caption(cards.plain(" ".join(plot.notes)))


def _draw_standings(
    ways: Sequence[Way],
    choice: Choice,
    chosen: ChosenSentences,
    references: Mapping[str, Sequence[Trace]],
    status: DeltaGenerator,
) -> dict[str, dict[str, np.ndarray]]:
    if any(way.token for way in ways):
        st.caption(
            "Percentiles are those of \\[CLS\\]: other tokens have no counterpart in other "
            "sentences."
        )
        return {}
    rows, target = chosen.rows, target_of(ways, choice)
    reference = str(st.session_state.get("layer_reference") or "") if references else ""
    reference = clean(reference)[0]
    by_checkpoint: dict[str, dict[str, np.ndarray]] = {}
    for way in ways:
        try:
            for member in way.entry.members:
                status.caption(f"Sentences through {cards.plain(member.name)}")
                engine.read_all(member, rows)
            subject = subject_of(way.entry, choice.text, choice.pair)
            by_checkpoint[way.entry.id] = standings(subject, rows, target, reference, choice.pair)
        except Exception as error:
            st.caption(f"{cards.plain(way.entry.name)}: {cards.plain(reason(error))}")
    answered = [way for way in ways if way.entry.id in by_checkpoint]
    shared = [way for way in answered if way.depth == answered[0].depth]
    for way in answered:
        if way not in shared:
            st.caption(
                f"{cards.plain(way.entry.name)} has {way.depth} layers: its percentiles stand "
                "in the table of all numbers."
            )
    if shared:
        try:
            plot = picture(
                "standing",
                [way.entry for way in shared],
                choice,
                [target if way.entry.classifies else None for way in shared],
                data=chosen.data,
                most=chosen.most,
                reference=reference or None,
            )
        except Exception as error:
            st.caption(cards.plain(reason(error)))
            return by_checkpoint
        assert isinstance(plot.mark, Grid)
        with _panel(plot, "standing", _ABOUT_STANDING):
            st.html(legend([way.entry.id for way in shared]))
            with st.container(key="standing-lines"):
                for index, panel in enumerate(plot.mark.panels):
                    assert isinstance(panel, Lines)
                    title = plot.mark.subtitles[index]
                    layer = selection.marked_layer(ways[0].depth)
                    chart(panel, title[:1].upper() + title[1:], f"standing-chart-{index}", layer)
    return by_checkpoint
