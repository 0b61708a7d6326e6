"""Names on a printed map: each beside what it is about, over no point and no other name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
                left < other[2] and other[0] < right and bottom < other[3] and other[1] < top
                for other in taken
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
