"""Rows drawn at random from a data set, and rows of each class."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.datasets.sentences import random_rows, spread
from analysis.datasets.table import Table
from analysis.maps.sample import stratified


@given(st.integers(1, 30), st.integers(0, 40), st.booleans())
def test_random_rows_are_different_rows_in_their_order_and_grow(rows, count, pairs):
    texts = tuple(f"text {row}" for row in range(rows))
    seconds = tuple(f"second {row}" for row in range(rows)) if pairs else None
    table = Table("toy", "own", texts, seconds, None, ())
    drawn = random_rows(table, count)
    places = [texts.index(text) for text, _ in drawn]
    assert places == sorted(set(places))
    assert len(places) == min(count, rows)
    assert [second for _, second in drawn] == [
        seconds[place] if seconds else None for place in places
    ]
    assert set(drawn) <= set(random_rows(table, count + 1))
    assert random_rows(table, count) == drawn


def test_every_row_is_drawn_as_often_as_any_other():
    table = Table("toy", "own", tuple("abcdefgh"), None, None, ())
    counts = np.zeros(8)
    for seed in range(2_000):
        for text, _ in random_rows(table, 2, seed):
            counts["abcdefgh".index(text)] += 1
    # 2,000 draws of 2 of 8: 500 each, standard deviation 19.4
    assert np.abs(counts - 500).max() < 100


@given(st.lists(st.integers(0, 2), min_size=1, max_size=20))
def test_rows_of_each_class_are_counted(labels):
    texts = tuple(f"text {row}" for row in range(len(labels)))
    table = Table("toy", "own", texts, None, np.array(labels), ("a", "b", "c"))
    assert table.class_counts() == tuple(labels.count(place) for place in range(3))
    assert Table("toy", "own", texts, None, None, ()).class_counts() == ()
    assert Table("toy", "own", texts, None, np.array(labels, float), ()).class_counts() == ()


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20), st.integers(1, 9)
)
def test_a_row_with_several_labels_has_the_class_of_its_set(flags, count):
    texts = tuple(f"text {row}" for row in range(len(flags)))
    table = Table("toy", "own", texts, None, np.array(flags, np.int64), ("sport", "war"))
    chosen = spread(table, "toy", count)
    single = table.by_sets()
    for (text, _), shown in zip(chosen.rows, chosen.classes, strict=True):
        assert shown == single.labels[single.label[texts.index(text)]]
    rows = stratified(table, count)
    assert len(rows) == min(count, len(flags))
    if count >= len(set(flags)):
        assert {flags[row] for row in rows} == set(flags)


def test_rows_with_several_numbers_have_no_class():
    numbers = np.arange(12.0).reshape(6, 2)
    table = Table("toy", "own", tuple("abcdef"), None, numbers, ("height", "weight"))
    assert spread(table, "toy", 4).classes is None
    assert len(stratified(table, 4)) == 4
