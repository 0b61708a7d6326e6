"""Ranked rows: the outlier factor by its definition, divergence as SciPy's, kept neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from sklearn.metrics.pairwise import cosine_distances

from analysis.corpus.predictions import Predictions
from analysis.maps.quality import quality
from analysis.maps.ranked import disagreements, divergence, outliers, torn


def lof(vectors: np.ndarray, k: int) -> np.ndarray:
    """Breunig et al., from the definition."""
    distances = cosine_distances(vectors.astype(float))
    np.fill_diagonal(distances, np.inf)
    near = np.argsort(distances, axis=1)[:, :k]
    reach = np.take_along_axis(distances, near, axis=1)[:, -1]
    density = np.array(
        [1 / np.maximum(reach[near[i]], distances[i, near[i]]).mean() for i in range(len(vectors))]
    )
    return np.array([density[near[i]].mean() / density[i] for i in range(len(vectors))])


def test_outliers_are_ranked_by_the_factor_of_its_definition():
    vectors = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    vectors[7] *= -1
    made, expected = outliers(vectors, k=8), lof(vectors, 8)
    np.testing.assert_allclose(made.values, np.sort(expected)[::-1][:50], rtol=1e-3)
    assert made.rows[0] == expected.argmax()
    assert len(outliers(np.ones((9, 3)))) == 0


def test_equal_rows_count_once():
    vectors = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    once, often = outliers(vectors, k=8), outliers(np.repeat(vectors, 30, axis=0), k=8)
    assert often.values[0] == pytest.approx(once.values[0], rel=1e-5)
    assert set((often.rows[:30] // 30).tolist()) == {int(once.rows[0])}


def test_an_outlier_of_many_rows_is_met_wherever_it_stands(monkeypatch):
    monkeypatch.setattr("analysis.maps.ranked.MOST_COMPARED", 200)
    rng = np.random.default_rng(1)
    vectors = np.array([5.0, 5, 5]) + rng.normal(scale=0.2, size=(400, 3))
    vectors[[13, 290]] = [[5, -4, 0], [-4, 5, 1]]
    assert set(outliers(vectors).rows[:2].tolist()) == {13, 290}


def test_torn_rows_are_those_that_kept_the_fewest_neighbours():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(80, 6))
    measured = quality(vectors, vectors[:, :2], k=10, metric="euclidean")
    made = torn(measured)
    kept = dict(zip(measured.sample.tolist(), measured.kept.tolist(), strict=True))
    assert made.values.tolist() == sorted(kept.values())[:50]
    assert [kept[row] for row in made.rows.tolist()] == made.values.tolist()
    assert len(torn(None)) == 0


def answer(logits, labels=("a", "b")):
    zeros = np.zeros(len(logits), np.int32)
    logits = np.asarray(logits, np.float32)
    rows = np.arange(len(logits))
    return Predictions(
        "c", "s", "d", "float32", labels, "softmax", len(logits), rows, logits, zeros, zeros
    )


def test_disagreements_are_rows_of_different_classes_by_their_divergence():
    first = answer([[2, 0], [0, 1], [5, 0], [1, 0]])
    other = answer([[2, 0], [1, 0], [5, 0], [0, 1]], ("b", "a"))
    made = disagreements([first, other])
    assert set(made.rows.tolist()) == {0, 1, 2, 3} - {1, 3}
    p, q = first.probabilities, other.probabilities[:, ::-1]
    for row, value in zip(made.rows, made.values, strict=True):
        assert value == pytest.approx(jensenshannon(p[row], q[row], base=2) ** 2)
    assert made.rows[0] == 2
    with pytest.raises(ValueError, match="at least two"):
        disagreements([first, answer([[1, 2]] * 4, ("x", "y"))])


@given(st.integers(2, 4), st.integers(2, 5), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_divergence_lies_between_zero_and_the_number_of_checkpoints(count, classes, seed):
    p = np.random.default_rng(seed).dirichlet(np.ones(classes), (count, 6))
    values = divergence(p)
    assert (values >= -1e-12).all()
    assert (values <= np.log2(count) + 1e-12).all()
    np.testing.assert_allclose(divergence(np.repeat(p[:1], count, 0)), 0, atol=1e-12)
