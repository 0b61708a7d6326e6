"""Checks of a figure against published values, and against figures made to fail each of them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from analysis.figures import Bars, HeatMap, Lines, Plot, Points, view
from analysis.figures.files.captions import draft
from analysis.figures.paper import render
from analysis.figures.style import checks
from analysis.figures.style.checks import APART, NOTICED, check
from analysis.figures.style.colour import (
    DEFICIENCIES,
    falling,
    lab,
    least_difference,
    lightness,
    linear,
    neighbours,
    simulated,
)
from analysis.figures.style.palettes import MONOTONE, PALETTES, grey, palette, seen_on, stops_of
from analysis.figures.style.settings import Style
from analysis.figures.style.style import RASTERISED_FROM, STEPS, along, contrast_ratio, luminance
from tests.support import svg_reader as back
from tests.support.known_results import SENTENCE, split, tokens_of
from tests.support.sentences import in_order

COLOURS = ("#E08214", "#2166AC", "#88CCEE", "#882255")
# CIELab of these four as colorspacious 1.1.2 gives them, plain and with a deficiency in full.
PUBLISHED = {
    None: [
        [63.23, 29.56, 66.13],
        [42.47, 4.44, -43.41],
        [78.81, -12.76, -23.5],
        [31.88, 46.95, -5.52],
    ],
    "deuteranopia": [
        [66.23, -6.11, 66.11],
        [40.52, 10.15, -45.68],
        [77.19, 4.43, -25.54],
        [34.81, 0.08, -0.53],
    ],
    "protanopia": [
        [58.12, -4.92, 62.5],
        [45.41, 7.63, -40.29],
        [81.24, 3.13, -20.47],
        [26.73, 2.52, -15.29],
    ],
    "tritanopia": [
        [62.86, 52.96, 24.65],
        [45.2, -24.03, -13.32],
        [79.08, -32.99, -10.84],
        [32.1, 50.72, 14.01],
    ],
}
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
    colours = palette(name, greyscale)
    for stops in (colours.sequential, *([MONOTONE] if greyscale else [])):
        assert (np.diff(lightness(stops)) < 0).all()
    half = len(colours.diverging) // 2
    assert (np.diff(lightness(colours.diverging[: half + 1])) > 0).all()
    assert (np.diff(lightness(colours.diverging[half:])) < 0).all()
    if not greyscale:
        for deficiency in (None, *DEFICIENCIES):
            assert least_difference([colours.diverging[0], colours.diverging[-1]], deficiency) > 25
        assert colours.negative != colours.positive


def results(plot, style=None, **options):
    return {outcome.name: outcome for outcome in check(plot, style, **options)}


def strips(sentence=SENTENCE):
    tokens = tokens_of(sentence)
    return view("reading", split(tokens), tokens, 1)


def cells(rows=4, columns=9):
    values = np.random.default_rng(0).normal(size=(rows, columns))
    return Plot(
        "heat",
        "t",
        HeatMap(values, ("r",) * rows, ("c",) * columns, "layer", "token", "contribution (logit)"),
    )


def bars(series):
    return Plot(
        "bars",
        "t",
        Bars(np.ones((series, 2)), ("a", "b"), tuple(map(str, range(series))), "class", "v"),
    )


def test_a_good_figure_passes_and_every_check_has_a_number_and_a_unit():
    for plot in (strips(), cells(), bars(3)):
        for outcome in check(plot):
            assert outcome.passed, outcome
            assert not outcome.advice
            assert np.isfinite(outcome.number)
            assert outcome.value.strip()


def test_type_3_fonts_and_the_wrong_width_are_found():
    drawn = Figure(figsize=(4, 2))
    drawn.add_subplot().set_title("title")
    file = io.BytesIO()
    drawn.savefig(file, format="pdf")  # as matplotlib does it when nobody says otherwise
    checks = results(cells(), pdf=file.getvalue())
    assert not checks["Fonts embedded as TrueType"].passed
    assert "Type 3: 1" in checks["Fonts embedded as TrueType"].value
    assert checks["Page width"].value == "4 inches of 3.03"
    assert not checks["Page width"].passed
    assert "3.03 inches wide" in checks["Page width"].advice


def test_small_text_is_found_with_the_size_that_would_pass():
    small = results(strips(), Style(font_size=5))["Smallest text at final width"]
    assert not small.passed
    assert small.value == "3.75 points"
    assert in_order(small.advice, "font size", "8 points")
    assert results(strips(), Style(font_size=8))["Smallest text at final width"].passed
    assert results(strips(), Style("nature"))["Smallest text at final width"].number == 5.25


def test_words_that_look_like_commands_of_a_pdf_do_not_fool_the_check():
    checks = results(strips("BT /F1 1 Tf (ET) 0.1 0 0 0.1 0 0 Tm ET"))
    assert checks["Smallest text at final width"].number == 6


def test_a_character_without_a_glyph_is_counted():
    check = results(strips("a \U00100123 b"))["Characters without a glyph"]
    assert not check.passed
    assert check.number == 1


@pytest.mark.parametrize("style", [Style(), Style(greyscale=True)])
@pytest.mark.parametrize(
    "shape", [(4, 9), *(pytest.param(s, marks=pytest.mark.slow) for s in ((40, 40), (7, 384)))]
)
def test_the_sign_survives_greyscale_in_every_cell(shape, style):
    """By a dash in each negative cell, or by a scale whose grey falls all the way: read back."""
    plot = cells(*shape)
    check = results(plot, style)["Sign in greyscale"]
    assert check.passed
    root = back.tree(render(plot, style, format="svg").data)
    values = plot.mark.values
    high = plot.mark.bounds[1]
    negative = values < -high / 2 / STEPS
    assert f"of {negative.sum():,} negative" in check.unit
    dashes = [d for d in back.named(back.panels(root)[0], "negative").values()]
    if dashes:
        assert len(list(dashes[0].iter(f"{back.SVG}path"))) == negative.sum()
        return
    filled = next(iter(back.named(back.panels(root)[0], "cells").values()))
    lights = lightness(back.fills(filled)).reshape(shape)
    zero = lightness([stops_of(palette(style.palette, style.greyscale), "diverging", shape)[4]])[0]
    far = np.abs(values) > 0.02 * high
    assert (lights[far & (values < 0)] > zero).all()
    assert (lights[far & (values > 0)] < zero).all()
    order = np.argsort(values.ravel())
    assert (np.diff(lights.ravel()[order]) < 1.0).all()


def test_a_dense_map_says_how_its_sign_is_told():
    drawn = render(cells(7, 384))
    assert any(in_order(line, "2,688 cells", "dash") for line in drawn.notices)
    assert in_order(draft(cells(7, 384)), "Light", "negative", "dark", "positive")
    assert not render(cells()).notices


def test_a_sign_that_is_lost_is_counted(monkeypatch):
    many = cells(40, 40)
    monkeypatch.setattr(checks, "stops_of", lambda colours, *_: colours.diverging)
    lost = results(many)["Sign in greyscale"]
    assert not lost.passed
    assert lost.number == 0


def test_small_points_of_a_raster_are_told_by_colour_alone():
    xy = np.random.default_rng(0).normal(size=(5000, 2))
    cloud = Plot("map", "t", Points(xy, np.arange(5000) % 9, tuple("abcdefghi"), "x", "y"))
    for style in (Style(), Style(greyscale=True)):
        check = results(cloud, style)["Series in greyscale"]
        assert not check.passed
        assert "draw fewer" in check.advice
    few = Plot("map", "t", Points(xy[:300], np.arange(300) % 9, tuple("abcdefghi"), "x", "y"))
    assert results(few)["Series in greyscale"].note.startswith("the shape")


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("greyscale", [False, True])
def test_every_step_of_every_scale_is_seen_by_every_eye(name, greyscale):
    colours = palette(name, greyscale)
    for stops in (colours.sequential, colours.diverging, stops_of(colours, "diverging", (40, 40))):
        for deficiency in (None, *DEFICIENCIES):
            assert neighbours(stops, deficiency) > NOTICED
    dense_scale = stops_of(colours, "diverging", (40, 40))
    assert (np.diff(lightness(dense_scale)) < -7).all()
    if not greyscale:
        for deficiency in (None, *DEFICIENCIES):
            for scale in (colours.diverging, dense_scale):
                for place in range(4):
                    assert least_difference([scale[place], scale[-1 - place]], deficiency) > APART


def test_a_scale_is_measured_step_by_step_and_not_by_its_ends():
    checks = results(cells())
    stops = palette("default").diverging
    for name in DEFICIENCIES:
        shown = checks[f"{name.capitalize()}, along a scale"]
        assert shown.number == round(neighbours(stops, name), 1)
        assert checks[name.capitalize()].number == round(
            min(least_difference([stops[i], stops[-1 - i]], name) for i in range(4)), 1
        )
    assert least_difference(stops[3:6]) < least_difference([stops[0], stops[-1]])


def test_a_dense_grey_map_is_measured_on_the_scale_it_is_drawn_in():
    check = results(cells(40, 40), Style(greyscale=True))["Deuteranopia"]
    assert check.passed
    assert not check.note  # nothing but the grey itself, and it is enough
    assert check.number > APART


def test_falling_lightness_keeps_the_hue_and_reaches_both_ends():
    made = falling(palette("default").diverging)
    assert lightness(made)[[0, -1]] == pytest.approx([93, 24], abs=0.6)
    before, after = lab(linear(palette("default").diverging)), lab(linear(made))
    hue = np.arctan2(before[:, 2], before[:, 1]) - np.arctan2(after[:, 2], after[:, 1])
    strong = [1, 2, 6, 7]
    assert np.abs(np.sin(hue[strong])).max() < 0.12


def test_series_need_lightness_or_another_carrier():
    check = results(bars(9))["Series in greyscale"]
    assert check.passed
    assert check.note == "hatching tells them apart"
    lost = results(bars(10))
    assert not lost["Series in greyscale"].passed
    assert "draw fewer" in lost["Series in greyscale"].advice
    lines = Plot(
        "lines",
        "t",
        Lines(np.arange(3.0), np.ones((8, 3)), tuple("abcdefgh"), "x", "y", markers=False),
    )
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


@given(
    st.tuples(*[st.integers(0, 255)] * 3),
    st.sampled_from(["#FBFAF8", "#141A22", "#FFFFFF"]),
    st.sampled_from([0.85, 0.9, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_a_mark_is_seen_on_its_ground_and_one_that_was_stays_as_it_is(channels, ground, opacity):
    colour = "#{:02X}{:02X}{:02X}".format(*channels)
    made = seen_on(colour, ground, opacity)
    assert contrast_ratio(along((ground, made), opacity), ground) >= 3
    if contrast_ratio(along((ground, colour), opacity), ground) >= 3:
        assert made == colour
