"""Results of a data set of pairs: agreement with people, disputed pairs, neighbours, its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from analysis.common.phrases import name_without_folder, owned
from analysis.datasets.table import Table
from analysis.figures.style.style import number
from analysis.figures.views import similarity as views
from pages.ui.engine import models, results_folder
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice
from pages.ui.frame.sentence_fields import show_text
from pages.ui.kit import cards, tables
from pages.ui.kit.show import panel
from pages.ui.similarity.engine import PairsOfDataSet

if TYPE_CHECKING:
    from analysis.similarities.neighbours import Neighbours
    from analysis.similarities.pair_scores import PairScores
    from analysis.similarities.token_pairs import TokenPairs

MOST_ROWS = 1_000  # of the data set that are listed
ABOUT = (
    "Rank correlation of the cosine with gold scores for each pooling and layer; the range in "
    "the table is its 95 % interval (Bonett and Wright 2000), each by itself and not corrected "
    "for the number of cells. Centring subtracts the mean over all sentences."
)
_ABOUT_COMPARED = (
    "Each pooling at the layer where it agrees most with the gold scores (without gold scores at "
    "the last). Chosen on these pairs, so a little too good. Seconds: to pool all sentences and "
    "compare all pairs, beside the encoder's one pass, which all poolings share."
)
_ABOUT_ANISOTROPY = (
    "Mean cosine of two different sentences: near 1 all vectors point the same way, and a high "
    "cosine says little. Centring removes it by construction. Ethayarajh 2019."
)


def draw(
    entries: Sequence[Entry], held: PairsOfDataSet, choice: Choice, poolings: Sequence[str]
) -> None:
    """Correlations, anisotropy, disputed pairs, near sentences, and the pairs themselves."""
    for failed, why in held.failed:
        st.warning(cards.plain(owned(failed, why)))
    shown = [entry for entry in entries if held.has(entry)]
    if not shown:
        return
    names = [entry.id for entry in shown]
    if st.session_state.get("similarity_of") not in (None, *names):
        st.session_state["similarity_of"] = names[0]
    with st.container(horizontal=True, key="pairs-controls"):
        name = (
            st.selectbox(
                "Checkpoint",
                names,
                **address.kept("similarity_of"),
                width=260,
                format_func=name_without_folder,
            )
            if len(names) > 1
            else names[0]
        )
        centred = st.toggle("Centred", **address.kept("similarity_centred"))
        metric = "spearman"
        if held.data.table.regression:
            metric = st.segmented_control(
                "Correlation",
                ("spearman", "pearson"),
                default=metric,
                required=True,
                format_func=str.capitalize,
                **address.kept("similarity_metric"),
            )
    held.keep(shown)
    entry, table = next(entry for entry in shown if entry.id == name), held.data.table
    scores = held.of(entry)
    st.caption(cards.plain(_sentence(scores)))
    _compared(scores, metric, bool(centred))
    with st.container(key="similarity-pairs"):
        if scores.gold is not None:
            plot = held.picture(
                "pair_correlations", entry, choice, centred=bool(centred), metric=metric
            )
            panel(plot, "pair-correlations", ABOUT)
        plot = held.picture("pair_anisotropy", entry, choice)
        panel(plot, "pair-anisotropy", _ABOUT_ANISOTROPY)
    with st.expander("All numbers as a table"):
        tables.table(scores.frame().round(3), names=2)
    _disputed(scores, table, poolings)
    _nearest(entry, scores, table, poolings, bool(centred))
    rows_of(table, scores.rows.tolist(), scores)


def rows_of(table: Table, rows: Sequence[int], scores: PairScores | None = None) -> None:
    """The pairs themselves, with their cosines at the last layer where they are known."""
    with st.expander("Pairs of the data set"):
        if len(rows) > MOST_ROWS:
            st.caption(f"The first {MOST_ROWS:,} of {len(rows):,}. A click opens the pair above.")
        else:
            st.caption("A click opens the pair above.")
        shown = table.frame().iloc[list(rows[:MOST_ROWS])]
        shown = shown.rename(columns={"text": "first", "pair": "second", "label": "gold"})
        if table.label is None:
            shown = shown.drop(columns="gold")
        for key in () if scores is None else scores.last_keys:
            assert scores is not None
            cosines = scores.cosine[scores.at(*key)][: len(shown)]
            shown[views.TITLES[key[0]]] = cosines.round(3)
        lines = shown.to_dict("records")
        _table(lines, "similarity-rows", lambda n: (lines[n]["first"], lines[n]["second"]))


def _compared(scores: PairScores, metric: str, centred: bool) -> None:
    """One row a pooling: its best layer, and what it costs beside the encoder's pass."""
    st.markdown("**Poolings compared**", help=_ABOUT_COMPARED)
    lines = []
    for place in scores.best(metric, centred):
        pooling, layer = scores.keys[place]
        line: dict[str, Any] = {"pooling": views.TITLES[pooling], "layer": layer}
        if scores.gold is not None:
            value, low, high = getattr(scores, metric)[place, int(centred)].tolist()
            line[metric.capitalize()] = round(value, 3)
            line["95 % interval"] = f"{low:.3f} to {high:.3f}"
        before, after = scores.anisotropy[place].tolist()
        line["anisotropy"], line["centred"] = round(before, 3), round(after, 3)
        line["seconds"] = float(f"{scores.own[place]:.2g}")
        lines.append(line)
    three = st.column_config.NumberColumn(format="%.3f")
    tables.table(
        lines,
        dict.fromkeys((metric.capitalize(), "anisotropy", "centred"), three),
        names=2,
        key="similarity-compared",
    )


def _sentence(scores: PairScores) -> str:
    """Cost of the pass, and the best cell with its interval."""
    sentences = [
        f"{len(scores.rows):,} pairs, {scores.sentences:,} sentences.",
        f"Encoder {_seconds(scores.encoder)}; the poolings and layers beside it "
        f"{_seconds(float(scores.own.sum()))} together.",
    ]
    if scores.note:
        sentences.append(scores.note)
    if scores.left_out:
        sentences.append(f"{scores.left_out:,} rows without a second sentence are left out.")
    best = _best_of(scores)
    if best is not None:
        pooling, layer, (value, low, high) = best
        sentences.append(
            f"Highest Spearman: {views.TITLES[pooling]} of layer {layer}, {value:.3f} "
            f"(95 % interval {low:.3f} to {high:.3f})."
        )
    return " ".join(sentences)


def _seconds(value: float) -> str:
    """A time that was measured; a short one is not shown as none."""
    if value != value:
        return "was not timed"
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s" if value >= 0.1 else "below 0.1 s"


def _best_of(scores: PairScores) -> tuple[str, int, tuple[float, float, float]] | None:
    """(pooling, layer, (value, low, high)) of the highest rank correlation; None without gold."""
    able = [
        (key, values)
        for key, values in zip(scores.keys, scores.spearman[:, 0].tolist(), strict=True)
        if values[0] == values[0]
    ]
    if not able:
        return None
    (pooling, layer), (value, low, high) = max(able, key=lambda scored: scored[1][0])
    return pooling, layer, (value, low, high)


def _disputed(scores: PairScores, table: Table, poolings: Sequence[str]) -> None:
    keys = [key for key in scores.last_keys if key[0] in poolings]
    if len(keys) < 2:
        return
    st.markdown(
        "**Pairs on which poolings disagree most**",
        help="Places among all pairs are compared, from 0 (least similar) to 100, since each "
        "pooling has its own scale. A click opens the pair above.",
    )
    lines = []
    for place, spread in scores.disputed(keys, 10):
        if spread <= 0:
            break
        row = int(scores.rows[place])
        line: dict[str, Any] = {}
        for key in keys:
            rank = 100 * scores.ranks[scores.at(*key), place]
            line[views.TITLES[key[0]]] = round(float(rank)) if rank == rank else None
        if scores.gold is not None:
            line["gold"] = float(scores.gold[place])
        line |= {"first": table.text[row], "second": (table.pair or ("",))[row]}
        lines.append(line)
    if not lines:
        st.caption("There are none: these poolings rank the pairs alike.")
        return
    _table(lines, "similarity-disputed", lambda n: (lines[n]["first"], lines[n]["second"]))


def _nearest(
    entry: Entry, scores: PairScores, table: Table, poolings: Sequence[str], centred: bool
) -> None:
    text = str(st.session_state.get("text") or "")
    st.markdown(
        "**Nearest sentences of the data set to the first sentence**",
        help="By the cosine of each pooling at the last layer, with the pair of words that "
        "carries most of it. A click opens the pair above.",
    )
    if not st.toggle("Look for them", **address.kept("similarity_nearest")) or not text.strip():
        return
    if entry.is_group:
        st.caption(
            "Near by the mean of the seeds' cosines; what carries it is the mean of their splits."
        )
    own = [name for name, _ in scores.keys if name in poolings]
    try:
        neighbours, texts = _neighbours(
            tuple((member.id, member.sha256) for member in entry.members), models.precision(),
            table.digest, text, tuple(dict.fromkeys(own)), centred, _entry=entry, _table=table,
        )  # fmt: skip
    except ValueError as error:  # a seed that cannot be loaded, or reads a sentence differently
        st.info(cards.plain(str(error)))
        return
    lines = []
    for near in neighbours:
        for row, cosine, why in zip(
            near.rows.tolist(), near.cosine.tolist(), near.why, strict=True
        ):
            line: dict[str, Any] = {"pooling": views.TITLES[near.pooling]}
            line["cosine"] = round(cosine, 3)
            if entry.is_group:
                line["over the seeds"] = f"{min(why.scores):.2f} to {max(why.scores):.2f}"
            lines.append(line | {"sentence": texts[row], "carried most by": _why(why)})
    _table(lines, "similarity-nearest-table", lambda n: (text, lines[n]["sentence"]))


def _why(pairs: TokenPairs) -> str:
    """The pair of words that carries most of a neighbour's cosine, with what it adds."""
    leading = views.leading(pairs, words=True)
    if leading.words is None:
        return "special tokens alone"
    return f"“{leading.words[0]}”–“{leading.words[1]}” {number(leading.share, 'signed')}"


@kept_up_to(64, most=8, spinner="Looking for the nearest sentences")
def _neighbours(
    members: tuple[tuple[str, str], ...], precision: str, digest: str, text: str,
    poolings: tuple[str, ...], centred: bool, _entry: Entry, _table: Table,
) -> tuple[tuple[Neighbours, ...], Sequence[str]]:  # fmt: skip
    from analysis.seed_groups.similarities import mean_nearest
    from analysis.similarities.pair_scores import pairs_of, stored_vectors

    _, sentences = pairs_of(_table)
    encoders = [models.classifier(member) for member in _entry.members]
    root = results_folder.folder()
    vectors = [stored_vectors(encoder, sentences, poolings, root) for encoder in encoders]
    nearest = mean_nearest(
        encoders, _entry.id, text, sentences.text, poolings, centred=centred, vectors=vectors
    )
    return nearest, sentences.text


def _table(
    lines: Sequence[Mapping[Any, Any]], key: str, pair_of: Callable[[int], tuple[str, str]]
) -> None:
    """A table of which a click on a row opens a pair above."""

    def opened() -> None:
        rows = st.session_state[key].selection.rows
        if rows:
            show_text(*pair_of(rows[0]))

    st.dataframe(
        pd.DataFrame(lines),
        key=key,
        hide_index=True,
        on_select=opened,
        selection_mode="single-row",
    )
