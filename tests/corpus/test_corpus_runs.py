"""A whole data set through a checkpoint: stopped, killed, resumed, refused."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.common.faults import CheckpointError
from analysis.corpus import embedding, predictions, runs
from analysis.corpus.readers import PREDICTION, fixed_lists
from tests.support import zoo
from tests.support.data_rows import batch_of, data, logits_of

ROOT = Path(__file__).resolve().parents[2]


class TestRun:
    def test_every_row_is_answered_and_the_files_say_the_same(self, tmp_path):
        classifier, table = zoo.loaded("max_seq_mha"), data(50)
        seen = []
        answers = runs.run(
            classifier,
            table,
            tmp_path,
            batch_tokens=128,
            progress=lambda *report: seen.append(report),
        )
        assert answers.complete
        whole = runs.predict_batch(classifier, batch_of(table))
        np.testing.assert_allclose(answers.logits, logits_of(whole, 3), rtol=0, atol=1e-5)
        assert answers.tokens.tolist() == whole["tokens"].to_pylist()
        again = predictions.read(tmp_path, classifier.checkpoint, table)
        np.testing.assert_array_equal(again.logits, answers.logits)
        assert seen[0][:3] == (0, 50, classifier.checkpoint.id)
        assert seen[-1] == (50, 50, classifier.checkpoint.id, pytest.approx(1.0))
        assert all(a[3] < b[3] for a, b in pairwise(seen))

    def test_what_is_done_is_not_done_again(self, tmp_path, monkeypatch):
        classifier, table = zoo.loaded("mha"), data(10)
        first = runs.run(classifier, table, tmp_path)
        monkeypatch.setattr(runs, "forward", None)  # nothing may run
        again = runs.run(classifier, table, tmp_path)
        np.testing.assert_array_equal(again.logits, first.logits)

    def test_a_stopped_run_keeps_what_is_done_and_resuming_does_the_rest(
        self, tmp_path, monkeypatch
    ):
        classifier, table = zoo.loaded("mha"), data(200)
        cancel = threading.Event()

        def stop_half_way(done, total, what, share):
            if share > 0.5:
                cancel.set()

        some = runs.run(
            classifier, table, tmp_path, batch_tokens=128, cancel=cancel, progress=stop_half_way
        )
        assert 0 < len(some) < 200
        assert not some.complete
        real, rows = runs.forward, []

        def counting(classifier, inputs):
            rows.append(len(inputs["input_ids"]))
            return real(classifier, inputs)

        monkeypatch.setattr(runs, "forward", counting)
        whole = runs.run(classifier, table, tmp_path, batch_tokens=128)
        assert whole.complete
        assert sum(rows) == 200 - len(some)
        np.testing.assert_array_equal(whole.at(some.rows).logits, some.logits)
        uninterrupted = runs.run(classifier, table, tmp_path / "other", batch_tokens=128)
        np.testing.assert_allclose(whole.logits, uninterrupted.logits, rtol=0, atol=1e-5)

    def test_a_stopped_run_is_no_sample_of_short_rows_only(self, tmp_path):
        classifier, table = zoo.loaded("cls"), data(1000)
        cancel = threading.Event()
        some = runs.run(
            classifier,
            table,
            tmp_path,
            batch_tokens=256,
            cancel=cancel,
            progress=lambda done, total, what, share: share > 0.3 and cancel.set(),
        )
        mean, spread = table.lengths.mean(), table.lengths.std() / np.sqrt(len(some) / 20)
        assert abs(table.lengths[some.rows].mean() - mean) < 4 * spread

    def test_an_error_midway_keeps_what_is_done(self, tmp_path, monkeypatch):
        classifier, table = zoo.loaded("cls"), data(60)
        real, calls = runs.forward, []

        def failing(classifier, inputs):
            calls.append(1)
            if len(calls) > 3:
                raise RuntimeError("shapes do not fit")
            return real(classifier, inputs)

        monkeypatch.setattr(runs, "forward", failing)
        with pytest.raises(RuntimeError, match="shapes"):
            runs.run(classifier, table, tmp_path, batch_tokens=100)
        assert 0 < len(predictions.read(tmp_path, classifier.checkpoint, table)) < 60

    def test_half_a_file_is_passed_over_and_its_rows_are_done_again(self, tmp_path):
        classifier, table = zoo.loaded("cls"), data(20)
        runs.run(classifier, table, tmp_path)
        (part,) = tmp_path.rglob("part-*.arrow")
        part.write_bytes(part.read_bytes()[:100])
        assert len(predictions.read(tmp_path, classifier.checkpoint, table)) == 0
        assert runs.run(classifier, table, tmp_path).complete

    def test_two_runs_on_one_folder_give_every_row_once(self, tmp_path):
        classifier, table = zoo.loaded("cls"), data(30)
        runs.run(classifier, table, tmp_path)
        (part,) = tmp_path.rglob("part-*.arrow")
        part.with_name("part-other.arrow").write_bytes(part.read_bytes())
        assert predictions.read(tmp_path, classifier.checkpoint, table).rows.tolist() == list(
            range(30)
        )

    @pytest.mark.parametrize("changed", ["weights", "text", "precision"])
    def test_nothing_stale_is_served(self, tmp_path, changed):
        classifier, table = zoo.loaded("cls"), data(10)
        runs.run(classifier, table, tmp_path)
        checkpoint, precision = classifier.checkpoint, "float32"
        if changed == "weights":
            checkpoint = replace(checkpoint, sha256="0" * 64)
        if changed == "text":
            table = replace(table, text=(*table.text[:-1], "another"))
        if changed == "precision":
            precision = "bfloat16"
        assert len(predictions.read(tmp_path, checkpoint, table, precision)) == 0

    def test_labels_are_no_part_of_the_key(self, tmp_path):
        classifier, table = zoo.loaded("cls"), data(10)
        runs.run(classifier, table, tmp_path)
        labels = classifier.checkpoint.labels
        labelled = replace(table, label=np.zeros(10, np.int64), labels=labels)
        assert predictions.read(tmp_path, classifier.checkpoint, labelled).complete

    def test_no_machine_path_is_written(self, tmp_path):
        classifier, table = zoo.loaded("cls"), data(3)
        runs.run(classifier, table, tmp_path)
        (about,) = tmp_path.rglob("about.json")
        assert str(tmp_path) not in about.read_text()
        assert str(zoo.root()) not in about.read_text().replace(classifier.checkpoint.id, "")

    def test_another_reader_of_the_same_pass_has_its_own_files(self, tmp_path):
        class FirstNumber:
            name = "first-number"

            def fields(self, classifier):
                return [pa.field("vector", pa.list_(pa.float32(), 2))]

            def read(self, step):
                return [fixed_lists(step.hidden[-1][:, 0, :2].float().cpu().numpy())]

        classifier, table = zoo.loaded("cls"), data(12)
        some = data(12)
        runs.run(classifier, some, tmp_path)
        place = runs.compute(classifier, table, tmp_path, [PREDICTION, FirstNumber()])
        parts = predictions.read_parts(place, "first-number")
        assert sorted(parts["row"].to_pylist()) == list(range(12))
        assert len(list((place / "prediction").glob("part-*"))) == 1  # not computed twice
        row = parts["row"].to_pylist().index(4)
        expected = analysis.record(classifier, table.text[4]).hidden[-1, 0, :2]
        np.testing.assert_allclose(parts["vector"][row].as_py(), expected, atol=1e-5)


class TestCache:
    def test_the_oldest_results_go_first_and_those_in_use_stay(self, tmp_path):
        import os

        classifier = zoo.loaded("cls")
        folders = []
        for age, count in enumerate((3, 4, 5)):
            table = data(count)
            runs.run(classifier, table, tmp_path)
            folders.append(predictions.place_of(tmp_path, classifier.checkpoint, table, "float32"))
            os.utime(folders[-1], (1_000_000 + age, 1_000_000 + age))
        size = predictions.size(folders[2])
        assert predictions.prune(tmp_path, size + 10, keep=[folders[0]]) > 0
        assert [folder.is_dir() for folder in folders] == [True, False, False]
        assert predictions.clear(tmp_path) > 0
        assert predictions.size(tmp_path) == 0

    def test_a_run_that_goes_on_is_young(self, tmp_path):
        import os

        classifier = zoo.loaded("cls")
        folders = []
        for age, count in enumerate((3, 4)):
            table = data(count)
            runs.run(classifier, table, tmp_path)
            folders.append(predictions.place_of(tmp_path, classifier.checkpoint, table, "float32"))
            for path in (folders[-1], folders[-1] / predictions.PREDICTION):
                os.utime(path, (1_000_000 + age, 1_000_000 + age))
        parts = predictions.read_parts(folders[0], predictions.PREDICTION).to_batches()
        predictions.write_part(folders[0], predictions.PREDICTION, parts)
        predictions.prune(tmp_path, predictions.size(folders[0]) + 10)
        assert [folder.is_dir() for folder in folders] == [True, False]

    def test_nothing_else_is_removed(self, tmp_path):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("ten years")
        predictions.clear(tmp_path)
        predictions.prune(tmp_path, 0)
        assert (tmp_path / "mine" / "thesis.txt").is_file()


class TestRefusal:
    def labelled(self, labels, pairs=False):
        return replace(data(4, pairs), label=np.zeros(4, np.int64), labels=labels)

    def test_other_labels_are_refused_with_both_lists(self):
        checkpoint = zoo.loaded("cls").checkpoint
        reason = runs.refusal(checkpoint, self.labelled(("yes", "no", "perhaps")))
        assert checkpoint.labels[0] in reason
        assert "yes, no, perhaps" in reason
        assert "another task" in reason
        with pytest.raises(CheckpointError, match="another task"):
            runs.run(zoo.loaded("cls"), self.labelled(("yes", "no", "perhaps")), "unused")

    def test_numbers_and_classes_do_not_mix(self):
        numbers = replace(data(4), label=np.zeros(4))
        assert "numbers as labels" in runs.refusal(zoo.loaded("cls").checkpoint, numbers)
        regression = zoo.loaded("regression").checkpoint
        assert runs.refusal(regression, numbers) is None
        assert "answers with a number" in runs.refusal(regression, self.labelled(("a", "b")))

    def test_one_class_and_several_labels_do_not_mix(self):
        several = replace(
            data(4), label=np.zeros((4, 3), np.int64), labels=zoo.loaded("cls").checkpoint.labels
        )
        checkpoint = zoo.loaded("cls").checkpoint
        assert "several labels" in runs.refusal(checkpoint, several)
        assert runs.refusal(replace(checkpoint, output="sigmoid"), several) is None

    def test_pairs_and_single_texts_do_not_mix(self, tmp_path):
        checkpoint = zoo.loaded("cls").checkpoint
        assert "reads one text" in runs.refusal(checkpoint, data(4, pairs=True))
        assert "reads pairs" in runs.refusal(replace(checkpoint, pairs=True), data(4))
        foreign = zoo.loaded("bert").checkpoint
        assert runs.refusal(foreign, data(4, pairs=True)) is None

    def test_a_bare_encoder_is_refused(self):
        assert "bare encoder" in runs.refusal(zoo.loaded("bare").checkpoint, data(2))

    def test_the_same_classes_in_another_order_are_taken(self):
        checkpoint = zoo.loaded("cls").checkpoint
        assert runs.refusal(checkpoint, self.labelled(checkpoint.labels[::-1])) is None


@pytest.mark.slow
def test_a_demo_checkpoint_scores_what_its_card_says(glue_dir, tmp_path):
    from analysis.datasets.table import read
    from analysis.evaluation.scores import evaluate

    opened = runs.open_for_data("sst2-cls", dtype="float32", device="cpu")
    table = read("sst2", "dev", glue_dir)
    evaluation = evaluate(table, runs.run(opened, table, tmp_path))
    assert evaluation.n == 872
    assert evaluation.score("accuracy").value == pytest.approx(0.8911, abs=5e-5)
    assert evaluation.calibration.n == 872


def test_results_are_cleared_but_for_what_a_run_is_writing(tmp_path):
    classifier, table = zoo.loaded("cls"), data(20)
    runs.run(classifier, table, tmp_path)
    place = predictions.place_of(tmp_path, classifier.checkpoint, table, "float32")
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "a.jsonl").write_text("{}\n")
    (tmp_path / "mine").mkdir()
    with predictions.being_written(place):
        predictions.clear(tmp_path)
        assert place.is_dir()
        assert not list((tmp_path / "evidence").iterdir())
    (place / "about.json").unlink()  # as after a folder was cleared under a run
    assert predictions.clear(tmp_path) > 0
    assert not place.exists()
    assert (tmp_path / "mine").is_dir()


def test_a_run_that_is_killed_keeps_its_parts_and_is_finished_later(tmp_path):
    code = """
import os, signal, sys
sys.path[:0] = [{root!r}, {tests!r}]
import analysis
from analysis import corpus
from analysis.corpus import passes
from tests.support.data_rows import data
passes.PART_ROWS = 20
def report(done, total, what, share):
    if share > 0.5:
        os.kill(os.getpid(), signal.SIGKILL)
corpus.run(analysis.load({folder!r}, device="cpu"), data(200), {out!r}, batch_tokens=100,
           progress=report)
""".format(
        root=str(ROOT), tests=str(ROOT / "tests"), folder=str(zoo.folder("cls")), out=str(tmp_path)
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    classifier, table = zoo.loaded("cls"), data(200)
    some = predictions.read(tmp_path, classifier.checkpoint, table)
    assert 0 < len(some) < 200
    whole = runs.run(classifier, table, tmp_path)
    assert whole.complete
    np.testing.assert_array_equal(whole.at(some.rows).logits, some.logits)
    fresh = runs.run(classifier, table, tmp_path / "fresh")
    np.testing.assert_allclose(whole.logits, fresh.logits, rtol=0, atol=1e-5)


@given(st.lists(st.sets(st.integers(0, 20)), max_size=4))
def test_rows_of_all_are_those_that_each_one_has(several):
    common = set.intersection(*several) if several else set()
    rows = predictions.rows_of_all([np.array(sorted(each), np.int64) for each in several])
    assert rows.tolist() == sorted(common)


def test_some_rows_are_answered_and_embedded_as_a_table_of_their_own(tmp_path):
    classifier, table = zoo.loaded("mha"), data(20)
    reader, rows = embedding.PoolingReader("mean", 2), (3, 4, 11)
    runs.compute(classifier, table, tmp_path, [PREDICTION, reader])
    part = table.take(np.array(rows))
    whole = predictions.read(tmp_path, classifier.checkpoint, table)
    own = whole.at(rows).numbered_as(part)
    assert (own.complete, own.data) == (True, part.digest)
    assert own.rows.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(own.logits, whole.logits[list(rows)])
    stored = (tmp_path, classifier.checkpoint, table, ("mean", 2))
    every = embedding.stored(*stored)[1]
    np.testing.assert_array_equal(embedding.stored_at(*stored, "float32", rows), every[list(rows)])
    assert embedding.stored_at(*stored, "float32", (3, 20)) is None


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path):
    """Peak resident memory of a process that runs 20,000 rows, beside one that runs 4,000."""
    code = """
import sys, numpy as np, torch
sys.path[:0] = [{root!r}, {tests!r}]
from analysis import corpus
from analysis.datasets import Table
from analysis.corpus.readers import PREDICTION, fixed_lists
import analysis
from tests.support.memory_peak import peak_memory
torch.set_num_threads(1)
count = int(sys.argv[1])
words = ("a film", "the plot is thin", "the acting is good and the story is not very dull")
table = Table("own", "dev", tuple(words[i % 3] for i in range(count)), None, None, ())
found = corpus.run(analysis.load({folder!r}, device="cpu"), table, sys.argv[2])
assert found.complete and len(found) == count
print(peak_memory() >> 20)
""".format(root=str(ROOT), tests=str(ROOT / "tests"), folder=str(zoo.folder("cls")))
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", code, str(count), str(tmp_path / str(count))],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for count in (4_000, 20_000)
    ]
    # 16,000 answers more are less than 1 MB on disk and in the record; texts are another one.
    assert peaks[1] - peaks[0] < 16, peaks


def test_a_part_is_written_beside_the_passes_that_follow_and_one_at_a_time(tmp_path, monkeypatch):
    """The second part waits for the first; nothing is lost, and nothing more is held meanwhile."""
    from analysis.corpus import passes

    under_way, most, go_on = 0, 0, threading.Event()
    read_meanwhile: list[int] = []
    real = passes.write_part

    def write(folder, kind, batches):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        assert go_on.wait(60)
        under_way -= 1
        return real(folder, kind, batches)

    def progress(done, total, what, share):
        read_meanwhile.append(done)
        if done >= 5:  # the first part, of three rows, has not been written yet
            go_on.set()

    monkeypatch.setattr(passes, "PART_ROWS", 3)
    monkeypatch.setattr(passes, "write_part", write)
    monkeypatch.setattr(runs, "MOST_ROWS", 1)
    run = runs.run(zoo.loaded("cls"), data(9), tmp_path, progress=progress)
    assert run.complete
    assert most == 1
    assert max(read_meanwhile) == 9


def test_a_full_disk_ends_the_pass_with_its_reason_though_another_thread_wrote(
    tmp_path, monkeypatch
):
    from analysis.corpus import passes

    def full(folder, kind, batches):
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))

    monkeypatch.setattr(passes, "PART_ROWS", 3)
    monkeypatch.setattr(passes, "write_part", full)
    with pytest.raises(OSError, match="No space left") as raised:
        runs.run(zoo.loaded("cls"), data(9), tmp_path)
    assert raised.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert runs.run(zoo.loaded("cls"), data(9), tmp_path).complete
