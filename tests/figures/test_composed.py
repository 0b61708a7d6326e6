"""Pictures composed to one figure, measured on the page as matplotlib draws it."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from analysis.figures import Grid, Points
from analysis.figures.agreement import legends, on_one_scale
from analysis.figures.files.saved import save
from analysis.figures.files.sidecar import sidecar
from analysis.figures.paper import Unreadable, can_be_read, columns_that_fit, compose, rows
from analysis.figures.paper.fonts import measuring
from analysis.figures.paper.look import Look
from analysis.figures.paper.page import Page
from analysis.figures.style.letters import letter
from analysis.figures.style.printed import MOST_EMPTY
from analysis.figures.style.settings import Style
from analysis.figures.style.venues import VENUES
from tests.support.panels import bars, heat, lines, panels, plot, points, strip
from tests.support.parts import EXAMPLES
from tests.support.sentences import in_order

FULL = Style(width="full", letters=True)
COLUMN = Style(letters=True)


def printed(plots, style, columns):
    return compose(plots, style, columns, measured=True).page


KINDS = {
    "strip": lambda: strip(9),
    "text": lambda: strip(25),
    "heat map": lambda: heat(3, 9),
    "many layers": lambda: heat(8, 14),
    "bars": lambda: bars(3),
    "lines": lines,
    "map": points,
}
WIDTHS = [
    Style(name, width, letters=True)
    for name, venue in VENUES.items()
    for width in (("column", "full") if venue.column else ("full",))
]


def empty_by_columns(plots, style):
    """Share of the page that is empty for every number of columns that can be read."""
    shares = {}
    for columns in range(1, min(len(plots), 4) + 1):
        with contextlib.suppress(Unreadable):
            shares[columns] = printed(plots, style, columns).empty
    return shares


needs = st.builds(
    lambda least, want, best, is_text: rows.Need(
        least, want, lambda width: (best / 2, best, best * 2), is_text
    ),
    st.floats(40, 160),
    st.floats(40, 300),
    st.floats(30, 200),
    st.booleans(),
)


@given(st.lists(needs, min_size=1, max_size=9), st.integers(1, 5), st.floats(200, 520))
def test_rows_fill_the_width_keep_the_order_and_give_everybody_what_is_needed(
    panel_needs, most, width
):
    gap = 8.0
    try:
        made = rows.arranged(panel_needs, most, width, gap)
    except Unreadable as refused:
        made = rows.arranged(panel_needs, refused.offer, width, gap)
        most = min(most - 1, refused.offer)
    assert [i for row in made for i in range(row.start, row.stop)] == list(range(len(panel_needs)))
    for row in made:
        assert len(row) <= most
        assert sum(row.widths) + gap * (len(row) - 1) == pytest.approx(width)
        if len(row) > 1:
            for need, own in zip(panel_needs[row.start : row.stop], row.widths, strict=True):
                assert own >= need.least - 0.02


@given(st.lists(needs, min_size=2, max_size=6), st.floats(200, 520))
def test_the_numbers_of_columns_that_are_offered_can_be_read(panel_needs, width):
    able = rows.columns_by_cost(panel_needs, 4, width, 8.0)
    assert 1 in able
    for columns in able:
        assert rows.arranged(panel_needs, columns, width, 8.0)


@settings(deadline=None, max_examples=EXAMPLES // 4, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(panels, min_size=1, max_size=5),
    st.sampled_from([COLUMN, FULL, Style("icml", letters=True), Style("nature", "full")]),
    st.integers(1, 3),
)
def test_no_text_of_a_composed_page_is_covered_or_cut(marks, style, columns):
    plots = [plot(mark) for mark in marks]
    try:
        page = printed(plots, style, columns)
    except Unreadable as refused:
        page = printed(plots, style, refused.offer)
    assert page.covered == []
    assert page.cut == []
    assert page.width == pytest.approx(72 * style.inches)


@settings(deadline=None, max_examples=EXAMPLES // 6, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(panels, min_size=2, max_size=4))
def test_axes_of_a_row_begin_and_end_at_the_same_heights_and_reach_both_edges(marks):
    plots = [plot(mark) for mark in marks]
    look = Look(FULL, measuring())
    columns = columns_that_fit(plots, FULL, 3)
    page = Page(plots, look, columns)
    page.lay_out("pdf", 600)
    for row in page.rows:
        leaves = [block.leaves[0] for block in page.blocks[row.start : row.stop]]
        drawn = [leaf for leaf in leaves if not leaf.is_text]
        assert len({round(leaf.y, 3) for leaf in drawn}) <= 1
        assert len({round(leaf.y + leaf.height, 3) for leaf in drawn}) <= 1
        ends = [
            leaf.x + (leaf.cell if leaf.is_text else leaf.width + leaf.margins.right)
            for leaf in leaves
        ]
        assert max(ends) == pytest.approx(page.width - 1.5, abs=1.0)
        starts = [leaf.x - (0 if leaf.is_text else leaf.margins.left) for leaf in leaves]
        assert min(starts) <= 1.5 + 2.5 * look.text


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(panels, min_size=2, max_size=4), st.sampled_from(WIDTHS))
def test_the_grid_that_is_chosen_is_full_enough_wherever_one_is(marks, style):
    plots = [plot(mark) for mark in marks]
    shares = empty_by_columns(plots, style)
    chosen = shares[columns_that_fit(plots, style)]
    assert chosen <= max(MOST_EMPTY, min(shares.values()))


@pytest.mark.parametrize(
    ("venue", "kinds"),
    [
        ("neurips", ("heat map", "bars", "strip")),
        ("neurips", ("map", "strip", "text")),
        ("acl", ("many layers", "lines", "text")),
        ("nature", ("heat map", "many layers", "strip")),
    ],
)
def test_a_grid_that_looks_full_and_is_drawn_empty_gives_way_to_a_fuller_one(venue, kinds):
    style = Style(venue, "full", letters=True)
    plots = [plot(KINDS[kind]()) for kind in kinds]
    shares = empty_by_columns(plots, style)
    assert max(shares.values()) > MOST_EMPTY
    assert shares[columns_that_fit(plots, style)] <= MOST_EMPTY


def test_a_grid_that_cannot_be_read_is_refused_with_one_that_can():
    plots = [plot(heat(seed=i)) for i in range(3)]
    with pytest.raises(Unreadable, match="side by side") as refused:
        compose(plots, COLUMN, 3)
    assert refused.value.offer == 1
    assert compose(plots, COLUMN, refused.value.offer).data
    assert not can_be_read(plots, COLUMN, 3)
    assert can_be_read([plot(lines())] * 3, FULL, 3)
    assert columns_that_fit(plots, COLUMN) == 1


def test_a_grid_that_cannot_be_read_is_saved_as_it_can_and_says_so():
    figure = sidecar([plot(heat(seed=i)) for i in range(3)], COLUMN, columns=3)
    saved = save(figure, "figure")
    assert any(in_order(notice, "1 column", "saved") for notice in saved.notices)
    assert b'"columns": 1' in saved.sidecar


def test_a_picture_alone_is_never_refused():
    wide = plot(heat(3, 60))
    assert printed([wide], COLUMN, 1).panels


def test_panels_with_the_same_names_have_one_legend_and_one_colour_a_name():
    plots = [plot(lines(("a", "b", "c"))), plot(lines(("c", "a"), seed=1)), plot(points())]
    groups = legends(plots)
    assert groups[0] == groups[1] == ("a", "b", "c")
    assert groups[2] == ("p", "q")
    look = Look(FULL, measuring())
    page = Page(plots, look, 3)
    page.lay_out("pdf", 600)
    assert [t.get_text() for t in page.figure.legends[-1].get_texts()] == ["a", "b", "c"]
    assert len(page.figure.legends) == 2
    colours = [
        {line.get_label(): line.get_color() for line in block.leaves[0].axes.lines}
        for block in page.blocks[:2]
    ]
    assert colours[1] == {name: colours[0][name] for name in ("c", "a")}


def test_maps_of_one_quantity_share_one_scale_and_one_colour_bar():
    plots = [plot(heat(seed=1)), plot(heat(seed=2, size=2.0))]
    first, other = on_one_scale(plots)
    assert first.mark.bounds == other.mark.bounds
    high = max(np.abs(p.mark.values).max() for p in plots)
    assert first.mark.bounds == (-high, high)
    assert (first.mark.values == plots[0].mark.values).all()
    for columns in (1, 2):
        page = Page(plots, Look(FULL, measuring()), columns)
        page.lay_out("pdf", 600)
        assert len(page.bars) == 1
        assert sum(hasattr(axes, "_colorbar") for axes in page.figure.axes) == 1


def test_what_would_vanish_on_a_common_scale_keeps_its_own():
    plots = [plot(heat(size=0.01)), plot(heat(size=5.0))]
    first, other = on_one_scale(plots)
    assert first.mark.bounds == plots[0].mark.bounds
    assert other.mark.bounds == plots[1].mark.bounds
    labels = [plot(heat(label="wins (%)")), plot(heat(size=2.0, label="contribution (logit)"))]
    assert on_one_scale(labels) == labels


@given(st.lists(panels, min_size=1, max_size=4))
def test_a_common_scale_holds_all_values_and_changes_none(marks):
    plots = [plot(mark) for mark in marks]
    for before, after in zip(plots, on_one_scale(plots), strict=True):
        assert after.frame().equals(before.frame())


def test_a_text_beside_a_map_takes_the_width_at_which_least_is_left_empty():
    look = Look(FULL, measuring())
    own = [block.need() for block in Page([plot(strip(25)), plot(heat())], look, 2).blocks]
    (row,) = rows.arranged(own, 2, 450.0, 8.0)
    for share in np.linspace(0.3, 0.7, 9):
        widths = (442.0 * share, 442.0 * (1 - share))
        if all(w >= need.least for w, need in zip(widths, own, strict=True)):
            height = max(own[0].heights(widths[0])[0], own[1].heights(widths[1])[0])
            assert row.height <= height * 1.35


def test_a_given_height_is_kept_and_shared_by_the_axes():
    style = Style(width="full", letters=True, height=4.0)
    page = printed([plot(heat()), plot(lines()), plot(bars())], style, 2)
    assert page.height == pytest.approx(288)
    assert page.covered == []


@settings(deadline=None, max_examples=10)
@given(st.integers(2, 5), st.integers(1, 3))
def test_panels_of_a_grid_are_treated_as_a_composed_page_is(count, columns):
    mark = Grid(
        tuple(lines(seed=i) for i in range(count)),
        tuple(f"panel {i}" for i in range(count)),
        columns,
    )
    assume(columns <= count)
    page = printed([plot(mark)], Style(), 1)
    assert page.covered == []
    assert page.cut == []
    assert page.empty < 20


@pytest.mark.parametrize("count", [3, 5])
@pytest.mark.parametrize("style", [COLUMN, FULL], ids=["column", "full"])
@pytest.mark.parametrize("shape", [1.0, 0.3])
def test_maps_side_by_side_are_of_one_size_and_shaped_as_their_points(count, style, shape):
    made = plot(Grid(tuple(maps(count, shape)), ("",) * count, 3))
    page = printed([made], style, 1)
    sizes = {
        (round(right - left, 1), round(top - bottom, 1)) for left, bottom, right, top in page.panels
    }
    assert len(sizes) == 1
    ((width, height),) = sizes
    assert (height / width < 0.6) == (shape < 0.5)
    assert not page.covered
    assert not page.cut
    assert page.empty <= MOST_EMPTY


def test_each_name_on_a_map_stands_there_once_however_often_the_page_is_laid_out():
    (sheet,) = maps(1, 1.0)
    texts = [words.text for words in printed([plot(sheet)], COLUMN, 1).texts]
    assert texts.count("river · bank") == 1


def test_every_region_of_a_dense_map_has_its_name_beside_the_crowd():
    rng = np.random.default_rng(0)
    radius, angle = np.sqrt(rng.uniform(0, 1, 1500)), rng.uniform(0, 2 * np.pi, 1500)
    xy = np.stack([1.3 * radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    names = ("river · bank · water", "song · sing · album", "film · plot · actor")
    middles = np.array([(0.0, 0.0), (0.5, 0.3), (-0.6, -0.2)])
    cloud = Points(xy, np.zeros(1500, int), ("all",), "x", "y", regions=names, region_at=middles)
    page = printed([plot(cloud)], COLUMN, 1)
    assert set(names) <= {words.text for words in page.texts}
    assert not page.covered
    assert not page.cut


def maps(count, shape):
    rng = np.random.default_rng(0)
    for _ in range(count):
        xy = rng.normal(size=(60, 2)) * (1, shape)
        yield Points(
            xy,
            rng.integers(0, 3, 60),
            groups=("money", "song", "film"),
            x_label="dimension 1",
            y_label="dimension 2",
            regions=("river · bank",),
            region_at=xy.mean(axis=0)[None] + (2.5, 0),
        )


def test_panels_are_lettered_beyond_z():
    assert [letter(i) for i in (0, 1, 25, 26, 27, 701, 702)] == [
        "(a)",
        "(b)",
        "(z)",
        "(aa)",
        "(ab)",
        "(zz)",
        "(aaa)",
    ]
