"""Every view on paper, in every format, opened again by a program that did not write it; and the
values read back from an SVG are the frame's."""

from __future__ import annotations

import io
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from analysis.figures import Bands, Bars, Flow, Grid, HeatMap, Lines, Plot, Points, Strip
from analysis.figures.files.export import export
from analysis.figures.paper import render
from analysis.figures.style.checks import check
from analysis.figures.style.palettes import palette, shade, stops_of
from analysis.figures.style.settings import Style
from analysis.figures.style.style import STEPS, along
from tests.support import svg_reader as back
from tests.support import view_samples as samples
from tests.support import zoo

KEYS = samples.keys()
COLOURS = palette("default")


def panels_of(plot):
    return plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)


# A view of each kind of mark, and all of them in the slow part.
one_of_each_mark = pytest.mark.parametrize(
    "key",
    [
        key if key in samples.ONE_OF_EACH_MARK else pytest.param(key, marks=pytest.mark.slow)
        for key in KEYS
    ],
)


def test_every_kind_of_mark_is_among_the_views_that_are_drawn_in_all_formats():
    panels = [
        panel for key in samples.ONE_OF_EACH_MARK for panel in panels_of(samples.plot_of(key))
    ]
    assert {type(panel) for panel in panels} == {*SAME, Strip, Flow}


@pytest.mark.parametrize("key", KEYS)
def test_every_view_has_a_table_a_caption_of_sentences_and_no_folder(key):
    plot = samples.plot_of(key)
    assert plot.frame().shape[0] > 0
    assert plot.caption.endswith(".")
    assert str(zoo.root()) not in str(dict(plot.provenance))


@one_of_each_mark
def test_the_pdf_of_every_view_passes_what_can_be_read_from_it(key, tmp_path):
    plot = samples.plot_of(key)
    drawn = render(plot)
    reader = PdfReader(io.BytesIO(drawn.data))
    assert len(reader.pages) == 1
    assert float(reader.pages[0].mediabox.width) == pytest.approx(3.03 * 72, abs=0.01)
    assert not list(reader.pages[0].images)
    assert drawn.notices == ()
    failed = [c for c in check(plot, pdf=drawn.data) if not c.passed]
    assert not failed, failed
    if shutil.which("pdffonts"):
        (tmp_path / "figure.pdf").write_bytes(drawn.data)
        table = subprocess.run(
            ["pdffonts", tmp_path / "figure.pdf"], capture_output=True, text=True, check=True
        ).stdout.splitlines()[2:]
        assert table
        for line in table:
            assert "TrueType" in line
            assert "Type 3" not in line
            assert line.split()[-5] == "yes", line  # emb


@one_of_each_mark
def test_the_svg_of_every_view_holds_its_values(key):
    plot = samples.plot_of(key)
    root = back.tree(render(plot, format="svg").data)
    assert float(root.get("width").removesuffix("pt")) == pytest.approx(3.03 * 72, abs=0.01)
    assert not list(root.iter(f"{back.SVG}image"))
    assert back.texts(root)
    drawn = back.panels(root)
    strips = [p for p in panels_of(plot) if isinstance(p, Strip)]
    axes = [p for p in panels_of(plot) if not isinstance(p, Strip | Flow)]  # see test_flow
    assert len(drawn) == len(axes)
    for index, strip in enumerate(strips):
        same_strip(root, index, strip)
    for group, panel in zip(drawn, axes, strict=True):
        SAME[type(panel)](group, panel)


def same_strip(root, index, strip):
    """Each unit's box has the colour of its value, to one shade in two hundred."""
    boxes = back.named(root, rf"strip-{index}-box-(\d+)-unit-(\d+)")
    assert {unit for _, unit in boxes} == set(range(len(strip.labels)))
    shades = {shade(COLOURS, step)[0]: step for step in range(-STEPS, STEPS + 1)}
    for (_, unit), group in boxes.items():
        step = shades[back.fills(group)[0]]
        value = strip.values[unit] / strip.bound
        assert step / STEPS == pytest.approx(value, abs=1.5 / STEPS)
    written = "".join(back.texts(root))
    assert all(label in written for label in strip.labels)


def same_bands(group, m):
    """Each band is as wide as its value says, dashed where that is negative."""
    groups = back.named(group, r"band-(\d+)")
    assert len(groups) == len(m.values)
    widths, dashed = np.zeros(len(m.values)), np.zeros(len(m.values), bool)
    for (nth,), drawn in groups.items():
        style = next(drawn.iter(f"{back.SVG}path")).get("style")
        widths[nth] = float(re.search(r"stroke-width: ([\d.]+)", style)[1])
        dashed[nth] = "stroke-dasharray" in style
    np.testing.assert_array_equal(dashed, m.values < 0)
    shares = np.minimum(np.abs(m.values) / m.bound, 1)
    seen = shares > 0.1  # thinner ones are drawn as hairlines
    np.testing.assert_allclose(
        widths[seen] / widths.max(), (shares / shares.max())[seen], atol=0.02
    )


def same_cells(group, m):
    cells = next(iter(back.named(group, "cells").values()))
    stops = stops_of(COLOURS, m.scale, m.values.shape)
    low, high = m.bounds
    finite = m.values[np.isfinite(m.values)]
    colours = [c for c in back.fills(cells)]
    assert len(colours) == finite.size
    scale = np.array(
        [[int(along(stops, p / 400)[i : i + 2], 16) for i in (1, 3, 5)] for p in range(401)], float
    )
    for colour, value in zip(colours, finite.tolist(), strict=True):
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], float)
        expected = np.clip((value - low) / (high - low), 0, 1)
        near = np.abs(scale - rgb).sum(axis=1)
        fitting = np.flatnonzero(near <= near.min() + 3) / 400
        assert np.abs(fitting - expected).min() < 0.006


def same_bars(group, m):
    value_axis = back.axis(group, "x" if m.horizontal else "y")
    at = 0 if m.horizontal else 1
    tolerance = 2e-3 * (m.bounds[1] - m.bounds[0])
    same_spread(group, m, lambda places: value_axis(places[:, at]), tolerance)
    if m.as_points:
        groups = back.named(group, r"values-(\d+)")
        assert len(groups) == len(m.series)
        for (series,), drawn in groups.items():
            known = m.values[series][np.isfinite(m.values[series])]
            np.testing.assert_allclose(
                value_axis(back.markers(drawn)[:, at]), known, atol=tolerance
            )
        return
    groups = back.named(group, r"bar-(\d+)-(\d+)")
    for (series, place), drawn in groups.items():
        value = m.values[series, place]
        ends = value_axis(back.corners(drawn)[:, at])
        if np.isfinite(value):
            low, high = sorted((0.0, float(value)))
            assert ends.min() == pytest.approx(low, abs=tolerance)
            assert ends.max() == pytest.approx(high, abs=tolerance)
    assert len(groups) >= np.isfinite(m.values).sum()


def same_spread(group, m, value_of, tolerance):
    """Both ends of every whisker, and the dot of every seed."""
    if m.intervals is not None:
        groups = back.named(group, r"whiskers-(\d+)")
        assert {series for (series,) in groups} == set(range(len(m.series)))
        for (series,), drawn in groups.items():
            known = m.intervals[series][np.isfinite(m.intervals[series]).all(axis=1)]
            ends = [np.sort(value_of(path)) for path in back.paths(drawn)]
            ends = np.array(ends).reshape(-1, 2)
            np.testing.assert_allclose(ends, known, atol=tolerance)
    if m.dots is not None:
        groups = back.named(group, r"dots-(\d+)")
        if m.as_points or np.isfinite(m.dots).sum(axis=2).max() > 1:
            assert groups
        for (series,), drawn in groups.items():
            known = m.dots[series][np.isfinite(m.dots[series])]
            np.testing.assert_allclose(value_of(back.markers(drawn)), known, atol=tolerance)


def same_lines(group, m):
    up = back.axis(group, "y")
    span = np.ptp(m.y[np.isfinite(m.y)]) or 1.0
    groups = back.named(group, r"values-(\d+)")
    assert {series for (series,) in groups} == set(range(len(m.series)))
    for (series,), drawn in groups.items():
        known = np.isfinite(m.y[series])
        marked = m.markers and series != m.reference
        places = back.markers(drawn) if marked else back.corners(drawn)
        across = back.axis(group, "x")
        if m.places or not np.isfinite(across.slope):
            # Words in place of numbers give no scale; the first and the last place do.
            ends, at = m.x[known][[0, -1]], places[[0, -1], 0]
            slope = (ends[1] - ends[0]) / ((at[1] - at[0]) or 1.0)
            across = back.Axis(slope, ends[0] - slope * at[0], ())
        # A path leaves out points between which it is straight: every value lies on it.
        heights = np.interp(m.x[known], across(places[:, 0]), up(places[:, 1]))
        np.testing.assert_allclose(heights, m.y[series][known], atol=0.01 * span)
        assert marked is False or len(places) == known.sum()
        same_band(group, m, series, across, up, span)
        if m.flags is not None and m.flags[series].any():
            on = m.flags[series].astype(bool)
            rings = back.markers(back.named(group, rf"flags-({series})")[series,])
            np.testing.assert_allclose(up(rings[:, 1]), m.y[series][on], atol=0.01 * span)
            np.testing.assert_allclose(across(rings[:, 0]), m.x[on], atol=0.01 * np.ptp(m.x))


def same_band(group, m, series, across, up, span):
    """Both edges of a band at every place where it is known."""
    if m.bands is None or not np.isfinite(m.bands[series]).all(axis=1).any():
        return
    corners = np.concatenate(back.paths(back.named(group, rf"band-({series})")[series,]))
    x, y = across(corners[:, 0]), up(corners[:, 1])
    for place, (low, high) in zip(m.x, m.bands[series], strict=True):
        if np.isfinite([low, high]).all():
            here = y[np.abs(x - place) < 0.01 * (np.ptp(m.x) or 1.0)]
            assert here.min() == pytest.approx(low, abs=0.01 * span)
            assert here.max() == pytest.approx(high, abs=0.01 * span)


def same_points(group, m):
    across, up = back.axis(group, "x"), back.axis(group, "y")
    groups = back.named(group, r"values-(\d+)")
    assert {index for (index,) in groups} == set(range(len(m.groups)))
    for (index,), drawn in groups.items():
        places = back.markers(drawn)
        np.testing.assert_allclose(across(places[:, 0]), m.xy[m.group == index, 0], atol=0.02)
        np.testing.assert_allclose(up(places[:, 1]), m.xy[m.group == index, 1], atol=0.02)
    rings = back.named(group, r"ring-(\d+)")
    assert {index for (index,) in rings} == set(m.rings)
    for (index,), drawn in rings.items():
        place = back.markers(drawn)[0]
        assert (across(place[0]), up(place[1])) == pytest.approx(m.xy[index], abs=0.02)


def test_bands_flags_rings_and_gaps_are_read_back_as_well():
    """What no view needs all of at once."""
    x = np.arange(9.0)
    y = np.stack([np.sin(x), np.linspace(0, 1, 9)])
    y[0, 4] = np.nan
    bands = np.stack([y - 0.1, y + 0.2], axis=2)
    plot = Plot(
        "v",
        "t",
        Lines(
            x,
            y,
            ("a", "b"),
            "x",
            "y",
            bands=bands,
            markers=False,
            flags=np.arange(18).reshape(2, 9) % 5 == 0,
            flag_label="flip",
        ),
    )
    same_lines(back.panels(back.tree(render(plot, format="svg").data))[0], plot.mark)
    xy = np.random.default_rng(0).normal(size=(20, 2))
    ringed = Plot("v", "t", Points(xy, np.arange(20) % 2, ("a", "b"), "x", "y", rings=(3, 11)))
    same_points(back.panels(back.tree(render(ringed, format="svg").data))[0], ringed.mark)


SAME = {
    HeatMap: same_cells,
    Bars: same_bars,
    Lines: same_lines,
    Points: same_points,
    Bands: same_bands,
}


@pytest.mark.parametrize(
    ("key", "dpi"),
    [
        *((key, 300) for key in samples.ONE_OF_EACH_MARK),
        ("dimension", 600),
        *(
            pytest.param(key, 600, marks=pytest.mark.slow)
            for key in samples.ONE_OF_EACH_MARK
            if key != "dimension"
        ),
    ],
)
def test_a_png_has_its_size_and_says_its_dpi(key, dpi):
    """A view of each kind of mark: the renderer draws them alike whatever they show."""
    drawn = render(samples.plot_of(key), format="png", dpi=dpi)
    with Image.open(io.BytesIO(drawn.data)) as png:
        assert abs(png.width - 3.03 * dpi) <= 1
        assert png.info["dpi"] == pytest.approx((dpi, dpi), abs=0.1)
        assert png.height > 0.4 * dpi


@pytest.mark.parametrize("key", KEYS)
def test_every_view_is_written_in_words_too(key):
    plot = samples.plot_of(key)
    frame = plot.frame()
    assert export(plot, "csv").data.count(b"\n") >= len(frame)
    table = export(plot, "tex").data.decode()
    assert table.count("\\toprule") == table.count("\\bottomrule") * (
        1 if "longtable" not in table else table.count("\\toprule") // table.count("\\bottomrule")
    )
    assert table.count("{") == table.count("}")
    assert export(plot, "txt").data.decode().strip().endswith((".", "”"))
    assert "@misc{poollens" in export(plot, "bib").data.decode()
    html = export(plot, "html").data.decode()
    assert "default-src 'none'" in html
    assert "<script src" not in html


STYLES = (
    Style("icml", "full", font="serif", palette="purple-green", title=True, letters=True),
    Style("nature", greyscale=True),
    Style("slides", "full"),
    Style("custom", 4.25, height=2.0),
    Style("jmlr", font_size=11, palette="brown-teal"),
    Style("thesis", palette="blue-red"),
)
STYLED = ("winners", "classes", "reading", "sweep")


@pytest.mark.parametrize(
    ("key", "style"),
    [  # each style and each view in turn, and every one of both in the slow part
        pytest.param(key, style, marks=[] if place % 4 == at else [pytest.mark.slow])
        for place, style in enumerate(STYLES)
        for at, key in enumerate(STYLED)
    ],
)
def test_every_style_keeps_its_width_and_passes(key, style):
    plot = samples.plot_of(key)
    drawn = render(plot, style)
    failed = [c for c in check(plot, style, pdf=drawn.data, notices=drawn.notices) if not c.passed]
    assert not failed, failed
    box = PdfReader(io.BytesIO(drawn.data)).pages[0].mediabox
    assert float(box.width) == pytest.approx(style.inches * 72, abs=0.01)
    if style.height and key != "reading":
        assert float(box.height) == pytest.approx(style.height * 72, abs=0.01)
