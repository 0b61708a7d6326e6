"""Rows with several labels: lists in JSON and fastText, columns of 0 and 1, and the table of it."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from analysis.datasets import Table
from analysis.datasets.upload import peek, read_upload

TEXTS = ["a good film", "a dull film", "good and dull", "who"]
SETS = [["good"], ["dull"], ["good", "dull"], []]
LABELS = [[0, 1], [1, 0], [1, 1], [0, 0]]  # dull, good


def _json() -> bytes:
    return json.dumps([{"text": t, "labels": s} for t, s in zip(TEXTS, SETS, strict=True)]).encode()


def _csv_of_lists() -> bytes:
    return pd.DataFrame({"text": TEXTS, "labels": SETS}).to_csv(index=False).encode()


def _columns() -> bytes:
    frame = pd.DataFrame({"text": TEXTS, "dull": [0, 1, 1, 0], "good": [1, 0, 1, 0]})
    return frame.to_csv(index=False).encode()


def _parquet() -> bytes:
    sink = io.BytesIO()
    pd.DataFrame({"text": TEXTS, "labels": SETS}).to_parquet(sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", _json()),
        ("a.csv", _csv_of_lists()),
        ("b.csv", _columns()),
        ("a.parquet", _parquet()),
    ],
)
@pytest.mark.parametrize("labels", [None, ("dull", "good")])
def test_every_form_gives_the_same_table(name, content, labels):
    upload = read_upload(content, name, labels=labels)
    assert upload.table.text == tuple(TEXTS)
    assert upload.table.labels == ("dull", "good")
    assert upload.table.label.tolist() == LABELS
    assert upload.table.several
    assert not upload.problems


def test_fasttext_gives_one_label_or_several():
    upload = read_upload(b"__label__a the film\n__label__b , the plot\n", "train.txt")
    assert upload.form == "fastText"
    assert upload.table.text == ("the film", "the plot")
    assert [upload.table.labels[i] for i in upload.table.label] == ["a", "b"]
    some = read_upload(b"__label__a __label__b the film\nthe plot __label__b\n", "train.txt")
    assert some.table.label.tolist() == [[1, 1], [0, 1]]
    without = read_upload(b"__label__a the film\nno label\n__label__b it\n", "train.txt")
    assert [(p.row, p.kind) for p in without.problems] == [(2, "without a label")]


def test_an_unknown_label_names_its_row_and_leaves_it_out():
    upload = read_upload(_json(), "a.json", labels=("good", "bad"))
    assert upload.table.text == ("a good film", "who")
    assert upload.table.label.tolist() == [[1, 0], [0, 0]]
    assert [p.row for p in upload.problems] == [2, 3]
    assert {u.value for u in upload.unknown} == {"dull"}
    mapped = read_upload(_json(), "a.json", labels=("good", "bad"), mapping={"dull": "bad"})
    assert mapped.table.label.tolist() == [[1, 0], [0, 1], [1, 1], [0, 0]]


def test_a_named_label_is_preferred_to_columns_of_numbers():
    content = b"text,label,likes,shares\na film,good,1,0\na plot,bad,0,1\n"
    assert peek(content, "a.csv").columns.label == "label"


def test_sets_of_classes_become_classes():
    table = Table("own", "dev", tuple(TEXTS), None, np.array(LABELS), ("dull", "good"))
    sets = table.by_sets()
    assert [sets.labels[code] for code in sets.label] == ["good", "dull", "dull, good", "none"]
    assert table.frame()["label"].tolist() == [["good"], ["dull"], ["dull", "good"], []]
    assert sets.by_sets() is sets


SHAPES = ["records", "columns", "index", "split", "table", "values"]


@pytest.mark.parametrize("lines", [None, 2])
@pytest.mark.parametrize("orient", SHAPES)
def test_every_shape_that_pandas_writes_is_read(orient, lines):
    frame = pd.DataFrame({"text": ["a film", 'it is "fine"', "née"], "label": ["a", "b", "a"]})
    upload = read_upload(frame.to_json(orient=orient, indent=lines).encode(), "a.json")
    assert upload.table.text == tuple(frame["text"])
    assert [upload.table.labels[i] for i in upload.table.label] == ["a", "b", "a"]


def test_json_lines_stay_json_lines():
    line = b'{"text": "a film", "label": "a", "meta": {"id": 1}}\n'
    assert read_upload(line, "a.jsonl").table.text == ("a film",)
    broken = read_upload(b'{"text": \n' + line + line.replace(b"film", b"plot"), "a.jsonl")
    assert broken.table.text == ("a film", "a plot")
    assert broken.problems[0].row == 1


@pytest.mark.parametrize(
    "value",
    [
        {"data": [{"text": "a", "label": 0}, {"text": "b", "label": 1}], "version": "1"},
        {"text": ["a", "b"], "label": [0, 1]},
        [["text", "label"], ["a", 0], ["b", 1]],
    ],
)
def test_other_shapes_of_a_table_are_read(value):
    assert read_upload(json.dumps(value).encode(), "a.json").table.text == ("a", "b")


@pytest.mark.parametrize("value", [[1, 2], [[1], 2], [[]]])
def test_what_is_no_table_is_refused_with_what_to_write(value):
    with pytest.raises(ValueError, match="orient='records'"):
        read_upload(json.dumps(value).encode(), "a.json")
