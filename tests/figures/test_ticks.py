"""Labels of a crowded axis: each at its own place, none over another, whatever the tokens are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from analysis.figures import HeatMap, Plot
from analysis.figures.paper import render, ticks
from analysis.figures.paper.fonts import measuring
from analysis.figures.paper.look import Look
from analysis.figures.style.settings import Style
from tests.support import svg_reader as back

LOOK = Look(Style(), measuring())
LONG = "counterrevolutionary-misunderstandings"
CROWDS = {
    "long": tuple(f"{LONG[:20]}{i}{LONG[20:]}" for i in range(80)),
    "repeated": ("the",) * 80,
    "repeated pieces": ("the", "##ing", "[SEP]", "a") * 20,
    "one of them long": ("a",) * 40 + (LONG * 3,) + ("a",) * 40,
    "counted": tuple(map(str, range(384))),
    "counted from 1": tuple(map(str, range(1, 97))),
    "some without a name": tuple(f"token{i}" if i % 4 == 0 else "" for i in range(80)),
    "wide glyphs": ("WWWWWW", "iiiiii") * 40,
}


def across(labels, width):
    """(places, texts, upright) as they stand on an axis of that width."""
    axes = Figure().add_subplot()
    ticks.across(axes, LOOK, labels, width)
    shown = axes.get_xticklabels()
    return (
        [round(t) for t in axes.get_xticks()],
        [t.get_text() for t in shown],
        any(t.get_rotation() == 90 for t in shown),
    )


def apart(labels, width):
    """Labels stand free of one another, each at a place that has its name."""
    places, texts, upright = across(labels, width)
    room = width / len(labels)
    size = LOOK.small
    assert len(places) == len(texts) == len(set(places)) > 0
    for place, text in zip(places, texts, strict=True):
        head, cut, tail = text.replace("\n", "").partition("…")
        plain = labels[place].replace(" ", "")
        assert plain.startswith(head.replace(" ", ""))
        assert plain.endswith(tail.replace(" ", ""))
        assert cut or head.replace(" ", "") == plain
        if upright:
            assert LOOK.measure(text, size) <= ticks.LONGEST_ACROSS * LOOK.scale + 1e-6
    for first, other in pairwise(range(len(places))):
        between = (places[other] - places[first]) * room
        if upright:
            assert between >= size
        else:
            wide = [
                max(LOOK.measure(line, size) for line in texts[i].split("\n"))
                for i in (first, other)
            ]
            assert between >= sum(wide) / 2
    return places, texts, upright


@pytest.mark.parametrize("width", [60.0, 150.0, 400.0])
@pytest.mark.parametrize("crowd", CROWDS)
def test_labels_of_a_crowded_axis_stand_apart(crowd, width):
    labels = CROWDS[crowd]
    places, texts, upright = apart(labels, width)
    if crowd.startswith("counted"):
        assert not upright
        steps = set(np.diff(places))
        assert len(steps) <= 1
        assert steps <= {m * 10**p for m in (1, 2, 5) for p in range(4)}
    elif width / len(labels) < LOOK.small and crowd != "some without a name":
        assert upright
        assert len(places) < len(labels)  # every n-th
        assert len(set(np.diff(places))) == 1
    if crowd == "long":
        assert all("…" in text for text in texts)


def test_a_short_axis_keeps_every_label_flat_and_whole():
    labels = ("a film", "to see", "and hear", "again")
    places, texts, upright = apart(labels, 200.0)
    assert (places, texts, upright) == ([0, 1, 2, 3], list(labels), False)


def test_repeated_tokens_have_a_column_each_in_the_file():
    labels = ("the", "##ing") * 32
    values = np.random.default_rng(0).normal(size=(3, 64))
    plot = Plot("v", "t", HeatMap(values, ("1", "2", "3"), labels, "layer", "token", "v"))
    for width in ("column", "full"):
        panel = back.panels(back.tree(render(plot, Style(width=width), format="svg").data))[0]
        texts = back.labels(panel, "x")
        places = [place for place, _ in texts]
        assert len(texts) > 9
        assert {label for _, label in texts} <= set(labels)
        step = np.diff(places).min()
        cells = next(iter(back.named(panel, "cells").values()))
        assert len(back.fills(cells)) == values.size
        assert step >= LOOK.small


@settings(deadline=None, max_examples=60)
@given(
    labels=st.lists(
        st.text("abcW il-é", min_size=1, max_size=60).map(str.strip).filter(bool),
        min_size=1,
        max_size=120,
    ),
    width=st.floats(40, 450),
)
def test_labels_of_any_axis_stand_apart(labels, width):
    apart(tuple(" ".join(label.split()) for label in labels), width)


@settings(deadline=None, max_examples=40)
@given(count=st.integers(1, 200), height=st.floats(30, 500), width=st.floats(20, 120))
def test_labels_beside_a_map_stand_apart_and_fit(count, height, width):
    axes = Figure().add_subplot()
    labels = tuple(f"{LONG[: 1 + i % 38]}" for i in range(count))
    ticks.down(axes, LOOK, labels, height, width)
    places = axes.get_yticks()
    assert (np.diff(places) * height / count >= LOOK.small - 1e-9).all()
    for text in axes.get_yticklabels():
        shown = text.get_text()
        assert LOOK.measure(shown, LOOK.small) <= max(width, LOOK.measure("a…z", LOOK.small))
