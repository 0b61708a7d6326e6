"""Points along the line from the baseline to the text: few to begin with, and only ever added.

The slope of an encoder's output is concentrated on a short stretch of that line (where the layer
norm of the embeddings turns from the baseline to the text). A few values of the output tell where;
a sinh map gathers the points there, and the nested rule of Fejér keeps all of them when more are
needed. NumPy only.
"""

from __future__ import annotations

import numpy as np

PILOT = 6  # equal stretches whose change of the output says where the points belong
LEVELS = (23, 47, 95, 191, 383)  # points; each level holds those of the one before
_WIDTH = 1.5  # of the map's core, in spreads of the change along the line


def fewest() -> int:
    """Values of the output or its slope that are looked at before the first answer."""
    return PILOT - 1 + LEVELS[0]


def most() -> int:
    """Values that are looked at where the last level is reached."""
    return PILOT - 1 + LEVELS[-1]


def fejer(points: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) nodes and weights of Fejér's second rule on 0 .. 1; nested for 2 n + 1.

    Source: Fejér (1933); weights as in Waldvogel (2006), Fast Construction of the Fejér and
    Clenshaw-Curtis Quadrature Rules.
    """
    angle = np.pi * np.arange(1, points + 1) / (points + 1)
    odd = 2 * np.arange(1, (points + 1) // 2 + 1) - 1
    series = (np.sin(odd * angle[:, None]) / odd).sum(axis=1)
    return (1 - np.cos(angle)) / 2, 2 * np.sin(angle) * series / (points + 1)


def where_it_changes(values: np.ndarray) -> tuple[float, float]:
    """(centre, spread) on 0 .. 1 of the squared changes of values (n + 1,) at equal distances.

    A function that does not change has its centre in the middle and a spread beyond the line.
    """
    changes = np.diff(np.asarray(values, dtype=np.float64)) ** 2
    if not np.isfinite(changes).all() or changes.sum() <= 0:
        return 0.5, 10.0
    share = changes / changes.sum()
    middles = (np.arange(len(share)) + 0.5) / len(share)
    centre = float(share @ middles)
    within = 1 / (12 * len(share) ** 2)  # of a stretch about its own middle
    return centre, float(np.sqrt(share @ (middles - centre) ** 2 + within))


def gathered(
    nodes: np.ndarray, weights: np.ndarray, centre: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (n,) and weights (n,) of a rule on 0 .. 1 after the sinh map that gathers them at the
    centre.
    """
    core = _WIDTH * spread
    low, high = np.arcsinh(-centre / core), np.arcsinh((1 - centre) / core)
    place = low + (high - low) * nodes
    return (
        np.clip(centre + core * np.sinh(place), 0.0, 1.0),
        weights * (high - low) * core * np.cosh(place),
    )
