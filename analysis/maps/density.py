"""Contours around the regions of a map that hold given shares of its points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.common.records import require_shape

SHARES = (0.9, 0.6, 0.3)
CELLS = 160  # of the grid on which the density is estimated, along the longer side
_BANDWIDTH = 0.4  # of Scott's rule, which is made for one hill and levels the valleys of several
FEWEST = 20  # points; fewer have no density worth a line


@dataclass(frozen=True)
class Contours:
    """Lines around the smallest regions that hold these shares of the points."""

    shares: tuple[float, ...]
    lines: tuple[tuple[np.ndarray, ...], ...]  # by share, (M, 2) each, in the map's coordinates

    def __post_init__(self) -> None:
        if len(self.shares) != len(self.lines):
            raise ValueError(f"{len(self.shares)} shares and lines of {len(self.lines)}")
        for line in (line for lines in self.lines for line in lines):
            require_shape("a line", line, None, 2)
            line.setflags(write=False)


def contours(points: np.ndarray, shares: tuple[float, ...] = SHARES) -> Contours:
    """Highest-density regions of ``points`` (N, 2) for each share, the outermost first.

    The density is a Gaussian kernel estimate on a grid, its bandwidth a part of Scott's rule
    (1992); a region's level is the quantile of the points' own densities (Hyndman 1996). Fewer
    than 20 points, or points on one spot or line, have no lines.

    Raises
    ------
    ValueError
        A share is not between 0 and 1.
    """
    from contourpy import contour_generator
    from scipy.ndimage import gaussian_filter, map_coordinates

    require_shape("points", points, None, 2)
    if not all(0 < share < 1 for share in shares):
        raise ValueError(f"shares are {shares}; each must be between 0 and 1")
    spread = points.std(axis=0) if len(points) else np.zeros(2)
    if len(points) < FEWEST or not (spread > 0).all():
        return Contours(tuple(shares), tuple(() for _ in shares))
    bandwidth = _BANDWIDTH * spread * len(points) ** (-1 / 6)
    low, high = points.min(axis=0) - 4 * bandwidth, points.max(axis=0) + 4 * bandwidth
    cell = float((high - low).max()) / CELLS
    counts = np.maximum(np.ceil((high - low) / cell).astype(int), 2)
    edges = [low[axis] + cell * np.arange(counts[axis] + 1) for axis in (0, 1)]
    grid, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=edges)
    # A cell is no smaller than what it is smoothed by: the kernel would be the grid itself.
    grid = gaussian_filter(grid, np.maximum(bandwidth / cell, 1.0), mode="constant")
    own = map_coordinates(grid, ((points - low) / cell - 0.5).T, order=1, mode="nearest")
    middles = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    generator = contour_generator(middles[0], middles[1], grid.T)
    levels = [float(np.quantile(own, 1 - share)) for share in shares]
    return Contours(
        tuple(shares),
        tuple(
            tuple(np.asarray(line, float) for line in generator.lines(level)) for level in levels
        ),
    )
