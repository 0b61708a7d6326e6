"""What a pass over a data set took: by the clock, by reader, and still known after a restart."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.corpus import costs
from analysis.corpus.costs import ENCODER, Watch, seconds_of


class _Reader:
    """Takes nothing, and `seconds` of a clock that only it and the test move."""

    def __init__(self, name, seconds, clock):
        self.name, self._seconds, self._clock = name, seconds, clock

    def read(self, step):
        self._clock.now += self._seconds
        return []


@pytest.fixture
def clock(monkeypatch):
    held = SimpleNamespace(now=100.0)
    monkeypatch.setattr(costs, "time", SimpleNamespace(perf_counter=lambda: held.now))
    return held


def _step(rows):
    return SimpleNamespace(tokens=np.zeros(rows, np.int32), mask=SimpleNamespace(is_cuda=False))


def _pass(clock, readers, place, rows=(3, 5), encoder=7.0):
    watch = Watch([_Reader(name, seconds, clock) for name, seconds in readers.items()])
    for count in rows:
        clock.now += encoder
        step = _step(count)
        for reader in watch.readers:
            reader.read(step)
    watch.keep(place)


def test_the_encoder_and_each_reader_have_seconds_of_their_own(clock, tmp_path):
    _pass(clock, {"mean@6": 1.0, "max@6": 2.0}, tmp_path)
    assert seconds_of(tmp_path, ENCODER, 8) == pytest.approx(14)
    assert seconds_of(tmp_path, "mean@6", 8) == pytest.approx(2)
    assert seconds_of(tmp_path, "max@6", 8) == pytest.approx(4)


def test_a_run_that_went_on_costs_what_both_halves_took(clock, tmp_path):
    _pass(clock, {"mean@6": 1.0}, tmp_path, rows=(4,))
    _pass(clock, {"mean@6": 3.0, "max@6": 1.0}, tmp_path, rows=(2, 2))
    assert seconds_of(tmp_path, "mean@6", 8) == pytest.approx(7)
    assert seconds_of(tmp_path, "max@6", 8) == pytest.approx(4)  # of half the rows, at their rate
    assert seconds_of(tmp_path, ENCODER, 8) == pytest.approx(21)


def test_what_was_not_measured_has_no_seconds(clock, tmp_path):
    assert math.isnan(seconds_of(tmp_path, "mean@6", 8))
    _pass(clock, {"mean@6": 1.0}, tmp_path, rows=())  # everything was on disk
    assert not list(tmp_path.iterdir())
    (tmp_path / "seconds.jsonl").write_text("cut sh", encoding="utf-8")
    assert math.isnan(seconds_of(tmp_path, "mean@6", 8))
