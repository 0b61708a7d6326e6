"""Clusters of a map and their words: against the formula of the paper, computed with counters."""

from __future__ import annotations

from collections import Counter
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from analysis.maps.clusters import MOST, MOST_ROWS, class_tf_idf, clusters, telling_words
from tests.support.islands import islands


def independent(classes: list[str]) -> list[dict[str, float]]:
    """The formula of BERTopic's paper, with counters."""
    counts = [Counter(text.split()) for text in classes]
    mean = sum(sum(count.values()) for count in counts) / len(counts)
    often: Counter[str] = sum(counts, Counter())
    return [
        {w: n / sum(count.values()) * log(1 + mean / often[w]) for w, n in count.items()}
        for count in counts
    ]


words = st.lists(st.sampled_from(["film", "plot", "song", "war", "love", "bank"]), min_size=1)


@given(st.lists(words, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_class_tf_idf_is_that_of_the_paper(lists):
    expected = independent([" ".join(each) for each in lists])
    vocabulary = sorted({word for each in lists for word in each})
    counts = np.array([[each.count(word) for word in vocabulary] for each in lists], float)
    own = class_tf_idf(counts)
    for row, wanted in zip(own, expected, strict=True):
        np.testing.assert_allclose(row, [wanted.get(word, 0.0) for word in vocabulary])
    codes = np.arange(len(lists))
    for named, wanted in zip(
        telling_words([" ".join(each) for each in lists], codes, len(lists), 1),
        expected,
        strict=True,
    ):
        assert wanted[named[0]] == pytest.approx(max(wanted.values()))


def test_islands_are_clusters_and_are_named_by_their_own_words():
    points, codes = islands()
    own = ["the river bank", "a war film", "love songs here", "the chess game"]
    made = clusters(points, [own[code] for code in codes])
    assert adjusted_rand_score(codes, made.codes) > 0.95
    for name, centre in zip(made.names, made.centres, strict=True):
        near = int(
            np.argmin([np.linalg.norm(points[codes == c].mean(0) - centre) for c in range(4)])
        )
        assert set(name.split(" · ")) <= set(own[near].split())
        assert "the" not in name.split(" · ")
    assert sorted(made.sizes, reverse=True) == list(made.sizes)


def test_many_points_are_clustered_as_a_sample_of_them_is():
    points, codes = islands(MOST_ROWS + 2_000)
    made = clusters(points, ["word"] * len(points))
    assert adjusted_rand_score(codes, made.codes) > 0.95
    assert len(made.names) <= MOST


def test_texts_without_words_and_few_points_have_clusters_without_names():
    points, _ = islands()
    assert set(clusters(points, ["12 34"] * len(points)).names) == {""}
    assert clusters(points[:5], ["a"] * 5).names == ()
    with pytest.raises(ValueError, match="as many"):
        clusters(points, ["a"])


def test_function_words_name_a_cluster_that_has_no_others():
    assert telling_words(["the of", "film"], np.array([0, 1]), 2) == [("of", "the"), ("film",)]
    assert telling_words(["not good at all", "film"], np.array([0, 1]), 2, 5)[0] == ("good", "not")
