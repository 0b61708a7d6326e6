"""A saved figure comes back: the same picture, the same bytes, or a sentence that says why not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import samples_of_views as samples
import tiny
import zoo
from figures_samples import HOSTILE, checkpoint, split, tokens_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import analysis
from analysis.__main__ import main
from analysis.figures import Bars, Grid, HeatMap, Plot, recipes, view
from analysis.figures.rebuild import (
    Known,
    OtherCheckpoint,
    difference,
    find,
    known_checkpoints,
    rebuild,
    recompute,
)
from analysis.figures.settings import Style
from analysis.figures.sidecar import (
    BadSidecar,
    checkpoints_of,
    other_versions,
    read,
    recipe_of,
    save,
    sidecar,
)
from analysis.figures.store import BadPlot, from_json, to_json

ROOT = Path(__file__).parents[1]
TEXT = "The plots thinned, not dully."
FORMATS = ("pdf", "svg", "png")


def run(*arguments, cwd, **env):
    """The command line in a process of its own, as somebody else, in another folder."""
    return subprocess.run(
        [sys.executable, "-m", "analysis", *map(str, arguments)], cwd=cwd, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **env},
    )  # fmt: skip


def of_reading(name="sst2-cls"):
    tokens = tokens_of(TEXT)
    return view("reading", split(tokens), tokens, 1, checkpoint(name))


# --- a picture as JSON ------------------------------------------------------------------------


@pytest.mark.parametrize("key", samples.keys())
def test_every_view_survives_json_to_the_last_bit(key):
    plot = samples.plot_of(key)
    text = to_json(plot)
    back = from_json(text)
    assert to_json(back) == text
    assert json.loads(text)  # plain JSON: no NaN, no Infinity
    assert "NaN" not in text
    assert (back.view, back.title, back.notes, back.caption) == (
        plot.view, plot.title, plot.notes, plot.caption)  # fmt: skip
    assert back.params == plot.params
    assert back.provenance == plot.provenance
    assert type(back.mark) is type(plot.mark)
    for one, other in zip(panels(plot), panels(back), strict=True):
        for name in one.__dataclass_fields__:
            before, after = getattr(one, name), getattr(other, name)
            if isinstance(before, np.ndarray):
                assert after.dtype == before.dtype
                assert after.shape == before.shape
                assert after.tobytes() == before.tobytes()
                assert not after.flags.writeable
            else:
                assert after == before
    assert back.frame().equals(plot.frame())


def panels(plot):
    return plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)


@settings(max_examples=60)
@given(
    npst.arrays(
        st.sampled_from([np.float32, np.float64, np.float16]),
        npst.array_shapes(min_dims=2, max_dims=2, max_side=9),
        elements=st.floats(allow_infinity=False, width=16),
    )
)
def test_any_heat_map_survives_json_to_the_last_bit(values):
    mark = HeatMap(values, ("r",) * len(values), ("c",) * values.shape[1], "r", "c", "v")
    back = from_json(to_json(Plot("v", "t", mark))).mark
    assert back.values.tobytes() == mark.values.tobytes()
    assert back.limits == mark.limits


def test_hostile_text_survives_json_as_it_was():
    mark = Bars(np.ones((1, len(HOSTILE))), HOSTILE, ("s",), "c", "v")
    plot = Plot("v", "\ud800<script>", mark, {"a": float("nan")}, {"text": HOSTILE[0]}, HOSTILE)
    back = Plot.from_json(plot.to_json())
    assert (back.mark.categories, back.title, back.notes) == (HOSTILE, plot.title, HOSTILE)
    assert np.isnan(back.params["a"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: "nonsense", "no view and no mark"),
        (lambda d: [], "no view and no mark"),
        (lambda d: {**d, "version": 99}, "version 99"),
        (lambda d: {**d, "mark": {"$mark": "Path"}}, "no mark is called 'Path'"),
        (lambda d: {**d, "mark": {**d["mark"], "hack": 1}}, "another version"),
        (lambda d: {**d, "mark": {"$mark": "Strip"}}, "broken"),
        (lambda d: {**d, "notes": "abc"}, "notes is no tuple"),
        (lambda d: {**d, "notes": [1]}, "notes are not all text"),
        (lambda d: {**d, "title": {"$array": "|O", "shape": [1], "base64": "AAAA"}}, "no array"),
        (lambda d: {**d, "title": {"$array": "<f8", "shape": [9], "values": [1]}}, "9 values"),
        (lambda d: {**d, "title": {"$array": "<f8", "shape": [10**12], "base64": ""}}, "0 bytes"),
        (lambda d: {**d, "title": {"$array": "<f8", "shape": [-1], "base64": ""}}, "shape"),
        (lambda d: {**d, "title": {"$array": "<f8", "shape": [1], "base64": "*"}}, "broken"),
        (lambda d: {**d, "title": 3}, "title is no str"),
        (lambda d: {**d, "params": []}, "params is no dict"),
    ],
)
def test_a_broken_picture_is_refused_in_words(change, said):
    with pytest.raises(BadPlot, match=said):
        from_json(json.dumps(change(json.loads(to_json(of_reading())))))
    for text in ("{", "", "[" * 100_000, b"\xff\xfe"):
        with pytest.raises(BadPlot, match="not the JSON"):
            from_json(text)


# --- the same bytes ---------------------------------------------------------------------------


def one_of_each_mark():
    """A view for each kind of mark, in grids and alone: what a format's renderer tells apart."""
    found = {}
    for key, plot in samples.every_plot():
        kinds = frozenset(type(panel) for panel in panels(plot))
        found.setdefault((kinds, isinstance(plot.mark, Grid)), (key, plot))
    return found.values()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("format", FORMATS)
def test_a_view_is_rebuilt_to_the_same_bytes_elsewhere(format, tmp_path):
    """From the sidecar alone, in another process, folder and home: every view as a PDF, a view of
    each kind as an SVG and a PNG."""
    here, there, home = tmp_path / "here", tmp_path / "there", tmp_path / "home"
    for folder in (here, there, home):
        folder.mkdir()
    files = {}
    for key, plot in samples.every_plot() if format == "pdf" else one_of_each_mark():
        made = save(sidecar(plot, Style(venue="icml"), format), key)
        files[made.name] = made.data
        (here / f"{key}.json").write_bytes(made.sidecar)
    several = sidecar([of_reading(), samples.plot_of("classes")], Style(letters=True), format,
                      columns=2, caption="Both.")  # fmt: skip
    made = save(several, "several")
    files[made.name] = made.data
    (here / "several.json").write_bytes(made.sidecar)
    answer = run("rebuild", *sorted(here.glob("*.json")), "--from-data", "--output", "out",
                 cwd=there, HOME=str(home), PYTHONHASHSEED="7")  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    changed = [name for name, data in files.items()
               if (there / "out" / name).read_bytes() != data]  # fmt: skip
    assert not changed
    assert answer.stderr.count("the bytes are those that were saved") == len(files)
    for sidecar_file in here.glob("*.json"):
        assert (there / "out" / sidecar_file.name).read_bytes() == sidecar_file.read_bytes()


def test_another_venue_and_format_are_drawn_from_the_same_numbers():
    given = read(sidecar(of_reading(), Style()).to_json())
    wanted = replace(given, style=Style(venue="icml", width="full"), format="svg")
    made = rebuild(wanted, "figure", changed=True)
    assert made.saved.name == "figure.svg"
    assert made.same is None
    assert b'width="486pt"' in made.saved.data
    assert read(made.saved.sidecar).style.venue == "icml"


def test_other_versions_are_named():
    given = replace(sidecar(of_reading()), versions={"matplotlib": "1.0", "numpy": np.__version__})
    assert other_versions(given) == [f"matplotlib 1.0 (here {samples_version('matplotlib')})"]
    made = rebuild(given, "f")
    assert made.same is None
    assert "Made with other versions, so the bytes may differ: matplotlib 1.0" in made.said[0]


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
        "checkpoint": "sst2-cls", "sha256": "0123456789abcdef" * 4, "target": "positive",
    }  # fmt: skip
    assert (data["style"]["venue"], data["format"], data["dpi"]) == ("cvpr", "png", 600)
    assert {"poollens", "python", "matplotlib", "torch"} <= set(data["versions"])
    assert data["params"]["target"] == 1
    assert len(data["files"]["f.png"]) == 64


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"poollens": "figures"}, "no figure of PoolLens"),
        ({"version": 7}, "version 7"),
        ({"data": []}, "1 to 100 pictures"),
        ({"data": [{"view": 1}]}, "no view and no mark"),
        ({"style": {"venue": "journal of dreams"}}, "no venue is called"),
        ({"style": {"hack": 1}}, "a style has no"),
        ({"style": []}, None),
        ({"dpi": 10**9}, "dpi is"),
        ({"dpi": "300"}, "dpi is"),
        ({"columns": 0}, "columns is"),
        ({"format": ["pdf"]}, "format is no text"),
        ({"files": {"a": 1}}, "no names with texts"),
        ({"caption": 3}, "caption is no text"),
    ],
)
def test_a_broken_sidecar_is_refused_in_words(change, said):
    data = {**json.loads(sidecar(of_reading()).to_json()), **change}
    if said is None:  # nothing said is the default
        assert read(json.dumps(data)).style == Style()
        return
    with pytest.raises(BadSidecar, match=said):
        read(json.dumps(data))


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"x"', "\x00", "[" * 99_999])
def test_what_is_no_sidecar_is_refused(text):
    with pytest.raises(BadSidecar):
        read(text)


# --- the same numbers -------------------------------------------------------------------------

NEEDS = {"what_if": {"drop_layers": [4]}, "variant": {"variant": "The plot was dull."}}
# Every parameter of every recipe, away from what it is when nothing is said.
OTHERS = [
    ("strips", {"words": False}), ("strips", {"method": "gradient_x_input"}),
    ("input_attribution", {"words": False, "method": "leave_one_out"}),
    ("reading", {"words": False, "reference": "zero"}),
    ("winners", {"quantity": "contribution", "words": False, "reference": "zero"}),
    ("winners", {"quantity": "attention", "special": False, "head": 1}),
    ("winners", {"quantity": "drop effect"}), ("layer_quantities", {"reference": "zero"}),
    ("cls_row", {"layer": 2, "words": False, "special": False}),
    ("rollout", {"words": False, "special": False}),
    ("token_attention", {"token": 3, "side": "key", "head": 1, "words": False}),
    ("leave_one_out", {"where": "head", "words": False}),
    ("encoder_heads", {"words": False, "special": False}),
    ("encoder_head", {"layer": 2, "head": 1, "window": [0, 3], "words": False}),
    ("head_summary", {"measure": "distance"}), ("blocks", {"layer": 2, "head": 1, "own": True}),
    ("cls_by_layer", {"token": 2, "order": "weight"}), ("cls_by_layer", {"order": "top", "top": 5}),
    ("cls_by_layer", {"values": "difference", "order": "final"}),
    ("cls_by_layer", {"values": "reference", "reference": "He left."}),
    ("dimension", {"index": 7, "token": 2}), ("depth", {"token": 2}),
    ("pooling_attention", {"norms": True, "words": False, "special": False}),
    ("what_if", {"drop_layers": [4], "mask_tokens": [2], "where": "encoder"}),
    ("variant", {"variant": "The plot was dull."}), ("classes", {}), ("sweep", {}),
    ("source_layers", {}), ("margins", {}),
    *((key, {"method": "gradient_x_input,leave_one_out", "unit": "piece", "seed": 1,
             "baseline": "mask", **more})
      for key, more in (
          ("attribution_strips", {"output": "logit"}),
          ("attribution_methods", {"output": "logit", "special": False}),
          ("attribution_disagreement", {"output": "logit"}),
          ("rank_agreement", {"output": "logit"}),
          ("evidence_scores", {"repeats": 3, "replace": "pad"}),
          ("evidence_bars", {"repeats": 3, "measure": "deletion", "replace": "remove"}),
          ("deletion_insertion", {"repeats": 3, "replace": "pad"}),
      )),
    ("attribution_bars", {"method": "leave_one_out", "unit": "piece", "output": "logit",
                          "baseline": "mask", "seed": 1}),
    ("randomisation", {"method": "gradient_x_input", "unit": "piece", "output": "logit",
                       "baseline": "mask", "seed": 1}),
    ("attribution_layers", {"unit": "piece", "output": "logit"}),
]  # fmt: skip


def tiny_known():
    for name in ("max_seq_mha", "mha", "cls"):
        zoo.folder(name)
    return known_checkpoints(zoo.root())


def loader(checkpoint_):
    return zoo.loaded(checkpoint_.id)


@pytest.mark.parametrize("key", sorted(recipes.recipes()))
def test_every_recipe_gives_the_same_numbers_from_its_sidecar(key):
    params = NEEDS.get(key, {})
    plot = recipes.make(key, [zoo.loaded("max_seq_mha")], TEXT, None, None, params)
    given = read(sidecar(plot, format="svg").to_json())
    stored = rebuild(given, "f", tiny_known(), loader)
    assert stored.said[0] == "The recomputed values equal the stored ones."
    anew = rebuild(given, "f", tiny_known(), loader, anew=True)
    assert anew.saved.data == stored.saved.data == save(given, "f").data


def recomputed(plot):
    given = read(sidecar(plot, format="svg").to_json())
    found = find(given, tiny_known())
    assert not found.missing
    return difference(plot, recompute(found, loader, recipe_of(given.plots[0])))


@pytest.mark.parametrize("target", [None, 0, 1])
@pytest.mark.parametrize(("key", "params"), OTHERS, ids=str)
def test_every_parameter_and_class_is_recorded(key, params, target):
    plot = recipes.make(key, [zoo.loaded("max_seq_mha")], TEXT, None, target, params)
    assert recomputed(plot) == 0


def test_every_parameter_of_a_recipe_is_among_those_that_are_tried():
    tried = {(key, name) for key, params in OTHERS for name in params}
    every = {(key, name) for key in recipes.recipes() if key not in recipes.ALIASES
             for name in recipes.options_of(key)}  # fmt: skip
    left = {(key, name) for key, name in every - tried if name not in ("limit", "special")}
    assert not left


@pytest.mark.parametrize("key", ["strips", "reading", "input_attribution", "variant", "depth"])
def test_the_class_of_each_of_several_checkpoints_is_recorded(key):
    both = [zoo.loaded("max_seq_mha"), zoo.loaded("mha")]
    plot = recipes.make(key, both, TEXT, None, [1, 0] if key != "depth" else 1, NEEDS.get(key))
    assert recomputed(plot) == 0


@pytest.mark.parametrize("key", sorted(set(recipes.recipes()) - set(recipes.ALIASES)))
def test_every_picture_of_a_text_says_which_weights_it_was_made_with(key):
    plot = recipes.make(key, [zoo.loaded("max_seq_mha")], TEXT, None, None, NEEDS.get(key))
    owners = checkpoints_of(plot)
    assert owners
    assert all(len(one["sha256"]) == 64 for one in owners)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """toy-s0 and toy-s1: two seeds of one recipe."""
    root = tmp_path_factory.mktemp("seeds")
    for seed in range(2):
        tiny.make_pooling_checkpoint(
            root / f"toy-s{seed}", "max_seq_mha", ("bad", "good"), seed=seed
        )
    return root


@pytest.mark.parametrize(
    "key", ["reading", "depth", "classes", "cls_row", "winners", "sweep", "strips", "variant"]
)
def test_seed_groups_and_several_checkpoints_are_computed_again(key, seeds):
    members = tuple(analysis.load(seeds / f"toy-s{seed}") for seed in range(2))
    group = recipes.Subject("toy", members)
    subjects = [group, members[0]] if key in ("classes", "variant") else [group]
    plot = recipes.make(key, subjects, TEXT, None, None, NEEDS.get(key))
    recipe = recipe_of(plot)
    assert recipe["subjects"][0] == ["toy-s0", "toy-s1"]
    assert recipe["names"][0] == "toy"
    made = rebuild(read(sidecar(plot).to_json()), "f", known_checkpoints(seeds),
                   lambda c: analysis.load(c.folder))  # fmt: skip
    assert made.said[0] == "The recomputed values equal the stored ones."


def test_a_demo_checkpoint_gives_the_stored_numbers_again(tmp_path):
    text = "The plot is thin, but the acting is anything but dull."
    names = ["winners", "reading", "input_attribution"]
    for name in names:
        plot = recipes.make(name, [analysis.load("sst2-max_seq_mha")], text)
        (tmp_path / f"{name}.json").write_bytes(save(sidecar(plot), name).sidecar)
    answer = run("rebuild", *(f"{name}.json" for name in names), "--recompute", "--output", "out",
                 cwd=tmp_path)  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.count("The recomputed values equal the stored ones") == len(names)


def test_a_checkpoint_with_other_weights_stops_the_rebuild(tmp_path):
    tiny.make_pooling_checkpoint(tmp_path / "toy", "max_seq_mha", ("bad", "good"), seed=1)
    plot = recipes.make("reading", [analysis.load(tmp_path / "toy")], TEXT)
    (tmp_path / "f.json").write_bytes(save(sidecar(plot), "f").sidecar)
    shutil.rmtree(tmp_path / "toy")
    tiny.make_pooling_checkpoint(tmp_path / "toy", "max_seq_mha", ("bad", "good"), seed=2)
    known = known_checkpoints(tmp_path)
    given = read((tmp_path / "f.json").read_bytes())
    with pytest.raises(OtherCheckpoint, match="toy: the figure was made with sha256"):
        rebuild(given, "f", known, lambda c: analysis.load(c.folder))
    forced = rebuild(given, "f", known, lambda c: analysis.load(c.folder), force=True)
    assert any("going on, as was asked" in line for line in forced.said)
    assert any("DIFFER" in line for line in forced.said), forced.said
    assert forced.saved.data == save(given, "f").data  # the stored numbers, all the same
    anew = rebuild(given, "f", known, lambda c: analysis.load(c.folder), anew=True, force=True)
    assert anew.saved.data != forced.saved.data


def test_the_command_line_stops_at_other_weights_until_it_is_forced(tmp_path, capsys):
    tiny.make_pooling_checkpoint(tmp_path / "toy", "max_seq_mha", ("bad", "good"), seed=1)
    plot = recipes.make("reading", [analysis.load(tmp_path / "toy")], TEXT)
    saved = save(sidecar(plot, Style(width=4.4)), "f")
    (tmp_path / "f.json").write_bytes(saved.sidecar)
    shutil.rmtree(tmp_path / "toy")
    tiny.make_pooling_checkpoint(tmp_path / "toy", "max_seq_mha", ("bad", "good"), seed=2)
    asked = ["rebuild", str(tmp_path / "f.json"), "--checkpoints", str(tmp_path), "--output",
             str(tmp_path / "out")]  # fmt: skip
    assert main(asked) == 1
    said = capsys.readouterr().err
    assert "the figure was made with sha256" in said
    assert "--force" in said
    assert not (tmp_path / "out").exists()
    assert main([*asked, "--force"]) == 0
    assert "DIFFER" in capsys.readouterr().err
    assert (tmp_path / "out" / "f.pdf").read_bytes() == saved.data
    assert main([*asked, "--from-data"]) == 0
    # inches of one's own belong to the venue they were chosen for
    assert main([*asked, "--from-data", "--venue", "icml"]) == 0
    assert read((tmp_path / "out" / "f.json").read_bytes()).style.width == "column"
    assert main([*asked, "--from-data", "--venue", "icml", "--width", "4.4"]) == 0
    assert read((tmp_path / "out" / "f.json").read_bytes()).style.width == 4.4


def test_without_its_checkpoint_a_figure_is_drawn_from_its_numbers():
    plot = recipes.make("winners", [zoo.loaded("max_seq_mha")], TEXT)
    given = read(sidecar(plot).to_json())
    made = rebuild(given, "f", Known(()), loader)
    assert made.said[0] == "Drawn from the stored numbers (not found here: max_seq_mha)."
    with pytest.raises(ValueError, match="not found here: max_seq_mha"):
        rebuild(given, "f", Known(()), loader, anew=True)


def test_a_checkpoint_is_known_by_its_weights_under_any_name(tmp_path):
    shutil.copytree(zoo.folder("mha"), tmp_path / "renamed")
    plot = recipes.make("attention", [zoo.loaded("mha")], TEXT)
    made = rebuild(read(sidecar(plot).to_json()), "f", known_checkpoints(tmp_path),
                   lambda c: analysis.load(c.folder))  # fmt: skip
    assert made.said[0] == "The recomputed values equal the stored ones."


def test_difference_is_the_largest_gap_and_none_for_other_shapes():
    one = of_reading()
    mark = replace(one.mark, values=one.mark.values + np.eye(1, len(one.mark.values))[0] * 0.25)
    assert difference(one, replace(one, mark=mark)) == pytest.approx(0.25)
    assert difference(one, one) == 0
    assert difference(one, samples.plot_of("classes")) is None
