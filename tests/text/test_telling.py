"""Words that tell texts apart: against the formula of the paper, computed with counters."""

from __future__ import annotations

from collections import Counter
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.text.telling import class_tf_idf, telling_words


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
    for row, telling_word in zip(own, expected, strict=True):
        np.testing.assert_allclose(row, [telling_word.get(word, 0.0) for word in vocabulary])
    codes = np.arange(len(lists))
    for named, telling_word in zip(
        telling_words([" ".join(each) for each in lists], codes, len(lists), 1),
        expected,
        strict=True,
    ):
        assert telling_word[named[0]] == pytest.approx(max(telling_word.values()))


def test_function_words_name_a_cluster_that_has_no_others():
    assert telling_words(["the of", "film"], np.array([0, 1]), 2) == [("of", "the"), ("film",)]
    assert telling_words(["not good at all", "film"], np.array([0, 1]), 2, 5)[0] == ("good", "not")
