"""Names on a printed map cover nothing, whatever the map."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.maps.labels import free_places, leader, outer_places


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
    for index, box in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = box[2] <= other[0] or other[2] <= box[0]
            assert apart or box[3] <= other[1] or other[3] <= box[1]


def test_an_empty_map_has_room_for_a_name_beside_its_point():
    (place,) = free_places(np.zeros((0, 2)), np.array([[50.0, 50]]), [(20.0, 8)], (100.0, 100))
    assert place is not None
    assert abs(place[0] - 50) <= 20


def boxes_of(corners, sizes):
    return np.array(
        [
            (*c, c[0] + w, c[1] + h)
            for c, (w, h) in zip(corners, sizes, strict=True)
            if c is not None
        ]
    ).reshape(-1, 4)


def crowd(count, seed, centre=(150.0, 120.0), spread=32.0):
    """A round crowd too dense for a name inside of it, and room around it."""
    rng = np.random.default_rng(seed)
    return rng.normal(centre, spread, (count, 2)).clip(0, (300, 240))


@given(st.integers(200, 3_000), st.integers(1, 8), st.integers(0, 1_000))
@settings(max_examples=25, deadline=None)
def test_names_in_a_crowd_stand_outside_of_it_and_cover_nothing(count, names, seed):
    frame = (300.0, 240.0)
    points = crowd(count, seed)
    rng = np.random.default_rng(seed)
    abouts = rng.normal((150, 120), 15, (names, 2))
    sizes = [(float(width), 8.0) for width in rng.uniform(20, 60, names)]
    near = free_places(points, abouts, sizes, frame, radius=2.0, farthest=20.0)
    far = outer_places(points, abouts, sizes, frame, near, radius=2.0)
    assert all(first is None or other is None for first, other in zip(near, far, strict=True))
    boxes = np.concatenate([boxes_of(near, sizes), boxes_of(far, sizes)])
    for index, (left, bottom, right, top) in enumerate(boxes):
        assert min(left, bottom) >= 0
        assert right <= frame[0]
        assert top <= frame[1]
        inside = (points > (left, bottom)).all(1) & (points < (right, top)).all(1)
        assert not inside.any()
        for other in boxes[index + 1 :]:
            apart = right <= other[0] or other[2] <= left or top <= other[1] or other[3] <= bottom
            assert apart


def test_every_region_of_a_dense_map_has_a_name_where_the_margin_has_room():
    points = crowd(3_000, 0, spread=28.0)
    abouts = np.array([(130.0, 110), (150, 130), (170, 110), (150, 100)])
    sizes = [(50.0, 8.0)] * 4
    near = free_places(points, abouts, sizes, (300.0, 240.0), 2.0, 20.0)
    assert near == [None] * 4
    far = outer_places(points, abouts, sizes, (300.0, 240.0), near, 2.0)
    assert None not in far


def test_a_name_without_room_has_no_place():
    grid = np.stack(np.meshgrid(np.arange(0, 100, 4.0), np.arange(0, 100, 4.0)), -1).reshape(-1, 2)
    about, size, frame = np.array([[50.0, 50]]), [(20.0, 8.0)], (100.0, 100.0)
    assert free_places(grid, about, size, frame) == [None]
    assert outer_places(grid, about, size, frame, [None]) == [None]
    assert outer_places(np.zeros((0, 2)), about, [(120.0, 8.0)], frame, [None]) == [None]


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
