"""Short work of many: a bound, a fair order, only what was asked last, dropped when overtaken."""

from __future__ import annotations

import threading
import time

import pytest

from analysis.common.turns import Turns

PATIENT = 20.0


def until(true) -> None:
    end = time.monotonic() + PATIENT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


class Room:
    """Somebody has the only turn until `free` is set; others come in the order of `ask`."""

    def __init__(self, slots: int = 1) -> None:
        self.turns, self.free = Turns(slots), threading.Event()
        self.order: list[str] = []
        self.threads: list[threading.Thread] = []
        self.reports: list[tuple[int, float]] = []
        self._start("first", lambda: self.free.wait(PATIENT))
        until(lambda: self.order == ["first"])

    def _start(self, who, work=lambda: None, wait=None, name=""):
        def run():
            with self.turns.turn(who, wait or (lambda *report: self.reports.append(report))):
                self.order.append(name or who)
                work()

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def ask(self, who, **more):
        before = len(self.turns._waiting)
        self._start(who, **more)
        until(lambda: len(self.turns._waiting) > before)

    def end(self):
        self.free.set()
        for thread in self.threads:
            thread.join(PATIENT)
        return self.order[1:]


def test_whoever_was_served_longest_ago_is_next():
    room = Room()
    for who in ("first", "second", "third"):
        room.ask(who)
    assert room.end() == ["second", "third", "first"]


def test_of_one_person_the_newest_text_comes_first():
    room = Room()
    room.ask("me", name="old text")
    room.ask("me", name="new text")
    assert room.end()[0] == "new text"


def test_never_more_than_the_slots_run_at_once():
    turns, running, most = Turns(2), [], []

    def work(who):
        with turns.turn(who, lambda *reports: None):
            running.append(who)
            most.append(len(running))
            time.sleep(0.01)
            running.remove(who)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENT)
    assert len(most) == 8
    assert max(most) <= 2
    assert turns.people == 0


def test_more_run_at_once_while_many_wait():
    turns, free = Turns(1, of_many=2, many=3), threading.Event()
    running: list[str] = []

    def work(who):
        with turns.turn(who, lambda *reports: None):
            running.append(who)
            free.wait(PATIENT)

    threads = [threading.Thread(target=work, args=(who,)) for who in ("one", "two", "three")]
    threads[0].start()
    until(lambda: running == ["one"])
    threads[1].start()
    until(lambda: turns.people == 2)
    time.sleep(0.3)
    assert running == ["one"]  # two are not many
    threads[2].start()
    until(lambda: len(running) == 2)
    time.sleep(0.3)
    assert len(running) == 2
    free.set()
    for thread in threads:
        thread.join(PATIENT)
    assert len(running) == 3


def test_who_waits_is_told_the_place_in_the_line():
    room = Room()
    room.ask("second")
    room.ask("third")
    until(lambda: {place for place, _ in room.reports} >= {1, 2})
    room.end()


def test_what_is_overtaken_leaves_the_line():
    room = Room()

    class Overtaken(Exception):
        pass

    def leave(*reports):
        raise Overtaken

    failed = []

    def run():
        with pytest.raises(Overtaken), room.turns.turn("gone", leave):
            failed.append("it had its turn")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENT)
    room.ask("stays")
    assert room.end() == ["stays"]
    assert not failed


def test_a_turn_that_fails_gives_its_place_back():
    turns = Turns(1)
    with pytest.raises(ValueError, match="broken"), turns.turn("a", lambda *reports: None):
        raise ValueError("broken")
    with turns.turn("b", lambda *reports: None):
        assert turns.people == 1
