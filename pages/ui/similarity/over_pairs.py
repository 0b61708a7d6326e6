"""A data set of pairs: which pooling agrees with people, which pairs are disputed, who is near."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import streamlit as st

from analysis.common.faults import reason
from analysis.common.phrases import listed
from analysis.datasets.table import Table
from analysis.figures.recipes.request import Data
from analysis.similarities.token_pairs import MAXSIM, SPLADE
from pages.ui.data import choose as dataset
from pages.ui.engine import jobs, models, results_folder
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.similarity import pair_results as results
from pages.ui.similarity.engine import PairsOfDataSet

if TYPE_CHECKING:
    from analysis.common.jobs import Desk
    from analysis.similarities.pair_scores import PairScores

_DONE = "similarity_scores"  # in the session: the PairsOfDataSet that was computed last
MOST_ALL_LAYERS = 4_000  # rows up to which every layer is kept: vectors take disk


def ask_centre() -> PairsOfDataSet | None:
    """Where vectors are measured from: zero (None), or the mean of a data set computed here."""
    held: PairsOfDataSet | None = st.session_state.get(_DONE)
    if held is not None and held.precision != models.precision():
        held = None
    options = ["zero", *([f"mean of {held.data.name}"] if held else [])]
    if st.session_state.get("similarity_centre") not in (None, *options):
        st.session_state["similarity_centre"] = "zero"
    chosen = st.selectbox(
        "Measured from",
        options,
        key="similarity_centre",
        persist_state="session",
        width=190,
        help="Sentence vectors often share a direction, which makes every cosine high. Measured "
        "from the mean of a data set (compute one below) it is gone.",
    )
    return None if chosen in (None, "zero") else held


def keep(entries: Sequence[Entry]) -> None:
    """Put the scores of this session where the pictures of these entries look for them."""
    held: PairsOfDataSet | None = st.session_state.get(_DONE)
    if held is not None:
        held.keep(entries)


def draw(entries: Sequence[Entry], choice: Choice, poolings: Sequence[str]) -> None:
    """The panel; the pass is asked for, shows its progress, can be stopped, and goes on."""
    pooled = [name for name in poolings if name not in (MAXSIM, SPLADE)]
    with st.container(border=True, key="panel-pairs"):
        st.markdown("**Over a data set of pairs**", help=results.ABOUT)
        if not st.toggle("Choose a data set", **address.kept("similarity_over")):
            st.caption(
                "Scores of every pooling and layer against gold scores, disputed pairs, and the "
                "nearest sentences."
            )
            return
        chosen = dataset.choose(entries, any_labels=True)
        if chosen.table is None:
            return
        if not pooled:
            st.info(
                "Choose a pooling above that makes one vector of a sentence, such as mean: MaxSim "
                "and SPLADE make none, and are compared pair by pair."
            )
            return
        try:
            from analysis.similarities.pair_scores import pairs_of

            both, sentences = pairs_of(chosen.table)
        except ValueError as error:
            st.info(cards.plain(str(error)))
            return
        key = _key(entries, pooled, chosen.table)
        held: PairsOfDataSet | None = st.session_state.get(_DONE)
        held = held if held is not None and held.key == key else None
        finished = held is not None
        job = jobs.draw(
            key,
            _work(entries, pooled, chosen.table),
            label=f"Compare {len(both.rows):,} pairs",
            about=f"{len(sentences):,} different sentences through "
            f"{listed([cards.plain(entry.name) for entry in entries])}. It can be stopped and goes "
            "on where it was.",
            finished=finished,
            place="pairs-job",
        )
        if job is not None and job.state == "done" and not finished:
            st.session_state[_DONE] = PairsOfDataSet(
                Data(chosen.table, chosen.name),
                job.result,
                tuple(pooled),
                _layers(chosen.table),
                models.precision(),
                key,
                tuple(job.results),
            )
            st.rerun()
        if held is not None:
            results.draw(entries, held, choice, pooled)
        else:
            results.rows_of(chosen.table, both.rows.tolist())


def _layers(table: Table) -> tuple[int, ...] | str:
    return "all" if len(table) <= MOST_ALL_LAYERS else (-1,)


def _key(entries: Sequence[Entry], poolings: Sequence[str], table: Table) -> str:
    named = "".join(member.sha256 for entry in entries for member in entry.members)
    sentence = f"{named}{poolings}{models.precision()}{table.label_digest}"
    return f"similarity-{sha256(sentence.encode()).hexdigest()[:16]}-{table.digest[:16]}"


def _work(
    entries: Sequence[Entry], poolings: Sequence[str], table: Table
) -> Callable[[Desk], dict[str, PairScores]]:
    """The job: entry -> its scores; whose scores fail keeps the reason in the job's results."""
    root, precision = results_folder.folder(), models.precision()

    def go(desk: Desk) -> dict[str, PairScores]:
        from analysis.common.jobs import Stopped
        from analysis.corpus import runs
        from analysis.corpus.embedding import poolings_of
        from analysis.similarities.pair_scores import over_pairs

        members = [member for entry in entries for member in entry.members]
        scoreses: dict[str, PairScores] = {}
        count = len(members)
        for index, member in enumerate(members):
            desk.check()
            desk.report(index, count, f"loading {member.name}", index / count)

            def tell(done: int, rows: int, what: str, share: float, index: int = index) -> None:
                desk.report(index * rows + done, count * rows, what, (index + share) / count)

            try:
                encoder = runs.open_for_data(member, dtype=precision)
                scores = over_pairs(
                    encoder,
                    table,
                    [name for name in poolings if name in poolings_of(member)],
                    _layers(table),
                    root,
                    progress=tell,
                    cancel=desk.cancel,
                )
            except Exception as error:
                desk.keep((member.id, reason(error, member.id)))
                continue
            if scores is None:
                raise Stopped
            scoreses[member.id] = scores
        return scoreses

    return go
