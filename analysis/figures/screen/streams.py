"""Places of the streams of a flow: pure geometry that the screen and paper share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.figures.marks import Flow

MOST_ROWS = 16  # units with a row of their own; those that carry least share the last one
_LEAST_ROWS = 10
_FILLED = 7  # rows that the streams of a flow as large as the limit are thick


@dataclass(frozen=True)
class Row:
    """A unit, or all that are too small for a row of their own."""

    units: tuple[int, ...]
    label: str
    middle: float
    value: float  # what is read from it, in all layers
    attention: float | None


@dataclass(frozen=True)
class Stream:
    """Ribbon of a row in one source layer, of one thickness through three columns."""

    row: int
    layer: int
    value: float
    thickness: float
    tops: tuple[float, float, float]  # at the row, at the source layer, at the class


@dataclass(frozen=True)
class Node:
    """A source layer, or the class (0) and the other classes (1)."""

    name: str
    value: float  # its sum
    top: float
    height: float


@dataclass(frozen=True)
class Streams:
    """Streams from the top of the picture down; the renderer places the columns."""

    rows: tuple[Row, ...]
    streams: tuple[Stream, ...]
    layers: tuple[Node, ...]
    ends: tuple[Node, ...]
    height: float


def streams(flow: Flow, pitch: float, most: int = MOST_ROWS) -> Streams:
    """Place a flow in rows `pitch` apart.

    Flows with one `limit` are to one scale. Where there are more units than `most`, those that
    carry least are summed into a last row, so that the streams are still all there is.
    """
    groups = _groups(flow, most)
    height = pitch * max(len(groups), _LEAST_ROWS)
    values = np.array([flow.values[list(units)].sum(axis=0) for units in groups])
    thick = np.abs(values) * (_FILLED * pitch / flow.bound)
    rows = tuple(_row(flow, units, pitch * (i + 0.5)) for i, units in enumerate(groups))
    layers = _stack(flow.layers, values.sum(axis=0), thick.sum(axis=0), height)
    of_ends = [values.clip(min=0), values.clip(max=0)]
    ends = _stack(
        flow.classes,
        [float(part.sum()) for part in of_ends],
        [float(thick[part != 0].sum()) for part in of_ends],
        height,
    )
    at_layer = np.array([node.top for node in layers]) + np.vstack(
        [np.zeros(thick.shape[1]), thick.cumsum(axis=0)[:-1]]
    )
    at_end = np.zeros_like(thick)
    for node, part in zip(ends, of_ends, strict=True):
        mine = np.where(part != 0, thick, 0.0).T  # by layer, then by row
        before = np.concatenate([[0.0], mine.ravel().cumsum()[:-1]]).reshape(mine.shape).T
        at_end = np.where(part != 0, node.top + before, at_end)
    ribbons = []
    for r, row in enumerate(rows):
        top = row.middle - float(thick[r].sum()) / 2
        top = min(max(top, 0.0), max(height - float(thick[r].sum()), 0.0))
        for k in range(len(layers)):
            if thick[r, k] > 0:
                tops = (top, float(at_layer[r, k]), float(at_end[r, k]))
                ribbons.append(Stream(r, k, float(values[r, k]), float(thick[r, k]), tops))
                top += float(thick[r, k])
    return Streams(rows, tuple(ribbons), layers, ends, height)


def _groups(flow: Flow, most: int) -> list[tuple[int, ...]]:
    size = len(flow.labels)
    if size <= most:
        return [(unit,) for unit in range(size)]
    order = np.argsort(-np.abs(flow.values).sum(axis=1), kind="stable")
    own = sorted(int(unit) for unit in order[: most - 1])
    return [*((unit,) for unit in own), tuple(sorted(int(unit) for unit in order[most - 1 :]))]


def _row(flow: Flow, units: tuple[int, ...], middle: float) -> Row:
    label = flow.labels[units[0]] if len(units) == 1 else f"{len(units)} others"
    attention = None if flow.attention is None else float(flow.attention[list(units)].sum())
    return Row(units, label, middle, float(flow.values[list(units)].sum()), attention)


def _stack(
    names: Sequence[str], values: Sequence[float], heights: Sequence[float], height: float
) -> tuple[Node, ...]:
    """Nodes one below the other with air between them, around the middle of the height."""
    spare = max(height - sum(heights), 0.0)
    gap = min(15.0, spare / len(heights))
    top = (height - sum(heights) - gap * (len(heights) - 1)) / 2
    nodes = []
    for name, value, high in zip(names, values, heights, strict=True):
        nodes.append(Node(name, float(value), top, float(high)))
        top += float(high) + gap
    return tuple(nodes)
