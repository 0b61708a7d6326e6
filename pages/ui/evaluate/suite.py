"""The behaviour suite: failure rates by capability, and the sentences that failed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.common.csv_text import as_csv
from analysis.common.phrases import name_without_folder
from analysis.corpus.predictions import Predictions
from analysis.figures.recipes.request import ABOUT_THE_SUITE
from analysis.suite import KINDS, Results, results
from pages.ui.data.choose import DataChoice
from pages.ui.evaluate import place
from pages.ui.evaluate.run import EvaluationRun, picture_of
from pages.ui.frame import address
from pages.ui.kit import show

MOST = 200  # failing sentences that are listed at once
ABOUT = (
    "Share of the suite's sentences that a checkpoint fails, by capability and kind of test, in "
    "the spirit of CheckList (Ribeiro et al. 2020). They are made from templates and alike within "
    "one, so a rate says how the checkpoint treats these, and not how often it errs on real text."
)


def draw(chosen: DataChoice, run: EvaluationRun, answers: Sequence[Predictions]) -> None:
    """The map of failure rates; a click on a cell lists what failed there."""
    outcomes = [_results(chosen, answer) for answer in answers]
    rates = list(
        dict.fromkeys(
            (rate.capability, rate.kind) for outcome in outcomes for rate in outcome.rates
        )
    )
    if not rates:
        st.caption(
            "No test of the suite has all of its sentences answered yet. Go on with the run "
            "to see failures."
        )
        return
    plot = picture_of("failure_rates", chosen, run, answers)
    where = show.panel(
        plot,
        "failure_rates",
        ABOUT,
        pick=True,
        sentences=[_most(outcome) for outcome in outcomes],
    )
    names = [outcome.checkpoint for outcome in outcomes]
    if where is not None:
        st.session_state["capability"] = _name(rates[where[0]])
        st.session_state["capability_checkpoint"] = names[where[1]]
    _failing(outcomes, rates, names)


def _results(chosen: DataChoice, answers: Predictions) -> Results:
    return results(chosen.cases, answers)


def _most(outcome: Results) -> str:
    """Where a checkpoint fails most, in words."""
    failing = [rate for rate in outcome.rates if rate.failures]
    if not failing:
        return f"{outcome.checkpoint}: no failure on {outcome.tested:,} of the suite's sentences."
    worst = max(failing, key=lambda rate: rate.rate)
    return (
        f"{outcome.checkpoint} fails most on {worst.capability} ({worst.kind}): {worst.failures} "
        f"of {worst.n} (95 % interval {100 * worst.low:.0f} to {100 * worst.high:.0f} %)."
    )


def _name(rate: tuple[str, str]) -> str:
    return f"{rate[0]}, {rate[1]}"


def _failing(
    outcomes: Sequence[Results], rates: Sequence[tuple[str, str]], names: Sequence[str]
) -> None:
    """The failing sentences of one capability and checkpoint; a click opens one on Compare."""
    with st.container(border=True, key="failing"):
        with st.container(key="failing-controls"):
            st.markdown("**Sentences that failed**", help=ABOUT_THE_SUITE)
            offered = [_name(rate) for rate in rates]
            for key, options in (("capability", offered), ("capability_checkpoint", names)):
                if st.session_state.get(key) not in (None, *options):
                    del st.session_state[key]
            name = st.selectbox(
                "Capability",
                offered,
                index=_worst(outcomes, rates),
                **address.kept("capability"),
            )
            of = st.selectbox(
                "Checkpoint",
                names,
                format_func=name_without_folder,
                **address.kept("capability_checkpoint"),
            )
        outcome = outcomes[list(names).index(of)]
        capability, kind = rates[offered.index(name)]
        table = outcome.failing(capability, kind)
        st.caption(
            f"{len(table)} sentences. {kind}: {KINDS[kind]}. A click on a row opens it on Compare."
        )
        if not len(table):
            return
        columns = ["text", "pair", "label", "what failed", "original"]
        shown = table[[c for c in columns if table[c].notna().any()]].head(MOST)
        rows = [int(row) for row in table["row"].head(MOST)]
        place.clickable(shown, "failing-table", rows)
        if len(table) > MOST:
            st.caption(f"The first {MOST}; the download holds all.")
        st.download_button(
            "CSV",
            data=lambda: as_csv(table),
            on_click="ignore",
            mime="text/csv",
            file_name="failures.csv",
            key="failing-csv",
            icon=":material/download:",
            type="tertiary",
        )


def _worst(outcomes: Sequence[Results], rates: Sequence[tuple[str, str]]) -> int:
    """Where the failures of all checkpoints together are most frequent: what is shown first."""
    share = [
        sum(
            rate.rate
            for outcome in outcomes
            for rate in outcome.rates
            if (rate.capability, rate.kind) == key
        )
        for key in rates
    ]
    return share.index(max(share))
