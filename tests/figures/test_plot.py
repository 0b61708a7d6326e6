import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.figures import Bars, Grid, HeatMap, Lines, Plot, Points, known_views, view
from analysis.figures.registry import UnknownView
from analysis.figures.registry import view as register
from analysis.figures.style.style import (
    CLASS_COLOURS,
    CLASS_SHAPES,
    DIVERGING,
    DIVERGING_DARK,
    SEQUENTIAL,
    STEPS,
    along,
    contrast_ratio,
    luminance,
    number,
    printable,
    shade,
    step_of,
)
from analysis.figures.style.venues import VENUES, UnknownVenue, width_in_inches
from tests.support.known_results import SENTENCE, attributed, checkpoint, tokens_of, trace

ROOT = Path(__file__).resolve().parents[2]


def heat(values, **of):
    rows, columns = np.shape(values)
    return HeatMap(
        np.asarray(values, float),
        tuple(f"r{i}" for i in range(rows)),
        tuple(f"c{i}" for i in range(columns)),
        "row label",
        "column label",
        "value (logit)",
        **of,
    )


def test_importing_figures_loads_no_drawing_library():
    code = (
        "import sys, analysis.figures, analysis.figures.screen.markup;"
        "import analysis.figures.files.export;"
        "print([m for m in ('torch', 'plotly', 'matplotlib', 'pandas', 'streamlit')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_arrays_of_a_mark_cannot_be_written_and_are_not_the_callers():
    mine = np.zeros((2, 3))
    mark = heat(mine)
    mine[0, 0] = 5
    assert mark.values[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        mark.values[0, 0] = 1


def test_a_diverging_scale_is_symmetric_and_a_sequential_one_is_the_range():
    assert heat([[-1.0, 4.0]]).bounds == (-4.0, 4.0)
    assert heat([[1.0, 4.0]], scale="sequential").bounds == (1.0, 4.0)
    assert heat([[0.0, np.nan]]).bounds == (-1.0, 1.0)
    with pytest.raises(ValueError, match="zero in its middle"):
        heat([[1.0]], limits=(-1.0, 2.0))
    with pytest.raises(ValueError, match="not a range"):
        heat([[1.0]], scale="sequential", limits=(2.0, 2.0))


def test_infinite_values_are_refused():
    with pytest.raises(ValueError, match="infinite"):
        heat([[np.inf]])
    with pytest.raises(ValueError, match="infinite"):
        Lines(np.arange(2.0), np.array([[0.0, np.inf]]), ("a",), "x", "y")


@pytest.mark.parametrize(
    "make",
    [
        lambda: HeatMap(np.zeros((2, 3)), ("a",), ("b",), "", "", ""),
        lambda: Bars(np.zeros((1, 2)), ("a",), ("s",), "c", "v"),
        lambda: Bars(np.zeros((1, 1)), ("a",), ("s",), "c", "v", intervals=np.zeros((1, 1, 3))),
        lambda: Lines(np.zeros(3), np.zeros((1, 2)), ("s",), "x", "y"),
        lambda: Points(np.zeros((2, 2)), np.array([0, 5]), ("g",), "x", "y"),
        lambda: Grid((), ()),
    ],
)
def test_shapes_that_do_not_fit_are_refused(make):
    with pytest.raises(ValueError, match=r"shape|indices|panel"):
        make()


def test_the_frame_holds_every_value_of_a_heat_map_in_its_cell():
    values = np.arange(6.0).reshape(2, 3)
    frame = Plot("v", "t", heat(values)).frame()
    for row in frame.itertuples():
        assert values[row.row, row.column] == row._5
    assert len(frame) == 6


def test_the_frame_of_a_grid_names_its_panels():
    plot = Plot("v", "t", Grid((heat([[1.0]]), heat([[2.0]])), ("one", "two"), 2))
    frame = plot.frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame["panel"].tolist() == ["one", "two"]
    assert frame["value (logit)"].tolist() == [1.0, 2.0]


def test_provenance_that_is_not_json_is_refused_and_the_callers_dict_is_copied():
    mine = {"text": "a", "layers": (1, 2)}
    plot = Plot("v", "t", heat([[1.0]]), provenance=mine)
    mine["text"] = "b"
    assert plot.provenance == {"text": "a", "layers": [1, 2]}
    with pytest.raises(ValueError, match="not JSON"):
        Plot("v", "t", heat([[1.0]]), provenance={"x": object()})


def test_a_view_key_is_registered_once_and_an_unknown_one_lists_the_known():
    with pytest.raises(ValueError, match="already registered"):
        register("classes")(lambda: None)
    with pytest.raises(UnknownView) as refused:
        view("clases", trace([0.5, 0.5]))
    assert all(key in str(refused.value) for key in known_views())
    assert set(known_views()) >= {"classes", "input_attribution", "reading", "source_layers"}
    assert all(line.endswith(".") for line in known_views().values())


def test_every_text_shade_reads_in_both_themes():
    for theme in ("light", "dark"):
        for quiet in (False, True):
            ratios = [
                contrast_ratio(*shade(step, theme, quiet)) for step in range(-STEPS, STEPS + 1)
            ]
            assert min(ratios) >= 4.5


def test_lightness_runs_one_way_from_zero_to_each_end():
    for stops, sign in ((DIVERGING, -1), (DIVERGING_DARK, 1)):
        for side in (1, -1):
            levels = [luminance(along(stops, 0.5 + side * i / 200)) for i in range(101)]
            assert (np.diff(levels) * sign >= -1e-3).all()
            assert abs(levels[-1] - levels[0]) > 0.4
    assert (np.diff([luminance(along(SEQUENTIAL, i / 50)) for i in range(51)]) < 0).all()


def test_zero_is_the_middle_and_the_ends_are_the_limits():
    assert shade(0)[0] == "#F7F7F7"
    assert shade(step_of(3.0, 3.0))[0] == "#B35806"
    assert shade(step_of(-3.0, 3.0))[0] == "#2166AC"
    assert luminance(shade(0, "dark")[0]) < 0.05 < luminance(shade(STEPS, "dark")[0])
    assert step_of(-9.0, 3.0) == -STEPS
    assert step_of(float("nan"), 1.0) == 0


def test_twelve_classes_differ_in_colour_and_shape():
    assert len(set(CLASS_COLOURS)) == 12
    assert len({screen for screen, _ in CLASS_SHAPES}) == 12
    assert len({paper for _, paper in CLASS_SHAPES}) == 12
    levels = [luminance(colour) for colour in CLASS_COLOURS[:5]]
    assert min(abs(a - b) for a, b in pairwise(levels)) > 0.05


@pytest.mark.parametrize(
    ("value", "style", "shown"),
    [
        (0.6149, "probability", "0.61"),
        (0.125, "signed", "+0.12"),
        (-1.444, "signed", "-1.44"),
        (-0.0031, "signed", "-0.003"),
        (0.005, "signed", "+0.01"),
        (0.00031, "signed", "+3e-04"),
        (0.0, "signed", "0.00"),
        (53.4, "percent", "53"),
        (0.44, "percent", "0.4"),
        (0.0, "percent", "0"),
        (float("nan"), "percent", "\N{EN DASH}"),
    ],
)
def test_numbers_are_written_as_the_pages_write_them(value, style, shown):
    assert number(value, style) == shown


def test_printable_keeps_scripts_and_replaces_what_no_renderer_takes():
    assert printable("a\tb\nc") == "a b c"
    assert printable("\ud800\x00\ufffe") == "\N{REPLACEMENT CHARACTER}" * 3
    assert printable("שלום 你好 👩‍🔬") == "שלום 你好 👩‍🔬"
    assert len(printable("x" * 10_000, 30)) == 30


def test_venues_have_the_widths_of_their_style_files():
    assert (width_in_inches("acl"), width_in_inches("ACL", "full")) == (3.03, 6.30)
    assert width_in_inches("neurips", "column") == width_in_inches("neurips", "full") == 5.5
    one_column = {v for v in VENUES if VENUES[v].column is None}
    assert one_column == {"neurips", "iclr", "jmlr", "tmlr", "custom"}
    with pytest.raises(UnknownVenue, match="known are aaai, acl, aistats"):
        width_in_inches("acll")
    with pytest.raises(UnknownVenue, match="column, full"):
        width_in_inches("acl", "half")


def test_a_plot_draws_itself_on_paper_and_on_the_screen():
    tokens = tokens_of(SENTENCE)
    strip = view("input_attribution", attributed(tokens), tokens, checkpoint())
    assert strip.paper().startswith(b"%PDF")
    assert "data-token" in strip.html()
    assert len(view("classes", trace([0.4, 0.6])).screen().data) == 1
