import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from pypdf import PdfReader

from analysis.figures import Bars, Grid, HeatMap, Lines, Plot, Points, view
from analysis.figures.files.export import MIME, export, slug
from analysis.figures.paper import figure, render
from analysis.figures.style.venues import VENUES, width_in_inches
from tests.support.known_results import (
    HOSTILE,
    LONG,
    SENTENCE,
    attributed,
    checkpoint,
    split,
    tokens_of,
    trace,
    winners,
)

ROOT = Path(__file__).resolve().parents[2]
TOKENS = tokens_of(SENTENCE)
PAIR = tokens_of("Wolfram acquired the laboratories.", "Wolfram bought the laboratories.")
SVG = "{http://www.w3.org/2000/svg}"


def heat(rows=4, columns=9, scale="diverging"):
    values = np.random.default_rng(0).normal(size=(rows, columns))
    return HeatMap(
        values,
        tuple(map(str, range(rows))),
        tuple(f"token{i}" for i in range(columns)),
        "layer",
        "token",
        "deviation of wins (percentage points)",
        scale,
    )


def every_plot():
    seeds = [trace([p, 1 - p], name=f"a-s{i}", group="a") for i, p in enumerate((0.2, 0.3, 0.6))]
    line = Lines(
        np.arange(4.0),
        np.arange(8.0).reshape(2, 4),
        ("a", "b"),
        "last k layers",
        "gap",
        bands=np.zeros((2, 4, 2)),
        flags=np.eye(2, 4) > 0,
    )
    points = Points(
        np.random.default_rng(0).normal(size=(20, 2)),
        np.arange(20) % 3,
        ("p", "q", "r"),
        "x",
        "y",
        labels=("l",) * 20,
        rings=(2,),
    )
    return {
        "classes": view("classes", [seeds, trace([0.4, 0.6])]),
        "input_attribution": view("input_attribution", attributed(PAIR), PAIR, checkpoint()),
        "reading": view(
            "reading",
            [split(TOKENS, seed=i) for i in range(4)],
            TOKENS,
            1,
            [checkpoint(f"sst2-{i}") for i in range(4)],
        ),
        "source_layers": view("source_layers", split(TOKENS), winners(TOKENS), 1, checkpoint()),
        "heat": Plot("heat", "t", heat()),
        "sequential": Plot("sequential", "t", heat(scale="sequential")),
        "lines": Plot("lines", "t", line),
        "points": Plot("points", "t", points),
        "grid": Plot("grid", "t", Grid((heat(), line, points), ("one", "two", "three"), 2)),
        "vertical": Plot(
            "vertical", "t", Bars(np.ones((1, 2)), ("a", "b"), ("s",), "c", "v", horizontal=False)
        ),
    }


PLOTS = every_plot()


def fonts_of(data):
    """Every font dictionary of a PDF."""
    reader = PdfReader(io.BytesIO(data))
    for page in reader.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            yield font
            for below in font.get("/DescendantFonts", []):
                yield below.get_object()


@pytest.mark.parametrize("name", PLOTS)
def test_a_pdf_has_the_venues_width_and_embeds_truetype_only(name):
    data = PLOTS[name].paper()
    reader = PdfReader(io.BytesIO(data))
    assert len(reader.pages) == 1
    assert float(reader.pages[0].mediabox.width) == pytest.approx(3.03 * 72, abs=0.01)
    assert not list(reader.pages[0].images)
    fonts = list(fonts_of(data))
    assert fonts
    for font in fonts:
        assert font["/Subtype"] in ("/Type0", "/CIDFontType2", "/TrueType")
        if "/FontDescriptor" in font:
            assert "/FontFile2" in font["/FontDescriptor"].get_object()


FEW = ("acl", "nature", "slides")


@pytest.mark.parametrize(
    "venue",
    [
        venue if venue in FEW else pytest.param(venue, marks=pytest.mark.slow)
        for venue in sorted(VENUES)
    ],
)
@pytest.mark.parametrize("width", ["column", "full"])
def test_every_venue_gets_its_own_width(venue, width):
    data = PLOTS["source_layers"].paper(venue, width)
    box = PdfReader(io.BytesIO(data)).pages[0].mediabox
    assert float(box.width) == pytest.approx(width_in_inches(venue, width) * 72, abs=0.01)


@pytest.mark.parametrize("name", PLOTS)
def test_an_svg_has_text_as_text_and_no_picture(name):
    tree = ElementTree.fromstring(PLOTS[name].paper(format="svg"))
    assert float(tree.get("width").removesuffix("pt")) == pytest.approx(3.03 * 72, abs=0.01)
    assert not tree.findall(f".//{SVG}image")
    assert tree.findall(f".//{SVG}text")


def test_a_png_has_three_hundred_dots_an_inch():
    for data in (PLOTS["heat"].paper(format="png"), export(PLOTS["heat"], "png").data):
        assert abs(Image.open(io.BytesIO(data)).width - 3.03 * 300) <= 1


@pytest.mark.parametrize("format", ["pdf", "svg", "png"])
@pytest.mark.parametrize("name", ["classes", "reading", "heat"])
def test_the_same_plot_gives_the_same_bytes(name, format):
    assert PLOTS[name].paper(format=format) == every_plot()[name].paper(format=format)


def test_another_process_gives_the_same_bytes():
    code = (
        "import hashlib, tests.figures.test_paper as t;"
        "print(*[hashlib.sha256(t.PLOTS['reading'].paper(format=f)).hexdigest()"
        " for f in ('pdf', 'svg', 'png')], 'matplotlib.pyplot' in __import__('sys').modules)"
    )
    answers = set()
    for seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=env,
            cwd=ROOT,
            text=True,
            capture_output=True,
            check=True,
        )
        answers.add(done.stdout)
    assert len(answers) == 1
    assert answers.pop().split()[-1] == "False"  # pyplot keeps figures of all threads in one list


def test_threads_draw_what_one_thread_draws():
    names = ["reading", "heat", "classes", "lines"] * 2
    alone = [PLOTS[name].paper(format="svg") for name in names]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda n: PLOTS[n].paper(format="svg"), names)) == alone


def test_drawing_leaves_the_users_matplotlib_settings_alone():
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 31.0, "svg.fonttype": "path", "text.usetex": True}):
        inside = PLOTS["heat"].paper(format="svg")
        assert mpl.rcParams["font.size"] == 31.0
        assert mpl.rcParams["svg.fonttype"] == "path"
    assert inside == PLOTS["heat"].paper(format="svg")


def test_provenance_travels_in_every_format_without_paths():
    owner = checkpoint("/home/somebody/models/mine")
    plot = view("reading", split(PAIR), PAIR, 1, owner)
    info = PdfReader(io.BytesIO(plot.paper())).metadata
    assert not {"/CreationDate", "/ModDate", "/Author"} & set(info)
    facts = json.loads(info.subject)
    assert {k: facts[k] for k in plot.provenance} == plot.provenance
    assert (facts["params"], facts["style"]["venue"]) == (plot.params, "acl")
    assert facts["versions"]["matplotlib"] == version("matplotlib")
    assert facts["checkpoint"] == "mine"
    assert facts["text"] == PAIR.text
    svg = ElementTree.fromstring(plot.paper(format="svg"))
    described = svg.find(".//{http://purl.org/dc/elements/1.1/}description").text
    assert json.loads(described) == facts
    assert json.loads(Image.open(io.BytesIO(plot.paper(format="png"))).text["Description"]) == facts
    for format in ("pdf", "svg", "png"):
        data = plot.paper(format=format)
        assert b"somebody" not in data
        assert b"/home" not in data
        assert str(ROOT).encode() not in data


# --- what is drawn ----------------------------------------------------------------------------


def test_the_cells_drawn_are_the_values_given():
    mark = heat()
    drawn = figure(Plot("v", "t", mark))
    mesh = drawn.axes[0].collections[0]
    assert (np.asarray(mesh.get_array()).reshape(mark.values.shape) == mark.values).all()
    assert mesh.get_clim() == mark.bounds
    assert drawn.axes[0].yaxis_inverted()  # the first row is the top one, as in a table
    assert [t.get_text() for t in drawn.axes[0].get_yticklabels()] == list(mark.rows)


def test_the_bars_drawn_are_as_long_as_the_values():
    drawn = figure(PLOTS["source_layers"])
    for axes, panel in zip(drawn.axes, PLOTS["source_layers"].mark.panels, strict=True):
        lengths = [bar.get_width() for bar in axes.patches]
        np.testing.assert_allclose(lengths, panel.values[0])


def test_dots_and_whiskers_are_the_values_given():
    mark = PLOTS["classes"].mark
    axes = figure(PLOTS["classes"]).axes[0]
    dots = next(line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(dots.get_xdata(), mark.dots[0].ravel())
    whiskers = axes.collections[0].get_segments()
    np.testing.assert_allclose([w[:, 0] for w in whiskers], mark.intervals[0])


def test_lines_and_points_are_the_values_given():
    axes = figure(PLOTS["lines"]).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), PLOTS["lines"].mark.y[0])
    axes = figure(PLOTS["points"]).axes[0]
    mark = PLOTS["points"].mark
    np.testing.assert_allclose(axes.lines[1].get_xydata(), mark.xy[mark.group == 1])


def test_every_unit_of_a_strip_is_written_and_negative_ones_are_underlined():
    plot = view("reading", split(TOKENS), TOKENS, 1)
    axes = figure(plot).axes[0]
    written = [t.get_text() for t in axes.texts]
    assert written[: len(TOKENS)] == list(TOKENS.labels)
    underlines = axes.collections[0].get_segments()
    assert len(underlines) == (plot.mark.values < 0).sum()
    assert {t.get_fontsize() for t in axes.texts} >= {8.0}


def outside_ticks(text):
    """Labels of ticks beyond the axis are made but never drawn."""
    x, y = text.axes.transAxes.inverted().transform(
        text.get_transform().transform(text.get_position())
    )
    return text in (*text.axes.get_xticklabels(), *text.axes.get_yticklabels()) and not (
        -0.2 <= x <= 1.2 and -2 <= y <= 1.2
    )


@pytest.mark.parametrize("name", PLOTS)
def test_no_text_is_smaller_than_six_points_or_leaves_the_page(name):
    drawn = figure(PLOTS[name])
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [
        t
        for t in drawn.findobj(match=lambda a: hasattr(a, "get_fontsize"))
        if t.get_text() and t.get_visible()
    ]
    assert texts
    page = drawn.bbox
    for text in texts:
        assert text.get_fontsize() >= 6
        box = text.get_window_extent(renderer)
        if box.width and text.axes is not None and not outside_ticks(text):
            assert box.x0 >= page.x0 - 1, text.get_text()
            assert box.x1 <= page.x1 + 1, text.get_text()
            assert box.y0 >= page.y0 - 1, text.get_text()
            assert box.y1 <= page.y1 + 1, text.get_text()


def test_strips_of_a_grid_share_one_scale_on_paper():
    axes = figure(PLOTS["reading"]).axes[0]
    limits = [t.get_text() for t in axes.texts if t.get_text().endswith("logit")]
    assert limits == [f"+{PLOTS['reading'].mark.panels[0].bound:.2f} logit"]


def test_strips_and_axes_share_a_grid_without_covering_each_other():
    strip = view("reading", split(TOKENS), TOKENS, 1).mark
    drawn = figure(Plot("v", "t", Grid((strip, heat(), strip), ("a", "b", "c"), 2)))
    FigureCanvasAgg(drawn).draw()
    tops = [axes.get_position(original=False) for axes in drawn.axes]
    assert len(tops) == 4  # two strips, a heat map, its colour bar
    assert [t.get_text() for t in drawn.axes[0].texts].count("[CLS]") == 1


# --- hostile text -----------------------------------------------------------------------------


def test_a_csv_is_the_frame():
    import pandas as pd

    for plot in PLOTS.values():
        made = export(plot, "csv")
        frame = plot.frame()
        words = {c: str for c in frame if not pd.api.types.is_numeric_dtype(frame[c])}
        back = pd.read_csv(io.BytesIO(made.data), dtype=words)
        assert list(back) == list(frame)
        for column in frame:
            if pd.api.types.is_float_dtype(frame[column]):
                np.testing.assert_array_equal(back[column], frame[column])
            else:
                assert back[column].astype(str).tolist() == frame[column].astype(str).tolist()


STARTS = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG", "csv": b"panel,position"}


@pytest.mark.parametrize(("format", "start"), STARTS.items())
def test_an_export_has_a_name_a_type_and_its_bytes(format, start):
    made = export(PLOTS["reading"], format)
    assert made.filename == f"reading-sst2-0-and-3-more.{format}"
    assert made.mime == MIME[format]
    assert made.data.startswith(start)


def test_file_names_hold_safe_characters_only():
    for name in (*HOSTILE, "../../etc/passwd", "org/model:v1", "CON. "):
        plot = Plot("reading", "t", heat(), provenance={"checkpoint": name.replace("\ud800", "?")})
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}", slug(plot))
    assert slug(Plot("v", "t", heat())) == "v"
    assert slug(Plot("你好", "t", heat())) == "figure"


def test_unknown_formats_and_venues_list_the_known():
    with pytest.raises(ValueError, match="known are pdf, svg, png, csv"):
        export(PLOTS["heat"], "docx")
    with pytest.raises(ValueError, match="known are pdf, svg, png"):
        render(PLOTS["heat"], format="csv")
    with pytest.raises(ValueError, match="known are aaai"):
        export(PLOTS["heat"], "pdf", venue="arxiv")


def test_long_texts_are_drawn_whole():
    tokens = tokens_of(LONG * 9)
    assert len(tokens) > 400
    plot = view("reading", split(tokens), tokens, 1, words=True)
    svg = ElementTree.fromstring(plot.paper(format="svg"))
    written = " ".join("".join(t.itertext()).strip() for t in svg.findall(f".//{SVG}text"))
    assert written.count("screenplay") == 9
    assert plot.paper() == plot.paper()
