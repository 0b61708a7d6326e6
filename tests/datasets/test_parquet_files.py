"""Parquet files of strangers: rows that share a text share its memory, and odd ones are told."""

from __future__ import annotations

import base64
import contextlib
import io
import tracemalloc
import zlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.datasets import parquet
from analysis.datasets.files import DataError
from analysis.datasets.guess import Columns
from analysis.datasets.upload import peek, read_file, read_upload


def _bytes(table: pa.Table, **options: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.text(min_size=1), st.sampled_from(["a", "b"])), min_size=1, max_size=30)
)
def test_any_table_is_read_as_pandas_reads_it(values):
    frame = pd.DataFrame(values, columns=["text", "label"])
    stream = io.BytesIO(_bytes(pa.Table.from_pandas(frame, preserve_index=False)))
    upload = parquet.parquet(stream, "a.parquet")
    assert upload.names == ("text", "label")
    assert [tuple(row) for _, row in upload.rows] == values


@pytest.mark.slow
def test_a_long_text_that_many_rows_share_takes_the_memory_of_one():
    text = "a long text " * 50_000  # 600 kB
    labels = ["x", "y"] * 2_000
    raw = _bytes(pa.table({"text": [text] * 4_000, "label": labels}), compression="zstd")
    assert len(raw) < 100_000
    tracemalloc.start()
    shown = peek(raw, "a.parquet")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert shown.names == ("text", "label")
    assert most < 100 * 2**20  # 2.4 GB if every row had its own


@settings(max_examples=25, deadline=None)
@given(st.lists(st.none() | st.lists(st.sampled_from(["a", "b", "ccc"])), min_size=1, max_size=20))
def test_lists_are_read_as_they_were_written(values):
    table = pa.table({"topics": pa.array(values, pa.list_(pa.string()))})
    reading = parquet.parquet(io.BytesIO(_bytes(table)), "a.parquet")
    assert [row[0] for _, row in reading.rows] == values


def shared(rows: int, in_each: int, text: str) -> pa.Array:
    """Lists of one text that all of them share."""
    codes = pa.array(np.zeros(rows * in_each, np.int32))
    ends = pa.array(np.arange(rows + 1, dtype=np.int32) * in_each)
    return pa.ListArray.from_arrays(ends, pa.DictionaryArray.from_arrays(codes, pa.array([text])))


@pytest.mark.parametrize(("rows", "in_each"), [(4_000, 1), (3, 4_000)])
@pytest.mark.parametrize("column", ["text", "label"])
def test_lists_that_share_a_long_text_take_the_memory_of_one(rows, in_each, column):
    other = [f"{n % 2}" for n in range(rows)]
    lists = shared(rows, in_each, "x" * 600_000)
    table = {"text": lists, "label": other} if column == "text" else {"text": other, "label": lists}
    raw = _bytes(pa.table(table), compression="zstd")
    assert len(raw) < 100_000
    tracemalloc.start()
    peek(raw, "a.parquet")
    reading = read_upload(raw, "a.parquet", columns=Columns("text", None, "label"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reading.counts["too long"] == rows
    assert most < 60 * 2**20  # 2.4 GB and more if every row or entry had its own


def test_lists_with_too_many_entries_are_refused_before_they_are_unpacked(monkeypatch):
    monkeypatch.setattr(parquet, "MOST_VALUES", 1_000)
    raw = _bytes(pa.table({"text": ["a", "b"], "topics": shared(2, 600, "x")}))
    with pytest.raises(DataError, match="'topics' have 1,200 entries"):
        peek(raw, "a.parquet")


def test_a_label_as_long_as_a_text_is_no_label():
    reading = read_upload(
        f"text,label\nfirst,{'x' * 20_000}\nsecond,a\nthird,b\n".encode(),
        "a.csv",
        columns=Columns("text", None, "label"),
    )
    assert reading.table.labels == ("a", "b")
    assert [problem.row for problem in reading.problems] == [2]


def test_repeated_rows_take_no_place_before_they_are_left_out():
    text = "word " * 15_000
    raw = _bytes(pa.table({"text": [text] * 2_000, "label": ["x", "y"] * 1_000}))
    reading = read_upload(raw, "a.parquet", most=10 * len(text))
    assert len(reading.table) == 2
    assert reading.counts["repeated"] == 1_998
    assert reading.rows == 2_000


def test_a_file_with_more_text_than_is_read_says_where_it_was_left():
    frame = pd.DataFrame({"text": [f"{n} {'word ' * 100}" for n in range(100)], "label": "x"})
    reading = read_upload(_bytes(pa.Table.from_pandas(frame)), "a.parquet", most=10_000)
    assert 10 < len(reading.table) < 30
    assert any("all that is read" in note for note in reading.notes)


def test_a_column_that_unpacks_to_more_than_can_be_held_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(parquet, "MOST_UNPACKED", 2**20)
    raw = _bytes(
        pa.table({"text": ["x" * 1_000] * 5_000}), compression="zstd", use_dictionary=False
    )
    assert len(raw) < 50_000
    with pytest.raises(DataError, match="'text' unpacks to 5 MB"):
        peek(raw, "a.parquet")


def test_two_columns_of_one_name_are_told_apart():
    table = pa.table([["good", "bad"], ["a", "b"], [1, 0]], names=["text", "text", "label"])
    shown = peek(_bytes(table), "a.parquet")
    assert shown.names == ("text", "text (2)", "label")
    assert shown.rows[0] == {"text": "good", "text (2)": "a", "label": 1}


def test_text_that_is_no_utf8_is_read_as_windows_1252():
    raw = pa.array([b"caf\xe9 good", "café bad".encode()], pa.binary())
    texts = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    upload = parquet.parquet(io.BytesIO(_bytes(pa.table({"text": texts}))), "a.parquet")
    assert [row[0] for _, row in upload.rows] == ["café good", "café bad"]


@pytest.mark.parametrize("missing", [None, float("nan"), "NaN", "nan", "<NA>", " "])
def test_a_label_that_is_missing_is_no_class_and_its_row_is_named(missing):
    labels = pd.Series(["x", missing, "y"], dtype=object)
    frame = pd.DataFrame({"text": ["one", "two", "three"], "label": labels})
    reading = read_upload(frame.to_csv(index=False).encode(), "a.csv")
    assert reading.table.labels == ("x", "y")
    assert [problem.kind for problem in reading.problems] == ["without a label"]


def test_numbers_and_missing_values_stay_what_they_are():
    table = pa.table({"text": ["a", None], "score": np.array([0.5, np.nan])})
    upload = parquet.parquet(io.BytesIO(_bytes(table)), "a.parquet")
    first, second = (row for _, row in upload.rows)
    assert list(first) == ["a", 0.5]
    assert second[0] is None
    assert np.isnan(second[1])


def test_a_table_for_training_with_a_missing_label_is_refused_by_its_line(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\ngood,x\nbad,NaN\n")
    with pytest.raises(DataError, match=r"row 3:.*'label'"):
        read_file(tmp_path / "a.csv", "text", label="label")


# A statistic of a column has another length than its levels: pyarrow's own view of that column
# ends the process.
ENDS_A_PROCESS = (
    "eNqVVM1u00AQnl0vxo1yaKvuai3lEKHWKlIbUqRUFQShTUiaQApNpKqiNyeyQiU3DUkgBXHkyFNw4gE4cuQZeAjUB+"
    "iRmbXTRLQHWFm745lvvm9m/HNoOjtSyDWpW3jAKkBmnQFAyIBBV4JclWoLI8vSlW5uFzZZV7NwZQUhS3mOu2DM4Qgo"
    "ykILMcSgBYMlVqYoLSc9kSwv17cQlJBpjyKE0h5LMQo2vRl+7rVyy5bQ4bS7DnfWwZa11pLcqnq5BHz19O+qtTeLzC"
    "3FN2/xLvTlMMZRwY9LoN1x7010FkoXZHbjnhaT6GKyAS0SLHF9Jw67UYxVuK0yeYQW8el4Iil9g+u7URydRYMJyAze"
    "sQEo4ef8cgA5mfVL4C77CaHkSqhP6jMLyoG3OGmfOgGiA2yIQxkJXD8AgWLEIhKWvaQOqz3TRE5X/WbqkgW/WPCFpT"
    "OHf5v5DeH7geB+neafSmfSBtjAVv+DqZ8s+OYEV/z/hn5TCRu0T1p9FUoEnvouwM/prOl0Xh0/Sh6HvuQPaE37FWNM"
    "2yTrhTFTU+mbujF9U+1bXwUBB2RUjWlax/w0Sag6JuulvSeqypSoLeTCOl/P8eba7PbNPulU7GkSiecfMXMPzdpB3S"
    "KntNfm1LZUG+ru109PjilebZPeh0Pqh3BNC2peJy2I7sfFk+NiKkbF90mieQ06SpNQB+NYV888S5NrM0z7yJI2buNv"
    "dOKo0TbzFGs/AZ0fhqO376LJdm843A5Ho/Np/n00Gp+eD/IPdwvFwo5fxk8iueAxvlKH+HP5A7jDvPs="
)


@pytest.mark.parametrize("most", [parquet.MOST_UNPACKED, 10])
def test_a_file_that_ends_whoever_looks_at_a_column_is_read_or_named(most, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_UNPACKED", most)
    content = zlib.decompress(base64.b64decode(ENDS_A_PROCESS))
    with contextlib.suppress(DataError):
        seen = peek(content, "a.parquet")
        read_upload(content, "a.parquet", columns=seen.columns)
