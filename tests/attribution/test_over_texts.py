"""Evidence over a data set: the same numbers row by row, stopped and resumed; words by class."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import analysis
from analysis.attribution import (
    MEASURES,
    agreement_frame,
    agreement_over_texts,
    attribute,
    faithfulness,
    sensitivity,
)
from analysis.attribution.texts.records import whole_rows
from analysis.attribution.texts.run import (
    COLUMNS,
    TextEvidence,
    evidence_frame,
    largest_words,
    over_texts,
    summarise_evidence,
    summary_frame,
    word_frame,
)
from analysis.attribution.texts.store import EvidenceStore
from tests.support import word_adding_checkpoint as bag
from tests.support import zoo

ROWS = [("the plot is thin", None), ("but not dull", None), ("The film is good", "was it?")]
METHODS = ("integrated_gradients", "leave_one_out")
QUICK = {"repeats": 3, "options": {"integrated_gradients": {"n_steps": 2}}}


def record(
    row=0,
    scores=(1.0,),
    words=("a",),
    method="m",
    checkpoint="c",
    explained="positive",
    values=None,
    problem="",
):
    """A record made by hand."""
    return TextEvidence(
        row,
        checkpoint,
        method,
        explained,
        tuple(words),
        np.array(scores, float),
        "logit",
        np.zeros(len(COLUMNS)) if values is None else np.array(values, float),
        *np.zeros((2, len(MEASURES))),
        0.1,
        problem,
    )


def alike(one: TextEvidence, other: TextEvidence) -> bool:
    return (one.key, one.words, one.explained, one.problem) == (
        other.key,
        other.words,
        other.explained,
        other.problem,
    ) and all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
        for name in ("scores", "values", "random", "spread")
    )


@pytest.mark.slow
def test_each_row_has_what_one_text_alone_has():
    classifiers = [zoo.loaded("mha"), zoo.loaded("cls")]
    items = list(over_texts(classifiers, ROWS, METHODS, **QUICK))
    assert [item.key for item in items] == [
        (row, clf.checkpoint.id, method)
        for row in range(3)
        for clf in classifiers
        for method in METHODS
    ]
    for item in items:
        classifier = next(c for c in classifiers if c.checkpoint.id == item.checkpoint)
        text, pair = ROWS[item.row]
        alone = attribute(
            classifier,
            text,
            pair,
            item.method,
            unit="word",
            **QUICK["options"].get(item.method, {}),
        )
        assert item.explained == classifier.checkpoint.labels[alone.target]
        np.testing.assert_allclose(
            item.scores,
            alone.scores[1:][: len(item.words)]
            if pair is None
            else [
                s
                for s, u in zip(alone.scores, alone.unit_tokens, strict=True)
                if u[0] not in (0, 5, 9)
            ],
            atol=1e-6,
        )
        measured = faithfulness(classifier, text, alone, pair, repeats=3, seed=item.row)
        values = dict(zip(COLUMNS, item.values, strict=True))
        for place, (key, one) in enumerate(measured.measures().items()):
            assert values[key] == pytest.approx(one.value, abs=1e-6)
            assert item.random[place] == pytest.approx(one.random, abs=1e-6)
        gap = np.nan if alone.completeness_gap is None else alone.completeness_gap
        assert values["completeness_gap"] == pytest.approx(gap, abs=1e-6, nan_ok=True)
    assert items[-1].words == ("the", "film", "is", "good", "was", "it", "?")


def test_a_pass_that_is_stopped_and_goes_on_gives_what_a_whole_one_gives():
    class Stopped(Exception):
        pass

    def stop(share: float) -> None:
        if share > 0.55:
            raise Stopped

    whole = list(over_texts([zoo.loaded("mha")], ROWS, METHODS, **QUICK))
    kept: list[TextEvidence] = []
    with pytest.raises(Stopped):  # noqa: PT012 (what was yielded before is kept)
        for item in over_texts([zoo.loaded("mha")], ROWS, METHODS, progress=stop, **QUICK):
            kept.append(item)
    assert 0 < len(kept) < len(whole)
    rest = list(over_texts([zoo.loaded("mha")], ROWS, METHODS, done=kept, **QUICK))
    assert len(kept) + len(rest) == len(whole)
    for one, other in zip([*kept, *rest], whole, strict=True):
        assert alike(one, other)


def test_progress_rises_to_the_whole():
    seen: list[float] = []
    list(over_texts([zoo.loaded("cls")], ROWS[:2], METHODS, progress=seen.append, **QUICK))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_a_row_that_cannot_be_read_is_one_record_and_not_the_end():
    rows = [("thin", None), ("", None), ("\u200b", None), ("dull", None)]
    items = list(over_texts([zoo.loaded("cls")], rows, METHODS[:1], **QUICK))
    assert [bool(item.problem) for item in items] == [False, True, True, False]
    assert "empty" in items[1].problem
    summary = summarise_evidence(items)[0]
    assert (summary.texts, summary.failed) == (2, 2)
    assert evidence_frame(items)["problem"].tolist()[1] == items[1].problem


def test_what_was_not_asked_right_is_said_before_the_work():
    for rows, methods, told in (
        (ROWS, ("no",), "known: "),
        ((), METHODS, "at least one"),
        (ROWS, (), "at least one"),
    ):
        with pytest.raises(ValueError, match=told):
            over_texts([zoo.loaded("cls")], rows, methods)


def test_two_checkpoints_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"two checkpoints are called .*cls"):
        over_texts([zoo.loaded("cls"), zoo.loaded("cls")], ROWS, METHODS)


def test_a_regression_and_a_pair_of_classes_are_named():
    item = next(over_texts([zoo.loaded("regression")], ROWS[:1], METHODS[:1], **QUICK))
    assert item.explained == "value"
    item = next(over_texts([bag.adds()], ROWS[:1], METHODS[:1], target=(1, 0), **QUICK))
    assert item.explained == "positive minus negative"


def test_the_difference_from_another_class_is_explained_row_by_row():
    classifier = zoo.loaded("mha")
    labels = classifier.checkpoint.labels
    predicted = [analysis.record(classifier, *row).predicted for row in ROWS]
    other = labels[predicted[0]]
    items = list(over_texts([classifier], ROWS, METHODS[1:], against=other, **QUICK))
    for item, row, own in zip(items, ROWS, predicted, strict=True):
        if labels[own] == other:
            assert "cannot be explained against itself" in item.problem
            continue
        want = attribute(classifier, *row, METHODS[1], (own, labels.index(other)), "word")
        assert item.explained == f"{labels[own]} minus {other}"
        assert np.isin(item.scores, want.scores).all()
    item = next(over_texts([classifier], ROWS, METHODS[1:], against="no such", **QUICK))
    assert "has no class no such" in item.problem


def test_another_sentence_is_the_baseline_of_every_row():
    classifier, asked = zoo.loaded("mha"), {"baseline": "text", "baseline_text": "dull film"}
    item = next(over_texts([classifier], ROWS, METHODS[:1], **asked, **QUICK))
    want = attribute(classifier, *ROWS[0], unit="word", n_steps=2, **asked)
    np.testing.assert_allclose(item.scores, want.scores[1:-1], atol=1e-6)


def test_sensitivity_is_that_of_each_text_where_it_is_asked_for():
    classifier, seen = zoo.loaded("mha"), []
    items = list(
        over_texts(
            [classifier],
            ROWS[:2],
            ("leave_one_out", "exact_split"),
            sensitivity_samples=2,
            progress=seen.append,
            **QUICK,
        )
    )
    place = COLUMNS.index("sensitivity")
    for item in items:
        if item.method == "exact_split":
            assert np.isnan(item.values[place])
            continue
        want = sensitivity(classifier, *ROWS[item.row], samples=2, method=item.method, unit="word")
        assert item.values[place] == pytest.approx(want.maximum, abs=1e-6)
    assert seen == sorted(seen)
    summary = summarise_evidence(items)[0]
    assert summary.value("sensitivity")[0] == pytest.approx(
        np.mean([item.values[place] for item in items if item.method == "leave_one_out"])
    )
    plain = next(over_texts([classifier], ROWS, METHODS[:1], **QUICK))
    assert np.isnan(plain.values[place])


def test_methods_agree_as_their_rankings_do_text_by_text():
    words = ("a", "b", "c", "d", "e", "f")
    first = [(1, 2, 3, 4, 5, 6), (6, 1, 2, 5, 4, 3), (1, 1, 1, 1, 1, 1)]
    second = [(6, 5, 4, 3, 2, 1), (6, 1, 2, 5, 4, 3), (1, 2, 3, 4, 5, 6)]
    items = [
        record(row, scores, words, method)
        for method, rows in (("m", first), ("n", second))
        for row, scores in enumerate(rows)
    ]
    items += [record(3, (1.0,) * 6, words, "m", problem="no"), record(4, range(6), words, "n")]
    (found,) = agreement_over_texts(items)
    assert found.methods == ("m", "n")
    # Texts with a constant score, that failed, or that one method alone has, are left out.
    assert found.tau.tolist() == pytest.approx([-1.0, 1.0])
    assert found.mean == pytest.approx(0)
    half = stats.t.ppf(0.975, 1) * np.std([-1, 1], ddof=1) / np.sqrt(2)
    assert found.interval == pytest.approx((-half, half))
    assert found.beyond_chance == 0.5
    table = agreement_frame([found])
    assert table.loc[0, ["method", "other", "texts"]].tolist() == ["m", "n", 2]
    assert np.isnan(agreement_over_texts(items[-2:])[0].mean)


def test_tables_name_a_checkpoint_and_not_where_it_lies():
    items = list(over_texts([zoo.loaded("cls")], ROWS[:2], METHODS[:1], **QUICK))
    assert items[0].checkpoint == str(zoo.folder("cls"))
    for table in (
        evidence_frame(items),
        summary_frame(summarise_evidence(items)),
        word_frame(largest_words(items, min_texts=1)),
    ):
        assert set(table["checkpoint"]) == {"cls"}


class TestSummary:
    def items(self, count=7):
        draw = np.random.default_rng(0)
        return [
            replace(
                record(i, values=draw.normal(size=len(COLUMNS))),
                random=draw.normal(size=4),
                spread=draw.gamma(2, size=4),
            )
            for i in range(count)
        ]

    def test_means_and_intervals_are_students(self):
        items = self.items()
        found = summarise_evidence(items)[0]
        for place, column in enumerate(COLUMNS[:5]):
            values = np.array([one.values[place] for one in items])
            mean, low, high = found.value(column)
            assert mean == pytest.approx(values.mean())
            want = stats.t.interval(0.95, 6, values.mean(), stats.sem(values))
            assert (low, high) == pytest.approx(want, abs=1e-5)

    def test_normalised_is_the_advantage_over_the_spread_of_all_texts(self):
        items = self.items()
        found = summarise_evidence(items)[0]
        for place, (key, (_, larger)) in enumerate(MEASURES.items()):
            better = np.array([one.values[1 + place] - one.random[place] for one in items])
            better = better if larger else -better
            pooled = np.sqrt(np.mean([one.spread[place] ** 2 for one in items]))
            want = stats.t.interval(0.95, 6, better.mean() / pooled, stats.sem(better) / pooled)
            mean, low, high = found.value(f"{key}_normalised")
            assert mean == pytest.approx(better.mean() / pooled)
            assert (low, high) == pytest.approx(want, abs=1e-5)

    def test_one_text_whose_output_hardly_moves_does_not_decide_the_mean(self):
        items = self.items()
        still = replace(
            items[0],
            values=np.full(len(COLUMNS), 1e-4),
            random=np.zeros(4),
            spread=np.full(4, 1e-6),
        )
        with_it = summarise_evidence([*items, still])[0]
        without = summarise_evidence(items)[0]
        assert np.abs(with_it.mean[5:9] - without.mean[5:9]).max() < 0.5

    def test_what_a_text_has_not_is_left_out_and_counted(self):
        gaps = [0.1, np.nan, 0.3]
        items = [record(i, values=[gap, *np.zeros(len(COLUMNS) - 1)]) for i, gap in enumerate(gaps)]
        found = summarise_evidence(items)[0]
        assert found.value("completeness_gap")[0] == pytest.approx(0.2)
        assert found.counts[0] == 2
        # random rankings that never differ: there is nothing to normalise by
        assert np.isnan(found.value("deletion_normalised")[0])

    def test_methods_and_checkpoints_stand_apart(self):
        items = [
            record(0, method="m"),
            record(0, method="n"),
            record(0, checkpoint="d"),
            record(1, method="m"),
        ]
        found = summarise_evidence(items)
        assert [(one.checkpoint, one.method, one.texts) for one in found] == [
            ("c", "m", 2),
            ("c", "n", 1),
            ("d", "m", 1),
        ]
        frame = summary_frame(found)
        assert len(frame) == 3 * len(COLUMNS)
        assert frame["texts"].max() == 2

    def test_a_method_that_failed_everywhere_has_no_mean(self):
        failed = replace(record(problem="too long"), values=np.full(len(COLUMNS), np.nan))
        found = summarise_evidence([failed])[0]
        assert (found.texts, found.failed) == (0, 1)
        assert np.isnan(found.mean).all()


class TestWords:
    items = (
        record(0, (3.0, 1.0, -1.0), ("great", "a", "dull")),
        record(1, (1.0, 3.0, 2.0), ("great", "great", "a")),
        record(2, (5.0, 0.0), ("great", "dull")),
        record(3, (9.0,), ("great",), explained="negative"),
    )

    def test_a_text_counts_once_and_a_class_by_itself(self):
        negative, positive = largest_words(self.items, min_texts=2)
        assert (negative.explained, negative.words) == ("negative", ())
        assert positive.words == ("great", "a", "dull")
        np.testing.assert_allclose(positive.mean, [10 / 3, 1.5, -0.5])
        assert positive.texts.tolist() == [3, 2, 2]
        values = np.array([3.0, 2.0, 5.0])
        want = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
        assert positive.interval[0] == pytest.approx(want, abs=1e-5)
        assert positive.of == 3

    def test_rare_words_are_left_out_and_the_list_is_cut(self):
        assert largest_words(self.items, min_texts=3)[1].words == ("great",)
        cut = largest_words(self.items, min_texts=1, top=1)[1]
        assert (cut.words, cut.of) == (("great",), 3)
        frame = word_frame(largest_words(self.items, min_texts=1))
        assert frame["texts"].tolist() == [1, 3, 2, 2]
        with pytest.raises(ValueError, match="both are at least 1"):
            largest_words(self.items, min_texts=0)

    def test_on_a_sum_the_words_mean_is_its_number(self):
        rows = [("the plot is thin", None), ("thin but not dull", None), ("not thin", None)]
        items = list(over_texts([bag.adds()], rows, METHODS[:1], target=1, **QUICK))
        found = largest_words(items, min_texts=2)[0]
        assert found.words == ("not", "thin")
        np.testing.assert_allclose(found.mean, [2.0, -1.0], atol=1e-5)
        np.testing.assert_allclose(found.interval, [[2.0, 2.0], [-1.0, -1.0]], atol=1e-5)


class TestStore:
    asked = {"rows": "abc", "checkpoints": {"c": "123"}, "repeats": 3}  # noqa: RUF012

    def test_records_come_back_as_they_were(self, tmp_path):
        values = np.arange(len(COLUMNS)) / 3
        values[2] = np.nan
        items = [record(0, values=values), record(1, (), (), problem="über \ud800 lang")]
        store = EvidenceStore(tmp_path / "new" / "evidence.jsonl", self.asked)
        for item in items:
            store.append(item)
        again = EvidenceStore(store.path, self.asked)
        assert len(again.items) == 2
        assert all(alike(one, other) for one, other in zip(again.items, items, strict=True))

    def test_a_line_cut_short_is_forgotten_and_the_file_goes_on(self, tmp_path):
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.asked)
        for index in range(3):
            store.append(record(index))
        whole = store.path.read_bytes()
        for cut in (1, 10, 60):
            store.path.write_bytes(whole[:-cut])
            resumed = EvidenceStore(store.path, self.asked)
            assert [item.row for item in resumed.items] == [0, 1]
            resumed.append(record(2))
            assert [item.row for item in EvidenceStore(store.path, self.asked).items] == [0, 1, 2]

    def test_a_file_killed_in_its_first_line_begins_anew(self, tmp_path):
        path = tmp_path / "evidence.jsonl"
        path.write_bytes(b'{"asked": {"ro')
        EvidenceStore(path, self.asked).append(record(5))
        assert [item.row for item in EvidenceStore(path, self.asked).items] == [5]

    def test_another_question_or_another_file_is_refused_in_words(self, tmp_path):
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.asked)
        with pytest.raises(ValueError, match=r"other settings \(repeats\)"):
            EvidenceStore(store.path, {**self.asked, "repeats": 4})
        other = tmp_path / "other.csv"
        for content in ("a,b\n1,2\n", json.dumps({"a": 1}) + "\n", json.dumps([1]) + "\n"):
            other.write_text(content)
            with pytest.raises(ValueError, match="no file of evidence"):
                EvidenceStore(other, self.asked)
            assert other.read_text() == content

    def test_a_broken_line_is_left_out_and_counted(self, tmp_path):
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.asked)
        store.append(record(0))
        with store.path.open("a") as file:
            file.write('{"row": 1, "wor{"row": 2}\n')
        store.append(record(3))
        again = EvidenceStore(store.path, self.asked)
        assert [item.row for item in again.items] == [0, 3]
        assert again.unreadable == 1

    def test_a_file_that_is_cleared_meanwhile_is_whole_again(self, tmp_path):
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.asked)
        store.append(record(0))
        store.path.unlink()
        store.append(record(1))
        assert [item.row for item in EvidenceStore(store.path, self.asked).items] == [0, 1]

    def test_a_pass_goes_on_from_its_file(self, tmp_path):
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.asked)
        for item in over_texts([zoo.loaded("cls")], ROWS[:2], METHODS[:1], **QUICK):
            store.append(item)
        again = EvidenceStore(store.path, self.asked)
        rest = list(over_texts([zoo.loaded("cls")], ROWS, METHODS[:1], done=again.items, **QUICK))
        assert [item.row for item in rest] == [2]

    def test_what_failed_unforeseen_is_tried_again_and_a_refusal_is_not(
        self, tmp_path, monkeypatch
    ):
        from analysis.attribution.texts import run

        def fail(*args, **kwargs):
            raise LookupError("no such token")

        rows = [ROWS[0], ("", None)]
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.asked)
        with monkeypatch.context() as patch:
            patch.setattr(run, "attribute", fail)
            for item in over_texts([zoo.loaded("cls")], rows, METHODS[:1], **QUICK):
                store.append(item)
        assert [item.unforeseen for item in store.items] == [True, False]
        again = EvidenceStore(store.path, self.asked)
        for item in over_texts([zoo.loaded("cls")], rows, METHODS[:1], done=again.items, **QUICK):
            assert item.row == 0
            again.append(item)
        kept = EvidenceStore(store.path, self.asked).items
        assert [(item.row, bool(item.problem)) for item in kept] == [(0, False), (1, True)]


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_a_word_is_called_alike_whatever_its_tokenizer_counts_to_it(name):
    [item] = over_texts(
        [zoo.loaded(name)], [("The film is unbelievably good", None)], METHODS[1:], repeats=2
    )
    assert item.words == ("the", "film", "is", "unbelievably", "good")


def test_rows_are_whole_up_to_the_first_that_misses_a_checkpoint_or_a_method():
    def empty(row: int, checkpoint: str, method: str) -> TextEvidence:
        measures = np.zeros(len(MEASURES))
        return TextEvidence(
            row, checkpoint, method, "positive", (), np.zeros(0), "logit",
            np.zeros(len(COLUMNS)), measures, measures, 0.0,
        )  # fmt: skip

    every = [empty(row, name, how) for row in (0, 1, 3) for name in "ab" for how in ("ig", "loo")]
    assert whole_rows(every, "ab", ("ig", "loo")) == 2, "row 2 is missing"
    assert whole_rows(every[1:], "ab", ("ig", "loo")) == 0
    assert whole_rows(every[:-1], "ab", ("ig",)) == 2
