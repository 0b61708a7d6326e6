"""Labels as they stand in people's files: one class for one name, and none for another."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.datasets.files import DataError
from analysis.datasets.guess import Columns
from analysis.datasets.upload import peek, read_upload

LABEL = Columns("text", None, "label")


def csv(cells, columns=LABEL, **options):
    rows = "".join(f"text number {n},{label}\n" for n, label in enumerate(cells))
    return read_upload(f"text,label\n{rows}".encode(), "own.csv", columns=columns, **options)


def names(upload):
    return [upload.table.labels[code] for code in upload.table.label]


def test_classes_that_differ_in_case_alone_stay_apart():
    upload = csv(["Yes", "yes", "No", "yes"])
    assert names(upload) == ["Yes", "yes", "No", "yes"]


@pytest.mark.parametrize(
    ("training", "scored", "read"),
    [
        (("1", "2", "5"), ["0", "1", "2"], ["1", "2"]),  # numbers are names here, not places
        (("1.0", "2.0", "3.0"), ["1", "2"], ["1.0", "2.0"]),
        (("-1", "0", "1"), ["1", "0", "2"], ["1", "0"]),
        (("1 star", "2 stars", "3 stars"), ["1", "2"], ["1 star", "2 stars"]),
        (("negative", "positive"), ["1", "0"], ["positive", "negative"]),  # places, for want of any
        (("0", "1"), ["True", "False"], ["1", "0"]),
        (("1", "2", "5"), ["LABEL_0", "LABEL_2"], ["1", "5"]),
    ],
)
def test_a_number_is_the_class_of_that_number_where_classes_are_numbered(training, scored, read):
    assert names(csv(scored, labels=training)) == read


def test_a_whole_number_is_one_class_however_it_is_written():
    upload = csv(["1", "1.0", "2", "2.0", "10"])
    assert upload.table.labels == ("1", "2", "10")
    assert names(upload) == ["1", "1", "2", "2", "10"]


def test_decimal_commas_make_numbers_and_not_classes():
    raw = "text;label\n" + "".join(f"text number {n};{n},5\n" for n in range(30))
    upload = read_upload(raw.encode(), "own.csv", columns=LABEL)
    assert upload.table.regression
    assert upload.table.label.tolist() == [n + 0.5 for n in range(30)]


def test_a_label_is_on_one_line_and_holds_no_control_character():
    lines = [
        {"text": f"text number {n}", "label": label}
        for n, label in enumerate(["a\nb", "\x1fc", "\ud800d", "e\0f", ["g\th", "\x1ei"]])
    ]
    upload = read_upload("\n".join(map(json.dumps, lines)).encode(), "own.jsonl", columns=LABEL)
    assert set(upload.table.labels) == {"a b", "c", "\ufffdd", "e f", "g h", "i"}
    assert all(label.isprintable() for label in upload.table.labels)


@pytest.mark.parametrize(
    "cells", [("yes", "no"), ("Yes", "No"), ("x", ""), ("T", "F"), ("1", "0"), ("TRUE", "FALSE")]
)
def test_columns_of_any_usual_mark_are_classes_each(cells):
    on, off = cells
    raw = "text,sport,war\n" + "".join(
        f"text number {n},{on if n % 2 else off},{on if n % 3 else off}\n" for n in range(12)
    )
    guessed = peek(raw.encode(), "own.csv").columns
    assert guessed.classes == ("sport", "war")
    upload = read_upload(raw.encode(), "own.csv", columns=guessed)
    truth = np.array([[n % 2 > 0, n % 3 > 0] for n in range(12)])
    assert np.array_equal(upload.table.label, truth)


def parquet(table, tmp_path):
    file = tmp_path / "own.parquet"
    pq.write_table(pa.table(table), file)
    return file


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.large_string())])
def test_lists_of_labels_are_read_from_a_column_of_any_name(kind, tmp_path):
    topics = [["sport"], ["war", "sport"], []] * 4
    file = parquet(
        {"text": [f"text number {n}" for n in range(12)], "topics": pa.array(topics, kind)},
        tmp_path,
    )
    assert peek(file).columns.text == "text"
    upload = read_upload(file, columns=Columns("text", None, "topics"))
    shown = [
        [n for n, on in zip(upload.table.labels, row, strict=True) if on]
        for row in upload.table.label
    ]
    assert shown == [sorted(row) for row in topics]


def test_a_column_that_is_not_read_is_told_from_one_that_is_not_there(tmp_path):
    table = {"text": ["a text", "a second"], "vector": [[0.5, 1.5], [1.0, 2.0]]}
    file = parquet(table, tmp_path)
    with pytest.raises(DataError, match="'vector' holds bytes, vectors or records"):
        read_upload(file, columns=Columns("text", None, "vector"))
    with pytest.raises(DataError, match="no column 'topics'"):
        read_upload(file, columns=Columns("text", None, "topics"))


def test_a_text_that_was_cut_into_words_is_put_together_and_a_record_is_none():
    lines = [
        {"text": ["the", "film"], "label": "a"},
        {"text": {"en": "the film"}, "label": "a"},
        {"text": "the film is dull", "label": "b"},
    ]
    upload = read_upload("\n".join(map(json.dumps, lines)).encode(), "own.jsonl", columns=LABEL)
    assert list(upload.table.text) == ["the film", "the film is dull"]
    assert [problem.row for problem in upload.problems] == [2]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_first_line_that_names_the_delimiter_is_no_row(first):
    raw = f"{first}\r\ntext;label\r\none, two;a\r\nthree;b\r\n"
    upload = read_upload(raw.encode(), "excel.csv")
    assert list(upload.table.text) == ["one, two", "three"]
    assert upload.lines.tolist() == [3, 4]
