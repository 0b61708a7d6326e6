"""Long work: progress, stop, failure in words, and a registry that does not grow."""

from __future__ import annotations

import threading
import time

import pytest

from analysis.common import jobs
from analysis.common.jobs import Progress


def until(true) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def key(request):
    """A key of this test's own; its job is gone afterwards."""
    yield request.node.name
    jobs.forget(request.node.name)


def test_a_job_hands_over_results_as_they_come_and_returns_one(key):
    seen, go_on = threading.Event(), threading.Event()

    def work(desk):
        desk.keep("first")
        desk.report(1, 2, "half")
        seen.set()
        go_on.wait(10)
        desk.keep("second")
        return "all"

    job = jobs.start(key, work)
    assert seen.wait(10)
    assert (job.state, job.results, job.progress.done) == ("running", ("first",), 1)
    go_on.set()
    assert job.wait(10)
    assert (job.state, job.results, job.result, job.error) == (
        "done",
        ("first", "second"),
        "all",
        None,
    )


def test_a_stopped_job_keeps_what_it_handed_over(key):
    started = threading.Event()

    def work(desk):
        for number in range(10_000):
            desk.keep(number)
            started.set()
            desk.check()
            time.sleep(0.002)

    job = jobs.start(key, work)
    assert started.wait(10)
    job.stop()
    assert job.wait(10)
    assert job.state == "stopped"
    assert job.results == tuple(range(len(job.results)))
    assert 0 < len(job.results) < 10_000


def test_work_that_returns_early_when_cancelled_counts_as_stopped(key):
    job = jobs.start(key, lambda desk: desk.cancel.wait(10))
    job.stop()
    assert job.wait(10)
    assert job.state == "stopped"


def test_an_exception_is_kept_as_a_sentence_and_the_lane_goes_on(key):
    def fails(desk):
        desk.keep("before")
        raise ValueError("Row 3 has no text.\n  Fill it in.")

    job = jobs.start(key, fails)
    assert job.wait(10)
    assert (job.state, job.error) == ("failed", "Row 3 has no text. Fill it in.")
    assert job.results == ("before",)
    again = jobs.start(key, lambda desk: 7)
    assert again.wait(10)
    assert again.result == 7


def test_an_exception_that_was_not_made_for_people_names_its_type(key):
    job = jobs.start(key, lambda desk: {}["missing"])
    assert job.wait(10)
    assert job.error == "KeyError: 'missing'"


def test_a_key_has_one_job_while_it_runs_and_its_result_afterwards(key):
    go_on = threading.Event()
    first = jobs.start(key, lambda desk: go_on.wait(10))
    assert jobs.start(key, lambda desk: "never run") is first
    go_on.set()
    assert first.wait(10)
    assert jobs.start(key, lambda desk: "never run") is first
    again = jobs.start(key, lambda desk: "run again", again=True)
    assert again.wait(10)
    assert again.result == "run again"


def test_a_job_started_while_its_predecessor_stops_waits_for_its_end(key):
    order = []

    def slow(desk):
        desk.cancel.wait(10)
        time.sleep(0.05)
        order.append("old")

    old = jobs.start(key, slow)
    old.stop()
    new = jobs.start(key, lambda desk: order.append("new"))
    assert new is not old
    assert new.wait(10)
    assert order in (["old", "new"], ["new"])  # the old one may have been stopped before it began


def test_jobs_of_one_lane_never_run_at_the_same_time():
    at_once, most = 0, 0
    lock = threading.Lock()

    def work(desk):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.01)
        with lock:
            at_once -= 1

    started = [jobs.start(f"lane {number}", work, lane="test") for number in range(5)]
    assert all(job.wait(10) for job in started)
    assert most == 1
    for job in started:
        jobs.forget(job.key)


def test_another_lane_does_not_wait(key):
    go_on = threading.Event()
    blocking = jobs.start(key, lambda desk: go_on.wait(10))
    other = jobs.start("elsewhere", lambda desk: "done", lane="other")
    assert other.wait(10)
    assert blocking.running
    go_on.set()
    jobs.forget("elsewhere")


def test_the_registry_forgets_the_oldest_and_never_one_that_runs(monkeypatch):
    monkeypatch.setattr(jobs, "KEPT", 3)
    go_on = threading.Event()
    running = jobs.start("still running", lambda desk: go_on.wait(10), lane="slow")
    for number in range(8):
        assert jobs.start(f"short {number}", lambda desk: None).wait(10)
    assert jobs.find("still running") is running
    assert jobs.find("short 0") is None
    assert jobs.find("short 7") is not None
    go_on.set()
    for name in ["still running", *(f"short {number}" for number in range(8))]:
        jobs.forget(name)


def test_time_left_follows_the_share_of_the_work(key, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    job = jobs.Job(key, lambda desk: None)
    job.state = "running"
    desk = jobs.Desk(job)
    desk.report(0, 100, "rows")
    for done in (10, 20, 30):
        now[0] += 1.0
        desk.report(done, 100, "rows")
    assert job.progress.seconds_left == pytest.approx(7.0)
    now[0] += 2.0  # no report, and yet time passes
    assert job.progress.seconds_left == pytest.approx(5.0)
    # The last ten rows are half of the work: rows alone would say that it is nearly over.
    job = jobs.Job(key, lambda desk: None)
    job.state = "running"
    desk = jobs.Desk(job)
    desk.report(0, 100, "rows", share=0.0)
    now[0] += 5.0
    desk.report(90, 100, "rows", share=0.5)
    assert job.progress.seconds_left == pytest.approx(5.0)


def test_a_second_part_is_not_taken_for_a_faster_one(key, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    job = jobs.Job(key, lambda desk: None)
    job.state = "running"
    desk = jobs.Desk(job)
    for index in range(2):
        desk.report(index * 10, 20, f"loading {index}")
        for done in range(1, 11):
            now[0] += 1.0
            desk.report(index * 10 + done, 20, f"checkpoint {index}")
            left = 20 - index * 10 - done
            assert job.progress.seconds_left == pytest.approx(left, abs=1e-6)


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress(), ""),
        (Progress(what="loading"), "loading"),
        (Progress(1200, 5000, 39.7, "sst2-mha"), "sst2-mha: 1,200 of 5,000, 40 s left"),
        (Progress(1, 4, 4000), "1 of 4, 1 h 7 min left"),
        (Progress(4, 4, 0.0, "done"), "done: 4 of 4"),
    ],
)
def test_progress_is_said_in_one_line(progress, line):
    assert progress.sentence() == line


def test_owners_take_turns_whoever_began_first():
    go, order = threading.Event(), []

    def work(name):
        return lambda desk: order.append(name)

    first = jobs.start("fair:0", lambda desk: go.wait(10), lane="fair", owner="ann")
    begun = [
        jobs.start(f"fair:{name}", work(name), lane="fair", owner=name[:3])
        for name in ("ann1", "ann2", "bob1", "cat1", "bob2")
    ]
    until(lambda: first.state == "running")
    assert [jobs.ahead(job) for job in begun] == [3, 5, 1, 2, 4]
    assert jobs.waiting() >= 5
    go.set()
    assert all(job.wait(10) for job in begun)
    assert order == ["bob1", "cat1", "ann1", "bob2", "ann2"]


def test_the_time_before_a_job_begins_is_what_those_before_it_take():
    go = threading.Event()

    def slow(desk):
        desk.report(1, 2)
        time.sleep(0.02)
        desk.report(3, 4)
        go.wait(10)

    first = jobs.start("ahead:slow", slow, lane="slow")
    second = jobs.start("ahead:next", lambda desk: None, lane="slow")
    until(lambda: first.progress.seconds_left is not None)
    assert jobs.seconds_ahead(first) == 0
    left = jobs.seconds_ahead(second)
    assert left is not None
    assert 0 <= left < 1
    go.set()
    assert second.wait(10)
    assert jobs.seconds_ahead(second) is None
