"""A picture as JSON comes back to the last bit, or a sentence says what is broken."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from analysis.figures import Bars, HeatMap, Plot
from analysis.figures.files.store import BadPlot, from_json, to_json
from tests.support import view_samples as samples
from tests.support.known_results import HOSTILE
from tests.support.saved_figures import of_reading, panels


@pytest.mark.parametrize("key", samples.keys())
def test_every_view_survives_json_to_the_last_bit(key):
    plot = samples.plot_of(key)
    text = to_json(plot)
    back = from_json(text)
    assert to_json(back) == text
    assert json.loads(text)  # plain JSON: no NaN, no Infinity
    assert "NaN" not in text
    assert (back.view, back.title, back.notes, back.caption) == (
        plot.view,
        plot.title,
        plot.notes,
        plot.caption,
    )
    assert back.params == plot.params
    assert back.provenance == plot.provenance
    assert type(back.mark) is type(plot.mark)
    for first, other in zip(panels(plot), panels(back), strict=True):
        same(first, other)
    assert back.frame().equals(plot.frame())


def same(first, other):
    """Every field of a mark, those of a text inside of it as well."""
    for name in first.__dataclass_fields__:
        before, after = getattr(first, name), getattr(other, name)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype
            assert after.shape == before.shape
            assert after.tobytes() == before.tobytes()
            assert not after.flags.writeable
        elif hasattr(before, "__dataclass_fields__"):
            same(before, after)
        else:
            assert after == before


@settings(max_examples=60)
@given(
    npst.arrays(
        st.sampled_from([np.float32, np.float64, np.float16]),
        npst.array_shapes(min_dims=2, max_dims=2, max_side=9),
        elements=st.floats(allow_infinity=False, width=16),
    )
)
def test_any_heat_map_survives_json_to_the_last_bit(values):
    mark = HeatMap(values, ("r",) * len(values), ("c",) * values.shape[1], "r", "c", "v")
    back = from_json(to_json(Plot("v", "t", mark))).mark
    assert back.values.tobytes() == mark.values.tobytes()
    assert back.limits == mark.limits


def test_hostile_text_survives_json_as_it_was_but_for_half_a_character():
    mark = Bars(np.ones((1, len(HOSTILE))), HOSTILE, ("s",), "c", "v")
    plot = Plot("v", "\ud800<script>", mark, {"a": float("nan")}, {"text": HOSTILE[0]}, HOSTILE)
    back = Plot.from_json(plot.to_json())
    whole = tuple(re.sub("[\ud800-\udfff]", "\ufffd", text) for text in HOSTILE)
    assert (back.mark.categories, back.title, back.notes) == (whole, "\ufffd<script>", whole)
    assert np.isnan(back.params["a"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: "nonsense", "no view and no mark"),
        (lambda d: [], "no view and no mark"),
        (lambda d: {**d, "version": 99}, "version 99"),
        (lambda d: {**d, "mark": {"$mark": "Path"}}, "no mark is called 'Path'"),
        (lambda d: {**d, "mark": {**d["mark"], "hack": 1}}, "another version"),
        (lambda d: {**d, "mark": {"$mark": "Strip"}}, "broken"),
        (lambda d: {**d, "notes": "abc"}, "notes is not a tuple"),
        (lambda d: {**d, "notes": [1]}, "notes are not all text"),
        (
            lambda d: {**d, "title": {"$array": "|O", "shape": [1], "base64": "AAAA"}},
            "not an array",
        ),
        (lambda d: {**d, "title": {"$array": "<f8", "shape": [9], "values": [1]}}, "9 values"),
        (lambda d: {**d, "title": {"$array": "<f8", "shape": [10**12], "base64": ""}}, "0 bytes"),
        (lambda d: {**d, "title": {"$array": "<f8", "shape": [-1], "base64": ""}}, "shape"),
        (lambda d: {**d, "title": {"$array": "<f8", "shape": [1], "base64": "*"}}, "broken"),
        (lambda d: {**d, "title": 3}, "title is not a str"),
        (lambda d: {**d, "params": []}, "params is not a dict"),
    ],
)
def test_a_broken_picture_is_refused_in_words(change, sentence):
    with pytest.raises(BadPlot, match=sentence):
        from_json(json.dumps(change(json.loads(to_json(of_reading())))))
    for text in ("{", "", "[" * 100_000, b"\xff\xfe"):
        with pytest.raises(BadPlot, match="not the JSON"):
            from_json(text)
