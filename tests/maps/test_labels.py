"""Names on a printed map cover nothing, whatever the map."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.maps.labels import free_places, leader


@given(st.integers(0, 200), st.integers(1, 8), st.integers(0, 1_000))
@settings(max_examples=30, deadline=None)
def test_no_name_covers_a_point_or_another_name_or_leaves_the_frame(count, names, seed):
    rng = np.random.default_rng(seed)
    frame = (200.0, 160.0)
    points = rng.uniform((0, 0), frame, (count, 2))
    abouts = rng.uniform((0, 0), frame, (names, 2))
    sizes = [(float(width), 8.0) for width in rng.uniform(10, 70, names)]
    places = free_places(points, abouts, sizes, frame, radius=1.0)
    boxes = [
        (*corner, corner[0] + width, corner[1] + height)
        for corner, (width, height) in zip(places, sizes, strict=True)
        if corner is not None
    ]
    for left, bottom, right, top in boxes:
        assert left >= 0
        assert bottom >= 0
        assert right <= frame[0]
        assert top <= frame[1]
        inside = (points > (left, bottom)).all(1) & (points < (right, top)).all(1)
        assert not inside.any()
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0]
            assert apart or one[3] <= other[1] or other[3] <= one[1]


def test_an_empty_map_has_room_for_a_name_beside_its_point():
    (place,) = free_places(np.zeros((0, 2)), np.array([[50.0, 50]]), [(20.0, 8)], (100.0, 100))
    assert place is not None
    assert abs(place[0] - 50) <= 20


def test_a_name_without_room_has_no_place():
    grid = np.stack(np.meshgrid(np.arange(0, 100, 4.0), np.arange(0, 100, 4.0)), -1).reshape(-1, 2)
    assert free_places(grid, np.array([[50.0, 50]]), [(20.0, 8)], (100.0, 100)) == [None]


@given(st.integers(0, 150), st.integers(0, 1_000))
@settings(max_examples=40, deadline=None)
def test_the_line_of_a_name_crosses_no_point_and_leads_towards_what_it_is_about(count, seed):
    rng = np.random.default_rng(seed)
    frame, radius, size = (200.0, 160.0), 2.0, (30.0, 8.0)
    points = rng.uniform((0, 0), frame, (count, 2))
    about = rng.uniform((0, 0), frame)
    (corner,) = free_places(points, about[None], [size], frame, radius)
    if corner is None:
        return
    line = leader(points, about, corner, size, radius)
    if line is None:
        return
    start, end = line
    along = start + np.linspace(0, 1, 400)[:, None] * (end - start)
    apart = np.linalg.norm(along[:, None] - points, axis=2)
    assert apart.min(initial=np.inf) >= radius - 1e-6
    np.testing.assert_allclose(
        np.cross(np.append(end - start, 0), np.append(about - start, 0)), 0, atol=1e-6
    )
    assert np.linalg.norm(about - end) <= np.linalg.norm(about - start)


def test_a_line_without_points_in_its_way_reaches_what_the_name_is_about():
    line = leader(np.zeros((0, 2)), np.array([50.0, 50]), (50.0, 70.0), (20.0, 8.0))
    assert line is not None
    assert line.tolist() == [[50, 70], [50, 50]]
