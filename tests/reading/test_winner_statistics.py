"""Winners over a data set: counted by loops, intervals by SciPy, seeds against each other."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats

import analysis
from analysis.reading.winner_statistics import (
    WinnerSample,
    between_groups,
    collect,
    over_seeds,
    seed_disagreement,
    summarise,
    summarise_by_class,
)
from analysis.text.token_types import TYPES, token_types
from tests.support import tiny, zoo

TEXTS = [
    tiny.SENTENCE,
    "The plot is good.",
    "Acting was not very fine, but great.",
    "Dull?",
    "He said the city was more than fine.",
    "What people live in!",
]
MAXIMA = ("max_cls", "max_seq_mha", "max")


def kinds(text, pair=None, name="mha"):
    tokens = analysis.record(zoo.loaded(name), text, pair).tokens
    return [TYPES[k] for k in token_types(tokens)], tokens


def test_every_token_has_one_type_and_pieces_share_their_words():
    types, tokens = kinds("The plots isn't dully!", "He said so...")
    words = dict(zip(tokens.labels, types, strict=True))
    assert types[0] == "[CLS]"
    assert types.count("[SEP]") == 2
    assert words["The"] == "function word"
    assert words["!"] == words["."] == "punctuation"
    for group in tokens.word_groups():
        assert len({types[t] for t in group}) == 1
    plot = [types[t] for t, label in enumerate(tokens.labels) if label in ("plot", "s")]
    assert plot[0] == "content"


def test_special_tokens_of_another_family_keep_their_part():
    types, _ = kinds("The plot.", "A film.", name="roberta")
    assert types[0] == "[CLS]"
    assert set(types) == set(TYPES)
    assert types[-1] == "[SEP]"


@pytest.mark.parametrize("name", MAXIMA)
def test_wins_and_contributions_are_counted_as_loops_count_them(name):
    classifier = zoo.loaded(name)
    sample = collect(classifier, TEXTS, reference="zero")
    np.testing.assert_allclose(sample.wins.sum(axis=(1, 2)), 1)
    for n, text in enumerate(TEXTS):
        trace = analysis.record(classifier, text)
        split = analysis.decompose(trace, "zero").contrast(trace.predicted)
        winners, types = trace.head.winners, token_types(trace.tokens)
        wins = np.zeros((len(TYPES), len(sample.layers)))
        contributions = np.zeros_like(wins)
        for k, layer in enumerate(sample.layers):
            for t, kind in enumerate(types):
                contributions[kind, k] += split[:, t, k].sum()
                for j in range(32):
                    if winners.token is not None:
                        wins[kind, k] += winners.token[j] == t
                    elif winners.layer.ndim == 1:
                        wins[kind, k] += t == 0 and winners.layer[j] == layer
                    else:
                        wins[kind, k] += winners.layer[t, j] == layer
        np.testing.assert_allclose(sample.wins[n], wins / wins.sum())
        np.testing.assert_allclose(sample.contributions[n], contributions, atol=1e-9)
        assert sample.tokens[n].sum() == len(trace.tokens)
        assert sample.predicted[n] == trace.predicted
    assert sample.reference == "zero"


def test_within_a_type_the_shares_of_layers_sum_to_one_or_are_missing():
    sample = collect(zoo.loaded("max_seq_mha"), TEXTS)
    within = sample.wins_within_type()
    has = sample.tokens > 0
    np.testing.assert_allclose(within.sum(axis=2)[has], 1)
    assert np.isnan(within[~has]).all()
    np.testing.assert_allclose(sample.wins_by_type(), sample.tokens / sample.tokens.sum(1)[:, None])


def test_for_max_cls_every_win_is_on_cls():
    sample = collect(zoo.loaded("max_cls"), TEXTS)
    assert (sample.wins_by_type()[:, 0] == 1).all()


def test_a_head_without_split_has_wins_and_no_contributions():
    classifier = zoo.loaded("max_cls")
    other = copy.copy(classifier)
    other.model = copy.copy(classifier.model)
    head = copy.copy(classifier.model.head)
    head.norm = torch.nn.LayerNorm(32)
    head.steps = lambda: None  # layers of its own that it does not describe
    other.model._modules = {**classifier.model._modules, "head": head}
    sample = collect(other, TEXTS)
    assert np.isnan(sample.contributions).all()
    assert sample.reference == "none"


def test_means_have_the_interval_of_students_t():
    sample = collect(zoo.loaded("max_seq_mha"), TEXTS)
    rows = sample.wins_by_layer()
    result = summarise(rows)
    np.testing.assert_allclose(result.mean, rows.mean(axis=0))
    low, high = stats.t.interval(0.95, len(rows) - 1, rows.mean(axis=0), stats.sem(rows))
    np.testing.assert_allclose(result.interval, np.stack([low, high], axis=-1))
    assert result.sentences == len(TEXTS)


def test_classes_partition_the_sentences():
    sample = collect(zoo.loaded("max_seq_mha"), TEXTS)
    classes = np.array([0, 1, 0, 1, 1, 2])
    parts = summarise_by_class(sample, sample.wins_by_layer(), classes)
    assert [part.of for part in parts] == list(sample.checkpoint.labels)
    assert [part.sentences for part in parts] == [2, 3, 1]
    np.testing.assert_allclose(parts[1].mean, sample.wins_by_layer()[classes == 1].mean(axis=0))
    assert np.isnan(parts[2].interval).all()  # one sentence has no spread
    own = summarise_by_class(sample, sample.wins_by_layer())
    assert sum(part.sentences for part in own) == len(TEXTS)


def test_a_seed_agrees_with_itself_and_another_encoder_by_chance_at_most():
    same = seed_disagreement([zoo.loaded("max_cls"), zoo.loaded("max_cls")], TEXTS)
    assert same.share.tolist() == [0]
    # `lora` has another encoder than `max_seq_mha`, and the same layers compete
    members = [zoo.loaded("max_seq_mha"), zoo.loaded("lora"), zoo.loaded("residual")]
    result = seed_disagreement(members, TEXTS)
    assert len(result.pairs) == 3
    a, b = (
        [analysis.record(member, text).head.winners.layer for text in TEXTS]
        for member in members[:2]
    )
    differ = sum((x != y).sum() for x, y in zip(a, b, strict=True))
    assert result.share[0] == pytest.approx(differ / sum(x.size for x in a))
    assert 0 < result.share[0] < result.chance[0] < 1


def test_members_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="same layers and places"):
        seed_disagreement([zoo.loaded("max_cls"), zoo.loaded("max_seq_mha")], TEXTS)
    with pytest.raises(ValueError, match="at least two"):
        seed_disagreement([zoo.loaded("max_cls")], TEXTS)
    with pytest.raises(ValueError, match="no winners"):
        collect(zoo.loaded("mha"), TEXTS)
    with pytest.raises(ValueError, match="at least one text"):
        collect(zoo.loaded("max_cls"), [])


@cache
def sampled():
    return collect(zoo.loaded("max_cls"), TEXTS)


def drawn(shares, seed):
    """A sample whose sentences have about these shares by layer."""
    base = sampled()
    noise = np.random.default_rng(seed).normal(0, 0.01)
    wins = np.zeros_like(base.wins)
    wins[:, 0] = np.add(shares, [noise, -noise, 0])
    return WinnerSample(**{**vars(base), "wins": wins})


def test_groups_differ_where_their_difference_exceeds_that_between_seeds():
    first = [drawn([0.3, 0.2, 0.5], seed) for seed in range(5)]
    two = [drawn([0.5, 0.0, 0.5], seed) for seed in range(5, 10)]
    result = between_groups(first, two)
    shares = [np.stack([s.wins_by_layer().mean(axis=0) for s in group]) for group in (first, two)]
    np.testing.assert_allclose(result.difference, shares[0].mean(0) - shares[1].mean(0))
    assert abs(result.difference[0]) > 5 * result.within[0]
    assert abs(result.difference[2]) < 1e-9
    moving = [rows[:, :2] for rows in shares]  # layer 4 is drawn without any spread
    welch = stats.ttest_ind(*moving, equal_var=False).confidence_interval()
    for k in (0, 1):
        assert result.interval[k, 0] <= welch.low[k] + 1e-9
        assert result.interval[k, 1] >= welch.high[k] - 1e-9
        assert result.interval[k, 1] - result.interval[k, 0] < 1.1 * (welch.high - welch.low)[k]
    with pytest.raises(ValueError, match="at least two seeds in each"):
        between_groups(first[:1], two)
    fewer = replace(
        two[0],
        **{
            name: getattr(two[0], name)[:3]
            for name in ("wins", "contributions", "tokens", "predicted")
        },
    )
    with pytest.raises(ValueError, match="over the same texts"):
        between_groups(first, [fewer, *two])


def test_over_seeds_the_interval_is_that_of_the_seeds_means():
    group = [drawn([0.3, 0.2, 0.5], seed) for seed in range(4)]
    result = over_seeds(group, "a group")
    means = np.stack([s.wins_by_layer().mean(axis=0) for s in group])
    np.testing.assert_allclose(result.mean, means.mean(axis=0))
    low, _ = stats.t.interval(0.95, 3, means.mean(0)[0], stats.sem(means[:, 0]))
    assert result.interval[0, 0] == pytest.approx(low)
