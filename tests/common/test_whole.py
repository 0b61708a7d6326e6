"""Files are whole or not there: every way in which a write can end."""

from __future__ import annotations

import errno
import os

import pyarrow as pa
import pytest
from pyarrow import parquet

from analysis.common.whole import append_line, is_whole, rows_of, why_not_written, write_whole


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_whole(path, "old")
    monkeypatch.setattr("analysis.common.whole.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    append_line(path, "one")
    with monkeypatch.context() as patch:
        patch.setattr("analysis.common.whole.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            append_line(path, "two")
    append_line(path, "three")
    assert path.read_text() == "one\nthree\n"


def _arrow(path, rows):
    batch = pa.RecordBatch.from_pydict({"row": list(range(rows))})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    path.write_bytes(sink.getvalue().to_pybytes())


def _parquet(path, rows):
    parquet.write_table(pa.table({"row": list(range(rows))}), path)


@pytest.mark.parametrize(("name", "make"), [("a.arrow", _arrow), ("a.parquet", _parquet)])
def test_a_table_that_is_cut_or_zeroed_is_not_whole(tmp_path, name, make):
    path = tmp_path / name
    assert rows_of(path) is None
    make(path, 50)
    content = path.read_bytes()
    assert (is_whole(path), is_whole(path, 50), is_whole(path, 49)) == (True, True, False)
    for cut in (0, 1, 7, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        assert not is_whole(path), cut
    path.write_bytes(bytes(len(content)))
    assert not is_whole(path)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "full"), (errno.EROFS, "cannot be written"), (errno.EACCES, "another folder")],
)
def test_the_reason_is_a_sentence_that_names_the_folder(tmp_path, number, words):
    sentence = why_not_written(OSError(number, os.strerror(number)), tmp_path / "a.json")
    assert words in sentence
    assert str(tmp_path) in sentence
