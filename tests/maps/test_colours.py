"""What the colour of a point says: classes as they are, numbers cut at their quantiles."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.maps.colours import BINS, Colour
from analysis.maps.numbers import measured
from analysis.maps.probes import anisotropy

numbers = st.lists(
    st.one_of(st.floats(-1e3, 1e3), st.just(float("nan"))), min_size=1, max_size=40
).map(np.array)


def test_classes_stay_as_they_are():
    colour = Colour("label", np.array([0, 1, 1]), ("a", "b"))
    codes, names = colour.grouped()
    assert codes.tolist() == [0, 1, 1]
    assert names == ("a", "b")


@given(numbers)
def test_a_greater_number_is_never_in_a_lower_group_and_an_unknown_one_in_its_own(values):
    codes, names = Colour("length", values).grouped()
    codes, known = np.ravel(codes), np.isfinite(values)
    assert codes.min() >= 0
    assert codes.max() < len(names) <= BINS + 1
    order = np.argsort(values[known], kind="stable")
    assert (np.diff(codes[known][order]) >= 0).all()
    if not known.all():
        assert names[-1] == "not measured"
        assert (codes[~known] == len(names) - 1).all()
        assert not (codes[known] == len(names) - 1).any()


def test_groups_of_distinct_numbers_are_of_equal_size():
    codes, names = Colour("length", np.arange(10.0 * BINS)).grouped()
    assert np.ptp(np.bincount(np.ravel(codes), minlength=len(names))) <= 1


def test_rows_without_classes_have_anisotropy_alone_and_say_why():
    vectors = np.random.default_rng(0).normal(size=(30, 4))
    result = measured(vectors, None, None)
    assert result.anisotropy == anisotropy(vectors)
    assert np.isnan(result.probe)
    assert "no classes" in result.problem


def test_one_class_has_a_reason_in_place_of_a_probe():
    vectors = np.random.default_rng(0).normal(size=(30, 4))
    result = measured(vectors, np.zeros(30, int), np.arange(30))
    assert np.isnan(result.probe)
    assert result.problem
