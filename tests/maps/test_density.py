"""Contours: against the circles of a normal distribution, and by the points that they hold."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path

from analysis.maps.density import contours
from tests.support.islands import islands


def test_contours_of_a_normal_distribution_are_its_circles():
    points = np.random.default_rng(0).normal(size=(40_000, 2))
    drawn = contours(points, (0.9, 0.5))
    for share, lines in zip(drawn.shares, drawn.lines, strict=True):
        largest = max(lines, key=len)
        radius = np.linalg.norm(largest, axis=1)
        np.testing.assert_allclose(radius.mean(), np.sqrt(-2 * log(1 - share)), rtol=0.05)


@given(st.integers(100, 900), st.floats(0.2, 0.95), st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_a_contour_holds_its_share_of_the_points(count, share, seed):
    points, _ = islands(count, 6.0, seed)
    (lines,) = contours(points, (share,)).lines
    # Inside an odd number of lines: a hole is a line of its own.
    inside = sum(Path(line).contains_points(points).astype(int) for line in lines) % 2
    assert abs(inside.mean() - share) < 0.06


def test_few_points_and_points_on_a_spot_have_no_contours():
    assert contours(np.random.default_rng(0).normal(size=(10, 2))).lines == ((), (), ())
    assert contours(np.ones((50, 2))).lines == ((), (), ())
    with pytest.raises(ValueError, match="between 0 and 1"):
        contours(np.ones((50, 2)), (90.0,))
