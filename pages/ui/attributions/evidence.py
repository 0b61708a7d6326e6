"""Beside the strips: what the explanations are worth, as numbers, with random rankings last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from statistics import fmean

import streamlit as st

from analysis.attribution import FAVOURED, METHODS, REPLACE, Faithfulness, Sensitivity
from analysis.attribution.evidence import over_seeds
from analysis.common.csv_text import as_csv
from analysis.common.jobs import time_in_words
from pages.ui.attributions import engine, waiting
from pages.ui.attributions import measurements as measured
from pages.ui.attributions.controls import AttributionRequest
from pages.ui.attributions.entry import Explanation, shared
from pages.ui.attributions.markup import Row, error_text, evidence, piece
from pages.ui.attributions.measurements import Setting
from pages.ui.engine import crowd
from pages.ui.frame import address
from pages.ui.kit import cards

ALL = "all checkpoints"
ABOUT = (
    "Comprehensiveness: the fall of the output when the units ranked first go, a mean over 1, 5, "
    "10, 20 and 50 % of them (AOPC); sufficiency: the fall when they alone stay, smaller is better "
    "(DeYoung et al. 2020). Below each number: by how many of their standard deviations it beats "
    "20 random rankings of the same units; compare only these between checkpoints. "
    "Sensitivity: largest relative change of the scores under small input noise (Yeh et al. 2019). "
    "None of them proves an explanation right."
)
_REPLACE = {"mask": "[MASK]", "pad": "[PAD]", "remove": "nothing (taken out)"}
_COLUMNS = ("comprehensiveness", "sufficiency")


@dataclass(frozen=True)
class EvidenceRequest:
    """State of the panel's controls."""

    of: Explanation | None  # None: all checkpoints, by the method in focus
    setting: Setting


def controls(explained: Sequence[Explanation], request: AttributionRequest) -> EvidenceRequest:
    """Draw the panel's title and controls."""
    known = [explanation for explanation in explained if not explanation.problem]
    names = [explanation.name for explanation in known]
    with st.container(key="evidence-title"):
        st.markdown("**How faithful is it?**", help=ABOUT)
        with st.popover("How", icon=":material/tune:", type="tertiary"):
            replace = (
                st.selectbox(
                    "A unit is replaced by",
                    tuple(REPLACE),
                    **address.kept("evidence_replace"),
                    format_func=_REPLACE.__getitem__,
                    help=" ".join(f"{_REPLACE[k]}: {v}." for k, v in REPLACE.items()),
                )
                or "mask"
            )
            by = st.selectbox(
                "Measured on",
                ("probability", measured.EXPLAINED),
                **address.kept("evidence_output"),
                help="The probability of the class, as in the source; or the output that is "
                "explained, which does not saturate.",
            )
    setting = Setting(replace, request.output if by == measured.EXPLAINED else "probability")
    if len(names) < 2:
        return EvidenceRequest(known[0] if known else None, setting)
    if st.session_state.get("evidence_of") not in (None, *names, ALL):
        st.session_state.pop("evidence_of", None)
    chosen = st.selectbox(
        "Evidence for", (*names, ALL), **address.kept("evidence_of"), label_visibility="collapsed"
    )
    return EvidenceRequest(
        next((explanation for explanation in known if explanation.name == chosen), None), setting
    )


def draw(
    explained: Sequence[Explanation],
    request: AttributionRequest,
    evidence_request: EvidenceRequest,
    say: Callable[[str], None],
) -> bool:
    """Measure what takes a moment, and draw the table; ask before what takes longer.

    Returns whether a moment's work was put off because many people wait.
    """
    table, below = st.container(key="evidence-table"), st.container(key="evidence-below")
    some = (
        [evidence_request.of]
        if evidence_request.of is not None
        else shared(explained, request.focus)
    )
    keys = [
        key
        for key in request.methods
        if evidence_request.of is None or key in evidence_request.of.results
    ]
    keys = [request.focus] if evidence_request.of is None else keys
    if (
        not some
        or not keys
        or not all(key in explanation.results for explanation in some for key in keys)
    ):
        with table:
            piece(
                '<div class="none">There is no attribution to measure yet.</div>',
                "evidence-drawing",
            )
        return False
    tasks = [
        task
        for explanation in some
        for task in measured.missing(explanation, keys, evidence_request.setting)
    ]
    tokens = sum(
        measured.work(
            explanation, len(measured.missing(explanation, keys, evidence_request.setting))
        )
        for explanation in some
    )
    short = bool(tasks) and tokens <= measured.AT_ONCE and engine.running() is None
    later = short and crowd.crowded()
    if short and not later:
        measured.measure(tasks, say)
        tasks = []
    rows = _rows(some, keys, evidence_request, request)
    with table:
        piece(
            evidence(rows, _heads()),
            "evidence-drawing",
            lambda index: _choose(keys[index] if evidence_request.of is not None else None),
        )
    with below:
        if later:
            st.caption(crowd.LATER)
        if not waiting.watch("evidence"):
            if tasks:
                _ask(tasks, some[0], tokens)
            _ask_sensitivity(some, keys)
        _favours(evidence_request, some, keys)
    return later


def _choose(key: str | None) -> None:
    if key is not None:
        st.session_state["focus"] = key


def _heads() -> tuple[tuple[str, str], ...]:
    return (
        ("integration error", FAVOURED["completeness_gap"]),
        ("comprehensiveness", FAVOURED["comprehensiveness"]),
        ("sufficiency", FAVOURED["sufficiency"]),
        ("sensitivity", FAVOURED["sensitivity"]),
    )


def _rows(
    some: Sequence[Explanation],
    keys: Sequence[str],
    evidence_request: EvidenceRequest,
    request: AttributionRequest,
) -> list[Row]:
    """One row for each method of an entry, or for each entry; random rankings last."""
    rows = []
    for explanation in some:
        for key in keys:
            measured_records = measured.faithful(explanation, key, evidence_request.setting)
            records = [each for each in measured_records if isinstance(each, Faithfulness)]
            reason = next((each for each in measured_records if isinstance(each, str)), "")
            cells = [(error_text(over_seeds.gaps(explanation.results[key]).value), "")]
            for column in _COLUMNS:
                cells.append(
                    _measure(records, column) if len(records) == len(measured_records) else ("", "")
                )
            cells.append((_sensitivity(explanation, key), ""))
            name = METHODS[key].title if evidence_request.of is not None else explanation.name
            rows.append(
                Row(
                    name,
                    tuple(cells),
                    chosen=evidence_request.of is not None and key == request.focus,
                    hint=reason,
                )
            )
    random = _random(some, keys, evidence_request)
    return [*rows, random] if random is not None else rows


def _measure(records: Sequence[Faithfulness], column: str) -> tuple[str, str]:
    values = over_seeds.number([record.measure(column).value for record in records])
    against = over_seeds.number([record.measure(column).normalised for record in records])
    small = [] if isnan(values.spread) else [f"±{values.spread:.2f}"]
    small += [] if isnan(against.value) else [f"{against.value:+.1f} sd"]
    return _signed(values), "\n".join(small)


def _random(
    some: Sequence[Explanation], keys: Sequence[str], evidence_request: EvidenceRequest
) -> Row | None:
    records = [
        each
        for each in measured.faithful(some[0], keys[0], evidence_request.setting)
        if isinstance(each, Faithfulness)
    ]
    if not records:
        return None
    cells: list[tuple[str, str]] = [("–", "")]
    for column in _COLUMNS:
        measures = [record.measure(column) for record in records]
        low, high = (fmean([m.band[end] for m in measures]) for end in (0, 1))
        mean = over_seeds.number([m.random for m in measures])
        cells.append((_signed(over_seeds.Number(mean.value)), f"{low:.2f} to {high:.2f}"))
    name = "random rankings" + (f", {some[0].name}" if evidence_request.of is None else "")
    return Row(
        name,
        (*cells, ("–", "")),
        random=True,
        hint="Mean of 20 random rankings of the same units, and their middle 95 %.",
    )


def _signed(number: over_seeds.Number) -> str:
    if isnan(number.value):
        return "–"
    return f"{number.value:+.2f}"


def _sensitivity(explanation: Explanation, key: str) -> str:
    measured_records = measured.sensitive(explanation, key)
    records = [each for each in measured_records if isinstance(each, Sensitivity)]
    if len(records) < len(measured_records):
        return "none" if any(isinstance(each, str) for each in measured_records) else ""
    number = over_seeds.number([each.maximum for each in records])
    return "–" if isnan(number.value) else f"{number.value:.2f}"


def _ask(tasks: Sequence[engine.Task], first: Explanation, tokens: int) -> None:
    each = engine.forward_seconds(first.entry.first, first.questions[next(iter(first.results))])
    expected = each * tokens / len(first.tokens)
    st.button(
        f"Measure the evidence ({time_in_words(expected)})",
        key="measure-evidence",
        on_click=engine.start,
        args=(list(tasks), "evidence"),
        help="Reruns of the text without some of its units; it can be stopped.",
    )


def _ask_sensitivity(some: Sequence[Explanation], keys: Sequence[str]) -> None:
    tasks = [task for explanation in some for task in measured.sensitivity_tasks(explanation, keys)]
    if not tasks:
        return
    # Sensitivity takes eleven attributions of each method.
    expected = 11 * sum(
        result.seconds
        for explanation in some
        for key in keys
        for result in explanation.results[key]
    )
    st.button(
        f"Measure the sensitivity ({time_in_words(expected)})",
        key="measure-sensitivity",
        on_click=engine.start,
        args=(tasks, "evidence"),
        help="Each attribution is computed again under ten small changes of its input.",
    )


def _favours(
    evidence_request: EvidenceRequest, some: Sequence[Explanation], keys: Sequence[str]
) -> None:
    """The methods that each metric favours by construction, and the numbers as a file."""
    with st.container(horizontal=True, key="evidence-more"):
        with st.popover("Biases of the metrics", type="tertiary", icon=":material/balance:"):
            for name in (
                "completeness_gap",
                "comprehensiveness",
                "sufficiency",
                "deletion",
                "insertion",
                "sensitivity",
                "agreement",
                "randomisation",
            ):
                title = name.replace("_", " ").replace("completeness gap", "integration error")
                st.markdown(f"**{title[0].upper()}{title[1:]}.** {cards.plain(FAVOURED[name])}")
        st.download_button(
            "CSV",
            data=lambda: _csv(some, keys, evidence_request.setting),
            on_click="ignore",
            file_name="evidence.csv",
            key="evidence-csv",
            type="tertiary",
            icon=":material/download:",
        )
    st.caption(
        "By construction comprehensiveness and deletion favour methods that replace units "
        "themselves (leave one out, occlusion, ablation, Shapley values), and sensitivity favours "
        "those that average over noise."
    )


def _csv(some: Sequence[Explanation], keys: Sequence[str], setting: Setting) -> bytes:
    """Every number of every member, and how it was asked."""
    from analysis.attribution import Evidence, evidence_table
    from analysis.attribution.evidence.table import one_below_another

    tables = []
    for explanation in some:
        for index, member in enumerate(explanation.entry.members):
            rows = []
            for key in keys:
                record = measured.faithful(explanation, key, setting)[index]
                noise = measured.sensitive(explanation, key)[index]
                rows.append(
                    Evidence(
                        METHODS[key].title,
                        explanation.results[key][index],
                        record if isinstance(record, Faithfulness) else None,
                        noise if isinstance(noise, Sensitivity) else None,
                    )
                )
            table = evidence_table(rows)
            table.insert(0, "checkpoint", member.id)
            table.insert(1, "explained", explanation.label)
            tables.append(table)
    return as_csv(one_below_another(tables)).encode()
