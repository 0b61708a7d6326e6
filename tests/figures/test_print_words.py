"""What is written on paper: lines of a strip, ends of scales, ticks, captions, labels."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from analysis.figures import Plot
from analysis.figures.files.captions import draft
from analysis.figures.files.latex import label
from analysis.figures.paper import compose, ticks
from analysis.figures.paper.fonts import measuring
from analysis.figures.paper.look import Look
from analysis.figures.paper.strips import end_of
from analysis.figures.screen.layout import place
from analysis.figures.style.settings import Style
from tests.support.panels import bars, heat, lines, plot, strip
from tests.support.sentences import in_order

LOOK = Look(Style(), measuring())


def measure(text, size):
    return 0.5 * size * len(text)


@given(st.integers(2, 60), st.floats(90, 400))
def test_no_text_ends_in_one_word_or_in_special_tokens_alone(words, width):
    mark = strip(words)
    boxes, _ = place(mark, width, 8.0, measure)
    lines_of = {}
    for box in boxes:
        lines_of.setdefault(round(box.y, 3), []).append(box)
    every = [lines_of[y] for y in sorted(lines_of)]
    if len(every) < 2:
        return
    last, above = every[-1], every[-2]
    units = {b.unit for b in last if not mark.special[b.unit]}
    heads = [b.unit for b in above if mark.spaced[b.unit] and not mark.special[b.unit]]
    longest = max(measure(text, 8.0) for text in mark.labels) + 4
    if len(heads) > 2 and width > 4 * longest:
        assert len(units) >= 2


@given(st.integers(1, 200), st.integers(0, 60), st.floats(40, 400))
def test_lines_over_layers_have_ticks_at_their_first_and_last_that_stand_apart(count, first, width):
    axes = Figure().add_subplot()
    x = np.arange(first, first + count, dtype=float)
    ticks.whole(axes, LOOK, x, width)
    shown = axes.get_xticks()
    assert shown[0] == first
    assert shown[-1] == first + count - 1
    if len(shown) > 2:
        widest = max(LOOK.measure(str(int(item)), LOOK.small) for item in shown)
        assert np.diff(shown).min() * width / (count - 1) >= widest


@pytest.mark.parametrize("width", ["column", "full"])
@pytest.mark.parametrize("layers", [7, 13, 25])
def test_depth_on_paper_names_layer_0_and_the_last(width, layers):
    texts = [w.text for w in compose([plot(lines(places=layers))], Style(width=width),
                                     measured=True).page.texts]  # fmt: skip
    assert {"0", str(layers - 1)} <= set(texts)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(10.0, "+10"), (-10.0, "−10"), (0.77, "+0.77"), (2.5, "+2.5"), (1e-5, "+1e−05")],
)
def test_the_end_of_a_scale_has_no_decimals_that_say_nothing(value, shown):
    assert end_of(value) == shown


def test_the_scale_of_a_narrow_strip_is_not_cut():
    page = compose([plot(strip(4, limit=10.0))], Style(width=1.2), measured=True).page
    assert {"−10", "+10 logit"} <= {words.text for words in page.texts}
    assert page.cut == []


@given(st.integers(1, 600))
def test_names_of_bars_are_thinned_before_they_are_laid_out(count):
    axes = Figure().add_subplot()
    ticks.down(axes, LOOK, tuple(f"word {i}" for i in range(count)), 300.0, 80.0)
    assert 1 <= len(axes.get_yticklabels()) <= 300 / LOOK.small


def test_hundreds_of_bars_fit_on_a_page_and_are_drawn_as_one_shape():
    from analysis.figures.paper import figure

    drawn = figure(plot(bars(500)))
    axes = drawn.axes[0]
    assert drawn.get_size_inches()[1] <= 9.7
    assert len(axes.patches) == 0
    (shape,) = axes.collections
    assert len(shape.get_paths()) == 500
    assert len(axes.texts) == 0


def test_what_was_clicked_on_screen_has_no_mark_on_paper():
    mark = heat(3, 4)
    clicked = replace(mark, rows=("4", "▸ 5", "6"), columns=("a", "▸ b", "c", "d"))
    for format in ("svg", "pdf"):
        page = compose([plot(clicked)], format=format, measured=True).page
        texts = {words.text for words in page.texts}
        assert {"5", "b"} <= texts
        assert not any("▸" in text for text in texts)


# --- captions and labels ----------------------------------------------------------------------


def facts(view, caption, **provenance):
    return Plot(view, "t", lines(), caption=caption, provenance=provenance)


def test_a_caption_says_a_sentence_and_a_fact_once():
    signs = "Orange is towards the class, blue and underlined is against it."
    same = {"text": "So. It is. It is.", "target": "negative", "seed": 0}
    first = facts("a", f"What is read. {signs}", **same)
    other = facts(
        "b", f"For negative. {signs}", text="So. It is. It is.", target="negative", seed=0
    )
    caption = draft([first, other])
    assert caption.count(signs) == 1
    assert caption.count("“So. It is. It is.”") == 1
    assert caption.count("negative") == 2  # in (b)'s own words, and as the class of (a)
    assert caption.count("Seed: 0.") == 1
    assert "Class" not in draft(other)


def test_a_fact_that_is_not_everybodys_says_whose_it_is():
    first = facts("a", "One.", target="negative")
    other = facts("b", "Other.", target="positive")
    assert in_order(draft([first, other]), "Classes", "negative", "(a)", "positive", "(b)")
    assert draft([first, replace(first, caption="Other.")]).endswith("Class: negative.")


def test_no_caption_of_a_view_repeats_a_sentence():
    from tests.support import view_samples as samples

    for _, made in samples.every_plot():
        sentences = re.split(r"(?<=[.!?]) (?=[A-Z])", draft(made))
        assert len(sentences) == len(set(sentences)), sentences


def test_labels_are_short_and_none_is_used_twice():
    assert label("winners") == "fig:winners"
    assert label("layer_quantities") == "fig:layer-quantities"
    assert label("winners", ["fig:winners"]) == "fig:winners-2"
    assert label("winners", ["fig:winners", "fig:winners-2"]) == "fig:winners-3"
