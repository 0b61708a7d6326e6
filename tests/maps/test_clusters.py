"""Clusters of a map and the words that name them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from analysis.maps.clusters import MOST, MOST_ROWS, clusters
from tests.support.islands import islands


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
