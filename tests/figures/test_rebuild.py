"""A saved figure comes back from its sidecar: the same bytes, or a sentence that says why not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.figures.files.saved import save
from analysis.figures.files.sidecar import BadSidecar, other_versions, read, sidecar
from analysis.figures.recipes.rebuild import rebuild
from analysis.figures.style.settings import Style
from tests.support import view_samples as samples
from tests.support.saved_figures import TEXT, of_reading, run
from tests.support.sentences import in_order


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "format", ["svg", *(pytest.param(name, marks=pytest.mark.slow) for name in ("pdf", "png"))]
)
def test_a_view_is_rebuilt_to_the_same_bytes_elsewhere(format, tmp_path):
    """From the sidecar alone, in another process, folder and home: every view as a PDF, a view of
    each kind as an SVG and a PNG."""
    here, there, home = tmp_path / "here", tmp_path / "there", tmp_path / "home"
    for folder in (here, there, home):
        folder.mkdir()
    files = {}
    some = samples.ONE_OF_EACH_MARK
    for key, plot in samples.every_plot():
        if format != "pdf" and key not in some:
            continue
        made = save(sidecar(plot, Style(venue="icml"), format), key)
        files[made.name] = made.data
        (here / f"{key}.json").write_bytes(made.sidecar)
    several = sidecar(
        [of_reading(), samples.plot_of("classes")],
        Style(letters=True),
        format,
        columns=2,
        caption="Both.",
    )
    made = save(several, "several")
    files[made.name] = made.data
    (here / "several.json").write_bytes(made.sidecar)
    answer = run(
        "rebuild",
        *sorted(here.glob("*.json")),
        "--from-data",
        "--output",
        "out",
        cwd=there,
        HOME=str(home),
        PYTHONHASHSEED="7",
    )
    assert answer.returncode == 0, answer.stderr
    changed = [name for name, data in files.items() if (there / "out" / name).read_bytes() != data]
    assert not changed
    assert answer.stderr.count("bytes are those") == len(files)
    for sidecar_file in here.glob("*.json"):
        assert (there / "out" / sidecar_file.name).read_bytes() == sidecar_file.read_bytes()


def test_another_venue_and_format_are_drawn_from_the_same_numbers():
    figure = read(sidecar(of_reading(), Style()).to_json())
    for_icml = replace(figure, style=Style(venue="icml", width="full"), format="svg")
    made = rebuild(for_icml, "figure", changed=True)
    assert made.saved.name == "figure.svg"
    assert made.same is None
    assert b'width="486pt"' in made.saved.data
    assert read(made.saved.sidecar).style.venue == "icml"


def test_other_versions_are_named():
    figure = replace(sidecar(of_reading()), versions={"matplotlib": "1.0", "numpy": np.__version__})
    assert other_versions(figure) == [f"matplotlib 1.0 (here {samples_version('matplotlib')})"]
    made = rebuild(figure, "f")
    assert made.same is None
    assert in_order(made.sentences[0], "other versions", "matplotlib 1.0")


def samples_version(name):
    from importlib.metadata import version

    return version(name)


def test_a_sidecar_says_everything_that_was_done():
    plot = of_reading()
    data = json.loads(save(sidecar(plot, Style(venue="cvpr"), "png", 600), "f").sidecar)
    assert data["view"] == "reading"
    assert data["text"] == TEXT
    assert data["pair"] is None
    assert data["checkpoints"][0] == {
        "checkpoint": "sst2-cls",
        "sha256": "0123456789abcdef" * 4,
        "target": "positive",
    }
    assert (data["style"]["venue"], data["format"], data["dpi"]) == ("cvpr", "png", 600)
    assert {"poollens", "python", "matplotlib", "torch"} <= set(data["versions"])
    assert data["params"]["target"] == 1
    assert len(data["files"]["f.png"]) == 64


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"poollens": "figures"}, "not a figure of PoolLens"),
        ({"version": 7}, "version 7"),
        ({"data": []}, "1 to 100 pictures"),
        ({"data": [{"view": 1}]}, "no view and no mark"),
        ({"style": {"venue": "journal of dreams"}}, "no venue is called"),
        ({"style": {"hack": 1}}, "a style has no"),
        ({"style": []}, None),
        ({"dpi": 10**9}, "dpi is"),
        ({"dpi": "300"}, "dpi is"),
        ({"columns": 0}, "columns is"),
        ({"format": ["pdf"]}, "format is not text"),
        ({"files": {"a": 1}}, "not names with texts"),
        ({"caption": 3}, "caption is not text"),
    ],
)
def test_a_broken_sidecar_is_refused_in_words(change, sentence):
    data = {**json.loads(sidecar(of_reading()).to_json()), **change}
    if sentence is None:  # nothing said is the default
        assert read(json.dumps(data)).style == Style()
        return
    with pytest.raises(BadSidecar, match=sentence):
        read(json.dumps(data))


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"x"', "\x00", "[" * 99_999])
def test_what_is_no_sidecar_is_refused(text):
    with pytest.raises(BadSidecar):
        read(text)
