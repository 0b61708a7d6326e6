"""Winners of several seeds, held against sums written out here."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import analysis
from analysis import interventions
from analysis.reading import over_attention, over_winners
from analysis.reading.decomposition import decompose
from analysis.seed_groups import averages
from tests.support import tiny, zoo

TEXT = "the plot is thin but fine"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Two seeds of a maximum over layers, and two of one over tokens."""
    root = tmp_path_factory.mktemp("seeds")
    made = {}
    for head in ("max_seq_mha", "max"):
        folders = [
            tiny.make_pooling_checkpoint(root / f"toy-{head}-s{seed}", head, ("a", "b"), seed=seed)
            for seed in range(2)
        ]
        made[head] = [analysis.load(folder) for folder in folders]
    return made


def traces_of(models):
    return [analysis.record(model, TEXT, attentions=True) for model in models]


def test_shares_of_wins_by_layer_are_the_mean_of_every_seeds(seeds):
    traces = traces_of(seeds["max_seq_mha"])
    expected = np.zeros(len(traces[0].head.winners.layers))
    for trace in traces:
        won = trace.head.winners
        expected += [(won.layer == layer).mean() / 2 for layer in won.layers]
    np.testing.assert_allclose(over_winners.shares_by_layer(traces), expected)
    with pytest.raises(ValueError, match="takes no maximum"):
        over_winners.shares_by_layer([analysis.record(zoo.loaded("cls"), TEXT)])


def test_falls_are_the_mean_of_what_is_lost_in_every_seed(seeds):
    models = seeds["max_seq_mha"]
    effects = [interventions.drop_effects(model, TEXT) for model in models]
    expected = (effects[0].contrast(1) + effects[1].contrast(1)) / 2
    np.testing.assert_allclose(over_winners.fall_by_layer(effects, 1), expected)


def test_a_word_wins_what_its_pieces_win(seeds):
    traces = traces_of(seeds["max"])
    units = traces[0].tokens.word_groups()
    rows = over_winners.shares_by_unit(traces, units)
    assert rows.shape == (2, len(units))
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    for row, trace in zip(rows, traces, strict=True):
        token = trace.head.winners.token
        expected = [np.isin(token, unit).mean() for unit in units]
        np.testing.assert_allclose(row, expected)


def test_what_units_add_sums_to_the_contrast_of_the_split(seeds):
    traces = traces_of(seeds["max"])
    splits = [decompose(trace, "zero") for trace in traces]
    units = traces[0].tokens.word_groups()
    for rows in (
        over_winners.added_by_unit(traces, splits, 1, units),
        over_attention.added_by_unit(splits, 1, units),
    ):
        totals = [split.by_token(1).sum() for split in splits]
        np.testing.assert_allclose(rows.sum(axis=1), totals, atol=1e-6)
    mean = over_winners.added_by_token(splits, 1)
    np.testing.assert_allclose(mean, (splits[0].by_token(1) + splits[1].by_token(1)) / 2)
    unit, layer, every = averages.largest_contributions(splits, 1, units)
    assert every >= max(unit, layer) - 1e-9
    by_unit = [abs(mean[list(unit)].sum()) for unit in units]
    assert unit == pytest.approx(max(by_unit))
    assert layer == pytest.approx(np.abs(averages.mean_decomposition(splits).by_layer(1)).max())


def test_the_answer_of_a_group_is_that_of_its_mean_probabilities():
    seed = SimpleNamespace(probabilities=np.array([[0.9, 0.1], [0.9, 0.1]]))
    other = SimpleNamespace(probabilities=np.array([[0.2, 0.8], [0.0, 1.0]]))
    assert over_winners.answers_of([seed, other]) == (0, 1)
    assert over_winners.answers_of([seed]) == (0, 0)


def test_a_group_has_a_row_of_attention_for_each_seed_by_its_name(seeds):
    traces = traces_of(seeds["max_seq_mha"])
    traces = [
        replace(trace, checkpoint=replace(trace.checkpoint, id=f"toy-s{seed}"))
        for seed, trace in enumerate(traces)
    ]
    rows = over_attention.pooling_rows(traces)
    group = averages.attention_by_seed(traces, rows, "toy")
    assert group.head.parts == ("s0", "s1")
    np.testing.assert_allclose(group.head.attention, [row.mean(axis=0) for row in rows])
    assert group.checkpoint.id == "toy (mean of 2 seeds)"


def test_the_spread_over_seeds_is_their_sample_deviation_and_none_of_one():
    rows = np.random.default_rng(0).normal(size=(3, 4))
    centred = rows - rows.mean(axis=0)
    np.testing.assert_allclose(over_attention.spread(rows), np.sqrt((centred**2).sum(axis=0) / 2))
    assert over_attention.spread(rows[:1]) is None


@pytest.mark.parametrize("head", [None, 1])
def test_the_spread_of_masses_is_that_of_the_chosen_layer_and_attention_head(head):
    values = np.random.default_rng(1).random((3, 4, 2, 2, 2))  # seeds, layers, heads, parts
    masses = [SimpleNamespace(values=value) for value in values]
    own = list(np.random.default_rng(2).random((3, 5, 2)))
    spread = over_attention.spread_of_masses(masses, 2, head, own)
    picked = values[:, 1].mean(axis=1) if head is None else values[:, 1, head]
    np.testing.assert_allclose(spread[1:], picked.std(axis=0, ddof=1))
    np.testing.assert_allclose(spread[0], np.std([o.mean(axis=0) for o in own], axis=0, ddof=1))


def test_shares_of_a_sweep_are_averaged_with_their_largest_spread(seeds):
    sweeps = [interventions.sweep_last_k(model, TEXT) for model in seeds["max_seq_mha"]]
    owner = averages.mean_checkpoint([sweep.checkpoint for sweep in sweeps], "toy")
    mean, spread = averages.mean_sweep_shares(sweeps, owner)
    shares = np.stack([sweep.shares for sweep in sweeps])
    np.testing.assert_allclose(mean.shares, shares.mean(axis=0))
    assert spread == pytest.approx(np.nanmax(shares.std(axis=0, ddof=1)))
    assert mean.checkpoint is owner
    assert averages.mean_sweep_shares(sweeps[:1], owner)[0] is sweeps[0]


def test_effects_of_leaving_tokens_out_are_averaged(seeds):
    models = seeds["max_seq_mha"]
    results = [interventions.leave_one_out(model, TEXT) for model in models]
    owner = averages.mean_checkpoint([result.checkpoint for result in results], "toy")
    mean = averages.mean_leave_one_out(results, owner)
    np.testing.assert_allclose(mean.effects, (results[0].effects + results[1].effects) / 2)
    assert averages.mean_leave_one_out(results[:1], owner) is results[0]
