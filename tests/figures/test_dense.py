"""Maps of many thousand cells on paper."""

from __future__ import annotations

import re

import numpy as np
import pytest

from analysis.figures import HeatMap, Plot
from analysis.figures.paper import heat_map, render
from tests.support import svg_reader as back


@pytest.mark.parametrize("many", [heat_map.MANY, 10**6])
def test_every_one_of_many_cells_has_the_colour_of_its_value_at_its_place(monkeypatch, many):
    """Cells of one colour are one path; cell by cell (the second case) gives the same."""
    monkeypatch.setattr(heat_map, "MANY", many)
    values = np.random.default_rng(3).uniform(0, 1, (60, 90))
    values[7, 11] = np.nan
    names = tuple(map(str, range(90)))
    plot = Plot(
        "v",
        "t",
        HeatMap(
            values, names[:60], names, "layer", "token", "v", scale="sequential", limits=(0.0, 1.0)
        ),
    )
    panel = back.panels(back.tree(render(plot, format="svg").data))[0]
    cells = next(iter(back.named(panel, "cells").values()))
    squares = []
    filled = [path for path in cells.iter(f"{back.SVG}path") if "fill: #" in path.get("style", "")]
    for path, colour in zip(filled, back.fills(cells), strict=True):
        for square in path.get("d").split("M")[1:]:
            corners = np.array(re.findall(r"[-\d.]+", square), float).reshape(-1, 2)[:4]
            lightness = sum(int(colour[at : at + 2], 16) for at in (1, 3, 5))
            squares.append((*corners.mean(axis=0), lightness))
    x, y, light = np.array(squares).T
    column = np.rint((x - x.min()) / np.ptp(x) * 89).astype(int)
    row = np.rint((y - y.min()) / np.ptp(y) * 59).astype(int)
    drawn = np.full(values.shape, np.nan)
    drawn[row, column] = light
    assert len(squares) == values.size - 1
    assert (np.isnan(drawn) == np.isnan(values)).all()
    along = drawn[~np.isnan(values)][np.argsort(values[~np.isnan(values)])]
    assert (np.diff(along) <= 0).all()  # from light to dark
    assert along[0] - along[-1] > 300


def test_a_dense_map_holds_no_picture_and_is_smaller_than_cell_by_cell(monkeypatch):
    values = np.random.default_rng(4).uniform(0, 1, (80, 80))
    names = tuple(map(str, range(80)))
    plot = Plot("v", "t", HeatMap(values, names, names, "query", "key", "v", scale="sequential"))
    together = render(plot).data
    monkeypatch.setattr(heat_map, "MANY", 10**6)
    assert b"/Subtype /Image" not in together
    assert len(together) < len(render(plot).data)
