"""A collection of figures: ordered, grouped, kept in a file, packed as all that a paper needs."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.figures import Plot, view
from analysis.figures.files import collected
from analysis.figures.files.bundle import bundle
from analysis.figures.files.sidecar import read, sidecar
from analysis.figures.recipes.rebuild import Known, rebuild
from analysis.figures.style.settings import Style
from tests.support import view_samples as samples
from tests.support.known_results import checkpoint, split, tokens_of

ROOT = Path(__file__).resolve().parents[2]
TEXT = "The plots thinned, not dully."


def of_reading(name="sst2-cls"):
    tokens = tokens_of(TEXT)
    return view("reading", split(tokens), tokens, 1, checkpoint(name))


def three():
    made = collected.Collection()
    for plot in (of_reading(), samples.plot_of("classes"), samples.plot_of("winners")):
        made = made.add(plot, Style(venue="icml"))
    return made


def titles(collection):
    return [figure.title for figure in collection.figures]


def test_a_collection_is_ordered_grouped_and_taken_apart_again():
    collection = three()
    assert collection.style.venue == "icml"
    assert len(collection) == 3
    assert collection.add(of_reading()) is collection  # the same picture twice is kept once
    names = titles(collection)
    assert titles(collection.move(0, 1)) == [names[1], names[0], names[2]]
    assert titles(collection.move(2, -9)) == [names[2], names[0], names[1]]
    group = collection.group([0, 2])
    assert len(group) == 2
    assert len(group.figures[0].plots) == 2
    assert group.pictures == 3
    assert group.figures[0].in_style(collection.style).letters
    assert titles(group.ungroup(0)) == [names[0], names[2], names[1]]
    assert group.move_panel(0, 0, 1).figures[0].plots[0].title == names[2]
    assert len(group.remove_panel(0, 0).figures[0].plots) == 1
    assert len(group.remove_panel(1, 0)) == 1
    with pytest.raises(collected.BadCollection, match="at least two"):
        collection.group([1])


def test_a_collection_survives_its_file_and_takes_a_sidecar():
    collection = three().group([0, 1]).change(0, caption="Ours: \\input{x} 100 %.", wide=True)
    back = collected.read(collection.to_json())
    assert back.to_json() == collection.to_json()
    assert back.figures[0].key == collection.figures[0].key
    assert bundle(back).data == bundle(collection).data
    alone = collected.read(sidecar(of_reading()).to_json())
    assert titles(alone) == ["Contribution of each position through the pooling head"]
    assert len(collection.with_all(alone)) == 3
    assert len(collection.with_all(collection)) == 2


def test_a_broken_collection_is_refused_in_words():
    good = json.loads(three().to_json())
    for change, message in (
        ({"poollens": "no"}, "not a collection"),
        ({"version": 3}, "version 3"),
        ({"figures": [{}]}, "figure 1 of the file is broken"),
        ({"figures": 7}, "no list"),
        ({"figures": [{}] * 99}, "up to 60"),
        ({"figures": [{"plots": []}]}, "figure 1"),
        ({"style": {"venue": "?"}}, "no venue"),
        ({"style": 3}, "broken"),
        ({"signed": 3}, "broken"),
        (
            {"figures": [{"plots": [{"view": "a", "title": "t", "mark": 1, "version": 1}]}]},
            "figure 1 of the file is broken: .* draws a int",
        ),
    ):
        with pytest.raises(collected.BadCollection, match=message):
            collected.read(json.dumps({**good, **change}))
    for text in ("", "{", "[1]", "\ud800", "[" * 100_000, b"\xff\xd8"):
        with pytest.raises(collected.BadCollection):
            collected.read(text)


def _bars(**of):
    return {
        "$mark": "Bars",
        "values": {"$array": "<f8", "shape": [1, 1], "values": [1.0]},
        "categories": ["c"],
        "series": ["s"],
        "category_label": "c",
        "value_label": "v",
        **of,
    }


def _map(size=1, **of):
    values = {"$array": "<f8", "shape": [size, size], "values": [1.0] * size}
    return {
        "$mark": "HeatMap",
        "values": values,
        "rows": ["r"] * size,
        "columns": ["c"] * size,
        "row_label": "r",
        "column_label": "c",
        "value_label": "v",
        **of,
    }


def _points(**of):
    return {
        "$mark": "Points",
        "xy": {"$array": "<f8", "shape": [1, 2], "values": [1.0, 2.0]},
        "group": {"$array": "<i8", "shape": [1], "values": [0]},
        "groups": ["g"],
        "x_label": "x",
        "y_label": "y",
        **of,
    }


NO_MARKS = [
    1,
    "x",
    None,
    [],
    {"$mark": "Grid", "panels": ["a"], "subtitles": ["x"]},
    {
        "$mark": "Grid",
        "panels": [{"$mark": "Grid", "panels": [_bars()], "subtitles": ["x"]}],
        "subtitles": ["x"],
    },
    {"$mark": "Grid", "panels": [_bars()], "subtitles": [3]},
    {"$mark": "Grid", "panels": [_bars()], "subtitles": ["a"], "columns": "2"},
    _bars(categories=[3]),
    _bars(predicted=[7]),
    _bars(predicted=["c"]),
    _bars(chosen=4),
    _bars(style="zz"),
    _bars(colours="x"),
    _bars(limits=[0]),
    _bars(limits=["a", "b"]),
    _bars(values=[1]),
    _bars(as_points="no"),
    _map(row_label=5),
    _map(scale="zz"),
    _map(size=0),
    _map(written="x"),
    _map(limits=3),
    _points(rings=[9]),
    _points(rings=[-1]),
    _points(group={"$array": "<f8", "shape": [1], "values": [0.0]}),
    _points(labels=[1]),
    {
        "$mark": "Lines",
        "x": {"$array": "<f8", "shape": [0], "values": []},
        "y": {"$array": "<f8", "shape": [1, 0], "values": []},
        "series": ["g"],
        "x_label": "x",
        "y_label": "y",
    },
]
NO_SOURCES = [
    {"checkpoint": 3},
    {"checkpoints": ["a"]},
    {"checkpoints": {"a": 1}},
    {"checkpoints": 3},
    {"checkpoint": "a", "members": 3},
    {"checkpoint": "a", "members": [{}]},
    {"pair": 3},
    {"checkpoint": "a", "pooling_options": [1]},
    {"text": 3},
    {"checkpoints": [{"members": [1]}]},
]


def one_figure(**of):
    data = json.loads(collected.Collection().add(samples.plot_of("classes")).to_json())
    data["figures"][0]["plots"][0].update(of)
    return json.dumps(data)


@pytest.mark.parametrize(
    "of",
    [{"mark": mark} for mark in NO_MARKS] + [{"provenance": source} for source in NO_SOURCES],
    ids=str,
)
def test_a_picture_that_could_not_be_drawn_is_refused_when_it_is_read(of):
    with pytest.raises(collected.BadCollection, match=r"figure 1 .*broken: "):
        collected.read(one_figure(**of))


@pytest.mark.parametrize(
    "of",
    [
        *(
            {"mark": mark}
            for mark in (_bars(), _map(), _points(rings=[0]), _bars(predicted=[None]))
        ),
        *(
            {"provenance": source}
            for source in (
                {},
                {"checkpoints": [{}], "text": "x"},
                {"checkpoint": "a", "members": [], "text": "x"},
                {
                    "seed": {"a": 1},
                    "reference": {"b": []},
                    "target": [{}],
                    "method": 3,
                    "data": [1],
                },
                {"text": "x", "checkpoint": "a", "pooling_options": {"last_k": []}},
            )
        ),
        *(
            {"params": grouping}
            for grouping in ({"groups": ["a"], "names": 3}, {"groups": 3, "names": [1]})
        ),
    ],
    ids=str,
)
def test_what_is_read_is_packed_and_rebuilt_without_a_crash(of):
    collection = collected.read(one_figure(**of))
    sidecars = [
        data
        for name, data in unzipped(bundle(collection).data).items()
        if name.startswith("figures/") and name.endswith(".json")
    ]
    assert rebuild(read(sidecars[0]), "f", Known(()), None).saved.data


def unzipped(data):
    archive = zipfile.ZipFile(io.BytesIO(data))
    return {name: archive.read(name) for name in archive.namelist()}


def test_pictures_that_are_added_together_are_one_figure_once():
    plots = [samples.plot_of(key) for key in ("reading", "classes", "winners")]
    made = collected.Collection().add_together(plots, 2, Style("icml"))
    (figure,) = made.figures
    assert (figure.plots, figure.columns) == (tuple(plots), 2)
    assert made.style.venue == "icml"
    assert made.add_together(plots, 2) is made
    full = replace(made, figures=made.figures * collected.MOST)
    with pytest.raises(collected.BadCollection, match="no more are kept"):
        full.add_together(plots[:2], 1)


def test_a_full_collection_says_so():
    mark = samples.plot_of("classes").mark
    full = collected.Collection(
        tuple(collected.PaperFigure((Plot("v", str(i), mark),)) for i in range(collected.MOST))
    )
    with pytest.raises(collected.BadCollection, match="60 figures are collected"):
        full.add(Plot("v", "one more", mark))


@pytest.mark.slow
def test_the_zip_holds_all_that_a_paper_needs(tmp_path):
    hostile = Plot(
        "heat",
        "t",
        samples.plot_of("winners").mark,
        caption="\\input{/etc/passwd} 100% $x$ a_b <script> {",
    )
    made = three().add(hostile).group([0, 1])
    packed = bundle(made, ["svg", "png"])
    names = set(packed.names)
    stem = "01-reading-sst2-cls-and-more"
    assert {f"figures/{stem}.{e}" for e in ("pdf", "svg", "png", "json")} <= names
    assert {f"data/{stem}-a.csv", f"data/{stem}-b.csv"} <= names
    assert {"figures.tex", "references.bib", "rebuild.py", "rebuild.sh"} <= names
    archive = zipfile.ZipFile(io.BytesIO(packed.data))
    tex = archive.read("figures.tex").decode()
    assert tex.count("\\includegraphics") == tex.count("\\label{fig:") == 3
    assert "\\input{/etc" not in tex
    assert "<script>" not in tex
    assert b"maxpoolbert" in archive.read("references.bib").lower()
    assert bundle(made, ["svg", "png"]).data == packed.data
    archive.extractall(tmp_path)
    answer = subprocess.run(
        [sys.executable, "rebuild.py", "--from-data"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert answer.returncode == 0, answer.stderr
    for name in names:
        if name.startswith("figures/") and name.endswith((".pdf", ".json")):
            again = (tmp_path / "rebuilt" / Path(name).name).read_bytes()
            assert again == archive.read(name), name


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex here: nothing to compile with"
)
def test_the_zip_compiles(tmp_path):
    hostile = Plot(
        "heat",
        "t",
        samples.plot_of("winners").mark,
        caption="\\input{/etc/passwd} 100% $x$ a_b <script> { } ~ ^ # & \\ 你好 שלום 😀",
    )
    packed = bundle(three().add(hostile).group([0, 1]).change(0, wide=True))
    assert any("XeLaTeX" in line for line in packed.notices)
    zipfile.ZipFile(io.BytesIO(packed.data)).extractall(tmp_path)
    (tmp_path / "paper.tex").write_text(
        "\\documentclass[twocolumn]{article}\\usepackage{graphicx}\\begin{document}"
        "\\input{figures}\\nocite{*}\\bibliographystyle{plain}\\bibliography{references}"
        "\\end{document}"
    )
    for command in (
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"],
        ["bibtex", "paper"],
    ):
        if shutil.which(command[0]):
            answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
            assert answer.returncode == 0, answer.stdout[-2000:]
    log = (tmp_path / "paper.log").read_text(errors="replace")
    assert "01-reading-sst2-cls-and-more.pdf" in log.replace("\n", "")
