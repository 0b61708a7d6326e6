"""Checks of a figure against published values, and against figures made to fail each of them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from figures_samples import SENTENCE, split, tokens_of
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from analysis.figures import Bars, HeatMap, Lines, Plot, Points, view
from analysis.figures.checks import check
from analysis.figures.colour import (
    DEFICIENCIES,
    lab,
    least_difference,
    lightness,
    linear,
    simulated,
)
from analysis.figures.palettes import MONOTONE, PALETTES, grey, palette
from analysis.figures.paper import render
from analysis.figures.paper.lines import RASTERISED_FROM
from analysis.figures.settings import Style
from analysis.figures.style import luminance

COLOURS = ("#E08214", "#2166AC", "#88CCEE", "#882255")
# CIELab of these four as colorspacious 1.1.2 gives them, plain and with a deficiency in full.
PUBLISHED = {
    None: [[63.23, 29.56, 66.13], [42.47, 4.44, -43.41], [78.81, -12.76, -23.5],
           [31.88, 46.95, -5.52]],
    "deuteranopia": [[66.23, -6.11, 66.11], [40.52, 10.15, -45.68], [77.19, 4.43, -25.54],
                     [34.81, 0.08, -0.53]],
    "protanopia": [[58.12, -4.92, 62.5], [45.41, 7.63, -40.29], [81.24, 3.13, -20.47],
                   [26.73, 2.52, -15.29]],
    "tritanopia": [[62.86, 52.96, 24.65], [45.2, -24.03, -13.32], [79.08, -32.99, -10.84],
                   [32.1, 50.72, 14.01]],
}  # fmt: skip
colours = st.builds("#{:02X}{:02X}{:02X}".format, *[st.integers(0, 255)] * 3)


@pytest.mark.parametrize("deficiency", PUBLISHED)
def test_colours_are_seen_as_another_library_sees_them(deficiency):
    rgb = linear(COLOURS) if deficiency is None else simulated(COLOURS, deficiency)
    np.testing.assert_allclose(lab(rgb), PUBLISHED[deficiency], atol=0.03)


@given(colours)
def test_greys_stay_what_they_are_and_lightness_is_from_0_to_100(colour):
    assert 0 <= lightness([colour])[0] <= 100.001
    same = grey(colour)
    assert lab(linear([same]))[0, 1:] == pytest.approx([0, 0], abs=0.02)
    for deficiency in DEFICIENCIES:  # rows of the matrices sum to one: greys are not moved
        np.testing.assert_allclose(simulated([same], deficiency), linear([same]), atol=2e-6)
    assert luminance(same) == pytest.approx(luminance(colour), abs=0.006)


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("greyscale", [False, True])
def test_every_palette_serves_every_eye(name, greyscale):
    found = palette(name, greyscale)
    for stops in (found.sequential, *([MONOTONE] if greyscale else [])):
        assert (np.diff(lightness(stops)) < 0).all()
    half = len(found.diverging) // 2
    assert (np.diff(lightness(found.diverging[: half + 1])) > 0).all()
    assert (np.diff(lightness(found.diverging[half:])) < 0).all()
    if not greyscale:
        for deficiency in (None, *DEFICIENCIES):
            assert least_difference([found.diverging[0], found.diverging[-1]], deficiency) > 25
        assert found.negative != found.positive


def results(plot, style=None, **given):
    return {one.name: one for one in check(plot, style, **given)}


def strips(sentence=SENTENCE):
    tokens = tokens_of(sentence)
    return view("reading", split(tokens), tokens, 1)


def cells(rows=4, columns=9):
    values = np.random.default_rng(0).normal(size=(rows, columns))
    return Plot("heat", "t", HeatMap(values, ("r",) * rows, ("c",) * columns, "layer", "token",
                                     "contribution (logit)"))  # fmt: skip


def bars(series):
    return Plot("bars", "t", Bars(np.ones((series, 2)), ("a", "b"), tuple(map(str, range(series))),
                                  "class", "v"))  # fmt: skip


def test_a_good_figure_passes_and_every_check_has_a_number_and_a_unit():
    for plot in (strips(), cells(), bars(3)):
        for one in check(plot):
            assert one.passed, one
            assert not one.advice
            assert np.isfinite(one.number)
            assert one.value.strip()


def test_type_3_fonts_and_the_wrong_width_are_found():
    drawn = Figure(figsize=(4, 2))
    drawn.add_subplot().set_title("title")
    file = io.BytesIO()
    drawn.savefig(file, format="pdf")  # as matplotlib does it when nobody says otherwise
    found = results(cells(), pdf=file.getvalue())
    assert not found["Fonts embedded as TrueType"].passed
    assert "Type 3: 1" in found["Fonts embedded as TrueType"].value
    assert found["Page width"].value == "4 inches of 3.03"
    assert not found["Page width"].passed
    assert "3.03 inches wide" in found["Page width"].advice


def test_small_text_is_found_with_the_size_that_would_pass():
    small = results(strips(), Style(font_size=5))["Smallest text at final width"]
    assert not small.passed
    assert small.value == "3.75 points"
    assert "set the font size to 8 points" in small.advice
    assert results(strips(), Style(font_size=8))["Smallest text at final width"].passed
    assert results(strips(), Style("nature"))["Smallest text at final width"].number == 5.25


def test_words_that_look_like_commands_of_a_pdf_do_not_fool_the_check():
    found = results(strips("BT /F1 1 Tf (ET) 0.1 0 0 0.1 0 0 Tm ET"))
    assert found["Smallest text at final width"].number == 6


def test_a_character_without_a_glyph_is_counted():
    found = results(strips("a \U00100123 b"))["Characters without a glyph"]
    assert not found.passed
    assert found.number == 1


def test_the_sign_in_greyscale_needs_a_dash_a_line_or_a_scale_that_has_one():
    few, many = cells(), cells(40, 40)
    assert results(few)["Sign in greyscale"].passed
    lost = results(many)["Sign in greyscale"]
    assert not lost.passed
    assert "switch greyscale on" in lost.advice
    assert results(many, Style(greyscale=True))["Sign in greyscale"].passed


def test_series_need_lightness_or_another_carrier():
    found = results(bars(9))["Series in greyscale"]
    assert found.passed
    assert found.note == "hatching tells them apart"
    lost = results(bars(10))
    assert not lost["Series in greyscale"].passed
    assert "draw fewer" in lost["Series in greyscale"].advice
    lines = Plot("lines", "t", Lines(np.arange(3.0), np.ones((8, 3)), tuple("abcdefgh"), "x", "y",
                                     markers=False))  # fmt: skip
    assert not results(lines, Style(greyscale=True))["Deuteranopia"].passed


def test_a_raster_part_is_measured_where_it_stands():
    many = RASTERISED_FROM + 1
    xy = np.random.default_rng(0).normal(size=(many, 2))
    cloud = Plot("map", "t", Points(xy, np.arange(many) % 2, ("a", "b"), "x", "y"))
    part = results(cloud)["Raster parts"]
    assert part.passed
    assert part.number == pytest.approx(600, abs=6)
    svg = render(cloud, format="svg").data
    assert svg.count(b"<image") >= 1
    assert b"<text" in svg
    few = Plot("map", "t", Points(xy[:100], np.arange(100) % 2, ("a", "b"), "x", "y"))
    assert results(few)["Raster parts"].value == "0 (all vector)"
    coarse = results(few, dpi=150)["Raster parts"]
    assert not coarse.passed
    assert "300 dpi or more" in coarse.advice


def test_a_figure_higher_than_the_page_says_so():
    found = results(cells(120, 3), Style(height=12.0))["Page height"]
    assert not found.passed
    assert found.number == pytest.approx(12.0)
