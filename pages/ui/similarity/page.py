"""The Similarity page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from analysis.figures.plot import Plot
from analysis.figures.views import similarity as views
from analysis.similarities.wording import beside, ends, in_words
from pages.ui.engine import models
from pages.ui.frame import address, sentence_fields
from pages.ui.frame.catalogue import Catalogue, Entry
from pages.ui.frame.choice import Choice
from pages.ui.frame.examples import TASKS
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import titled
from pages.ui.similarity import details, edits, over_pairs, rows
from pages.ui.similarity.engine import Comparison, PairsOfDataSet, Shown, offered, usual

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
    "where the score comes from in the pooling, not how the encoder made its vectors. For the "
    "effect of a word, click it: it is struck out. BiLRP: Eberle et al. 2020; ColBERT: Khattab and "
    "Zaharia 2020; SPLADE: Formal et al. 2021."
)


def draw(checkpoints: Catalogue, choice: Choice) -> None:
    """Cards with facing texts, then details on demand, then a data set of pairs."""
    st.html(f"<style>{_STYLE}</style>")
    if not _is_complete(choice):
        draw_sidebar(checkpoints, choice.entries)
        return
    entries = choice.entries[:MOST_CHECKPOINTS]
    over_pairs.keep(entries)
    with st.container(key="verdict"):
        verdict = st.empty()
        below_verdict = st.container(key="status").empty()
    with titled("Contributions to the similarity", _ABOUT, "similarity"):
        export = st.container(width="content")
    with st.container(key="similarity-controls"):
        poolings, layer, count, centre = _controls(entries)
    if not poolings:
        st.info("Choose at least one pooling above.")
    struck, put = edits.ask(choice)
    comparison = Comparison(choice, layer, count, struck, put, centre)
    shown = [Shown(entry, comparison.scores(entry, poolings)) for entry in entries]
    limits = comparison.limits([score for similarity in shown for score in similarity.scores])
    plots: dict[str, Plot] = {}
    with st.container(key="similarities"):
        for similarity in shown:
            if not similarity.scores:
                continue
            with st.container(border=True, key=f"card-{similarity.entry.id}"):
                plot = _bands(comparison, similarity, limits)
                if plot is not None:
                    plots[similarity.entry.id] = plot
                html = rows.html_of(similarity, plot, choice, struck, put)
                rows.piece(html, f"compared-{similarity.entry.id}", edits.strike)
    verdict.text(_sentence(shown, choice.words))
    below_verdict.caption(_legend(shown, choice, centre))
    with export:
        export_menu(_with_all(comparison, shown, plots, limits), "export-similarity")
    draw_sidebar(checkpoints, choice.entries)
    details.draw(comparison, shown)
    over_pairs.draw(entries, choice, poolings)


def _is_complete(choice: Choice) -> bool:
    """Whether there are two sentences and a checkpoint; else the page says what is missing."""
    if choice.entries and choice.text.strip() and choice.pair:
        cards.show_texts((choice.text, choice.pair))
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
    sentence_fields.show_text(example.text, example.pair)


def _controls(
    entries: Sequence[Entry],
) -> tuple[list[str], int, int, PairsOfDataSet | None]:
    members = [entry.first for entry in entries]
    known = offered(members)
    default = [name for name in usual(members) if name in known]
    held = st.session_state.get("similarity_poolings")
    if held is not None and not set(held) <= set(known):
        # Another choice of checkpoints may not have them.
        st.session_state["similarity_poolings"] = [name for name in held if name in known]
    poolings = st.pills(
        "Poolings",
        known,
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
        width=88,
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
        [name for name in known if name in (poolings or ())],
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


def _bands(comparison: Comparison, similarity: Shown, limits: Mapping[str, float]) -> Plot | None:
    """The picture of a card: every pooling that has a score, on the scale of all cards."""
    poolings = [score.pooling for score in similarity.known]
    if not poolings:
        return None
    ends = {name: limits[name] for name in poolings}
    return comparison.picture(
        "similarity_bands", [similarity.entry], poolings=poolings, limits=ends
    )


def _with_all(
    comparison: Comparison,
    shown: Sequence[Shown],
    plots: dict[str, Plot],
    limits: Mapping[str, float],
) -> dict[str, Plot]:
    """The pictures of the cards for a paper, and all of them in one."""
    able = [similarity.entry for similarity in shown if similarity.entry.id in plots]
    if len(able) < 2:
        return plots
    names = list(dict.fromkeys(score.pooling for similarity in shown for score in similarity.known))
    ends = {name: limits[name] for name in names}
    try:
        whole = comparison.picture("similarity_bands", able, poolings=names, limits=ends)
    except ValueError:  # one of them failed with a pooling that another has
        return plots
    return {"all": whole, **plots}


def _sentence(shown: Sequence[Shown], words: bool) -> str:
    """Contributions to the similarity, where poolings differ, and whether others say the same."""
    every = [
        (
            similarity.entry.name,
            [views.leading(score.pairs, words) for score in similarity.known if score.pairs],
        )
        for similarity in shown
    ]
    every = [(name, poolings) for name, poolings in every if poolings]
    if not every:
        return ""
    (name, first), others = every[0], every[1:]
    if not others:
        return in_words(first)
    return f"{name}: {in_words(first)} {beside(first, [poolings for _, poolings in others])}"


def _legend(shown: Sequence[Shown], choice: Choice, centre: PairsOfDataSet | None) -> str:
    sentences = [
        "Widths have one scale a pooling; dashed is negative. Point at a word for its partners; "
        "click it to strike it out or put another in."
    ]
    if centre:
        sentences.append(f"Measured from the mean of {centre.data.name}.")
    if any(similarity.entry.is_group for similarity in shown):
        sentences.append("Of a seed group: the mean over its seeds.")
    if len(choice.entries) > MOST_CHECKPOINTS:
        sentences.append(f"The first {MOST_CHECKPOINTS} checkpoints are shown.")
    known = [
        score.pairs for similarity in shown for score in similarity.known if score.pairs is not None
    ]
    if known:
        sentences.append(ends(known[0].a, known[0].b))
    sentences += choice.notes
    return cards.plain(" ".join(line for line in sentences if line))
