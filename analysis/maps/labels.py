"""Names on a printed map: over no point and no other name, near their region if there is room.

Where there is none, outside of the crowd, with a line that leads over it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_SHORT = 3.0  # a line that is no longer says nothing
_TILE = 2.0  # of a grid that says where points are, in the same unit
_STEP = 3.0  # of a search around the point that a name is about, in the unit of the places


def free_places(
    points: np.ndarray,
    abouts: np.ndarray,
    sizes: Sequence[tuple[float, float]],
    frame: tuple[float, float],
    radius: float = 1.5,
    farthest: float = 60.0,
) -> list[tuple[float, float] | None]:
    """The lower left corner of each name, or None where there is no room for it.

    Everything in one unit of length: `points` (N, 2) that nothing may cover, `radius` around each,
    `abouts` (K, 2) what the names are about, in order of importance, `sizes` their widths and
    heights, `frame` the width and height of the panel, whose lower left corner is (0, 0).
    """
    placed: list[tuple[float, float] | None] = []
    taken: list[tuple[float, float, float, float]] = []
    for about, (width, height) in zip(abouts, sizes, strict=True):
        corner = None
        for left, bottom in _around(about, width, height, farthest):
            right, top = left + width, bottom + height
            if left < 0 or bottom < 0 or right > frame[0] or top > frame[1]:
                continue
            if any(
                left < box[2] and box[0] < right and bottom < box[3] and box[1] < top
                for box in taken
            ):
                continue
            over = (points[:, 0] > left - radius) & (points[:, 0] < right + radius)
            over &= (points[:, 1] > bottom - radius) & (points[:, 1] < top + radius)
            if not over.any():
                corner = (float(left), float(bottom))
                taken.append((left, bottom, right, top))
                break
        placed.append(corner)
    return placed


def outer_places(
    points: np.ndarray,
    abouts: np.ndarray,
    sizes: Sequence[tuple[float, float]],
    frame: tuple[float, float],
    places: Sequence[tuple[float, float] | None],
    radius: float = 1.5,
) -> list[tuple[float, float] | None]:
    """Corners for the names that :func:`free_places` found no room for, anywhere in the frame.

    The nearest free rectangle whose line to what the name is about meets no other name and no
    other such line; None for a name that has its place, and where the whole frame is full.
    Arguments are those of :func:`free_places`, `points` (N, 2) and `abouts` (K, 2), and `places`
    is its answer.
    """
    taken = [
        (*corner, corner[0] + size[0], corner[1] + size[1])
        for corner, size in zip(places, sizes, strict=True)
        if corner is not None
    ]
    lines: list[tuple[np.ndarray, np.ndarray]] = []
    outer: list[tuple[float, float] | None] = []
    for about, size, own in zip(abouts, sizes, places, strict=True):
        outer.append(None)
        if own is not None:
            continue
        for low in _free_corners(points, about, np.array(size), np.array(frame), radius):
            high = low + size
            start = np.clip(about, low, high)
            along = start + np.linspace(0, 1, 200)[:, None] * (about - start)
            if any(
                (low[0] < box[2] and box[0] < high[0] and low[1] < box[3] and box[1] < high[1])
                or ((along > box[:2]) & (along < box[2:])).all(axis=1).any()
                for box in taken
            ):
                continue
            if any(
                _cross(start, about, *line) or ((ends > low) & (ends < high)).all(axis=1).any()
                for line in lines
                for ends in [line[0] + np.linspace(0, 1, 200)[:, None] * (line[1] - line[0])]
            ):
                continue
            taken.append((low[0], low[1], high[0], high[1]))
            lines.append((start, about))
            outer[-1] = float(low[0]), float(low[1])
            break
    return outer


def _free_corners(
    points: np.ndarray, about: np.ndarray, size: np.ndarray, frame: np.ndarray, radius: float
) -> np.ndarray:
    """(M, 2) corners of rectangles of the frame that cover no point, the nearest first."""
    if (size > frame).any():
        return np.zeros((0, 2))
    corners = np.stack(
        np.meshgrid(*(np.arange(0, room + 1e-9, 2 * _STEP) for room in frame - size)), axis=-1
    ).reshape(-1, 2)
    # How many points lie below and left of each tile: a rectangle is counted in four look-ups.
    tiles = np.maximum(np.ceil(frame / _TILE).astype(int), 1)
    reach = ((0, tiles[0] * _TILE), (0, tiles[1] * _TILE))
    counts = np.histogram2d(points[:, 0], points[:, 1], bins=tuple(tiles), range=reach)[0]
    sums = np.pad(counts.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    first = np.clip(np.floor((corners - radius) / _TILE).astype(int), 0, tiles)
    last = np.clip(np.ceil((corners + size + radius) / _TILE).astype(int), 0, tiles)
    within = (
        sums[last[:, 0], last[:, 1]]
        - sums[first[:, 0], last[:, 1]]
        - sums[last[:, 0], first[:, 1]]
        + sums[first[:, 0], first[:, 1]]
    )
    free = corners[within == 0]
    far = np.maximum(np.maximum(free - about, about - free - size), 0)
    return np.asarray(free[np.argsort(np.hypot(far[:, 0], far[:, 1]), kind="stable")])


def _cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    """Whether the lines from a to b and from c to d cross."""

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> float:
        return float(np.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])))

    return side(a, b, c) != side(a, b, d) and side(c, d, a) != side(c, d, b)


def leader(
    points: np.ndarray,
    about: np.ndarray,
    corner: tuple[float, float],
    size: tuple[float, float],
    radius: float = 1.5,
) -> np.ndarray | None:
    """A line from a name to what it is about, as far as it crosses no point; None: too short.

    In the unit of :func:`free_places`: `about` (2,), `corner` and `size` of the name. It ends
    before the first of `points` (N, 2) that would lie within `radius` of it: at the edge of the
    crowd that the name is about. Returns its two ends (2, 2).
    """
    low = np.array(corner)
    start = np.clip(about, low, low + np.array(size))
    way = about - start
    length = float(np.hypot(*way))
    if length <= _SHORT:
        return None
    along = (points - start) @ way / length
    apart = np.abs((points - start) @ np.array([-way[1], way[0]])) / length
    near = (apart < radius) & (along > -radius) & (along < length + radius)
    # Where it comes within the radius of each of them.
    reach = along[near] - np.sqrt(radius**2 - apart[near] ** 2)
    end = min(length, float(reach.min(initial=length)))
    return np.stack([start, start + way * (end / length)]) if end > _SHORT else None


def _around(about: np.ndarray, width: float, height: float, farthest: float) -> np.ndarray:
    """Corners (M, 2) of rectangles around a point, the nearest edge first."""
    across = np.arange(-farthest - width, farthest + _STEP, _STEP)
    along = np.arange(-farthest - height, farthest + _STEP, _STEP)
    corners = np.stack(np.meshgrid(across, along), axis=-1).reshape(-1, 2)
    size = np.array([width, height])
    far = np.maximum(np.maximum(corners, -corners - size), 0)
    distance = np.hypot(far[:, 0], far[:, 1])
    near = distance <= farthest
    return np.asarray(about + corners[near][np.argsort(distance[near], kind="stable")])
