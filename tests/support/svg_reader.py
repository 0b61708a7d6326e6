"""Reads a figure back from its SVG, with nothing but the file: ticks give the scale, paths the
values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"


def tree(data: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(data)


def panels(root: ElementTree.Element) -> list[ElementTree.Element]:
    groups = [g for g in root.iter(f"{SVG}g") if re.fullmatch(r"panel-\d+", g.get("id", ""))]
    return sorted(groups, key=lambda g: int(g.get("id").split("-")[1]))


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]


@dataclass(frozen=True)
class Axis:
    """A straight line from places in the file (points) to numbers at ticks."""

    slope: float
    start: float
    labels: tuple[tuple[float, str], ...]

    def __call__(self, place: np.ndarray | float) -> np.ndarray:
        return self.start + self.slope * np.asarray(place, float)


def axis(panel: ElementTree.Element, which: str) -> Axis:
    """The "x" or "y" axis of a panel, from its tick marks and their labels."""
    ticks = []
    for group in panel.iter(f"{SVG}g"):
        if re.fullmatch(rf"{which}tick_\d+", group.get("id", "")):
            mark = next(group.iter(f"{SVG}use"), None)
            label = "".join("".join(t.itertext()) for t in group.iter(f"{SVG}text"))
            if mark is not None:
                ticks.append((float(mark.get(which)), label))
    numbers = [(p, float(t.replace("\N{MINUS SIGN}", "-"))) for p, t in ticks if _is_number(t)]
    if len(numbers) >= 2:
        slope, start = np.polyfit(*zip(*numbers, strict=True), 1)
        residual = np.abs(
            np.polyval((slope, start), [p for p, _ in numbers]) - [v for _, v in numbers]
        ).max()
        assert residual < 1e-3 * max(abs(v) for _, v in numbers), "ticks on no straight line"
    else:
        slope, start = float("nan"), float("nan")
    return Axis(float(slope), float(start), tuple(ticks))


def labels(panel: ElementTree.Element, which: str) -> list[tuple[float, str]]:
    """(place, text) of each label of the "x" or "y" axis, of ticks without a mark, too."""
    arrays = []
    for group in panel.iter(f"{SVG}g"):
        if re.fullmatch(rf"{which}tick_\d+", group.get("id", "")):
            for text in group.iter(f"{SVG}text"):
                moved = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", text.get("transform", ""))
                turned = re.search(r"rotate\(\S+ ([-\d.]+) ([-\d.]+)\)", text.get("transform", ""))
                at = moved or turned
                place = float(at["xy".index(which) + 1]) if at else float(text.get(which))
                arrays.append((place, "".join(text.itertext())))
    return arrays


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-\N{MINUS SIGN}]?\d+(\.\d+)?", text) is not None


def named(panel: ElementTree.Element, pattern: str) -> dict[tuple[int, ...], ElementTree.Element]:
    """Groups whose name ends in the pattern, by the numbers in it."""
    by_number = {}
    for group in panel.iter(f"{SVG}g"):
        match = re.search(rf"{pattern}$", group.get("id", ""))
        if match:
            by_number[tuple(map(int, match.groups()))] = group
    return by_number


def corners(group: ElementTree.Element) -> np.ndarray:
    """(N, 2) places of the first path's corners."""
    path = next(group.iter(f"{SVG}path")).get("d")
    return np.array(re.findall(r"[-\d.]+", path), float).reshape(-1, 2)


def paths(group: ElementTree.Element) -> list[np.ndarray]:
    """(N, 2) corners of each path of a group, in their order; where they are used, if they are."""
    points = {
        path.get("id"): np.array(re.findall(r"[-\d.]+", path.get("d")), float).reshape(-1, 2)
        for path in group.iter(f"{SVG}path")
        if path.get("id")
    }
    used = [
        points[use.get(XLINK)[1:]] + [float(use.get("x")), float(use.get("y"))]
        for use in group.iter(f"{SVG}use")
        if use.get(XLINK)[1:] in points
    ]
    return used or [
        np.array(re.findall(r"[-\d.]+", path.get("d")), float).reshape(-1, 2)
        for path in group.iter(f"{SVG}path")
    ]


def markers(group: ElementTree.Element) -> np.ndarray:
    """(N, 2) places of the markers."""
    return np.array([(float(u.get("x")), float(u.get("y"))) for u in group.iter(f"{SVG}use")])


def fills(group: ElementTree.Element) -> list[str]:
    """Fill colours of the paths of a group, in their order."""
    texts = []
    for path in group.iter(f"{SVG}path"):
        match = re.search(r"fill: (#[0-9a-f]{6})", path.get("style", ""))
        if match:
            texts.append(match[1].upper())
    return texts
