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
from pages.ui.frame.inputs import Choice
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
    explained: Sequence[Explanation], choice: Choice, wanted: AttributionRequest, mark: Span | None
) -> dict[str, float]:
    """The panel; returns the end of each method's colour scale."""
    limits = _limits(explained, choice, wanted)
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
            export_menu(_plots(explained, choice, wanted, limits), "export-strips")
        several = len(explained) > 1 if rows == BY_METHOD else len(wanted.methods) > 1
        if rows == BY_METHOD:
            blocks = [_by_method(key, explained, limits) for key in wanted.methods]
            focus = wanted.methods.index(wanted.focus)
            html = strips(blocks, focus, mark, several)
            piece(html, "strips-drawing", lambda index: _choose(wanted.methods[index]))
        else:
            html = strips(
                [_by_checkpoint(one, explained, wanted, limits) for one in explained],
                None,
                mark,
                several,
            )
            piece(html, "strips-drawing")
        said = _differences(explained, wanted)
        if said:
            st.text(said)
    return limits


def _differences(explained: Sequence[Explanation], wanted: AttributionRequest) -> str:
    """Where two methods differ most, and where two checkpoints do, in words."""
    said, apart = [], []
    for one in explained:
        keys = [key for key in wanted.methods if key in one.found]
        if not keys:
            continue
        differ = words.methods_differ([one.mean(key) for key in keys], one.tokens, keys)
        if differ is not None:
            apart.append((abs(differ.scores[0] - differ.scores[1]), one.name, differ.sentence))
    if apart:
        _, name, sentence = max(apart)
        said.append(f"In {name}, {sentence}" if len(explained) > 1 else words.begin(sentence))
    found = shared(explained, wanted.focus)
    said.append(
        words.checkpoints_differ(
            [one.found[wanted.focus] for one in found],
            tokens_of(found),
            [one.name for one in found],
            wanted.focus,
        )
    )
    said += [_not_reached(key, explained) for key in wanted.methods]
    return " ".join(sentence for sentence in said if sentence)


def _not_reached(key: str, explained: Sequence[Explanation]) -> str:
    """Where an integration ended before its tolerance, in a sentence."""
    short = [
        one
        for one in shared(explained, key)
        if any(r.converged is False and not r.stopped for r in one.found[key])
    ]
    if not short:
        return ""
    options = short[0].found[key][0].options
    steps = max(r.options["n_steps"] for one in short for r in one.found[key])
    where = "" if len(explained) == 1 else f" of {listed(one.name for one in short)}"
    title = words.in_sentence(METHODS[key].title)
    return (
        f"At {steps} points {title}{where} did not reach the tolerance "
        f"({100 * options['tolerance']:.3g} % of the output's change): these scores are not "
        "converged."
    )


def _choose(method: str) -> None:
    st.session_state["focus"] = method


def _limits(
    explained: Sequence[Explanation], choice: Choice, wanted: AttributionRequest
) -> dict[str, float]:
    """One round limit for each method, over all checkpoints; it holds still while one types."""
    limits = {}
    for key in wanted.methods:
        largest = max(
            (arrays.largest(one.mean(key).scores) for one in shared(explained, key)), default=0.0
        )
        state = (*choice.key, wanted.output, wanted.against, wanted.baseline)
        # Thousandths: a probability or a gradient may be far below the smallest limit of logits.
        name = f"attribution_scale_{key}"
        limits[key] = common_limit(name, state, 1000 * largest, st.session_state) / 1000
    return limits


def _by_method(
    key: str, explained: Sequence[Explanation], limits: dict[str, float]
) -> tuple[str, str, list[Line]]:
    lines = [_line(one, key, one.name, explained, limits) for one in explained]
    found = shared(explained, key)
    note = _asked(found[0].mean(key)) if found else ""
    return METHODS[key].title, note, lines


def _by_checkpoint(
    one: Explanation,
    explained: Sequence[Explanation],
    wanted: AttributionRequest,
    limits: dict[str, float],
) -> tuple[str, str, list[Line]]:
    if one.problem:
        return one.name, "", [Line(one.name, instead=one.problem)]
    lines = [_line(one, key, METHODS[key].title, explained, limits) for key in wanted.methods]
    return one.name, f"explained: {one.label}" if one.label else "", lines


def _line(
    one: Explanation,
    key: str,
    name: str,
    explained: Sequence[Explanation],
    limits: dict[str, float],
) -> Line:
    if one.problem:
        return Line(name, instead=one.problem)
    if key in one.without:
        return Line(name, instead=one.without[key])
    if key not in one.found:
        waits = not at_once(explained, key)
        return Line(name, instead="Takes a while: start it below." if waits else "Not computed.")
    result = one.mean(key)
    plot = views.strips([[result]], [one.tokens], [one.checkpoint], limits=[limits[key]])
    assert isinstance(plot.mark, Strip)
    error = error_text(result.completeness_gap)
    return Line(name, plot.mark, error, _seconds(one.found[key]), _told(one.found[key]))


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


def _told(results: Sequence[Attribution]) -> str:
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


def _asked(result: Attribution) -> str:
    """What the method was asked, as far as it is the same for all."""
    parts = []
    if result.baseline != "none":
        given = "baseline" in METHODS[result.method].needs
        parts.append(f"baseline {result.baseline}" if given else result.baseline)
    if result.layer != "input embeddings":
        parts.append(result.layer)
    return ", ".join(parts)


def _plots(
    explained: Sequence[Explanation],
    choice: Choice,
    wanted: AttributionRequest,
    limits: dict[str, float],
) -> dict[str, Plot]:
    """All strips in one figure, then the methods one by one."""

    def strips_of(some: Sequence[Explanation], keys: Sequence[str]) -> Plot:
        ends = [limits[key] for key in keys]
        return picture_of("attribution_strips", some, choice, wanted, keys, limits=ends)

    plots: dict[str, Plot] = {}
    rows = []
    for key in wanted.methods:
        some = shared(explained, key)
        if not some:
            continue
        plots[METHODS[key].title] = strips_of(some, [key])
        if len(some) == len([one for one in explained if not one.problem]):
            rows.append((key, some))
    if len(rows) > 1:
        plots = {"All methods": strips_of(rows[0][1], [key for key, _ in rows]), **plots}
    return plots
