"""The behaviour suite: what it promises of its sentences, and failure rates counted by hand."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from analysis import suite
from analysis.corpus.predictions import Predictions
from analysis.datasets.tasks import TASKS
from analysis.suite.cases import Maker, evenly
from tests.support.sentences import in_order

ALL = suite.sentences()


def answers(cases, right=(), labels=None, confidence=4.0):
    """Predictions that give each case its label, the `right` mapping's label where it has one."""
    labels = labels or TASKS[cases[0].task].labels
    logits = np.zeros((len(cases), len(labels)), np.float32)
    for row, case in enumerate(cases):
        logits[row, labels.index(dict(right).get(row, case.label))] = confidence
    rows = np.arange(len(cases))
    counts = np.ones(len(cases), np.int32)
    return Predictions(
        "c", "s", "d", "float32", labels, "softmax", len(cases), rows, logits, counts, counts
    )


class TestSentences:
    def test_there_are_at_least_1500_and_every_task_has_its_share(self):
        assert len(ALL) >= 1500
        assert all(len(suite.sentences(task)) >= 400 for task in suite.TASKS)

    def test_no_sentence_is_there_twice(self):
        assert len({(case.task, case.text, case.pair) for case in ALL}) == len(ALL)
        assert len({case.id for case in ALL}) == len(ALL)

    def test_the_suite_is_the_same_every_time(self):
        for task in suite.TASKS:
            again = suite._ROOMS[task].cases()
            assert tuple(again) == suite.sentences(task)

    def test_every_case_says_what_it_tests_from_which_template(self):
        for case in ALL:
            assert case.capability
            assert case.template
            assert case.kind in suite.KINDS
            assert case.label in TASKS[case.task].labels
            assert (case.pair is not None) == TASKS[case.task].pairs

    def test_invariance_and_direction_are_paired_with_an_original_of_the_same_task(self):
        known = {case.id: case for case in ALL}
        for case in ALL:
            assert (case.original is None) == (case.kind == "MFT")
            assert (case.toward is None) == (case.kind != "DIR")
            if case.original is not None:
                original = known[case.original]
                assert (original.task, original.kind) == (case.task, "MFT")
                assert (original.text, original.pair) != (case.text, case.pair)
            if case.kind == "INV":
                assert known[case.original].label == case.label

    def test_every_class_and_kind_of_test_is_met(self):
        for task in suite.TASKS:
            cases = suite.sentences(task)
            assert {case.label for case in cases} == set(TASKS[task].labels)
            assert {case.kind for case in cases} == set(suite.KINDS)
            most = max(Counter(case.label for case in cases).values())
            assert most / len(cases) < 0.55

    def test_capabilities_that_were_promised_are_there(self):
        capabilities = {case.capability for case in ALL}
        assert capabilities >= {
            "plain",
            "negation",
            "double negation",
            "contrast",
            "intensifiers",
            "change over time",
            "hedges",
            "irrelevant nouns",
            "question word",
            "question noun",
            "word order",
            "role swap",
            "active and passive",
            "numbers",
            "names",
        }

    def test_contrast_is_made_with_but_and_with_although(self):
        texts = [case.text for case in ALL if case.capability == "contrast"]
        assert sum(", but " in text for text in texts) >= 30
        assert sum("lthough" in text for text in texts) >= 30

    def test_the_english_is_clean(self):
        for text in {text for case in ALL for text in (case.text, case.pair) if text}:
            assert text == text.strip()
            assert text[0].isupper() or text[0] == '"'
            assert text[-1] in '.?!"'
            assert "{" not in text
            assert "  " not in text
            assert not re.search(r"\b(\w+) \1\b", text)  # no word twice in a row
            assert not re.search(r"\ba [aeiou]", text.lower())
            assert not re.search(r"\ban [^aeiouh]", text.lower())

    def test_the_table_has_the_rows_of_the_cases(self):
        for task in suite.TASKS:
            table, cases = suite.table(task), suite.sentences(task)
            assert table.text == tuple(case.text for case in cases)
            assert [table.labels[i] for i in table.label] == [case.label for case in cases]
            assert (table.pair is not None) == TASKS[task].pairs

    def test_another_task_is_refused_with_those_there_are(self):
        with pytest.raises(ValueError, match=r"'cola'.*sst2, trec, mrpc"):
            suite.sentences("cola")


class TestMaker:
    def test_the_article_follows_the_word(self):
        made = Maker("sst2").mft("c", "this is {a word} film", "positive", word=("good", "odd"))
        assert [case.text for case in made] == ["This is a good film", "This is an odd film"]

    def test_a_sentence_that_is_there_already_is_refused(self):
        make = Maker("sst2")
        make.mft("c", "{word}", "positive", word=("good",))
        with pytest.raises(ValueError, match="twice"):
            make.mft("d", "{word}", "negative", word=("good",))

    @pytest.mark.parametrize(("size", "most"), [(10, 3), (12, 12), (7, 20), (24, 23), (1, 1)])
    def test_an_even_choice_takes_no_item_twice(self, size, most):
        chosen = evenly(list(range(size)), most)
        assert len(chosen) == len(set(chosen)) == min(size, most)


class TestResults:
    CASES = suite.sentences("sst2")

    def test_a_checkpoint_that_gives_every_label_fails_nothing(self):
        for task in suite.TASKS:
            cases = suite.sentences(task)
            results = suite.results(cases, answers(cases))
            assert results.failures == ()
            assert (results.tested, results.total) == (len(cases), len(cases))
            assert results.frame()["rate"].max() == 0

    def test_a_constant_answer_fails_minimum_functionality_and_no_invariance(self):
        wrong = {row: "negative" for row in range(len(self.CASES))}
        results = suite.results(self.CASES, answers(self.CASES, wrong))
        rates = {(rate.capability, rate.kind): rate for rate in results.rates}
        assert rates["plain", "MFT"].rate == pytest.approx(0.5)
        assert all(rate.failures == 0 for rate in results.rates if rate.kind != "MFT")

    def test_failures_are_those_counted_by_hand(self):
        row = next(i for i, case in enumerate(self.CASES) if case.kind == "INV")
        case = self.CASES[row]
        other = "negative" if case.label == "positive" else "positive"
        results = suite.results(self.CASES, answers(self.CASES, {row: other}))
        (failure,) = results.failures
        assert (failure.row, failure.predicted, failure.original_predicted) == (
            row,
            other,
            case.label,
        )
        (rate,) = [rate for rate in results.rates if rate.failures]
        assert (rate.capability, rate.kind, rate.failures) == (case.capability, "INV", 1)
        assert 0 < rate.low < rate.rate < rate.high < 1
        table = results.failing(case.capability, "INV")
        assert table["row"].tolist() == [row]
        assert table["original"].tolist() == [
            next(pair_case.text for pair_case in self.CASES if pair_case.id == case.original)
        ]

    @pytest.mark.parametrize(("moved", "fails"), [(-0.5, True), (-0.005, False), (0.0, False)])
    def test_a_direction_fails_where_the_class_falls_by_more_than_the_tolerance(self, moved, fails):
        row = next(i for i, case in enumerate(self.CASES) if case.kind == "DIR")
        case = self.CASES[row]
        run = answers(self.CASES, confidence=1.0)
        logits = run.logits.copy()
        before = run.probabilities[0].max()
        after = before + moved
        place = run.labels.index(case.toward)
        logits[row] = 0
        logits[row, place] = np.log(after / (1 - after))
        changed = Predictions(
            "c",
            "s",
            "d",
            "float32",
            run.labels,
            "softmax",
            run.total,
            run.rows,
            logits,
            run.tokens,
            run.cut,
        )
        results = suite.results(self.CASES, changed)
        failed = [failure for failure in results.failures if failure.row == row]
        assert bool(failed) == fails
        if fails:
            assert in_order(
                failed[0].sentence, case.toward, "fell", f"{before:.2f}", f"{after:.2f}"
            )

    def test_rows_without_an_answer_count_nowhere(self):
        run = answers(self.CASES)
        some = run.at(np.arange(0, len(self.CASES), 3))
        results = suite.results(self.CASES, some)
        assert results.tested < len(some)  # those whose original was not reached are left out too
        assert sum(rate.n for rate in results.rates) == results.tested

    def test_a_checkpoint_with_numbered_classes_is_read_by_their_order(self):
        run = answers(self.CASES)
        numbered = Predictions(
            "c",
            "s",
            "d",
            "float32",
            ("LABEL_0", "LABEL_1"),
            "softmax",
            run.total,
            run.rows,
            run.logits,
            run.tokens,
            run.cut,
        )
        assert suite.results(self.CASES, numbered).failures == ()

    def test_a_checkpoint_of_another_task_is_refused(self):
        run = answers(self.CASES[: len(suite.sentences("trec"))])
        with pytest.raises(ValueError, match=r"^c .*negative, positive"):
            suite.results(suite.sentences("trec"), run)

    def test_predictions_of_another_table_are_refused(self):
        with pytest.raises(ValueError, match=r" 3 rows.* 1272"):
            suite.results(self.CASES, answers(self.CASES[:3]))


def test_words_of_a_task_stand_in_its_sentences():
    for task in (*suite.TASKS, None, "another task"):
        known = suite.sentences(task if task in suite.TASKS else None)
        text = " ".join(f"{case.text} {case.pair or ''}" for case in known).lower()
        words = suite.words(task)
        assert len(words) == len(set(words)) == 40
        assert all(word in text for word in words)
