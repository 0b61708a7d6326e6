"""What scripts in the browser unpack is what was packed."""

from __future__ import annotations

import base64

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.figures.screen import packed

PLACES = arrays(float, st.tuples(st.integers(1, 9), st.just(2)), elements=st.floats(-50, 50))


def unpacked(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


@given(PLACES)
def test_points_come_back_to_within_the_smallest_step(points):
    square = packed.Square([points])
    places = square.place(points)
    assert places.min() >= 0
    assert places.max() <= 1
    back = unpacked(packed.coordinates(places), "<u2").reshape(-1, 2) / 65535 * 3 - 1
    assert np.abs(back - places).max() <= 1.5 / 65535
    # one scale for both axes: distances keep their ratio
    np.testing.assert_allclose(
        (places - places[0]) * square.side, points - points[0], atol=1e-9 * square.side
    )


@given(arrays(float, (3, 4), elements=st.floats(0, 1e3)))
def test_cells_come_back_as_shares_of_the_largest(values):
    text, top = packed.cells(values)
    back = unpacked(text, "<u2").reshape(3, 4) / 65535 * top
    assert np.abs(back - values).max() <= top / 65535
    assert top == max(values.max(), 1e-12)


@given(st.lists(st.integers(0, 14), min_size=1), st.integers(2, 12))
def test_classes_beyond_the_most_are_one(codes, most):
    text, counts = packed.classes(np.array(codes), most, 15)
    back = unpacked(text, np.uint8).tolist()
    assert back == [min(code, most - 1) for code in codes]
    assert counts == [back.count(code) for code in range(15)]


@given(st.lists(st.one_of(st.floats(-9, 9), st.just(float("nan"))), min_size=1, max_size=9))
def test_a_ramp_keeps_order_and_says_what_is_unknown(values):
    array = np.array(values)
    (text, again), low, high, unknown = packed.ramps([array, array])
    codes = unpacked(text, np.uint8)
    assert again == text
    assert unknown == bool(np.isnan(array).any())
    assert (codes[np.isnan(array)] == packed.UNKNOWN).all()
    known, shown = array[~np.isnan(array)], codes[~np.isnan(array)].astype(float)
    if known.size:
        assert (low, high) == (known.min(), known.max())
        assert (np.diff(shown[np.argsort(known)]) >= 0).all()
        assert shown.max() <= 200


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_flags_are_bits_from_the_lowest_on(values):
    bits = np.unpackbits(unpacked(packed.flags(values), np.uint8), bitorder="little")
    assert bits[: len(values)].astype(bool).tolist() == values
    assert not bits[len(values) :].any()
    places = [place for place, value in enumerate(values) if value]
    assert packed.flags_at(places, len(values)) == packed.flags(values)


def test_numbers_are_repeated_in_every_row():
    np.testing.assert_array_equal(packed.repeated(["7", "2"], 3), [[7, 2]] * 3)
