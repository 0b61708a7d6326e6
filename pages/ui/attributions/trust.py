"""The end of the page: which of these methods to trust on this text, from the evidence above."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.attribution import METHODS, Randomisation
from analysis.attribution.evidence.trust import APART, SUPPORTED, MethodEvidence, trust
from pages.ui.attributions import measurements as measured
from pages.ui.attributions import words
from pages.ui.attributions.controls import AttributionRequest
from pages.ui.attributions.entry import Explanation
from pages.ui.attributions.evidence import EvidenceRequest
from pages.ui.attributions.measurements import Setting

ABOUT = (
    "From the table of evidence: a method is supported where comprehensiveness and sufficiency are "
    f"both {SUPPORTED:g} standard deviations (sd) or more better than random rankings of the same "
    "units, and where random weights change its ranking, if that was checked. It is preferred "
    f"where it is ahead of every other one by {APART:g} sd or more and behind in nothing. This is "
    "one text: another may decide otherwise, and no measure proves an explanation right."
)
CHOOSE = "To see which method to trust, choose one checkpoint under 'How faithful is it?'."


def draw(
    explained: Sequence[Explanation], request: AttributionRequest, evidence_request: EvidenceRequest
) -> None:
    """One sentence, once there is an attribution."""
    if not any(explanation.results for explanation in explained):
        return
    with st.container(border=True, key="panel-trust"):
        st.markdown("**Which method to trust here?**", help=ABOUT)
        explanation = evidence_request.of
        keys = [
            key for key in request.methods if explanation is not None and key in explanation.results
        ]
        if explanation is None or not keys:
            st.text(CHOOSE)
            return
        setting = evidence_request.setting
        measured = [evidence(explanation, key, setting) for key in keys]
        st.text(f"{explanation.name}: {trust(measured).sentence}")


def evidence(explanation: Explanation, key: str, setting: Setting) -> MethodEvidence:
    """Evidence for one method so far; none until all seeds of a group are measured."""
    random = measured.randomised(explanation, key)
    return MethodEvidence(
        words.in_sentence(METHODS[key].title),
        tuple(measured.records(explanation, key, setting)),
        tuple(each for each in random if isinstance(each, Randomisation)),
        METHODS[key].perturbs,
    )
