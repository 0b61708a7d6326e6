"""Flips over a data set: each row as it is searched alone, and shares with their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

import analysis
from analysis.common.jobs import Stopped
from analysis.interventions.flips import smallest_edits
from analysis.interventions.flips_over_texts import (
    FlipStore,
    TextFlip,
    flip_frame,
    flip_rates,
    flips_over,
    rates_in_words,
)
from tests.support import tiny
from tests.support.sentences import in_order

ROWS = [
    ("the plot is thin but the acting is fine", None),
    ("she said it was great and not dull", None),
    ("a good film, not bad", None),
    ("", None),
]


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    root = tmp_path_factory.mktemp("flips-over")
    for seed, head in enumerate(("cls", "mha")):
        tiny.make_pooling_checkpoint(root / head, head, ("bad", "fair", "good"), seed=seed)
    return {path.name: [analysis.load(path)] for path in root.iterdir() if path.name[0] != "_"}


def test_each_row_is_what_its_own_search_finds(toys):
    records = list(flips_over(toys, ROWS[:3], reads=300))
    assert [record.key for record in records] == [(r, name) for r in range(3) for name in toys]
    for record in records:
        alone = smallest_edits(record.name, toys[record.name], ROWS[record.row][0], reads=300)
        assert record.edits == (len(alone.edits) if alone.flipped else 0)
        assert (record.label, record.other) == (alone.label, alone.other)
        assert record.reads == alone.reads


def test_a_row_that_cannot_be_read_is_a_record_with_its_reason(toys):
    records = list(flips_over(toys, ROWS, reads=100))
    failed = [record for record in records if record.problem]
    assert {record.row for record in failed} == {3}
    assert all("no text" in record.problem for record in failed)


def test_what_is_done_is_not_done_again(toys, tmp_path):
    store = FlipStore(tmp_path / "flips.jsonl", {"rows": "abc"})
    for record in list(flips_over(toys, ROWS[:2], reads=100))[:3]:
        store.append(record)
    again = FlipStore(store.path, {"rows": "abc"})
    assert again.items == store.items
    rest = list(flips_over(toys, ROWS[:2], reads=100, done=again.items))
    assert [record.key for record in rest] == [(1, list(toys)[1])]


def test_what_failed_unforeseen_is_searched_again_and_kept_once(toys, tmp_path, monkeypatch):
    from analysis.interventions import flips_over_texts

    def fail(*args, **kwargs):
        raise LookupError("no such word piece")

    store = FlipStore(tmp_path / "flips.jsonl", {"rows": "abc"})
    with monkeypatch.context() as patch:
        patch.setattr(flips_over_texts, "smallest_edits", fail)
        for record in flips_over(toys, ROWS[:1], reads=100):
            assert record.unforeseen
            store.append(record)
    again = FlipStore(store.path, {"rows": "abc"})
    assert len(again.items) == len(toys)
    for record in flips_over(toys, ROWS[:1], reads=100, done=again.items):
        again.append(record)
    assert FlipStore(store.path, {"rows": "abc"}).items == again.items
    assert [(record.key, record.problem) for record in again.items] == [
        ((0, name), "") for name in toys
    ]


def test_a_stop_ends_it_and_is_no_record(toys):
    def stop(share):
        if share > 0.3:
            raise Stopped

    made = flips_over(toys, ROWS[:3], reads=100, progress=stop)
    records = []
    with pytest.raises(Stopped):
        records += iter(made)
    with pytest.raises(ValueError, match="at least one text"):
        flips_over(toys, [])


def record(name, row, edits, problem=""):
    return TextFlip(name, row, "a", "b" if edits else "a", edits, True, 10, 5, problem)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_shares_and_means_are_those_of_statsmodels_and_scipy(edits):
    [rate] = flip_rates([record("x", row, count) for row, count in enumerate(edits)])
    for size in (1, 2, 3):
        count = sum(0 < each <= size for each in edits)
        assert rate.within[size - 1] == pytest.approx(count / len(edits))
        ends = proportion_confint(count, len(edits), method="wilson")
        np.testing.assert_allclose(rate.interval[size - 1], ends, atol=1e-9)
    flipped = np.array([each for each in edits if each], float)
    assert rate.rate == pytest.approx(len(flipped) / len(edits))
    if len(flipped) > 1 and flipped.std() > 0:
        half = student.ppf(0.975, len(flipped) - 1) * flipped.std(ddof=1) / len(flipped) ** 0.5
        expected = [flipped.mean() - half, flipped.mean() + half]
        np.testing.assert_allclose(rate.edits_interval, expected)
        assert rate.edits == pytest.approx(flipped.mean())
    elif not len(flipped):
        assert np.isnan(rate.edits)


def test_a_text_that_failed_counts_as_none():
    [rate] = flip_rates([record("x", 0, 1), record("x", 1, 0, "it is empty")])
    assert (rate.texts, rate.failed, rate.rate) == (1, 1, 1.0)
    assert rates_in_words([record("x", 0, 0, "it is empty")]) == ""


def test_the_sentence_is_decided_by_mcnemars_test():
    often = [record("often", row, 1) for row in range(20)]
    seldom = [record("seldom", row, int(row < 4)) for row in range(20)]
    p = mcnemar([[4, 16], [0, 0]], exact=True).pvalue
    assert p < 0.05
    words = rates_in_words(often + seldom)
    assert in_order(words, "often", "most often", "100 %")
    assert f"{p:.1e}" in words
    assert "tell the two apart" not in words
    few = [record("often", row, 1) for row in range(3)] + [record("seldom", r, 0) for r in range(3)]
    assert "not tell the two apart" in rates_in_words(few)


def test_a_line_of_the_table_is_a_record():
    frame = flip_frame([record("x", 0, 2)])
    assert frame.iloc[0]["edits"] == 2
    assert list(flip_frame([]).columns) == list(frame.columns)
