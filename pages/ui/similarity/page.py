"""The Similarity page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from analysis.figures.plot import Plot
from analysis.figures.views import similarity as views
from analysis.figures.views.units import labels_of, units_of
from analysis.similarities.token_pairs import MAXSIM, SPLADE
from analysis.similarities.unit_pairs import unit_pairs
from analysis.similarities.wording import carried, ends, in_words
from pages.ui.engine import models
from pages.ui.frame import address
from pages.ui.frame.catalogue import Catalogue, Entry
from pages.ui.frame.examples import TASKS
from pages.ui.frame.inputs import Choice
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import titled
from pages.ui.similarity import details, engine, over_pairs, rows
from pages.ui.similarity.engine import Comparison, PairsOfDataSet, Score

MOST_CHECKPOINTS = 4
_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
_COUNTS = {8: "8 strongest", 30: "30", 300: "all (300)"}
_SHORT = {
    "concat": "[CLS] + mean + max",
    "adaptive_mean": "two halves",
    "weighted_mean": "weighted mean",
    "head": "own vector",
}
_ABOUT = (
    "The cosine of two pooled sentences is a sum over pairs of tokens, given the winners of a "
    "maximum and the attention weights: a band is a pair's share, dashed where negative. It says "
    "where the score comes from in the pooling, not how the encoder made its vectors, nor what a "
    "word is worth: click a word to strike it out. BiLRP: Eberle et al. 2020; ColBERT: Khattab and "
    "Zaharia 2020; SPLADE: Formal et al. 2021."
)


def draw(found: Catalogue, choice: Choice) -> None:
    """Cards with facing texts, then details on demand, then a data set of pairs."""
    st.html(f"<style>{_STYLE}</style>")
    if not _is_complete(choice):
        draw_sidebar(found, choice.entries)
        return
    entries = choice.entries[:MOST_CHECKPOINTS]
    struck = _struck(choice)
    with st.container(key="verdict"):
        verdict = st.empty()
        below_verdict = st.container(key="status").empty()
    with titled("What carries the similarity", _ABOUT, "similarity"):
        export = st.container(width="content")
    with st.container(key="similarity-controls"):
        poolings, layer, count, centre = _controls(entries)
        if struck:
            st.button(
                f"Put back {len(struck)} word{'s' if len(struck) > 1 else ''}",
                key="put-back",
                icon=":material/undo:",
                on_click=_put_back,
            )
    comparisons = [
        Comparison(entry, choice.text, choice.pair or "", layer, struck, centre)
        for entry in entries
    ]
    shown = [(comparison, comparison.scores(poolings)) for comparison in comparisons]
    limits = rows.limits_of([row for _, every in shown for row in every], choice.words)
    with st.container(key="similarities"):
        for comparison, every in shown:
            entry = comparison.entry
            with st.container(border=True, key=f"card-{entry.id}"):
                html = rows.html_of(
                    entry, every, (choice.text, choice.pair or ""), struck,
                    words=choice.words, count=count, limits=limits,
                )  # fmt: skip
                rows.piece(html, f"compared-{entry.id}", lambda place: _strike(choice, place))
    verdict.text(_sentence(shown, choice.words))
    below_verdict.caption(_legend(shown, choice, centre))
    with export:
        export_menu(_plots(shown, choice.words, count), "export-similarity")
    draw_sidebar(found, choice.entries)
    details.draw(shown, choice.words)
    over_pairs.draw(entries, poolings)


def _is_complete(choice: Choice) -> bool:
    """Whether there are two sentences and a checkpoint; else the page says what is missing."""
    if choice.entries and choice.text.strip() and choice.pair:
        st.session_state["shown_text"] = (choice.text, choice.pair)
        return True
    if not choice.entries:
        st.info("Choose at least one checkpoint above.")
        return False
    which = "first" if not choice.text.strip() else "second"
    st.info(f"Type the {which} sentence above, or take an example.")
    st.button("Take an example", key="take-example", on_click=_take_example)
    return False


def _take_example() -> None:
    example = TASKS["mrpc"].examples[0]
    st.session_state["text"] = st.session_state["document"] = example.text
    st.session_state["pair"] = example.pair


def _controls(
    entries: Sequence[Entry],
) -> tuple[list[str], int, int, PairsOfDataSet | None]:
    offered = engine.offered([entry.first for entry in entries])
    default = [name for name in ("mean", "max", "cls") if name in offered]
    held = st.session_state.get("similarity_poolings")
    if held is not None and not set(held) <= set(offered):
        # Another choice of checkpoints may not have them.
        st.session_state["similarity_poolings"] = [name for name in held if name in offered]
    poolings = st.pills(
        "Poolings",
        offered,
        selection_mode="multi",
        default=default,
        **address.kept("similarity_poolings"),
        format_func=lambda name: _SHORT.get(name, views.TITLES.get(name, name)),
        label_visibility="collapsed",
    )
    depth = max((_depth(entry) for entry in entries), default=0)
    options = ["last", *map(str, range(depth + 1))]
    if st.session_state.get("similarity_layer") not in (None, *options):
        st.session_state["similarity_layer"] = "last"
    layer = st.selectbox(
        "Layer",
        options,
        **address.kept("similarity_layer"),
        width=90,
        help="The layer whose token vectors are pooled; 0: output of the embeddings. A pooling "
        "head's own vector has its own layers.",
    )
    count = st.selectbox(
        "Bands",
        list(_COUNTS),
        **address.kept("similarity_count"),
        width=130,
        format_func=_COUNTS.__getitem__,
    )
    centre = over_pairs.ask_centre()
    return (
        [name for name in offered if name in (poolings or ())],
        -1 if layer in (None, "last") else int(layer),
        int(count or 8),
        centre,
    )


def _depth(entry: Entry) -> int:
    from analysis.corpus.embedding import layer_count

    try:
        return layer_count(models.classifier(entry.first))
    except ValueError:
        return 0


def _struck(choice: Choice) -> tuple[Span, ...]:
    """The words struck out of these two texts."""
    held = st.session_state.get("struck")
    if not held or held[0] != (choice.text, choice.pair):
        return ()
    return tuple(held[1])


def _strike(choice: Choice, place: Span) -> None:
    held = set(_struck(choice))
    held ^= {place}
    st.session_state["struck"] = ((choice.text, choice.pair), tuple(sorted(held)))


def _put_back() -> None:
    st.session_state["struck"] = None


def _sentence(shown: Sequence[tuple[Comparison, list[Score]]], words: bool) -> str:
    """One sentence for each checkpoint: what carries the similarity, where poolings differ."""
    sentences = []
    for comparison, every in shown:
        poolings = []
        for row in every:
            if row.pairs is None:
                continue
            a, b = row.pairs.a, row.pairs.b
            groups = units_of(a, words), units_of(b, words)
            units = unit_pairs(row.pairs.contributions, *groups)
            first, second = labels_of(a, groups[0]), labels_of(b, groups[1])
            special = first.special, second.special
            poolings.append(
                carried(
                    row.title,
                    row.pairs.score,
                    units.values,
                    first.labels,
                    second.labels,
                    special,
                )
            )
        if poolings:
            before = f"{comparison.entry.id}: " if len(shown) > 1 else ""
            sentences.append(before + in_words(poolings))
    return " ".join(sentences[:2])


def _legend(
    shown: Sequence[tuple[Comparison, list[Score]]],
    choice: Choice,
    centre: PairsOfDataSet | None,
) -> str:
    sentences = [
        "Widths have one scale a pooling, for all checkpoints; dashed and blue is negative. Point "
        "at a word for its partners in all poolings; click it to strike it out."
    ]
    if centre:
        sentences.append(f"Measured from the mean of {centre.data.name}.")
    if len(choice.entries) > MOST_CHECKPOINTS:
        sentences.append(f"The first {MOST_CHECKPOINTS} checkpoints are shown.")
    rows = (row.pairs for _, every in shown for row in every)
    tokens = next(((pairs.a, pairs.b) for pairs in rows if pairs is not None), None)
    if tokens:
        sentences.append(ends(*tokens))
    sentences += choice.notes
    return cards.plain(" ".join(line for line in sentences if line))


def _plots(
    shown: Sequence[tuple[Comparison, list[Score]]], words: bool, count: int
) -> dict[str, Plot]:
    """Everything on the cards, ready for a paper."""
    plots: dict[str, Plot] = {}
    able: list[Comparison] = []
    names: dict[str, None] = {}
    for comparison, every in shown:
        poolings = [row.pooling for row in every if _is_pooled(row)]
        names |= dict.fromkeys(poolings)
        if poolings:
            able.append(comparison)
            plots[comparison.entry.id] = engine.picture(
                "similarity_bands", [comparison], poolings=poolings, words=words, count=count
            )
    if len(plots) > 1:
        try:
            whole = engine.picture(
                "similarity_bands", able, poolings=list(names), words=words, count=count
            )
        except ValueError:  # one of them failed with a pooling that another has
            return plots
        plots = {"all": whole, **plots}
    return plots


def _is_pooled(row: Score) -> bool:
    return row.pairs is not None and row.pooling not in (MAXSIM, SPLADE)
