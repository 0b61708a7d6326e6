"""The sentence above the cards says what the cards say, and seed groups are what they are."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.support import bare_forward as truth
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.sentences import in_order

SENTENCE = "the plot is thin but the acting is fine"
LABELS = ("ravo", "tilu", "pemo")


def leaning(folder, towards, seed=0, head="cls", strength=6.0, labels=LABELS):
    """A checkpoint whose classifier's bias pulls towards one class."""
    from safetensors.torch import load_file, save_file

    tiny.make_pooling_checkpoint(folder, head, labels, task="toy", seed=seed)
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.bias"][labels.index(towards)] += strength
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_agreeing_checkpoints_are_said_to_agree(open_app, folder):
    for name in ("a", "b", "c"):
        leaning(folder / name, "tilu", seed=ord(name))
    verdict = seen.verdict(open_app(folder, text=SENTENCE))
    assert in_order(verdict, "three checkpoints", "one seed each", "agree", "tilu")


def test_disagreeing_checkpoints_are_named_with_what_they_say(open_app, folder):
    leaning(folder / "a", "tilu", seed=1)
    leaning(folder / "b", "ravo", seed=2)
    leaning(folder / "c", "tilu", seed=3)
    verdict = seen.verdict(open_app(folder, text=SENTENCE))
    expected = "These three checkpoints (one seed each) disagree: a and c say tilu; b says ravo."
    assert verdict.startswith(expected)


def test_largest_difference_is_between_the_two_ends(open_app, four):
    verdict = seen.verdict(open_app(four, text=SENTENCE))
    ends = re.search(r"probability of (\w+): (\S+) (0\.\d\d) against (\S+) (0\.\d\d)\.", verdict)
    assert ends, verdict
    label, low, low_value, high, high_value = ends.groups()
    values = {}
    for path in four.glob("toy-*"):
        true = truth.pooling(path, SENTENCE)
        values[path.name] = true.probabilities[true.labels.index(label)]
    assert values[low] == min(values.values())
    assert values[high] == max(values.values())
    assert (low_value, high_value) == (f"{values[low]:.2f}", f"{values[high]:.2f}")


def test_nothing_is_said_about_pooling_heads_as_such(open_app, four):
    verdict = seen.verdict(open_app(four, text=SENTENCE))
    assert "one seed each" in verdict
    assert "better" not in verdict


def test_checkpoints_of_different_classes_are_not_compared(open_app, folder):
    leaning(folder / "a", "tilu", seed=1)
    leaning(folder / "b", "xuno", seed=2, labels=("xuno", "yave"))
    verdict = seen.verdict(open_app(folder, text=SENTENCE))
    assert "different classes" in verdict
    assert "agree" not in verdict


@pytest.fixture
def group(folder):
    """Three seeds of one recipe; the last one says something else."""
    for seed, towards in enumerate(("tilu", "tilu", "ravo")):
        leaning(folder / f"toy-mha-s{seed}", towards, seed=seed, head="mha", strength=2.5 + seed)
    return folder


def test_seed_group_is_one_card_with_mean_and_spread(open_app, group):
    shown = seen.cards(open_app(group, text=SENTENCE))
    assert list(shown) == ["toy-mha"], "the group is the default, not its members"
    card = shown["toy-mha"]
    values = np.array(
        [truth.pooling(group / f"toy-mha-s{s}", SENTENCE).probabilities for s in range(3)]
    )
    mean, spread = values.mean(0), values.std(0, ddof=1)
    best = int(mean.argmax())
    assert card.how == "pooling head mha, 3 seeds"
    assert card.label == LABELS[best]
    assert card.shown == f"{mean[best]:.2f} ± {spread[best]:.2f}"
    assert card.bars == {name: f"{m:.2f}" for name, m in zip(LABELS, mean, strict=True)}
    gap = mean[best] - np.delete(mean, best).max()
    assert card.lines[0] == f"probability margin {gap:+.2f}"


def test_seed_group_names_the_seeds_that_disagree(open_app, group):
    card = seen.cards(open_app(group, text=SENTENCE))["toy-mha"]
    dissent = [
        f"s{seed} says {true.label}"
        for seed in range(3)
        if (true := truth.pooling(group / f"toy-mha-s{seed}", SENTENCE)).label != card.label
    ]
    assert dissent, "the checkpoints of this test must disagree"
    assert card.lines[1] == ", ".join(dissent)


def test_seed_group_shows_a_dot_for_each_seed_at_its_own_probability(open_app, group):
    card = seen.cards(open_app(group, text=SENTENCE))["toy-mha"]
    for index, bar in enumerate(card.answer.all("bar")):
        places = [
            float(re.search(r"left:([\d.]+)%", d.attributes["style"])[1]) for d in bar.all("dot")
        ]
        own = [
            100 * truth.pooling(group / f"toy-mha-s{s}", SENTENCE).probabilities[index]
            for s in range(3)
        ]
        assert places == pytest.approx(own, abs=0.01)


def test_seed_groups_strip_is_the_mean_of_its_members(open_app, group):
    card = seen.cards(open_app(group, text=SENTENCE))["toy-mha"]
    target = LABELS.index(card.label)
    split = np.mean(
        [truth.pooling(group / f"toy-mha-s{s}", SENTENCE).by_token for s in range(3)], axis=0
    )
    expected = split[target] - np.delete(split, target, axis=0).mean(0)
    assert [u.value for u in card.reads] == [pytest.approx(v, abs=0.0051) for v in expected]


def test_agreeing_seeds_are_said_to_agree(open_app, folder):
    for seed in range(2):
        leaning(folder / f"toy-cls-s{seed}", "pemo", seed=seed)
    card = seen.cards(open_app(folder, text=SENTENCE))["toy-cls"]
    assert card.lines[1] == "all seeds agree"


def test_members_of_a_seed_group_can_be_chosen_one_by_one(open_app, group):
    app = open_app(group, text=SENTENCE, checkpoints=["toy-mha-s0", "toy-mha-s2"])
    shown = seen.cards(app)
    assert list(shown) == ["toy-mha-s0", "toy-mha-s2"]
    assert shown["toy-mha-s2"].how == "pooling head mha"
    for name, card in shown.items():
        assert card.shown == f"{truth.pooling(group / name, SENTENCE).probabilities.max():.2f}"


def test_seeds_with_other_classes_are_no_group(open_app, folder):
    leaning(folder / "toy-cls-s0", "pemo", seed=0)
    leaning(folder / "toy-cls-s1", "xuno", seed=1, labels=("xuno", "yave"))
    assert list(seen.cards(open_app(folder, text=SENTENCE))) == ["toy-cls-s0", "toy-cls-s1"]
