"""By what the points are coloured: label, prediction, correctness, a number, any column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from analysis.map_quality import Quality
from analysis.predictions import Predictions
from pages.ui.dataset import Chosen
from pages.ui.inputs import KEPT
from pages.ui.map_component import MOST_CLASSES, Colour
from pages.ui.map_engine import Pass


def ask(
    chosen: Chosen, given: Pass, answers: Sequence[Predictions], qualities: Sequence[Quality]
) -> Colour:
    """Draw the choice and return what it says of each row of the sample."""
    offered = _offered(chosen, given, answers, qualities)
    if st.session_state.get("colour_by") not in (None, *offered):
        st.session_state.pop("colour_by")
    name = st.selectbox("Colour", list(offered), key="colour_by", **KEPT)
    return offered[name]


def _offered(
    chosen: Chosen, given: Pass, answers: Sequence[Predictions], qualities: Sequence[Quality]
) -> dict[str, Colour]:
    table, found = given.table, {}
    if table.label is not None:
        found["label"] = (
            Colour("label", table.label, table.labels) if table.labels
            else Colour("label", table.label)
        )
        if len(table.labels) > MOST_CLASSES:
            found["label"] = _named("label", [table.labels[i] for i in table.label])
    for one in answers:
        name = f"prediction of {one.checkpoint}"
        if one.regression:
            found[name] = Colour(name, one.logits[:, 0])
            continue
        found[name] = Colour(name, one.predicted, one.labels)
        found[f"class gap of {one.checkpoint}"] = Colour(f"class gap of {one.checkpoint}", one.gap)
        right = _right(given, one)
        if right is not None:
            name = f"correctness of {one.checkpoint}"
            found[name] = Colour(name, 1 - right.astype(int), ("right", "wrong"))
    for name in ("capability", "template", "kind"):
        if chosen.cases:
            cases = [chosen.cases[row] for row in given.rows]
            found[name] = _named(name, [str(getattr(case, name)) for case in cases])
    for name, values in chosen.more.items():
        found[name] = _column(name, [str(values[row]) for row in given.rows])
    if table.pair is None:
        found["words"] = Colour("words", np.array([len(text.split()) for text in table.text]))
    found["characters"] = Colour("characters", table.lengths)
    if qualities and len(qualities[0].sample) == len(table):
        found["torn neighbours (first panel)"] = Colour(
            "neighbours torn away", 100 * qualities[0].torn
        )
        found["false neighbours (first panel)"] = Colour(
            "neighbours that are none", 100 * qualities[0].false
        )
    return found


def _right(given: Pass, one: Predictions) -> np.ndarray | None:
    if given.table.label is None or not given.table.labels:
        return None
    try:
        places = one.places(given.table.labels)
    except ValueError:
        return None  # a checkpoint of other classes is neither right nor wrong
    wanted = np.array([places[name] for name in given.table.labels])[given.table.label]
    return np.asarray(one.predicted == wanted)


def _column(title: str, values: Sequence[str]) -> Colour:
    """A column of the file: numbers where all are and they are many, else its words."""
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        return _named(title, values)
    if len(np.unique(numbers)) <= MOST_CLASSES or not np.isfinite(numbers).all():
        return _named(title, values)
    return Colour(title, numbers)


def _named(title: str, values: Sequence[str]) -> Colour:
    """A column of words: the eleven most frequent, and the rest together."""
    names, counts = np.unique(np.array(values, dtype=object).astype(str), return_counts=True)
    order = names[np.argsort(-counts, kind="stable")]
    shown = list(order[:MOST_CLASSES]) if len(order) <= MOST_CLASSES else [
        *order[: MOST_CLASSES - 1], "others"
    ]
    place = {name: index for index, name in enumerate(shown)}
    codes = np.array([place.get(value, len(shown) - 1) for value in values])
    return Colour(title, codes, tuple(str(name) for name in shown))
