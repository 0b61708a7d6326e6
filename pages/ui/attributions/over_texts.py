"""Over a data set: the same evidence for every method and checkpoint, and words by class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isnan
from typing import TYPE_CHECKING

import streamlit as st

from analysis.attribution import FAVOURED, METHODS
from analysis.common.csv_text import as_csv
from analysis.common.faults import reason
from analysis.figures.recipes.request import Data
from analysis.figures.style.style import number
from pages.ui.attributions.controls import AttributionRequest
from pages.ui.attributions.entry import Explanation
from pages.ui.attributions.measurements import Setting
from pages.ui.attributions.over_texts_run import SAMPLES, EvidencePass
from pages.ui.data import choose
from pages.ui.engine import jobs
from pages.ui.frame import address
from pages.ui.kit import cards, tables
from pages.ui.kit.show import panel

if TYPE_CHECKING:
    import pandas as pd

    from analysis.attribution import EvidenceSummary, MeanAgreement, TextEvidence

ABOUT = (
    "The same measures on every row, each explained as its checkpoint predicts it; means with "
    "Student's t intervals over texts. Between checkpoints compare the standard scores among "
    "random rankings, not the measures themselves. On templates the numbers describe the "
    "templates as much as the checkpoint."
)
_ABOUT_WORDS = (
    "Mean attribution of a word to a class over the texts that hold it and where that class is "
    "predicted; a text counts once. Words of few texts are left out. This mean over contexts is "
    "not the meaning of the word."
)
_ABOUT_AGREEMENT = (
    "Kendall's tau between the rankings of two methods, text by text, special tokens aside: its "
    "mean with Student's t interval over texts, and the share of texts in which it is above 95 % "
    "of unrelated rankings of as many words. " + FAVOURED["agreement"]
)
_COLUMNS = {
    "comprehensiveness_normalised": "comprehensiveness, against random",
    "sufficiency_normalised": "sufficiency, against random",
    "deletion_normalised": "deletion, against random",
    "insertion_normalised": "insertion, against random",
    "comprehensiveness": "comprehensiveness",
    "sufficiency": "sufficiency",
    "deletion": "area under deletion",
    "insertion": "area under insertion",
    "completeness_gap": "integration error",
    "sensitivity": "sensitivity",
}


def draw(explained: Sequence[Explanation], request: AttributionRequest, setting: Setting) -> None:
    """The panel; what it takes is said before it starts, and it can be stopped and go on."""
    # One that cannot be loaded says so on its card, and has no part in a pass over all.
    entries = [
        explanation.entry
        for explanation in explained
        if explanation.entry.classifies and not explanation.reply.problem
    ]
    if not entries:
        return
    with st.container(border=True, key="over-evidence"):
        with st.container(key="over-evidence-title"):
            st.markdown("**Over a data set**", help=ABOUT)
            on = st.toggle(
                "Choose a data set", **address.kept("over"), label_visibility="collapsed"
            )
        if not on:
            st.caption(
                "The same evidence on many texts, and the words that are evidence for each class."
            )
            return
        chosen = choose.choose(entries)
        if chosen.table is None or not len(chosen.table):
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            count = choose.how_many("over_texts", len(chosen.table), fewest=2)
            data = Data(chosen.table, chosen.name)
            noise = st.toggle(
                "Sensitivity too",
                **address.kept("over_sensitivity"),
                help=f"Every attribution is made {SAMPLES + 1} times more, under small changes of "
                "its input.",
            )
        members = [member for entry in entries for member in entry.members]
        run = EvidencePass(members, data, count, request, setting, SAMPLES if noise else 0)
        try:
            done = run.done()
        except Exception as error:
            why = reason(error).rstrip(".")
            st.error(cards.plain(f"The earlier measurements cannot be read: {why}."))
            return
        total = run.total
        st.caption(cards.plain(run.in_words()))
        jobs.draw_pass(
            run.key,
            run.work(),
            done,
            total,
            label=f"Measure {count:,} texts",
            lane="evidence",
            about="" if len(done) >= total else run.cost(total - len(done)),
        )
        _results(run, done)


def _results(run: EvidencePass, records: Sequence[TextEvidence]) -> None:
    """Means and words over the texts that all methods of all checkpoints have been through."""
    from analysis.attribution import (
        agreement_frame,
        agreement_over_texts,
        evidence_frame,
        largest_words,
        summarise_evidence,
        summary_frame,
        word_frame,
    )

    texts = run.whole(records)
    done = [record for record in records if record.row < texts]
    measured = [record for record in done if not record.problem]
    if not measured:
        reasons = list(dict.fromkeys(record.problem for record in records if record.problem))
        if reasons:
            st.caption(cards.plain(" ".join(reasons[:3])))
        elif records:
            st.caption("No text has been through all methods and checkpoints yet.")
        return
    summaries = summarise_evidence(done)
    agreement = agreement_over_texts(done)
    least = min(5, max(2, len(measured) // 10))
    words = largest_words(done, min_texts=least)
    if texts < run.count:
        st.caption(f"The results below are of the first {texts:,} of {run.count:,} texts.")
    failed = sum(summary.failed for summary in summaries)
    if failed:
        why = next(record.problem for record in done if record.problem)
        st.caption(cards.plain(f"{failed} could not be measured, such as: {why}"))
    with st.container(key="over-evidence-controls"):
        column = st.selectbox(
            "Measure",
            tuple(_COLUMNS),
            width=280,
            format_func=_COLUMNS.__getitem__,
            **address.kept("over_column"),
        )
        owners = list(dict.fromkeys((word.checkpoint, word.method) for word in words))
        labels = [f"{owner}, {METHODS[method].title}" for owner, method in owners]
        place = st.selectbox(
            "Words of",
            range(len(owners)),
            key="over_words",
            width=320,
            format_func=labels.__getitem__,
        )
        for name, frame in (
            ("per text", lambda: evidence_frame(done)),
            ("means", lambda: summary_frame(summaries)),
            ("agreement", lambda: agreement_frame(agreement)),
            ("words", lambda: word_frame(words)),
        ):
            st.download_button(
                f"CSV {name}",
                data=partial(_csv, frame),
                file_name=f"evidence-{name.replace(' ', '-')}.csv",
                on_click="ignore",
                key=f"over-csv-{name}",
                type="tertiary",
                icon=":material/download:",
            )
    with st.container(key="over-evidence-grid"):
        with st.container(key="over-evidence-means"):
            _means(run, done, summaries, str(column))
            _agreement(agreement)
        with st.container(key="over-evidence-words"):
            if owners:
                _words(run, done, *owners[place or 0], least)
            else:
                st.caption("No word occurs in enough texts to have a mean: take more texts.")


def _means(
    run: EvidencePass,
    records: Sequence[TextEvidence],
    summaries: Sequence[EvidenceSummary],
    column: str,
) -> None:
    if not any(summary.has(column) for summary in summaries):
        st.caption("None of these methods has this number.")
        return
    try:
        plot = run.picture("evidence_means", records, run.members, column=column)
    except Exception as error:
        st.caption(cards.plain(reason(error)))
        return
    panel(plot, "over-means", ABOUT, title="By method")


def _agreement(agreements: Sequence[MeanAgreement]) -> None:
    """Every two methods of each checkpoint: mean rank agreement, and where it is beyond chance."""
    if not agreements:
        return
    import pandas as pd

    table = pd.DataFrame(
        [
            (
                agreement.checkpoint,
                METHODS[agreement.methods[0]].title,
                METHODS[agreement.methods[1]].title,
                number(agreement.mean, "signed"),
                " to ".join(number(end, "signed") for end in agreement.interval),
                len(agreement.tau),
                "\N{EN DASH}"
                if isnan(agreement.beyond_chance)
                else f"{100 * agreement.beyond_chance:.0f} %",
            )
            for agreement in agreements
        ],
        columns=[
            "checkpoint",
            "method",
            "and",
            "mean tau",
            "95 % interval",
            "texts",
            "above chance",
        ],
    )
    st.markdown("**Do the methods agree?**", help=_ABOUT_AGREEMENT)
    tables.table(table, key="over-agreement")


def _words(
    run: EvidencePass, records: Sequence[TextEvidence], checkpoint: str, method: str, least: int
) -> None:
    members = [member for member in run.members if member.id == checkpoint]
    try:
        plot = run.picture("largest_words", records, members, method=method, least=least)
    except Exception as error:
        st.caption(cards.plain(reason(error, checkpoint)))
        return
    panel(plot, "over-words", _ABOUT_WORDS, title="Words by class", apart=True)


def _csv(frame: Callable[[], pd.DataFrame]) -> bytes:
    content: bytes = as_csv(frame()).encode()
    return content
