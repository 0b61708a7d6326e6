"""Somebody's own file: which column is what, which label is which class, how large it may be."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.datasets.files import DataError
from analysis.datasets.upload import Columns, peek, read_hub, read_upload
from tests.support.upload_reading import CSV, SENTIMENT

ROOT = Path(__file__).resolve().parents[2]


class TestColumns:
    @pytest.mark.parametrize(
        ("header", "columns"),
        [
            ("sentence\tlabel", Columns("sentence", None, "label")),
            ("idx\tsentence1\tsentence2\tlabel", Columns("sentence1", "sentence2", "label")),
            (
                "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String",
                Columns("#1 String", "#2 String", "Quality"),
            ),
            ("premise\thypothesis\tgold_label", Columns("premise", "hypothesis", "gold_label")),
            ("index\tquestion\tsentence\tlabel", Columns("question", "sentence", "label")),
            ("id\treview\tsentiment", Columns("review", None, "sentiment")),
        ],
    )
    def test_usual_names_are_known(self, header, columns):
        width = header.count("\t") + 1
        row = "\t".join(f"some words {place}" for place in range(width))
        assert peek(f"{header}\n{row}\n".encode(), "a.tsv").columns == columns

    def test_without_usual_names_the_content_decides(self):
        content = "nr,was,wie\n1,Ein schöner langer Satz.,gut\n2,Noch ein ganzer Satz.,schlecht\n"
        upload = read_upload(content.encode(), "a.csv")
        assert upload.columns == Columns("was", None, "wie")
        assert upload.guessed
        assert any("text from 'was'" in note for note in upload.notes)

    def test_a_second_text_is_looked_for_only_where_it_is_wanted(self):
        content = b"sentence1,sentence2,label\na b c,d e f,1\nx y z,u v w,0\n"
        assert peek(content, "a.csv", pairs=False).columns.pair is None
        assert read_upload(content, "a.csv").table.pair == ("d e f", "u v w")

    def test_a_file_without_a_header_is_read_from_its_first_line(self):
        upload = read_upload(b"A fine film.,1\nA dull film.,0\n", "a.csv", labels=SENTIMENT)
        assert upload.table.text == ("A fine film.", "A dull film.")
        assert any("first line reads as data" in note for note in upload.notes)

    def test_a_wrong_column_lists_those_there_are(self):
        with pytest.raises(DataError, match=r"no column 'sentence'.*'text', 'label'"):
            read_upload(CSV, "a.csv", columns=Columns("sentence"))

    def test_further_columns_are_kept_row_by_row(self):
        content = b"text,label,source\nfine,1,web\n,0,book\ndull,0,book\n"
        upload = read_upload(content, "a.csv", more=["source"])
        assert upload.more == {"source": ("web", "book")}


class TestLabels:
    def test_unknown_labels_are_offered_a_mapping_which_then_holds(self):
        content = b"text,label\none,posi\ntwo,negative\nthree,posi\nfour,mixed\n"
        upload = read_upload(content, "a.csv", labels=SENTIMENT)
        assert [(u.value, u.count, u.row, u.suggestion) for u in upload.unknown] == [
            ("posi", 2, 2, "positive"),
            ("mixed", 1, 5, None),
        ]
        assert upload.table.text == ("two",)
        mapped = read_upload(
            content, "a.csv", labels=SENTIMENT, mapping={"posi": "positive", "mixed": None}
        )
        assert mapped.table.text == ("one", "two", "three")
        assert mapped.table.label.tolist() == [1, 0, 1]
        assert mapped.unknown == ()
        assert mapped.mapping == {"posi": "positive", "negative": "negative"}

    def test_numbers_are_read_as_the_checkpoints_classes_and_it_is_said(self):
        upload = read_upload(b"text,label\none,1\ntwo,0\n", "a.csv", labels=SENTIMENT)
        assert upload.table.label.tolist() == [1, 0]
        assert any("1 as positive, 0 as negative" in note for note in upload.notes)

    def test_a_mapping_to_no_class_is_refused(self):
        with pytest.raises(DataError, match=r"'good'.*none of the classes"):
            read_upload(CSV, "a.csv", labels=SENTIMENT, mapping={"positive": "good"})

    def test_without_given_classes_the_files_own_are_taken(self):
        upload = read_upload(b"text,label\na,10\nb,9\nc,10\n", "a.csv")
        assert upload.table.labels == ("9", "10")

    def test_fractions_and_an_asked_for_number_make_a_regression(self):
        upload = read_upload(b"text,label\na,1\nb,0.5\n", "a.csv")
        assert upload.table.regression
        ratings = read_upload(b"text,label\na,1\nb,2\nc,much\n", "a.csv", labels=())
        assert ratings.table.label.tolist() == [1.0, 2.0]
        assert ratings.problems[0].what.startswith("the label 'much' ")

    def test_free_text_is_not_taken_for_classes(self):
        content = "text,label\n" + "".join(f"text {n},opinion {n}\n" for n in range(60))
        with pytest.raises(DataError, match="too many for classes"):
            read_upload(content.encode(), "a.csv")

    def test_a_table_without_a_label_column_has_none(self):
        upload = read_upload(CSV, "a.csv", columns=Columns("text"))
        assert upload.table.label is None
        assert len(upload.table) == 2


class TestHub:
    @pytest.fixture
    def shards(self, tmp_path, monkeypatch):
        """Two Parquet files of a data set as the Hub has them; what was asked for is noted."""
        requests = []

        def write(*labels):
            paths = []
            for number, part in enumerate(labels):
                texts = [f"text {number} {row}" for row in range(len(part))]
                paths.append(tmp_path / f"000{number}.parquet")
                pd.DataFrame(
                    {"idx": range(len(part)), "sentence": texts, "label": part}
                ).to_parquet(paths[-1])
            monkeypatch.setattr(
                "analysis.datasets.hub.parquet_files", lambda *what: requests.append(what) or paths
            )
            return requests

        return write

    def test_all_files_of_a_split_are_read_with_rows_counted_through(self, shards):
        requests = shards([1, 0, 1], [0, 0])
        upload = read_hub("someone/films", "validation", labels=SENTIMENT)
        assert requests == [
            ("someone/films", "default/validation/*.parquet", "refs/convert/parquet")
        ]
        assert len(upload.table) == 5
        assert upload.lines.tolist() == [1, 2, 3, 4, 5]
        assert upload.table.label.tolist() == [1, 0, 1, 0, 0]
        assert upload.table.text[3] == "text 1 0"

    def test_labels_that_are_not_published_leave_the_texts(self, shards):
        shards([-1, -1])
        upload = read_hub("someone/films", "test", labels=SENTIMENT)
        assert (len(upload.table), upload.table.label) == (2, None)
        assert "not published" in upload.notes[-1]

    def test_labels_that_say_nothing_yet_are_asked_about_and_not_taken_for_unpublished(
        self, shards
    ):
        shards([5, 7])
        upload = read_hub("someone/films", labels=SENTIMENT)
        assert len(upload.table) == 0
        assert {value.value for value in upload.unknown} == {"5", "7"}
        assert not any("not published" in note for note in upload.notes)


class TestSize:
    @pytest.mark.slow
    def test_a_large_file_is_read_in_bounded_memory_and_leaves_nothing_behind(self, tmp_path):
        def written(name, rows):
            with (tmp_path / name).open("w") as stream:
                stream.write("text,label\n")
                for row in range(rows):
                    stream.write(f"row {row} {'of a rather long text ' * 24},{row % 2}\n")
            return tmp_path / name

        # What is imported while reading, and a few blocks of rows, are in memory for any file.
        small, path = written("small.csv", 20_000), written("large.csv", 120_000)
        assert path.stat().st_size - small.stat().st_size > 50_000_000
        code = """
import glob, sys, tempfile
sys.path[:0] = [{root!r}, {root!r} + "/tests"]
from tests.support import memory_peak as peak
tempfile.tempdir = {folder!r}
from analysis.datasets.upload import read_upload
assert len(read_upload({small!r}).table) == 20_000
before = peak.peak_memory()
found = read_upload({path!r})
most = peak.peak_memory()
assert len(found.table) == 120_000 and found.table.text[-1].startswith("row 119999 of")
assert found.table.digest and found.table.take([5]).text[0].startswith("row 5 of")
assert glob.glob({folder!r} + "/poollens-texts-*")
del found
assert not glob.glob({folder!r} + "/poollens-texts-*")
print((most - before) >> 20)
""".format(root=str(ROOT), folder=str(tmp_path), path=str(path), small=str(small))
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert answer.returncode == 0, answer.stderr
        assert int(answer.stdout) < 32  # MB, for 50 MB more of file

    def test_reading_reports_and_can_be_stopped(self):
        content = "text,label\n" + "".join(f"text {n},{n % 2}\n" for n in range(30_000))
        cancel, seen = threading.Event(), []

        def report(done, total, what, share):
            seen.append((done, share))
            if done > 10_000:
                cancel.set()

        upload = read_upload(content.encode(), "a.csv", progress=report, cancel=cancel)
        assert 10_000 < len(upload.table) < 20_000
        assert any("stopped after" in note for note in upload.notes)
        assert all(0 <= share <= 1 for _, share in seen)

    def test_a_table_on_disk_answers_as_one_in_memory(self, monkeypatch):
        rows = [f"text number {n} {'x' * 50}" for n in range(2000)]
        content = "text,label\n" + "".join(f"{row},{n % 2}\n" for n, row in enumerate(rows))
        content += f"{rows[5]},1\n"  # as row 5
        small = read_upload(content.encode(), "a.csv").table
        monkeypatch.setattr("analysis.datasets.arrow_texts._CHUNK", 5000)
        monkeypatch.setattr("analysis.datasets.arrow_texts.IN_MEMORY", 20_000)
        large = read_upload(content.encode(), "a.csv").table
        assert type(large.text).__name__ == "ArrowTexts"
        assert tuple(large.text) == tuple(small.text) == tuple(rows)
        assert large.text[-1] == rows[-1]
        assert large.text[10:12] == tuple(rows[10:12])
        with pytest.raises(IndexError):
            large.text[2000]
        assert large.digest == small.digest
        np.testing.assert_array_equal(large.lengths, small.lengths)
        assert large.take([3, 1]).text == (rows[3], rows[1])
