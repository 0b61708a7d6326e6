"""The strips: the text coloured by every chosen method, for every checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.attribution import METHODS, Attribution
from analysis.common import arrays
from analysis.common.jobs import time_in_words
from analysis.common.phrases import listed
from analysis.figures.marks import Strip
from analysis.figures.plot import Plot
from analysis.figures.views import attributions as views
from pages.ui.attributions import words
from pages.ui.attributions.controls import BY_CHECKPOINT, BY_METHOD, AttributionRequest
from pages.ui.attributions.entry import Explanation, at_once, picture_of, shared, tokens_of
from pages.ui.attributions.markup import Line, error_text, piece, strips
from pages.ui.engine.replies import common_limit
from pages.ui.frame import address
from pages.ui.frame.choice import Choice
from pages.ui.kit.cards import Span
from pages.ui.kit.show import export_menu

ABOUT = (
    "How much each unit of the text is evidence for what is explained, by each method, compared "
    "with the baseline that is named. One colour scale within a method; scores of two methods are "
    "in different units. The integration error is |sum of scores − change of the output|, an error "
    "of computation; a small one does not show that the attribution is right. Computed through "
    "Captum (Kokhlikyan et al. 2020)."
)


def draw(
    explained: Sequence[Explanation], choice: Choice, request: AttributionRequest, mark: Span | None
) -> dict[str, float]:
    """The panel; returns the end of each method's colour scale."""
    limits = _limits(explained, choice, request)
    with st.container(border=True, key="strips-panel"):
        with st.container(key="strips-title"):
            st.markdown("**The text**", help=ABOUT)
            rows = (
                st.segmented_control(
                    "Strips",
                    (BY_METHOD, BY_CHECKPOINT),
                    default=BY_METHOD,
                    required=True,
                    label_visibility="collapsed",
                    **address.kept("strips"),
                )
                if len(explained) > 1
                else BY_METHOD
            )
            export_menu(_plots(explained, choice, request, limits), "export-strips")
        several = len(explained) > 1 if rows == BY_METHOD else len(request.methods) > 1
        if rows == BY_METHOD:
            blocks = [_by_method(key, explained, limits) for key in request.methods]
            focus = request.methods.index(request.focus)
            html = strips(blocks, focus, mark, several)
            piece(html, "strips-drawing", lambda index: _choose(request.methods[index]))
        else:
            html = strips(
                [
                    _by_checkpoint(explanation, explained, request, limits)
                    for explanation in explained
                ],
                None,
                mark,
                several,
            )
            piece(html, "strips-drawing")
        differences = _differences(explained, request)
        if differences:
            st.text(differences)
    return limits


def _differences(explained: Sequence[Explanation], request: AttributionRequest) -> str:
    """Where two methods differ most, and where two checkpoints do, in words."""
    sentences, apart = [], []
    for explanation in explained:
        keys = [key for key in request.methods if key in explanation.results]
        if not keys:
            continue
        differ = words.methods_differ(
            [explanation.mean(key) for key in keys], explanation.tokens, keys
        )
        if differ is not None:
            apart.append(
                (abs(differ.scores[0] - differ.scores[1]), explanation.name, differ.sentence)
            )
    if apart:
        _, name, sentence = max(apart)
        sentences.append(f"In {name}, {sentence}" if len(explained) > 1 else words.begin(sentence))
    with_result = shared(explained, request.focus)
    sentences.append(
        words.checkpoints_differ(
            [explanation.results[request.focus] for explanation in with_result],
            tokens_of(with_result),
            [explanation.name for explanation in with_result],
            request.focus,
        )
    )
    sentences += [_not_reached(key, explained) for key in request.methods]
    return " ".join(sentence for sentence in sentences if sentence)


def _not_reached(key: str, explained: Sequence[Explanation]) -> str:
    """Where an integration ended before its tolerance, in a sentence."""
    short = [
        explanation
        for explanation in shared(explained, key)
        if any(r.converged is False and not r.stopped for r in explanation.results[key])
    ]
    if not short:
        return ""
    tolerance = float(short[0].results[key][0].options["tolerance"] or 0)
    results = [result for explanation in short for result in explanation.results[key]]
    steps = max(int(result.options["n_steps"] or 0) for result in results)
    where = (
        "" if len(explained) == 1 else f" of {listed(explanation.name for explanation in short)}"
    )
    title = words.in_sentence(METHODS[key].title)
    return (
        f"At {steps} points {title}{where} did not reach the tolerance "
        f"({100 * tolerance:.3g} % of the output's change): these scores are not "
        "converged."
    )


def _choose(method: str) -> None:
    st.session_state["focus"] = method


def _limits(
    explained: Sequence[Explanation], choice: Choice, request: AttributionRequest
) -> dict[str, float]:
    """One round limit for each method, over all checkpoints; it holds still while one types."""
    limits = {}
    for key in request.methods:
        largest = max(
            (
                arrays.largest(explanation.mean(key).scores)
                for explanation in shared(explained, key)
            ),
            default=0.0,
        )
        state = (*choice.key, request.output, request.against, request.baseline)
        # Thousandths: a probability or a gradient may be far below the smallest limit of logits.
        name = f"attribution_scale_{key}"
        limits[key] = common_limit(name, state, 1000 * largest, st.session_state) / 1000
    return limits


def _by_method(
    key: str, explained: Sequence[Explanation], limits: dict[str, float]
) -> tuple[str, str, list[Line]]:
    lines = [
        _line(explanation, key, explanation.name, explained, limits) for explanation in explained
    ]
    with_result = shared(explained, key)
    note = _question_note(with_result[0].mean(key)) if with_result else ""
    return METHODS[key].title, note, lines


def _by_checkpoint(
    explanation: Explanation,
    explained: Sequence[Explanation],
    request: AttributionRequest,
    limits: dict[str, float],
) -> tuple[str, str, list[Line]]:
    if explanation.problem:
        return explanation.name, "", [Line(explanation.name, instead=explanation.problem)]
    lines = [
        _line(explanation, key, METHODS[key].title, explained, limits) for key in request.methods
    ]
    return explanation.name, f"explained: {explanation.label}" if explanation.label else "", lines


def _line(
    explanation: Explanation,
    key: str,
    name: str,
    explained: Sequence[Explanation],
    limits: dict[str, float],
) -> Line:
    if explanation.problem:
        return Line(name, instead=explanation.problem)
    if key in explanation.without:
        return Line(name, instead=explanation.without[key])
    if key not in explanation.results:
        waits = not at_once(explained, key)
        return Line(name, instead="Takes a while: start it below." if waits else "Not computed.")
    result = explanation.mean(key)
    plot = views.strips(
        [[result]], [explanation.tokens], [explanation.checkpoint], limits=[limits[key]]
    )
    assert isinstance(plot.mark, Strip)
    error = error_text(result.completeness_gap)
    return Line(
        name, plot.mark, error, _seconds(explanation.results[key]), _hint(explanation.results[key])
    )


def _seconds(results: Sequence[Attribution]) -> str:
    total = sum(result.seconds for result in results)
    shown = (
        time_in_words(total)
        if total >= 9.5
        else f"{total:.1f} s"
        if total >= 0.05
        else f"{1000 * total:.0f} ms"
    )
    return shown + ("*" if any(result.stopped for result in results) else "")


def _hint(results: Sequence[Attribution]) -> str:
    first = results[0]
    parts = [f"{name} {value}" for name, value in first.options.items()]
    if first.value is not None:
        parts.append(f"output at the text {arrays.mean_known([r.value for r in results]):+.3f}")
    if first.delta is not None:
        parts.append(
            f"change from the baseline {arrays.mean_known([r.delta for r in results]):+.3f}"
        )
    if len(results) > 1:
        parts.append(f"mean over {len(results)} seeds; the largest integration error is shown")
    if any(result.converged is False for result in results):
        parts.append("the tolerance was not reached")
    if any(result.stopped for result in results):
        parts.append("stopped early: the samples so far")
    return "; ".join(parts)


def _question_note(result: Attribution) -> str:
    """Settings of the method that are the same for all."""
    parts = []
    if result.baseline != "none":
        has_baseline = "baseline" in METHODS[result.method].needs
        parts.append(f"baseline {result.baseline}" if has_baseline else result.baseline)
    if result.layer != "input embeddings":
        parts.append(result.layer)
    return ", ".join(parts)


def _plots(
    explained: Sequence[Explanation],
    choice: Choice,
    request: AttributionRequest,
    limits: dict[str, float],
) -> dict[str, Plot]:
    """All strips in one figure, then the methods one by one."""

    def strips_of(some: Sequence[Explanation], keys: Sequence[str]) -> Plot:
        ends = [limits[key] for key in keys]
        return picture_of("attribution_strips", some, choice, request, keys, limits=ends)

    plots: dict[str, Plot] = {}
    rows = []
    for key in request.methods:
        some = shared(explained, key)
        if not some:
            continue
        plots[METHODS[key].title] = strips_of(some, [key])
        if len(some) == len([explanation for explanation in explained if not explanation.problem]):
            rows.append((key, some))
    if len(rows) > 1:
        plots = {"All methods": strips_of(rows[0][1], [key for key, _ in rows]), **plots}
    return plots
