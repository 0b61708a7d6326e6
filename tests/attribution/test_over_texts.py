"""Evidence over a data set: the same numbers row by row, stopped and resumed."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.attribution import attribute, faithfulness, sensitivity
from analysis.attribution.texts.run import (
    COLUMNS,
    TextEvidence,
    evidence_frame,
    over_texts,
    summarise_evidence,
)
from tests.support import word_adding_checkpoint as bag
from tests.support import zoo
from tests.support.evidence_records import METHODS, QUICK, ROWS, alike


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
        for place, (key, measure) in enumerate(measured.measures().items()):
            assert values[key] == pytest.approx(measure.value, abs=1e-6)
            assert item.random[place] == pytest.approx(measure.random, abs=1e-6)
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
    for first, other in zip([*kept, *rest], whole, strict=True):
        assert alike(first, other)


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
    for rows, methods, message in (
        (ROWS, ("no",), "known: "),
        ((), METHODS, "at least one"),
        (ROWS, (), "at least one"),
    ):
        with pytest.raises(ValueError, match=message):
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
    classifier, settings = zoo.loaded("mha"), {"baseline": "text", "baseline_text": "dull film"}
    item = next(over_texts([classifier], ROWS, METHODS[:1], **settings, **QUICK))
    want = attribute(classifier, *ROWS[0], unit="word", n_steps=2, **settings)
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


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_a_word_is_called_alike_whatever_its_tokenizer_counts_to_it(name):
    [item] = over_texts(
        [zoo.loaded(name)], [("The film is unbelievably good", None)], METHODS[1:], repeats=2
    )
    assert item.words == ("the", "film", "is", "unbelievably", "good")
