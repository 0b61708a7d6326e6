"""A saved figure computed anew from its checkpoints gives the numbers that it stored."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import analysis
from analysis.__main__ import main
from analysis.datasets.table import Table
from analysis.figures import known_views
from analysis.figures.files.saved import save
from analysis.figures.files.sidecar import checkpoints_of, read, sidecar
from analysis.figures.recipes import folders, registry
from analysis.figures.recipes.rebuild import (
    Known,
    OtherCheckpoint,
    difference,
    find,
    known_checkpoints,
    rebuild,
    recompute,
)
from analysis.figures.recipes.request import Data, loaded
from analysis.figures.style.settings import Style
from tests.support import tiny, zoo
from tests.support import view_samples as samples
from tests.support.saved_figures import TEXT, of_reading, run

# Recipes of two sentences, and of a checkpoint with a head of its own.
PAIRED = ("similarity_bands", "similarity_map", "similarity_layers", "max_winners",
          "maxsim_margins", "splade_terms", "similarity_effects")  # fmt: skip
PAIR = "The film was good, not dull."
# Of several checkpoints, of seeds, or of the behaviour suite; tests/ui/test_exports_rebuilt.py
# rebuilds them from the pages that have these.
OF_SEVERAL = {
    "pair_anisotropy",
    "pair_correlations",
    "cka",
    "failure_rates",
    "group_difference",
    "seed_disagreement",
}
NOUNS = ("plot", "film", "acting", "story")
NEEDS = {
    "what_if": {"drop_layers": [4]},
    "variant": {"variant": "The plot was dull."},
    "evidence_means": {"methods": ["leave_one_out"], "texts": 3},
    "largest_words": {"method": "leave_one_out", "texts": 6},
    "flip_rates": {"texts": 2},
}


# Every parameter of every recipe, away from what it is when nothing is said.
OTHERS = [
    ("strips", {"words": False}),
    ("strips", {"method": "gradient_x_input"}),
    ("input_attribution", {"words": False, "method": "leave_one_out"}),
    ("reading", {"words": False, "reference": "zero"}),
    ("winners", {"quantity": "contribution", "words": False, "reference": "zero"}),
    ("winners", {"quantity": "attention", "special": False, "head": 1}),
    ("winners", {"quantity": "drop effect"}),
    ("layer_quantities", {"reference": "zero"}),
    ("cls_row", {"layer": 2, "words": False, "special": False}),
    ("rollout", {"words": False, "special": False}),
    ("token_attention", {"token": 3, "side": "key", "head": 1, "words": False}),
    ("leave_one_out", {"where": "head", "words": False}),
    ("encoder_heads", {"words": False, "special": False}),
    ("encoder_head", {"layer": 2, "head": 1, "window": [0, 3], "words": False}),
    ("head_summary", {"measure": "distance"}),
    ("blocks", {"layer": 2, "head": 1, "own": True}),
    ("cls_by_layer", {"token": 2, "order": "weight"}),
    ("cls_by_layer", {"order": "top", "top": 5}),
    ("cls_by_layer", {"values": "difference", "order": "final"}),
    ("cls_by_layer", {"values": "reference", "reference": "He left."}),
    ("dimension", {"index": 7, "token": 2}),
    ("depth", {"token": 2}),
    ("pooling_attention", {"norms": True, "words": False, "special": False}),
    ("what_if", {"drop_layers": [4], "mask_tokens": [2], "where": "encoder"}),
    ("variant", {"variant": "The plot was dull."}),
    ("flips", {"kind": "replacement", "most": 2}),
    ("classes", {}),
    ("sweep", {}),
    ("source_layers", {}),
    ("margins", {}),
    *(
        (
            key,
            {
                "method": "gradient_x_input,leave_one_out",
                "unit": "piece",
                "seed": 1,
                "baseline": "mask",
                **more,
            },
        )
        for key, more in (
            ("attribution_strips", {"output": "logit"}),
            ("attribution_methods", {"output": "logit", "special": False}),
            ("attribution_disagreement", {"output": "logit"}),
            ("rank_agreement", {"output": "logit"}),
            ("evidence_scores", {"repeats": 3, "replace": "pad"}),
            ("evidence_bars", {"repeats": 3, "measure": "deletion", "replace": "remove"}),
            ("deletion_insertion", {"repeats": 3, "replace": "pad"}),
        )
    ),
    (
        "attribution_bars",
        {
            "method": "leave_one_out",
            "unit": "piece",
            "output": "logit",
            "baseline": "mask",
            "seed": 1,
        },
    ),
    (
        "randomisation",
        {
            "method": "gradient_x_input",
            "unit": "piece",
            "output": "logit",
            "baseline": "mask",
            "seed": 1,
        },
    ),
    ("attribution_layers", {"unit": "piece", "output": "logit"}),
    ("similarity_bands", {"poolings": ["max", "cls"], "layer": 2, "words": False, "count": 3}),
    (
        "similarity_bands",
        {
            "poolings": ["maxsim", "mean"],
            "limits": {"mean": 0.1},
            "struck": [[0, 4, 8]],
            "put": [[1, 4, 8, "plot"]],
        },
    ),
    ("similarity_map", {"pooling": "max", "layer": 2, "words": False}),
    ("similarity_effects", {"pooling": "max", "layer": 2, "words": False, "most": 3}),
    ("similarity_layers", {"pooling": "concat", "layer": 2}),
    ("max_winners", {"pooling": "concat", "layer": 2, "words": False, "most": 3}),
    ("maxsim_margins", {"most": 3}),
    ("splade_terms", {"most": 3}),
]


def tiny_known():
    for name in ("max_seq_mha", "mha", "cls", "max", "masked_lm"):
        zoo.folder(name)
    return known_checkpoints(zoo.root())


def loader(checkpoint_):
    return zoo.loaded(checkpoint_.id)


def data_set():
    """Twelve sentences with classes."""
    texts = tuple(f"the {noun} is {word}" for noun in NOUNS for word in ("thin", "dull", "good"))
    labels = zoo.loaded("max_seq_mha").checkpoint.labels
    return Data(Table("toy", "own", texts, None, np.arange(12) % len(labels), labels), "twelve")


def made(key, target=None, params=None):
    """A picture by this recipe, of a checkpoint that has it; over a data set where it needs one."""
    reason = None
    pair = PAIR if key in PAIRED else None
    for data in (None, data_set()):
        for name in ("max_seq_mha", "max", "masked_lm"):
            try:
                explained = target if zoo.loaded(name).checkpoint.labels else None
                request = [zoo.loaded(name)], TEXT, pair, explained, params or NEEDS.get(key)
                return registry.make(key, *request, data)
            except ValueError as error:
                reason = error
    raise AssertionError(f"{key} is not of one of these checkpoints alone: {reason}")


@cache
def usual(key):
    """What a recipe makes where nothing is said; made once for all tests. Read only."""
    return made(key)


@pytest.mark.parametrize("key", sorted(set(registry.recipes()) - OF_SEVERAL))
def test_every_recipe_gives_the_same_numbers_from_its_sidecar(key):
    assert recomputed(usual(key)) == 0


DRAWN = ("strips", "winners", "depth", "flow", "similarity_bands", "largest_words", "map")


@pytest.mark.parametrize(
    "key",
    [
        key if key in DRAWN else pytest.param(key, marks=pytest.mark.slow)
        for key in sorted(set(registry.recipes()) - OF_SEVERAL)
    ],
)
def test_a_picture_computed_anew_is_the_stored_one_to_the_byte(key):
    plot = usual(key)
    figure = read(sidecar(plot, format="svg").to_json())
    data = data_set()
    stored = rebuild(figure, "f", tiny_known(), loader, data=lambda _: data)
    assert "equal" in stored.sentences[0]
    anew = rebuild(figure, "f", tiny_known(), loader, anew=True, data=lambda _: data)
    assert anew.saved.data == stored.saved.data == save(figure, "f").data


def recomputed(plot):
    figure = read(sidecar(plot, format="svg").to_json())
    owners = find(figure, tiny_known())
    assert not owners.missing
    recipe = registry.read_recipe(figure.plots[0].recipe)
    return difference(plot, recompute(owners, loader, recipe, lambda _: data_set()))


@pytest.mark.parametrize(
    "target", [1, *(pytest.param(target, marks=pytest.mark.slow) for target in (None, 0))]
)
@pytest.mark.parametrize(("key", "params"), OTHERS, ids=str)
def test_every_parameter_and_class_is_recorded(key, params, target):
    plot = made(key, target, params)
    assert recomputed(plot) == 0


def test_a_recipe_says_all_its_parameters_and_the_class_that_was_explained():
    model = zoo.loaded("max_seq_mha")
    plot = registry.make("cls_by_layer", [model], TEXT, None, None, {"order": "final"})
    assert plot.recipe["params"] == {**registry.options_of("cls_by_layer"), "order": "final"}
    assert plot.recipe["target"] == [analysis.record(model, TEXT).logits.argmax()]


@pytest.mark.parametrize(
    "change",
    [
        {"view": 3},
        {"subjects": "toy"},
        {"subjects": []},
        {"names": ["a", "b"]},
        {"text": None},
        {"params": [1]},
        {"target": [[1.5]]},
        {"target": [0, 1]},
    ],
)
def test_a_broken_recipe_is_refused_in_words(change):
    plot = registry.make("depth", [zoo.loaded("cls")], TEXT)
    with pytest.raises(ValueError, match="its recipe is broken"):
        registry.read_recipe({**plot.recipe, **change})


@pytest.mark.parametrize("key", ["strips", "reading", "input_attribution", "variant", "depth"])
def test_the_class_of_each_of_several_checkpoints_is_recorded(key):
    both = [zoo.loaded("max_seq_mha"), zoo.loaded("mha")]
    plot = registry.make(key, both, TEXT, None, [1, 0] if key != "depth" else 1, NEEDS.get(key))
    assert recomputed(plot) == 0


@pytest.mark.parametrize(
    "key", sorted(set(registry.recipes()) - set(registry.ALIASES) - OF_SEVERAL)
)
def test_every_picture_of_a_text_says_which_weights_it_was_made_with(key):
    owners = checkpoints_of(usual(key))
    assert owners
    assert all(len(owner["sha256"]) == 64 for owner in owners)


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
    group = loaded("toy", members)
    subjects = [group, members[0]] if key in ("classes", "variant") else [group]
    plot = registry.make(key, subjects, TEXT, None, None, NEEDS.get(key))
    recipe = registry.read_recipe(plot.recipe)
    assert recipe["subjects"][0] == ["toy-s0", "toy-s1"]
    assert recipe["names"][0] == "toy"
    made = rebuild(
        read(sidecar(plot).to_json()),
        "f",
        known_checkpoints(seeds),
        lambda c: analysis.load(c.folder),
    )
    assert "equal" in made.sentences[0]


@pytest.mark.slow
def test_a_demo_checkpoint_gives_the_stored_numbers_again(tmp_path):
    text = "The plot is thin, but the acting is anything but dull."
    names = ["winners", "reading", "input_attribution"]
    for name in names:
        plot = registry.make(name, [analysis.load("sst2-max_seq_mha")], text)
        (tmp_path / f"{name}.json").write_bytes(save(sidecar(plot), name).sidecar)
    answer = run(
        "rebuild",
        *(f"{name}.json" for name in names),
        "--recompute",
        "--output",
        "out",
        cwd=tmp_path,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.count("values equal the stored") == len(names)


def test_a_checkpoint_with_other_weights_stops_the_rebuild(tmp_path):
    tiny.make_pooling_checkpoint(tmp_path / "toy", "max_seq_mha", ("bad", "good"), seed=1)
    plot = registry.make("reading", [analysis.load(tmp_path / "toy")], TEXT)
    (tmp_path / "f.json").write_bytes(save(sidecar(plot), "f").sidecar)
    shutil.rmtree(tmp_path / "toy")
    tiny.make_pooling_checkpoint(tmp_path / "toy", "max_seq_mha", ("bad", "good"), seed=2)
    known = known_checkpoints(tmp_path)
    figure = read((tmp_path / "f.json").read_bytes())
    with pytest.raises(OtherCheckpoint, match=r"toy: .*made with sha256"):
        rebuild(figure, "f", known, lambda c: analysis.load(c.folder))
    forced = rebuild(figure, "f", known, lambda c: analysis.load(c.folder), force=True)
    assert any("going on" in line for line in forced.sentences)
    assert any("DIFFER" in line for line in forced.sentences), forced.sentences
    assert forced.saved.data == save(figure, "f").data  # the stored numbers, all the same
    anew = rebuild(figure, "f", known, lambda c: analysis.load(c.folder), anew=True, force=True)
    assert anew.saved.data != forced.saved.data


def test_the_command_line_stops_at_other_weights_until_it_is_forced(tmp_path, capsys):
    tiny.make_pooling_checkpoint(tmp_path / "toy", "max_seq_mha", ("bad", "good"), seed=1)
    plot = registry.make("reading", [analysis.load(tmp_path / "toy")], TEXT)
    saved = save(sidecar(plot, Style(width=4.4)), "f")
    (tmp_path / "f.json").write_bytes(saved.sidecar)
    shutil.rmtree(tmp_path / "toy")
    tiny.make_pooling_checkpoint(tmp_path / "toy", "max_seq_mha", ("bad", "good"), seed=2)
    command = [
        "rebuild",
        str(tmp_path / "f.json"),
        "--checkpoints",
        str(tmp_path),
        "--output",
        str(tmp_path / "out"),
    ]
    assert main(command) == 1
    errors = capsys.readouterr().err
    assert "made with sha256" in errors
    assert "--force" in errors
    assert not (tmp_path / "out").exists()
    assert main([*command, "--force"]) == 0
    assert "DIFFER" in capsys.readouterr().err
    assert (tmp_path / "out" / "f.pdf").read_bytes() == saved.data
    assert main([*command, "--from-data"]) == 0
    # inches of one's own belong to the venue they were chosen for
    assert main([*command, "--from-data", "--venue", "icml"]) == 0
    assert read((tmp_path / "out" / "f.json").read_bytes()).style.width == "column"
    assert main([*command, "--from-data", "--venue", "icml", "--width", "4.4"]) == 0
    assert read((tmp_path / "out" / "f.json").read_bytes()).style.width == 4.4


def test_without_its_checkpoint_a_figure_is_drawn_from_its_numbers():
    plot = registry.make("winners", [zoo.loaded("max_seq_mha")], TEXT)
    figure = read(sidecar(plot).to_json())
    made = rebuild(figure, "f", Known(()), loader)
    assert re.search(r"stored.*max_seq_mha", made.sentences[0])
    with pytest.raises(ValueError, match="max_seq_mha"):
        rebuild(figure, "f", Known(()), loader, anew=True)


def test_a_checkpoint_is_known_by_its_weights_under_any_name(tmp_path):
    shutil.copytree(zoo.folder("mha"), tmp_path / "renamed")
    plot = registry.make("attention", [zoo.loaded("mha")], TEXT)
    made = rebuild(
        read(sidecar(plot).to_json()),
        "f",
        known_checkpoints(tmp_path),
        lambda c: analysis.load(c.folder),
    )
    assert "equal" in made.sentences[0]


def test_difference_is_the_largest_gap_and_none_for_other_shapes():
    plot = of_reading()
    mark = replace(plot.mark, values=plot.mark.values + np.eye(1, len(plot.mark.values))[0] * 0.25)
    assert difference(plot, replace(plot, mark=mark)) == pytest.approx(0.25)
    assert difference(plot, plot) == 0
    assert difference(plot, samples.plot_of("classes")) is None


def test_every_picture_has_a_recipe():
    """Of checkpoints and a text or a data set, or of a folder of results."""
    without = [
        view for view in known_views() if not registry.can_make(view) and not folders.kinds_of(view)
    ]
    assert not without
    assert not set(registry.recipes()) - set(registry.ALIASES) - set(known_views())
