"""Rows with several numbers: read from a column each, scored output by output."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import root_mean_squared_error

from analysis.corpus.predictions import Predictions
from analysis.datasets.files import DataError
from analysis.datasets.guess import Columns
from analysis.datasets.upload import read_upload
from analysis.evaluation.agreement import compare
from analysis.evaluation.answers import comparable
from analysis.evaluation.examples import examples
from analysis.evaluation.scores import evaluate
from tests.support.sentences import in_order

OUTPUTS = ("valence", "arousal")


def file_of(folder, header="text,arousal,valence", missing=False):
    draw = np.random.default_rng(3)
    numbers = draw.normal(size=(20, 2)).round(3)
    rows = [f"a film number {n},{b},{a}" for n, (a, b) in enumerate(numbers.tolist())]
    if missing:
        rows[4] = "a film number 4,,0.5"
    path = folder / "own.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path, numbers


def answers(table, name="own", labels=OUTPUTS, seed=5):
    draw = np.random.default_rng(seed)
    logits = (table.label + draw.normal(size=table.label.shape)).astype(np.float32)
    logits = logits[:, [OUTPUTS.index(label) for label in labels]]
    n = len(table)
    return Predictions(
        checkpoint=name,
        sha256="0" * 64,
        data=table.digest,
        precision="float32",
        labels=labels,
        output="values",
        total=n,
        rows=np.arange(n),
        logits=logits,
        tokens=np.full(n, 6, np.int32),
        cut=np.zeros(n, np.int32),
    )


@pytest.mark.parametrize("columns", [None, Columns("text", None, None, ("arousal", "valence"))])
def test_a_column_of_numbers_for_each_output_is_read_in_the_outputs_order(tmp_path, columns):
    path, numbers = file_of(tmp_path)
    table = read_upload(path, labels=OUTPUTS, columns=columns).table
    assert table.labels == OUTPUTS
    assert table.regression
    assert not table.several
    assert table.class_counts() == ()
    np.testing.assert_array_equal(table.label, numbers)


def test_a_row_without_one_of_its_numbers_is_left_out_and_named(tmp_path):
    path, numbers = file_of(tmp_path, missing=True)
    upload = read_upload(path, labels=OUTPUTS)
    np.testing.assert_array_equal(upload.table.label, np.delete(numbers, 4, axis=0))
    assert [problem.row for problem in upload.problems] == [6]


def test_columns_that_are_none_of_the_outputs_are_refused(tmp_path):
    path, _ = file_of(tmp_path, header="text,one,two")
    with pytest.raises(DataError, match="valence, arousal"):
        read_upload(path, labels=OUTPUTS, columns=Columns("text", None, None, ("one", "two")))


def test_each_output_has_the_scores_of_scipy_and_scikit_learn(tmp_path):
    path, _ = file_of(tmp_path)
    table = read_upload(path, labels=OUTPUTS).table
    run = answers(table)
    evaluation = evaluate(table, run)
    assert len(evaluation.scores) == 6
    for c, name in enumerate(OUTPUTS):
        truth, predictions = table.label[:, c], run.logits[:, c].astype(np.float64)
        for metric, want in (
            ("Pearson", pearsonr(truth, predictions).statistic),
            ("Spearman", spearmanr(truth, predictions).statistic),
            ("RMSE", root_mean_squared_error(truth, predictions)),
        ):
            score = evaluation.score(f"{metric}, {name}")
            assert score.value == pytest.approx(want, rel=1e-5)
            assert score.low <= score.value <= score.high


def test_outputs_of_another_order_are_the_same_scores(tmp_path):
    path, _ = file_of(tmp_path)
    table = read_upload(path, labels=OUTPUTS).table
    evaluation = evaluate(table, answers(table))
    other = evaluate(table, answers(table, labels=OUTPUTS[::-1]))
    assert [s.value for s in evaluation.scores] == pytest.approx([s.value for s in other.scores])


def test_one_number_a_row_is_not_scored_against_several(tmp_path):
    path, _ = file_of(tmp_path)
    table = read_upload(path, labels=OUTPUTS).table
    upload = read_upload(path, labels=(), columns=Columns("text", None, "valence")).table
    with pytest.raises(ValueError, match="each of valence, arousal"):
        evaluate(upload, answers(table))
    with pytest.raises(ValueError, match="scored one by one"):
        compare(table, answers(table), answers(table, "other", seed=6))


def test_rows_are_listed_with_every_number(tmp_path):
    path, _ = file_of(tmp_path)
    table = read_upload(path, labels=OUTPUTS).table
    run = answers(table)
    frame = examples(table, [run]).frame()
    assert {"label, valence", "own: arousal", "difference"} <= set(frame)
    apart = np.abs(run.logits - table.label).mean(axis=1)
    np.testing.assert_allclose(frame["difference"], np.sort(apart)[::-1], rtol=1e-6)


def test_one_of_another_kind_leaves_the_others_side_by_side(tmp_path):
    path, _ = file_of(tmp_path)
    table = read_upload(path, labels=OUTPUTS).table
    runs = [
        answers(table, "/home/somebody/first"),
        replace(answers(table, "/home/somebody/classes"), output="softmax"),
        answers(table, "second", labels=OUTPUTS[::-1]),
    ]
    kept, message = comparable(runs)
    assert [run.checkpoint for run in kept] == ["/home/somebody/first", "second"]
    assert in_order(message, "classes", "other classes")
    assert comparable(kept) == (kept, "")
