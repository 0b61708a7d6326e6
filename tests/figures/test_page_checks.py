"""Every check of the page as drawn: a page that passes it, and one that does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures import Plot
from analysis.figures.paper.measured import measure
from analysis.figures.style.checks import check
from analysis.figures.style.printed import Printed, Words, caption_height, page_checks
from analysis.figures.style.settings import Style
from tests.support.panels import bars, heat, lines, plot, strip
from tests.support.sentences import in_order

STYLE = Style()


def of(figure, named=()):
    """The checks of a figure that was drawn by hand."""
    figure.draw_without_rendering()
    return {check.name: check for check in page_checks(measure(figure, named), STYLE)}


def page(**parts):
    whole = Printed(216.0, 144.0, filled=((0, 0, 216, 144),))
    return {check.name: check for check in page_checks(replace(whole, **parts), STYLE)}


def hand(inches=(3.03, 2.0)):
    drawn = Figure(figsize=inches)
    return drawn, drawn.add_axes((0.2, 0.25, 0.75, 0.65))


def test_a_good_page_passes_all_of_them():
    drawn, axes = hand()
    axes.plot([0, 1], color="#204080")
    axes.set_position((0.2, 0.2, 0.76, 0.76))
    for outcome in of(drawn).values():
        assert outcome.passed, outcome
        assert not outcome.advice


def test_texts_that_stand_on_one_another_are_found():
    drawn, axes = hand()
    axes.text(0.5, 0.5, "first")
    axes.text(0.51, 0.5, "second")
    check = of(drawn)["Overlapping texts"]
    assert not check.passed
    assert check.number == 1
    assert "“first” overlaps “second”" in check.advice


def test_a_text_that_stands_in_another_panel_is_found():
    drawn = Figure(figsize=(3.03, 2.0))
    left = drawn.add_axes((0.1, 0.2, 0.3, 0.7))
    left.set_xticks([])
    drawn.add_axes((0.45, 0.2, 0.5, 0.7)).set_yticks([])
    assert of(drawn)["Overlapping texts"].passed
    left.text(1.3, 0.5, "a note that is long")
    check = of(drawn)["Overlapping texts"]
    assert not check.passed
    assert "panel 2" in check.advice


@pytest.mark.parametrize("place", [(-0.3, 0.5), (0.95, 0.5), (0.5, 1.2), (0.5, -0.45)])
def test_a_text_that_the_edge_cuts_is_found(place):
    drawn, axes = hand()
    axes.text(*place, "−10.00 logit")
    check = of(drawn)["Texts cut off"]
    assert not check.passed
    assert in_order(check.advice, "“−10.00 logit”", "cut off")


def test_labels_that_are_left_out_are_counted():
    drawn, axes = hand()
    axes.set_xticks([0, 1], ["a", "b"])
    assert of(drawn, [(axes, "x", 3)])["Labels shown"].passed
    check = of(drawn, [(axes, "x", 5)])["Labels shown"]
    assert not check.passed
    assert check.number == 40


def test_a_crowded_map_asks_for_more_room():
    shown = {outcome.name: outcome for outcome in check(plot(heat(3, 90)))}
    assert not shown["Labels shown"].passed
    assert {outcome.name: outcome for outcome in check(plot(heat(3, 20)))}["Labels shown"].passed


def test_a_panel_that_is_too_small_is_found():
    drawn, axes = hand()
    axes.set_position((0.3, 0.3, 0.1, 0.5))
    check = of(drawn)["Smallest panel"]
    assert not check.passed
    assert check.number == pytest.approx(0.3, abs=0.01)


def test_an_empty_quarter_is_found():
    assert page()["Empty area"].passed
    three = ((0, 0, 100, 144), (108, 72, 216, 144))
    check = page(filled=three)["Empty area"]
    assert not check.passed
    assert 20 < check.number < 26


def test_height_is_counted_with_the_caption():
    low = plot(heat())
    assert {outcome.name: outcome for outcome in check(low)}["Height with caption"].passed
    long = {outcome.name: outcome for outcome in check(low, caption="word " * 1200)}[
        "Height with caption"
    ]
    assert not long.passed
    assert "shorter caption" in long.advice
    tall = {outcome.name: outcome for outcome in check(low, Style(height=9.6))}[
        "Height with caption"
    ]
    assert not tall.passed
    assert tall.number > 9.7


def test_a_longer_caption_is_higher_and_a_wider_one_is_lower():
    words = "a caption of some words " * 20
    assert caption_height("", STYLE) == 0
    assert caption_height(words, STYLE) > caption_height(words[:100], STYLE)
    assert caption_height(words, Style(width="full")) < caption_height(words, STYLE)


def test_a_pale_line_is_found_and_what_is_drawn_here_is_none():
    drawn, axes = hand()
    axes.plot([0, 1], color="#DDCC77")
    contrast = of(drawn)["Contrast of lines and points"]
    assert not contrast.passed
    assert contrast.number == pytest.approx(1.6, abs=0.1)
    for greyscale in (False, True):
        many = plot(lines(tuple("abcdefg")))
        shown = {outcome.name: outcome for outcome in check(many, Style(greyscale=greyscale))}
        assert shown["Contrast of lines and points"].passed


def test_pale_text_is_found_on_paper_and_on_a_cell():
    drawn, axes = hand()
    axes.text(0.5, 0.5, "pale", color="#AAAAAA")
    assert not of(drawn)["Contrast of text"].passed
    drawn, axes = hand()
    axes.pcolormesh(np.array([-0.5, 0.5]), np.array([-0.5, 0.5]), [[1.0]], cmap="gray", vmin=0,
                    vmax=2)  # fmt: skip
    axes.text(0, 0, "on grey", color="#606060", ha="center", va="center")
    assert not of(drawn)["Contrast of text"].passed
    assert page(texts=(Words("a", (10, 10, 20, 20), 4.6),))["Contrast of text"].passed


@pytest.mark.parametrize("mark", [heat(), lines(), bars(), strip()])
def test_every_check_of_a_page_has_a_number_and_a_unit(mark):
    for outcome in check(Plot("made", "t", mark)):
        assert np.isfinite(outcome.number)
        assert outcome.value.strip()
        assert outcome.passed, outcome
