"""Text on paper: hostile, in other scripts, without a glyph, from right to left."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.figures import Bars, Grid, HeatMap, Plot, Strip, view
from analysis.figures.paper import render
from analysis.figures.screen.layout import place
from tests.support.known_results import (
    HOSTILE,
    SENTENCE,
    split,
    tokens_of,
)
from tests.support.sentences import in_order
from tests.support.strips import strip_of

ROOT = Path(__file__).resolve().parents[2]
TOKENS = tokens_of(SENTENCE)
PAIR = tokens_of("Wolfram acquired the laboratories.", "Wolfram bought the laboratories.")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    "format", ["svg", *(pytest.param(name, marks=pytest.mark.slow) for name in ("pdf", "png"))]
)
def test_hostile_text_is_drawn_as_typed(format):
    size = len(HOSTILE)
    marks = [
        strip_of(HOSTILE),
        HeatMap(np.eye(size), HOSTILE, HOSTILE, "$r$", "a_b", "100%"),
        Bars(np.ones((2, size)), HOSTILE, ("$a$", "\\b{"), "<b>", "x^2"),
        Grid((strip_of(HOSTILE),), ("<script>$x$",), 1),
    ]
    for mark in marks:
        drawn = render(Plot("v", "$t$", mark, provenance={"text": HOSTILE[12]}), format=format)
        assert len(drawn.data) > 1000
        if format == "svg":
            text = "".join(ElementTree.fromstring(drawn.data).itertext())
            assert "<script>" in text
            assert any(typed in text for typed in ("$x^2$", "<script>$x$"))
            assert "$a$" in text or not isinstance(mark, Bars)
            assert not ElementTree.fromstring(drawn.data).findall(f".//{SVG}script")


def test_a_glyph_no_font_has_is_told_and_drawn_as_a_box():
    # a character for private use that no font on a usual machine has
    tokens = tokens_of("a \U00100123")
    plot = view("reading", split(tokens), tokens, 1)
    drawn = render(plot)
    assert drawn.data.startswith(b"%PDF")
    assert any("drawn as a box" in notice for notice in drawn.notices)
    assert any("U+100123" in notice for notice in drawn.notices)
    plain = tokens_of(SENTENCE)
    assert render(view("reading", split(plain), plain, 1)).notices == ()


def test_the_advice_names_the_script_and_a_font():
    from analysis.figures.files.scripts import advice

    first, second = advice({0x4F60, 0x597D, 0x1F600})
    assert in_order(first, "2 Chinese or Japanese characters", "box", "U+4F60", "U+597D")
    assert in_order(first, "Droid Sans Fallback", "fonts-droid-fallback", "export again")
    assert in_order(second, "1 emoji character", "box", "U+1F600")


@settings(deadline=None, max_examples=60)
@given(
    words=st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=60),
    width=st.floats(60, 400),
)
def test_a_strip_stays_inside_its_line_and_loses_nothing(words, width):
    labels = tuple("x" * size for size, _ in words)
    count = len(labels)
    strip = Strip(
        labels,
        np.zeros(count),
        tuple(s for _, s in words),
        (False,) * count,
        (0,) * count,
        tuple((i,) for i in range(count)),
        np.zeros((count, 2), int),
        "v",
    )
    boxes, height = place(strip, width, 8.0, lambda text, size: 0.5 * size * len(text))
    for unit, label in enumerate(labels):
        assert "".join(b.text for b in boxes if b.unit == unit) == label
    for box in boxes:
        assert box.x >= -1e-6
        assert box.x + box.width <= width + 1e-6
        assert box.y < height
    for before, after in pairwise(boxes):
        assert after.y > before.y or after.x >= before.x + before.width - 1e-6


def test_text_read_from_right_to_left_starts_at_the_right():
    tokens = tokens_of("שלום עולם", "left to right")
    mark = view("reading", split(tokens), tokens, 1).mark
    boxes, _ = place(mark, 200.0, 8.0, lambda text, size: 0.5 * size * len(text))
    by_unit = {b.unit: b for b in boxes}
    assert by_unit[1].x > by_unit[2].x
    first = mark.segment.index(1)
    assert by_unit[first].x == 0.0
    assert by_unit[first].y > by_unit[0].y


# --- export -----------------------------------------------------------------------------------
