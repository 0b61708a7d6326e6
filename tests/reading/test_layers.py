"""Layers: trajectories against NumPy, CKA against its defining properties."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

import analysis
from analysis.corpus.layer_cka import layer_cka
from analysis.reading.layers import (
    COURSE,
    FEWEST,
    cka,
    standing,
    standing_in_corpus,
    trajectory,
)
from tests.support import tiny, zoo

TEXT = tiny.SENTENCE


@pytest.mark.parametrize("token", [0, 5])
def test_norms_and_cosines_are_those_of_the_hidden_states(token):
    trace = analysis.record(zoo.loaded("mha"), TEXT)
    path = trajectory(zoo.loaded("mha"), TEXT, token=token)
    for layer, vector in enumerate(trace.hidden[:, token].astype(float)):
        last = trace.hidden[-1, token].astype(float)
        assert path.norm[layer] == pytest.approx(np.sqrt((vector**2).sum()))
        angle = vector @ last / np.sqrt((vector @ vector) * (last @ last))
        assert path.cosine_to_last[layer] == pytest.approx(angle)
        if layer:
            below = trace.hidden[layer - 1, token].astype(float)
            angle = vector @ below / np.sqrt((vector @ vector) * (below @ below))
            assert path.cosine_to_previous[layer] == pytest.approx(angle)
    assert np.isnan(path.cosine_to_previous[0])
    assert path.cosine_to_last[-1] == pytest.approx(1)


def test_the_prediction_at_the_last_layer_is_the_prediction():
    trace = analysis.record(zoo.loaded("max_seq_mha"), TEXT)
    path = trajectory(zoo.loaded("max_seq_mha"), TEXT)
    np.testing.assert_allclose(path.probabilities[-1], trace.probabilities, atol=1e-6)
    assert path.predicted[-1] == trace.predicted
    assert path.flips.tolist() == [False, *(np.diff(path.predicted) != 0)]


def test_a_stock_model_is_read_at_every_depth_by_its_own_head():
    classifier = zoo.loaded("bert")
    model, path = classifier.model, trajectory(classifier, TEXT)
    ids = torch.tensor(path.tokens.ids)[None]
    with torch.no_grad():
        output = model(ids, output_hidden_states=True)
        for layer, states in enumerate(output.hidden_states):
            want = model.classifier(model.bert.pooler(states))[0]
            np.testing.assert_allclose(path.logits[layer], want, atol=1e-5)


def test_a_model_without_pooling_head_has_a_trajectory_and_no_predictions():
    path = trajectory(zoo.loaded("bare"), TEXT)
    assert path.logits is None
    assert path.probabilities is None
    assert path.flips is None
    assert len(path.norm) == 5


def test_a_regression_keeps_its_values():
    path = trajectory(zoo.loaded("regression"), TEXT)
    assert (path.probabilities == path.logits).all()


def test_a_token_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="token 99 does not exist"):
        trajectory(zoo.loaded("cls"), TEXT, token=99)
    for token in (True, 1.0, "plot"):
        with pytest.raises(ValueError, match=r"token is .*: .*0 to \d+"):
            trajectory(zoo.loaded("cls"), TEXT, token=token)


def test_a_percentile_counts_the_sentences_below():
    texts = ["The plot is thin.", "Good acting.", "He said it was not very great.", "Dull."]
    paths = [trajectory(zoo.loaded("cls"), text) for text in texts]
    own = standing(paths[0], paths)
    for layer in range(1, 5):
        below = sum(path.norm[layer] < paths[0].norm[layer] for path in paths)
        assert own.norm[layer] == pytest.approx(100 * (below + 0.5) / 4)
    assert own.norm[0] == 50  # [CLS] before the first layer is the same in every text
    assert np.isnan(own.cosine_to_previous[0])
    assert own.prediction is None
    values = [path.probabilities[3, 1] for path in paths]
    below = 100 * (sum(value < values[0] for value in values) + 0.5) / 4
    assert standing(paths[0], paths, 1).prediction[3] == pytest.approx(below)
    with pytest.raises(ValueError, match="needs other sentences"):
        standing(paths[0], [])


def test_a_percentile_in_the_corpus_is_that_among_its_sentences(tmp_path):
    from analysis.checkpoints.profiles import read
    from analysis.reading.trace import measure_profile

    texts = ["The plot is thin.", "Good acting.", "He said it was not very great.", "Dull.", TEXT]
    for name in ("cls", "concat"):
        classifier = zoo.loaded(name)
        measure_profile(classifier, texts, None, "five sentences").save(tmp_path)
        layer_path = trajectory(classifier, TEXT)
        kept = standing_in_corpus(layer_path, read(tmp_path))
        among = standing(layer_path, [trajectory(classifier, text) for text in texts])
        for number in COURSE:
            # float32 in the file: what was equal or close by 1e-7 may change its side
            np.testing.assert_allclose(getattr(kept, number)[1:-1], getattr(among, number)[1:-1])
        assert kept.sentences == 5
    with pytest.raises(ValueError, match="percentiles are those of"):
        standing_in_corpus(trajectory(zoo.loaded("cls"), TEXT, token=2), read(tmp_path))
    with pytest.raises(ValueError, match="holds no numbers by depth"):
        standing_in_corpus(layer_path, None)


def hsic(k, m):
    """The unbiased HSIC of Song et al. 2012 as printed there."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    ones = np.ones(n)
    return (
        np.trace(k @ m)
        + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
        - 2 / (n - 2) * (ones @ k @ m @ ones)
    ) / (n * (n - 3))


def test_cka_is_the_ratio_of_unbiased_hsics():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(130, 20))
    y = x[:, :7] @ draw.normal(size=(7, 9)) + draw.normal(size=(130, 9))
    k, m = x @ x.T, y @ y.T
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert cka(x, y) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("n", [FEWEST, 400])
def test_cka_of_independent_vectors_is_within_a_twentieth_of_zero(n):
    values = []
    for seed in range(60):
        draw = np.random.default_rng(seed)
        values.append(cka(draw.normal(size=(n, 384)), draw.normal(size=(n, 384))))
    assert np.abs(values).max() < 0.05
    assert abs(np.mean(values)) < 0.005
    assert np.std(values) == pytest.approx(np.sqrt(2) / n, rel=0.3)


def test_cka_takes_ten_thousand_rows():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(10_000, 16))
    y = x[:, :4] + draw.normal(size=(10_000, 4))
    assert cka(x, y).rows == 10_000
    # At this n the plain estimate, of which only the bias is removed, is as good.
    plain = (x - x.mean(0)).T @ (y - y.mean(0))
    kx, ky = ((z - z.mean(0)).T @ (z - z.mean(0)) for z in (x, y))
    assert cka(x, y) == pytest.approx(
        (plain**2).sum() / np.sqrt((kx**2).sum() * (ky**2).sum()), abs=2e-3
    )


def test_a_similarity_knows_how_many_rows_it_is_of():
    draw = np.random.default_rng(0)
    similarity = cka(draw.normal(size=(200, 30)), draw.normal(size=(200, 30)))
    assert similarity.rows == 200
    assert similarity.standard_error == pytest.approx(np.sqrt(2) / 200)
    assert isinstance(similarity, float)
    for name in ("rows", "_rows", "more"):
        with pytest.raises(AttributeError):
            setattr(similarity, name, 3)
    with pytest.raises(AttributeError):
        del similarity._rows
    again = pickle.loads(pickle.dumps(similarity))
    assert (again, again.rows) == (float(similarity), 200)


def test_cka_of_a_rotation_a_shift_and_a_scale_is_one():
    draw = np.random.default_rng(1)
    x = draw.normal(size=(160, 24)) + 50
    rotation, _ = np.linalg.qr(draw.normal(size=(24, 24)))
    assert cka(x, 3 * x @ rotation - 7) == pytest.approx(1, abs=1e-9)
    y = draw.normal(size=(160, 5)) + x[:, :5]
    assert cka(x @ rotation, y) == pytest.approx(cka(x, y), abs=1e-9)


def test_cka_refuses_too_few_rows_and_layer_cka_more_than_it_can_hold():
    x = np.random.default_rng(0).normal(size=(FEWEST - 1, 4))
    with pytest.raises(ValueError, match=r"standard error is about 0\.01"):
        cka(x, x)
    with pytest.raises(ValueError, match="1001 x 1001 similarities"):
        layer_cka(zoo.loaded("cls"), zoo.loaded("cls"), [f"plot {n}" for n in range(1001)])


def test_cka_refuses_what_has_no_differences_or_no_numbers():
    x = np.random.default_rng(0).normal(size=(140, 3))
    with pytest.raises(ValueError, match="all rows are the same"):
        cka(x, np.ones((140, 3)))
    with pytest.raises(ValueError, match="NaN or infinite"):
        cka(x, np.full((140, 3), np.nan))
    with pytest.raises(ValueError, match="same sentences"):
        cka(x, x[:-1])


def sentences(count):
    draw = np.random.default_rng(0)
    return [" ".join(draw.choice(tiny.WORDS, 6)) for _ in range(count)]


def test_layer_cka_compares_every_layer_with_every_layer():
    seen: list[float] = []
    texts = sentences(140)
    same = layer_cka(zoo.loaded("cls"), zoo.loaded("cls"), texts)
    assert same.sentences == len(set(texts))
    assert np.isnan(same.values[0]).all()  # [CLS] before the first layer is one vector
    assert np.isnan(same.values[:, 0]).all()
    np.testing.assert_allclose(np.diag(same.values)[1:], 1)
    np.testing.assert_allclose(same.values, same.values.T)
    other = layer_cka(zoo.loaded("cls"), zoo.loaded("bert"), texts, of="mean", progress=seen.append)
    hidden = [
        [analysis.record(zoo.loaded(name), text).hidden.mean(axis=1) for text in texts]
        for name in ("cls", "bert")
    ]
    own, theirs = (np.stack(rows, axis=1) for rows in hidden)
    assert other.values[2, 4] == pytest.approx(cka(own[2], theirs[4]), abs=1e-6)
    assert seen[-1] == 1


def test_equal_sentences_do_not_make_a_sample_larger():
    with pytest.raises(ValueError, match=f"at least {FEWEST} different"):
        layer_cka(zoo.loaded("cls"), zoo.loaded("cls"), ["The plot is thin."] * 200)
    with pytest.raises(ValueError, match="known: 'cls', 'mean'"):
        layer_cka(zoo.loaded("cls"), zoo.loaded("cls"), sentences(140), of="max")
