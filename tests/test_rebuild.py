"""A saved figure comes back: the same picture, the same bytes, or a sentence that says why not."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace
from html import escape as html_escape
from pathlib import Path

import numpy as np
import pytest
import samples_of_views as samples
import tiny
import zoo
from figures_samples import HOSTILE, checkpoint, split, tokens_of, trace
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import analysis
from analysis.figures import Bars, Grid, HeatMap, Plot, collected, recipes, view
from analysis.figures.anonymity import anonymous
from analysis.figures.bundle import bundle, caption_of
from analysis.figures.captions import draft
from analysis.figures.export import MIME, export
from analysis.figures.latex import escape as latex_escape
from analysis.figures.paper import pgf
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
    Signed,
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


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("format", FORMATS)
def test_every_view_is_rebuilt_to_the_same_bytes_elsewhere(format, tmp_path):
    """From the sidecar alone, in another process, folder and home."""
    here, there, home = tmp_path / "here", tmp_path / "there", tmp_path / "home"
    for folder in (here, there, home):
        folder.mkdir()
    files = {}
    for key, plot in samples.every_plot():
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


@pytest.mark.parametrize("view_key", ["winners", "reading", "input_attribution"])
def test_a_demo_checkpoint_gives_the_stored_numbers_again(view_key, tmp_path):
    text = "The plot is thin, but the acting is anything but dull."
    plot = recipes.make(view_key, [analysis.load("sst2-max_seq_mha")], text)
    (tmp_path / "f.json").write_bytes(save(sidecar(plot), "f").sidecar)
    answer = run("rebuild", "f.json", "--recompute", "--output", "out", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "The recomputed values equal the stored ones" in answer.stderr


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


# --- nothing of who made it -------------------------------------------------------------------


def inflated(data):
    """The bytes, and whatever in them is compressed."""
    yield data
    for match in re.finditer(rb"stream\r?\n", data):  # PDF
        try:
            yield zlib.decompressobj().decompress(data[match.end() :])
        except zlib.error:
            continue
    if data[:4] == b"PK\x03\x04":
        for name in (archive := zipfile.ZipFile(io.BytesIO(data))).namelist():
            yield name.encode()
            yield from inflated(archive.read(name))
    if data[:4] == b"\x89PNG":
        at = 8
        while at < len(data):
            size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
            body = data[at + 8 : at + 8 + size]
            if kind in (b"zTXt", b"iTXt") and b"\x00" in body:
                start = body.find(b"x\x9c")
                if start >= 0:
                    yield zlib.decompress(body[start:])
            yield body
            at += 12 + size


SECRETS = ("acme-lab", "somebody", "/home", "secretproject")


def owned():
    """Pictures whose checkpoints lie in somebody's folder, or belong to somebody on the Hub."""
    tokens = tokens_of(TEXT)
    path = "/home/somebody/secretproject/my models/mine"
    hub = "acme-lab/bert-sst2"
    return [
        view("reading", [split(tokens), split(tokens, seed=1)], tokens, 1,
             [checkpoint(path), checkpoint(hub)], names=[path, hub]),
        view("classes", [trace([0.4, 0.6], name=path), trace([0.3, 0.7], name=hub)],
             names=[path, hub]),
        Plot("heat", f"A map of {hub}", samples.plot_of("winners").mark,
             provenance={"checkpoint": hub}, caption=f"{hub} here.", notes=(f"see {path}.",)),
        Plot("map", "A map", samples.plot_of("map").mark, caption="Of acme-lab/reviews.",
             provenance={"checkpoint": "mine", "data": f"dev, vectors of {hub}; acme-lab/reviews"}),
    ]  # fmt: skip


def forms(secret):
    """A secret as bytes, as it is and as each language of an export writes it."""
    return {form.encode() for form in (secret, latex_escape(secret), html_escape(secret),
                                       json.dumps(secret)[1:-1])}  # fmt: skip


def secrets_in(data, secrets=SECRETS):
    return {s for part in inflated(data) for s in secrets if any(f in part for f in forms(s))}


@pytest.mark.parametrize("format", sorted(MIME))
def test_no_export_names_an_owner_or_a_folder(format):
    if format == "pgf" and not pgf.available():
        pytest.skip("no xelatex here: PGF needs it")
    for plot in owned():
        made = export(plot, format)
        assert not secrets_in(made.filename.encode() + made.data)
    assert b"reviews" in export(owned()[-1], "json").data  # the data set itself is named


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("key", samples.keys())
def test_no_export_of_any_view_names_an_owner_or_a_folder(key):
    plot = samples.plot_of(key)
    where = {"checkpoint": "/home/somebody/secretproject/my models/mine",
             "data": "acme-lab/reviews"}  # fmt: skip
    plot = replace(
        plot, title=f"{plot.title} of {where['checkpoint']}", notes=("see acme-lab/reviews",),
        caption=f"{plot.caption} On acme-lab/reviews.",
        provenance={**plot.provenance, **where, "checkpoints": [where]},
    )
    for format in sorted(set(MIME) - {"pgf" if not pgf.available() else "", "html"}):
        made = export(plot, format, style=Style(title=True))
        assert not secrets_in(made.filename.encode() + made.data), format


def test_an_edited_caption_names_no_owner_either():
    """Not in the box it is edited in, nor in any file; signed it keeps every word."""
    drafted = collected.Collection()
    for plot in owned():
        drafted = drafted.add(plot)
    edited = drafted
    for place in range(len(drafted)):
        assert not secrets_in(caption_of(drafted, place).encode())
        named = f"{draft(drafted.figures[place].plots)} Ours."
        edited = edited.change(place, caption=named)
        assert not secrets_in(caption_of(edited, place).encode())
        assert "Ours." in caption_of(edited, place)
    made = bundle(edited)
    assert not secrets_in(made.data)
    assert any("left out the owner of bert-sst2" in line for line in made.notices)
    signed = bundle(replace(edited, signed=Signed("J. Doe")))
    assert "acme-lab" in secrets_in(signed.data)


def test_nothing_in_a_zip_names_user_host_home_or_folder(tmp_path):
    """Made in a process of somebody with a name, in a folder that tells, and searched."""
    home, work = tmp_path / "homeofsomebody", tmp_path / "workofacme"
    home.mkdir()
    work.mkdir()
    code = (
        "import sys; sys.path.insert(0, sys.argv[1] + '/tests')\n"
        "import test_rebuild as t\n"
        "from analysis.figures.collected import Collection\n"
        "from analysis.figures.bundle import bundle\n"
        "made = Collection()\n"
        "for plot in t.owned(): made = made.add(plot)\n"
        "open('out.zip', 'wb').write(bundle(made.group([0, 1]), ['svg', 'png']).data)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)], cwd=work, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "USER": "janedoe",
             "LOGNAME": "janedoe", "HOSTNAME": "boxofacme"},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    secrets = [*SECRETS, "janedoe", "boxofacme", "homeofsomebody", "workofacme", str(ROOT),
               str(tmp_path), sys.prefix]  # fmt: skip
    if len(socket.gethostname()) > 5:
        secrets.append(socket.gethostname())
    data = (work / "out.zip").read_bytes()
    assert len(list(inflated(data))) > 40
    assert not secrets_in(data, secrets)


def test_what_was_left_out_is_said_and_a_signature_is_kept():
    plot = owned()[0]
    made = sidecar(plot)
    assert made.left_out == ("the folder of mine", "the owner of bert-sst2")
    assert [s for s in made.plots[0].mark.subtitles] == ["mine", "bert-sst2"]
    signed = sidecar(plot, signed=Signed("J. Doe", "Pooling"))
    assert signed.plots[0].mark.subtitles[1] == "acme-lab/bert-sst2"
    file = save(signed, "f")
    assert b"/Author (J. Doe)" in file.data
    assert read(file.sidecar).signed == Signed("J. Doe", "Pooling")


def test_the_text_that_was_typed_is_left_as_it_is():
    tokens = tokens_of("He met acme-lab/mine at /home/somebody/mine.")
    plot = view("reading", split(tokens), tokens, 1, checkpoint("/home/somebody/mine"))
    clean, _ = anonymous(plot)
    assert clean.provenance["text"] == tokens.text
    assert clean.mark.labels == plot.mark.labels


@given(st.text(max_size=30), st.text(max_size=12).filter(lambda s: s.strip("/\\ ")))
def test_a_demo_name_without_an_owner_is_never_changed(title, name):
    name = re.sub(r"[\\/]", "", name) or "x"
    plot = Plot("v", title, Bars(np.ones((1, 1)), ("c",), (name,), "c", "v"),
                provenance={"checkpoint": name})  # fmt: skip
    assert anonymous(plot)[0].mark.series == (name,)


# --- a collection -----------------------------------------------------------------------------


def three():
    made = collected.Collection()
    for plot in (of_reading(), samples.plot_of("classes"), samples.plot_of("winners")):
        made = made.add(plot, Style(venue="icml"))
    return made


def titles(given):
    return [one.title for one in given.figures]


def test_a_collection_is_ordered_grouped_and_taken_apart_again():
    given = three()
    assert given.style.venue == "icml"
    assert len(given) == 3
    assert given.add(of_reading()) is given  # the same picture twice is kept once
    names = titles(given)
    assert titles(given.move(0, 1)) == [names[1], names[0], names[2]]
    assert titles(given.move(2, -9)) == [names[2], names[0], names[1]]
    one = given.group([0, 2])
    assert len(one) == 2
    assert len(one.figures[0].plots) == 2
    assert one.pictures == 3
    assert one.figures[0].in_style(given.style).letters
    assert titles(one.ungroup(0)) == [names[0], names[2], names[1]]
    assert one.move_panel(0, 0, 1).figures[0].plots[0].title == names[2]
    assert len(one.remove_panel(0, 0).figures[0].plots) == 1
    assert len(one.remove_panel(1, 0)) == 1
    with pytest.raises(collected.BadCollection, match="at least two"):
        given.group([1])


def test_a_collection_survives_its_file_and_takes_a_sidecar():
    given = three().group([0, 1]).change(0, caption="Ours: \\input{x} 100 %.", wide=True)
    back = collected.read(given.to_json())
    assert back.to_json() == given.to_json()
    assert back.figures[0].key == given.figures[0].key
    assert bundle(back).data == bundle(given).data
    alone = collected.read(sidecar(of_reading()).to_json())
    assert titles(alone) == ["What the pooling head reads from each position"]
    assert len(given.with_all(alone)) == 3
    assert len(given.with_all(given)) == 2


def test_a_broken_collection_is_refused_in_words():
    good = json.loads(three().to_json())
    for change, said in (
        ({"poollens": "no"}, "no collection"), ({"version": 3}, "version 3"),
        ({"figures": [{}]}, "figure 1 of the file is broken"),
        ({"figures": 7}, "no list"), ({"figures": [{}] * 99}, "up to 60"),
        ({"figures": [{"plots": []}]}, "figure 1"),
        ({"style": {"venue": "?"}}, "no venue"), ({"style": 3}, "broken"),
        ({"signed": 3}, "broken"),
        ({"figures": [{"plots": [{"view": "a", "title": "t", "mark": 1, "version": 1}]}]},
         "figure 1 of the file is broken: .* draws a int"),
    ):  # fmt: skip
        with pytest.raises(collected.BadCollection, match=said):
            collected.read(json.dumps({**good, **change}))
    for text in ("", "{", "[1]", "\ud800", "[" * 100_000, b"\xff\xd8"):
        with pytest.raises(collected.BadCollection):
            collected.read(text)


def _bars(**of):
    return {"$mark": "Bars", "values": {"$array": "<f8", "shape": [1, 1], "values": [1.0]},
            "categories": ["c"], "series": ["s"], "category_label": "c", "value_label": "v",
            **of}  # fmt: skip


def _map(size=1, **of):
    values = {"$array": "<f8", "shape": [size, size], "values": [1.0] * size}
    return {"$mark": "HeatMap", "values": values, "rows": ["r"] * size, "columns": ["c"] * size,
            "row_label": "r", "column_label": "c", "value_label": "v", **of}  # fmt: skip


def _points(**of):
    return {"$mark": "Points", "xy": {"$array": "<f8", "shape": [1, 2], "values": [1.0, 2.0]},
            "group": {"$array": "<i8", "shape": [1], "values": [0]}, "groups": ["g"],
            "x_label": "x", "y_label": "y", **of}  # fmt: skip


NO_MARKS = [
    1, "x", None, [], {"$mark": "Grid", "panels": ["a"], "subtitles": ["x"]},
    {"$mark": "Grid", "panels": [{"$mark": "Grid", "panels": [_bars()], "subtitles": ["x"]}],
     "subtitles": ["x"]},
    {"$mark": "Grid", "panels": [_bars()], "subtitles": [3]},
    {"$mark": "Grid", "panels": [_bars()], "subtitles": ["a"], "columns": "2"},
    _bars(categories=[3]), _bars(predicted=[7]), _bars(predicted=["c"]), _bars(chosen=4),
    _bars(style="zz"), _bars(colours="x"), _bars(limits=[0]), _bars(limits=["a", "b"]),
    _bars(values=[1]), _bars(as_points="no"), _map(row_label=5), _map(scale="zz"), _map(size=0),
    _map(written="x"), _map(limits=3), _points(rings=[9]), _points(rings=[-1]),
    _points(group={"$array": "<f8", "shape": [1], "values": [0.0]}), _points(labels=[1]),
    {"$mark": "Lines", "x": {"$array": "<f8", "shape": [0], "values": []},
     "y": {"$array": "<f8", "shape": [1, 0], "values": []}, "series": ["g"], "x_label": "x",
     "y_label": "y"},
]  # fmt: skip
NO_SOURCES = [
    {"checkpoint": 3}, {"checkpoints": ["a"]}, {"checkpoints": {"a": 1}}, {"checkpoints": 3},
    {"checkpoint": "a", "members": 3}, {"checkpoint": "a", "members": [{}]}, {"pair": 3},
    {"checkpoint": "a", "pooling_options": [1]}, {"text": 3}, {"checkpoints": [{"members": [1]}]},
]  # fmt: skip


def one_figure(**of):
    data = json.loads(collected.Collection().add(samples.plot_of("classes")).to_json())
    data["figures"][0]["plots"][0].update(of)
    return json.dumps(data)


@pytest.mark.parametrize(
    "of", [{"mark": one} for one in NO_MARKS] + [{"provenance": one} for one in NO_SOURCES], ids=str
)
def test_a_picture_that_could_not_be_drawn_is_refused_when_it_is_read(of):
    with pytest.raises(collected.BadCollection, match="figure 1 of the file is broken: "):
        collected.read(one_figure(**of))


@pytest.mark.parametrize("of", [
    *({"mark": one} for one in (_bars(), _map(), _points(rings=[0]), _bars(predicted=[None]))),
    *({"provenance": one} for one in (
        {}, {"checkpoints": [{}], "text": "x"}, {"checkpoint": "a", "members": [], "text": "x"},
        {"seed": {"a": 1}, "reference": {"b": []}, "target": [{}], "method": 3, "data": [1]},
        {"text": "x", "checkpoint": "a", "pooling_options": {"last_k": []}},
    )),
    *({"params": one} for one in ({"groups": ["a"], "names": 3}, {"groups": 3, "names": [1]})),
], ids=str)  # fmt: skip
def test_what_is_read_is_packed_and_rebuilt_without_a_crash(of):
    given = collected.read(one_figure(**of))
    sidecars = [data for name, data in unzipped(bundle(given).data).items()
                if name.startswith("figures/") and name.endswith(".json")]  # fmt: skip
    assert rebuild(read(sidecars[0]), "f", Known(()), loader).saved.data


def unzipped(data):
    archive = zipfile.ZipFile(io.BytesIO(data))
    return {name: archive.read(name) for name in archive.namelist()}


def test_a_full_collection_says_so():
    mark = samples.plot_of("classes").mark
    full = collected.Collection(tuple(
        collected.PaperFigure((Plot("v", str(i), mark),)) for i in range(collected.MOST)
    ))  # fmt: skip
    with pytest.raises(collected.BadCollection, match="60 figures are collected"):
        full.add(Plot("v", "one more", mark))


def test_the_zip_holds_all_that_a_paper_needs(tmp_path):
    hostile = Plot("heat", "t", samples.plot_of("winners").mark,
                   caption="\\input{/etc/passwd} 100% $x$ a_b <script> {")  # fmt: skip
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
        [sys.executable, "rebuild.py", "--from-data"], cwd=tmp_path, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    for name in names:
        if name.startswith("figures/") and name.endswith((".pdf", ".json")):
            again = (tmp_path / "rebuilt" / Path(name).name).read_bytes()
            assert again == archive.read(name), name


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex here: nothing to compile with"
)
def test_the_zip_compiles(tmp_path):
    hostile = Plot("heat", "t", samples.plot_of("winners").mark,
                   caption="\\input{/etc/passwd} 100% $x$ a_b <script> { } ~ ^ # & \\ "
                   "你好 שלום 😀")  # fmt: skip
    packed = bundle(three().add(hostile).group([0, 1]).change(0, wide=True))
    assert any("XeLaTeX" in line for line in packed.notices)
    zipfile.ZipFile(io.BytesIO(packed.data)).extractall(tmp_path)
    (tmp_path / "paper.tex").write_text(
        "\\documentclass[twocolumn]{article}\\usepackage{graphicx}\\begin{document}"
        "\\input{figures}\\nocite{*}\\bibliographystyle{plain}\\bibliography{references}"
        "\\end{document}"
    )
    for command in (["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"],
                    ["bibtex", "paper"]):  # fmt: skip
        if shutil.which(command[0]):
            answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
            assert answer.returncode == 0, answer.stdout[-2000:]
    log = (tmp_path / "paper.log").read_text(errors="replace")
    assert "01-reading-sst2-cls-and-more.pdf" in log.replace("\n", "")
