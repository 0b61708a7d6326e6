"""The layer that carries the prediction, and the randomisation test of an attribution."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from analysis.attribution import FAVOURED, Randomisation
from analysis.common import arrays
from analysis.common.jobs import time_in_words
from analysis.figures.plot import Plot
from analysis.figures.screen.markup import html
from pages.ui.attributions import engine
from pages.ui.attributions import measurements as measured
from pages.ui.attributions import waiting as attributions_waiting
from pages.ui.attributions.controls import AttributionRequest
from pages.ui.attributions.entry import LAYERS, Explanation, compute, picture_of
from pages.ui.engine import crowd
from pages.ui.engine.replies import common_limit
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.show import export_menu, panel
from pages.ui.kit.titles import titled

_ABOUT_LAYERS = (
    "Integrated gradients with the pooled layers' hidden states as joint inputs: they sum to the "
    "change of the output from the baseline, which layer conductance does not. Beside them the "
    "split of the pooling head, from its own reference. Neither says how the encoder made "
    "these states. Sundararajan et al. 2017."
)
_ABOUT_RANDOM = (
    "The weights of the layers are randomised from the classifier downwards; an attribution that "
    "still ranks the units as before does not depend on what the model has learned "
    "(Adebayo et al. 2018). " + FAVOURED["randomisation"]
)


def draw_layers(
    explained: Sequence[Explanation],
    choice: Choice,
    request: AttributionRequest,
    say: Callable[[str], None],
) -> bool:
    """One picture for each checkpoint, all on one scale.

    Returns whether it is put off because many people wait.
    """
    joint, split = LAYERS
    later = crowd.crowded() and any(explanation.waits_for(joint) for explanation in explained)
    if engine.running() is None and not later:
        compute(explained, LAYERS, say)
    known = [explanation for explanation in explained if joint in explanation.results]
    if not known:
        _no_layers(explained, joint, later)
        return later
    with st.container(border=True, key="panel-layers"):
        plots = {
            explanation.name: _layer_plot(explanation, choice, request, None)
            for explanation in known
        }
        largest = max(
            arrays.largest(result.layer_scores.sum(axis=0))
            for explanation in known
            for key in LAYERS
            for result in explanation.results.get(key, ())
            if result.layer_scores is not None
        )
        state = (*choice.key, request.output, request.against, request.baseline)
        limit = common_limit("layer_scale", state, 1000 * largest, st.session_state) / 1000
        plots = {
            explanation.name: _layer_plot(explanation, choice, request, limit)
            for explanation in known
        }
        with titled("Which layer carries the prediction?", _ABOUT_LAYERS, "layers"):
            export_menu(plots, "export-layers")
        with st.container(key="layer-cards"):
            for explanation in known:
                note_of_plot = plots[explanation.name].notes[-1]
                note = (
                    f'<div class="line">{cards.text(explanation.without[split])}</div>'
                    if split in explanation.without
                    else ""
                )
                cards.piece(
                    f'<div class="id">{cards.text(explanation.name)}</div>'
                    f"{html(plots[explanation.name], css=False)}"
                    f'<div class="line">{cards.text(note_of_plot)}</div>{note}',
                    f"layers-{explanation.name}",
                )
        if any(
            explanation.waits_for(joint) for explanation in explained
        ) and not attributions_waiting.watch("layers"):
            attributions_waiting.offer(joint, explained, "layers")
    return later


def _no_layers(explained: Sequence[Explanation], joint: str, later: bool) -> None:
    """Why there is no picture, or what it would take."""
    waiting = any(explanation.waits_for(joint) for explanation in explained)
    reasons = list(
        dict.fromkeys(
            explanation.without[joint] for explanation in explained if joint in explanation.without
        )
    )
    if not waiting and not reasons:
        return
    with st.container(border=True, key="panel-layers"):
        st.markdown("**Which layer carries the prediction?**", help=_ABOUT_LAYERS)
        if not waiting:
            st.caption(cards.plain(" ".join(reasons)))
        elif later:
            st.caption(crowd.LATER)
        elif not attributions_waiting.watch("layers"):
            attributions_waiting.offer(joint, explained, "layers")


def _layer_plot(
    explanation: Explanation, choice: Choice, request: AttributionRequest, limit: float | None
) -> Plot:
    keys = [key for key in LAYERS if key in explanation.results]
    return picture_of("attribution_layers", [explanation], choice, request, keys, limit=limit)


def draw_randomisation(
    explanation: Explanation, choice: Choice, request: AttributionRequest
) -> None:
    """On request: the check needs one attribution for every stage of the model."""
    keys = [key for key in request.methods if key in explanation.results]
    rows = [
        key
        for key in keys
        if all(isinstance(test, Randomisation) for test in measured.randomised(explanation, key))
    ]
    if rows:
        plot = picture_of("randomisation", [explanation], choice, request, rows)
        panel(plot, "randomisation", _ABOUT_RANDOM, title=f"{explanation.name}: randomisation test")
    tasks = measured.randomisation_tasks(explanation, keys)
    if not tasks and rows:
        return
    with st.container(border=True, key="panel-randomise"):
        if not rows:
            st.markdown("**Randomisation test**", help=_ABOUT_RANDOM)
        if attributions_waiting.watch("randomisation"):
            return
        if not tasks:
            reasons = [
                test
                for key in keys
                for test in measured.randomised(explanation, key)
                if isinstance(test, str)
            ]
            st.caption(cards.plain(" ".join(dict.fromkeys(reasons))))
            return
        depth = int(explanation.entry.first.facts.get("layers") or 6) + 3
        expected = (depth + 1) * sum(r.seconds for key in keys for r in explanation.results[key])
        st.caption(
            "Random weights, from the classifier down: does the attribution change with the model?"
        )
        st.button(
            f"Check with random weights ({time_in_words(expected)})",
            key="randomise",
            on_click=engine.start,
            args=(tasks, "randomisation"),
        )
