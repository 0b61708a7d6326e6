"""Reductions of arrays against the plainest way to compute them."""

from __future__ import annotations

import io
import math
import statistics
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from analysis.common import arrays as reduced

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
MAYBE = st.one_of(NUMBERS, st.just(math.nan))


@given(st.lists(st.one_of(st.none(), arrays(float, array_shapes(max_side=4), elements=MAYBE))))
def test_the_largest_is_the_largest_absolute_number_there_is(given_arrays):
    values = [abs(v) for a in given_arrays if a is not None for v in a.ravel() if v == v]
    assert reduced.largest(*given_arrays) == max(values, default=0.0)


@given(arrays(float, st.integers(1, 8), elements=st.integers(-3, 3).map(float)))
def test_order_is_a_stable_sort_from_the_largest(values):
    expected = sorted(range(len(values)), key=lambda place: (-values[place], place))
    assert reduced.order(values) == expected
    sizes = [abs(value) for value in values]
    assert reduced.top(values) == sizes.index(max(sizes))
    assert reduced.order_by_size([values, -values]) == reduced.order(np.abs(values))


@given(arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=NUMBERS))
def test_spread_and_mean_over_rows_are_those_of_each_column(rows):
    mean = reduced.row_or_mean(rows, None)
    np.testing.assert_allclose(mean, [statistics.fmean(c) for c in rows.T], rtol=1e-9, atol=1e-6)
    np.testing.assert_array_equal(reduced.row_or_mean(rows, 0), rows[0])
    np.testing.assert_array_equal(reduced.row_or_mean(rows, len(rows)), mean)
    spread = reduced.spread(rows)
    if len(rows) < 2:
        assert spread is None
        return
    expected = [statistics.stdev(column) for column in rows.T]
    np.testing.assert_allclose(spread, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(reduced.spread_of_rows(rows.T, 9), expected, rtol=1e-6, atol=1e-6)


def test_without_seeds_there_is_no_spread():
    assert reduced.spread(None) is None
    assert np.isnan(reduced.spread_of_rows(None, 3)).all()
    assert np.isnan(reduced.nothing(3)).all()


@given(st.lists(MAYBE, max_size=6))
def test_the_mean_is_of_the_numbers_that_are_known(values):
    known = [value for value in values if value == value]
    mean = reduced.mean_known(values)
    assert math.isnan(mean) if not known else mean == pytest.approx(statistics.fmean(known))


@given(arrays(np.float32, array_shapes(max_side=4), elements=st.floats(0, 1, width=32)))
def test_npy_bytes_are_read_back(array):
    np.testing.assert_array_equal(np.load(io.BytesIO(reduced.npy_bytes(array))), array)


def test_bytes_are_counted_through_records_and_lists_and_once_each():
    @dataclass
    class Pair:
        left: object
        right: object

    class Store:
        def __init__(self, items: list[object]) -> None:
            self.items, self.itself = items, self

    array = np.zeros((3, 4), np.float32)
    assert reduced.bytes_of(array) == 48
    assert reduced.bytes_of(Pair([array, (array.copy(), "text")], None)) == 100
    assert reduced.bytes_of([array, array]) == 48
    assert reduced.bytes_of({"a": Store([array, "four"])}) == 1 + 48 + 4
    assert reduced.bytes_of(np.array(["one", "three"], object)) == 16 + 8
    assert reduced.bytes_of(pd.DataFrame({"a": ["x" * 1000] * 3})) > 1000
    assert reduced.bytes_of(pa.array([1, 2, 3], pa.int64())) == 24
    assert reduced.bytes_of((1, 2.5, True, None)) == 0
