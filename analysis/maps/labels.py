"""Names on a printed map: each beside what it is about, over no point and no other name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_SHORT = 3.0  # a line that is no longer says nothing
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
