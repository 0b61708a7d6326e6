"""Passes side by side: the same answers as one after the other, each on a model of its own."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from analysis.common.faults import CheckpointError
from analysis.corpus import lanes, predictions, runs
from analysis.corpus.embedding import readers_of, stored
from tests.support import zoo
from tests.support.data_rows import data


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setattr(lanes, "all_threads", lambda: 2)


@pytest.mark.parametrize("name", ["max_seq_mha", "bert", "residual", "bare"])
def test_answers_are_those_of_one_pass_after_the_other(name, tmp_path, monkeypatch):
    classifier, table = zoo.loaded(name), data(60)
    readers = readers_of(classifier, ("mean", "max"), (1, -1))
    batches = []
    for count in (1, 3):
        monkeypatch.setattr(lanes, "all_threads", lambda count=count: count)
        place = runs.compute(classifier, table, tmp_path / str(count), readers, batch_tokens=64)
        parts = [predictions.read_parts(place, reader.name) for reader in readers]
        assert all(part.num_rows == 60 for part in parts)
        for key in (("mean", 1), ("max", classifier.encoder.config.num_hidden_layers)):
            _, vectors = stored(tmp_path / str(count), classifier.checkpoint, table, key)
            batches.append(vectors)
    half = len(batches) // 2
    for alone, several in zip(batches[:half], batches[half:], strict=True):
        np.testing.assert_allclose(several, alone, rtol=0, atol=1e-5)


def test_a_twin_has_the_same_numbers_and_modules_of_its_own(two_threads):
    classifier = zoo.loaded("mha")
    first, twin = lanes.twins_of(classifier)
    assert first is classifier
    own = dict(classifier.model.named_parameters())
    for name, weight in twin.model.named_parameters():
        assert weight is not own[name]
        assert weight.data_ptr() == own[name].data_ptr()
    assert not {id(m) for m in twin.model.modules()} & {id(m) for m in classifier.model.modules()}
    assert twin.lock is not classifier.lock
    assert twin.head is not classifier.head


def test_two_passes_run_at_once_and_never_two_on_one_model(two_threads):
    both, seen, lock = threading.Barrier(2, timeout=30), [], threading.Lock()

    def work(lane, piece):
        with lock:
            assert id(lane) not in {id(other) for other, _ in seen if _ == "runs"}
            seen.append((lane, "runs"))
        both.wait()
        with lock:
            seen.remove((lane, "runs"))
        return piece

    with lanes.Lanes(lanes.twins_of(zoo.loaded("cls"))) as places:
        begun = [places.begin(work, piece) for piece in range(4)]
        assert [future.result(30) for future in begun] == [0, 1, 2, 3]


def test_a_model_that_cannot_be_copied_reads_one_pass_after_the_other(two_threads, monkeypatch):
    def refuse(modules):
        raise TypeError("cannot pickle '_thread.lock' object")

    monkeypatch.setattr(lanes, "with_same_weights", refuse)
    classifier = zoo.loaded("cls")
    assert lanes.twins_of(classifier) == [classifier]


def test_a_row_that_fits_into_no_memory_is_named_from_any_lane(two_threads, tmp_path, monkeypatch):
    def full(*arguments):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(runs, "forward", full)
    with pytest.raises(CheckpointError, match="out of memory at one row"):
        runs.run(zoo.loaded("cls"), data(8), tmp_path)


def test_all_threads_are_there_again_afterwards(two_threads, tmp_path):
    before = torch.get_num_threads()
    runs.run(zoo.loaded("cls"), data(8), tmp_path)
    assert torch.get_num_threads() == before
