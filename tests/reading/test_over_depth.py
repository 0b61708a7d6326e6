"""Means over seeds of a token on its way up, held against sums written out here."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine

import analysis
from analysis.reading import layers, over_depth
from analysis.reading.trace import HeadTrace, measure_profile
from analysis.seed_groups import averages
from tests.support import tiny, zoo

TEXT, OTHER = "the plot is thin but fine", "the film is dull"
HEADS = ("cls", "mha")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two checkpoints with encoders of their own."""
    root = tmp_path_factory.mktemp("models")
    made = []
    for seed, head in enumerate(HEADS):
        encoder = tiny.make_bare_encoder(root / f"_encoder-{seed}", seed=seed)
        folder = tiny.make_pooling_checkpoint(root / head, head, encoder=encoder, seed=seed)
        made.append(analysis.load(folder))
    return made


@pytest.fixture(scope="module")
def paths(models):
    return [layers.trajectory(model, TEXT) for model in models]


def test_the_mean_of_seeds_is_the_mean_of_their_numbers_and_not_the_first_ones(paths):
    mean = over_depth.mean_trajectory(paths)
    for name in (*layers.COURSE, "probabilities"):
        first, second = (getattr(path, name) for path in paths)
        np.testing.assert_allclose(getattr(mean, name), (first + second) / 2)
        if name != "cosine_to_last":
            assert not np.allclose(getattr(mean, name)[1:], first[1:])


def test_trajectories_through_other_numbers_of_layers_have_no_mean(paths):
    shorter = SimpleNamespace(norm=paths[0].norm[:-1])
    with pytest.raises(ValueError, match="same number of layers"):
        over_depth.mean_trajectory([paths[0], shorter])


@given(st.lists(st.integers(0, 2), min_size=1, max_size=9))
def test_a_label_is_settled_from_the_first_layer_after_which_it_never_changes(classes):
    size = len(classes)
    mean = over_depth.MeanTrajectory(
        np.ones(size), np.ones(size), np.ones(size), np.eye(3)[classes].astype(float)
    )
    settled = mean.settled
    assert set(classes[settled:]) == {classes[-1]}
    assert settled == 0 or classes[settled - 1] != classes[-1]


def test_the_sharpest_turn_is_the_smallest_cosine_to_the_layer_before(paths):
    layer, value = over_depth.mean_trajectory(paths[:1]).sharpest_turn
    vectors = paths[0].vectors
    every = [1 - cosine(vectors[i], vectors[i - 1]) for i in range(1, len(vectors))]
    assert layer == 1 + int(np.argmin(every))
    assert value == pytest.approx(min(every))


@pytest.mark.parametrize("layer", [None, 1, 3])
def test_turns_are_cosine_distances_of_each_token(layer):
    hidden = analysis.record(zoo.loaded("cls"), TEXT).hidden
    before, after = (0, len(hidden) - 1) if layer is None else (layer - 1, layer)
    expected = [cosine(hidden[before, t], hidden[after, t]) for t in range(hidden.shape[1])]
    np.testing.assert_allclose(over_depth.turns(hidden, layer), expected, atol=1e-6)


def test_nothing_turns_in_layer_0():
    hidden = analysis.record(zoo.loaded("cls"), TEXT).hidden
    assert np.allclose(over_depth.turns(hidden, 0), 0)


def test_the_cosine_to_a_reference_is_the_mean_over_seeds_and_nan_behind_its_end(models, paths):
    references = [analysis.record(model, OTHER) for model in models]
    cosines = over_depth.cosine_to_reference(paths, references)
    expected = np.mean(
        [
            [1 - cosine(path.vectors[i], ref.hidden[i, 0]) for i in range(len(path.norm))]
            for path, ref in zip(paths, references, strict=True)
        ],
        axis=0,
    )
    np.testing.assert_allclose(cosines, expected, atol=1e-6)
    behind = [replace(path, token=40) for path in paths]
    assert np.isnan(over_depth.cosine_to_reference(behind, references)).all()


def test_percentiles_in_the_corpora_are_averaged_and_missing_where_one_is_missing(models, paths):
    texts = [TEXT, OTHER, "a very great story"]
    corpora = [measure_profile(model, texts, None, "three") for model in models]
    mean = over_depth.mean_standing_in_corpus(paths, corpora)
    each = [layers.standing_in_corpus(p, c) for p, c in zip(paths, corpora, strict=True)]
    np.testing.assert_allclose(mean.norm, (each[0].norm + each[1].norm) / 2)
    assert over_depth.mean_standing_in_corpus(paths, [corpora[0], None]) is None


def test_a_percentile_beside_a_reference_counts_the_sentences_that_are_less_like_it(models, paths):
    reference = analysis.record(models[0], OTHER).hidden[:, 0]
    others = [
        analysis.record(models[0], text).hidden[:, 0].astype(np.float32)
        for text in (OTHER, "a very great story", "how many people live in the city?")
    ]
    standing = over_depth.standing_of_reference(paths[0].vectors, reference, others)
    own = [1 - cosine(v, r) for v, r in zip(paths[0].vectors[1:], reference[1:], strict=True)]
    for layer, value in enumerate(own, start=1):
        below = [1 - cosine(o[layer], reference[layer]) < value for o in others]
        assert standing[layer] == pytest.approx(100 * np.mean(below))


def test_weights_of_dimensions_are_averaged_and_missing_where_a_seed_has_no_split(models):
    traces = [analysis.record(model, TEXT) for model in models]
    mean = over_depth.mean_dimension_weights(traces, 1)
    each = [layers.dimension_weights(trace, 1) for trace in traces]
    np.testing.assert_allclose(mean, (each[0] + each[1]) / 2)
    without = replace(traces[1], head=HeadTrace())
    assert over_depth.mean_dimension_weights([traces[0], without], 1) is None


def test_the_mean_profile_has_the_mean_moments_of_all_seeds(models):
    texts = [TEXT, OTHER]
    corpora = [measure_profile(model, texts, None, "two") for model in models]
    mean = averages.mean_moments(corpora)
    for name in ("cls_mean", "cls_deviation", "token_mean", "token_deviation"):
        first, second = (getattr(corpus, name) for corpus in corpora)
        np.testing.assert_allclose(getattr(mean, name), (first + second) / 2)
    assert averages.mean_moments([corpora[0], None]) is None
    assert averages.mean_moments([corpora[0], replace(corpora[1], cls_mean=None)]).cls_mean is None


def test_the_mean_trace_has_the_mean_states_and_attentions_under_the_groups_name(models):
    traces = [analysis.record(model, TEXT, attentions=True) for model in models]
    mean = averages.mean_trace(traces, "toy")
    np.testing.assert_allclose(mean.hidden, (traces[0].hidden + traces[1].hidden) / 2)
    np.testing.assert_allclose(
        mean.attentions, (traces[0].attentions + traces[1].attentions) / 2, atol=1e-7
    )
    assert mean.checkpoint.id == "toy (mean of 2 seeds)"
    assert averages.mean_trace(traces[:1], "toy") is traces[0]
