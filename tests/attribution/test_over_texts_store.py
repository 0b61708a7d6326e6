"""The file of evidence over a data set: it goes on after any end, and keeps its settings."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analysis.attribution.texts.run import COLUMNS, over_texts
from analysis.attribution.texts.store import EvidenceStore
from tests.support import zoo
from tests.support.evidence_records import METHODS, QUICK, ROWS, alike, record


class TestStore:
    question = {"rows": "abc", "checkpoints": {"c": "123"}, "repeats": 3}  # noqa: RUF012

    def test_records_come_back_as_they_were(self, tmp_path):
        values = np.arange(len(COLUMNS)) / 3
        values[2] = np.nan
        items = [record(0, values=values), record(1, (), (), problem="über \ud800 lang")]
        store = EvidenceStore(tmp_path / "new" / "evidence.jsonl", self.question)
        for item in items:
            store.append(item)
        again = EvidenceStore(store.path, self.question)
        assert len(again.items) == 2
        assert all(alike(first, other) for first, other in zip(again.items, items, strict=True))

    def test_a_line_cut_short_is_forgotten_and_the_file_goes_on(self, tmp_path):
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.question)
        for index in range(3):
            store.append(record(index))
        whole = store.path.read_bytes()
        for cut in (1, 10, 60):
            store.path.write_bytes(whole[:-cut])
            resumed = EvidenceStore(store.path, self.question)
            assert [item.row for item in resumed.items] == [0, 1]
            resumed.append(record(2))
            assert [item.row for item in EvidenceStore(store.path, self.question).items] == [
                0,
                1,
                2,
            ]

    def test_a_file_killed_in_its_first_line_begins_anew(self, tmp_path):
        path = tmp_path / "evidence.jsonl"
        path.write_bytes(b'{"asked": {"ro')
        EvidenceStore(path, self.question).append(record(5))
        assert [item.row for item in EvidenceStore(path, self.question).items] == [5]

    def test_another_question_or_another_file_is_refused_in_words(self, tmp_path):
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.question)
        with pytest.raises(ValueError, match=r"other settings \(repeats\)"):
            EvidenceStore(store.path, {**self.question, "repeats": 4})
        other = tmp_path / "other.csv"
        for content in ("a,b\n1,2\n", json.dumps({"a": 1}) + "\n", json.dumps([1]) + "\n"):
            other.write_text(content)
            with pytest.raises(ValueError, match="no file of evidence"):
                EvidenceStore(other, self.question)
            assert other.read_text() == content

    def test_a_broken_line_is_left_out_and_counted(self, tmp_path):
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.question)
        store.append(record(0))
        with store.path.open("a") as file:
            file.write('{"row": 1, "wor{"row": 2}\n')
        store.append(record(3))
        again = EvidenceStore(store.path, self.question)
        assert [item.row for item in again.items] == [0, 3]
        assert again.unreadable == 1

    def test_a_file_that_is_cleared_meanwhile_is_whole_again(self, tmp_path):
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.question)
        store.append(record(0))
        store.path.unlink()
        store.append(record(1))
        assert [item.row for item in EvidenceStore(store.path, self.question).items] == [0, 1]

    def test_a_pass_goes_on_from_its_file(self, tmp_path):
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.question)
        for item in over_texts([zoo.loaded("cls")], ROWS[:2], METHODS[:1], **QUICK):
            store.append(item)
        again = EvidenceStore(store.path, self.question)
        rest = list(over_texts([zoo.loaded("cls")], ROWS, METHODS[:1], done=again.items, **QUICK))
        assert [item.row for item in rest] == [2]

    def test_what_failed_unforeseen_is_tried_again_and_a_refusal_is_not(
        self, tmp_path, monkeypatch
    ):
        from analysis.attribution.texts import run

        def fail(*args, **kwargs):
            raise LookupError("no such token")

        rows = [ROWS[0], ("", None)]
        store = EvidenceStore(tmp_path / "evidence.jsonl", self.question)
        with monkeypatch.context() as patch:
            patch.setattr(run, "attribute", fail)
            for item in over_texts([zoo.loaded("cls")], rows, METHODS[:1], **QUICK):
                store.append(item)
        assert [item.unforeseen for item in store.items] == [True, False]
        again = EvidenceStore(store.path, self.question)
        for item in over_texts([zoo.loaded("cls")], rows, METHODS[:1], done=again.items, **QUICK):
            assert item.row == 0
            again.append(item)
        kept = EvidenceStore(store.path, self.question).items
        assert [(item.row, bool(item.problem)) for item in kept] == [(0, False), (1, True)]
