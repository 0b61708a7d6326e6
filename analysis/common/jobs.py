"""Long work: one thread, a cancel event, progress with the time left, results kept as they come.

A job is a function of one argument, its :class:`Desk`. It says there how far it is, hands over
what it has, and looks whether it is still wanted. Jobs of one lane run one after the other in one
thread, so that two of them never share the cores; a page finds its job again by its key.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from analysis.common.whole import NOT_WRITTEN, why_not_written

State = Literal["waiting", "running", "done", "stopped", "failed"]
KEPT = 32  # finished jobs of one owner that the registry remembers
_KEPT_IN_ALL = 2_000
_OWNERS = 1_000  # whose last turn a lane remembers
_MEAN = 0.5  # weight of the mean speed so far beside that of the last reports


class Enough(Exception):
    """Raised by a progress callback to end the work and keep what is done so far.

    Sampling methods return the samples they have, integrated gradients the steps. Where there is
    nothing to keep yet, or half the work is no result (one effect a unit), it reaches the caller.
    """


class Stopped(Exception):
    """Raised by :meth:`Desk.check` inside work that was stopped; ends the job as "stopped"."""


@dataclass(frozen=True)
class Progress:
    """Progress of a job: ``done`` of ``total`` (0 while it is not known), and seconds left."""

    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    what: str = ""

    @property
    def share(self) -> float:
        """Done as a share of the total, from 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def sentence(self) -> str:
        """``sst2-mha: 1,200 of 5,000, 40 s left``."""
        parts = [f"{self.done:,} of {self.total:,}"] if self.total else []
        if self.seconds_left is not None and self.done < self.total:
            parts.append(f"{time_in_words(self.seconds_left)} left")
        details = ", ".join(parts)
        return ": ".join(part for part in (self.what, details) if part)


def time_in_words(seconds: float) -> str:
    """A duration as a person would say it: ``8 s``, ``3 min``, ``1 h 20 min``."""
    if seconds < 59.5:
        return f"{max(round(seconds), 1)} s"
    minutes = max(round(seconds / 60), 1)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


class Desk:
    """Handle of a job for its work: a place to report to, to leave results on, and to look at."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @property
    def cancel(self) -> threading.Event:
        """Set when the job is no longer wanted."""
        return self._job._cancel

    def check(self) -> None:
        """Raise :class:`Stopped` where the job is no longer wanted."""
        if self.cancel.is_set():
            raise Stopped

    def report(self, done: int, total: int, what: str = "", share: float | None = None) -> None:
        """``done`` of ``total`` units are finished.

        ``share`` (0 to 1) is the share of the work that these are, where the units do not take
        equally long; the time left is reckoned from it.
        """
        self._job._reported(done, total, what, share)

    def keep(self, result: Any) -> None:
        """Hand over a result; it is kept whatever becomes of the job."""
        with self._job._lock:
            self._job._results.append(result)


class Job:
    """One piece of long work, as a page sees it. Made by :func:`start`."""

    def __init__(
        self, key: str, work: Callable[[Desk], object], lane: str = "data", owner: str = ""
    ) -> None:
        self.key, self.lane, self.owner = key, lane, owner
        self._work = work
        self._lock = threading.Lock()
        self._cancel = threading.Event()
        self._finished = threading.Event()
        self._results: list[Any] = []
        self._progress = Progress()
        self._share = self._base = 0.0  # of the work: at the last report, and where it began
        self._speed: float | None = None  # share of the work in a second
        self._reported_at = self._began = time.monotonic()
        self.state: State = "waiting"
        self.result: Any = None  # what the work returned
        self.error: str | None = None  # why it failed, as a sentence
        self.seconds: float | None = None  # how long it ran

    @property
    def progress(self) -> Progress:
        """Progress of the job; the time left counts down between two reports."""
        with self._lock:
            left = self._progress.seconds_left
            if left is None or self.state != "running":
                return self._progress
            left = max(left - (time.monotonic() - self._reported_at), 0.0)
            return Progress(self._progress.done, self._progress.total, left, self._progress.what)

    @property
    def results(self) -> tuple[Any, ...]:
        """Results handed over so far, in order."""
        with self._lock:
            return tuple(self._results)

    @property
    def running(self) -> bool:
        """True until the work has ended, one way or another."""
        return not self._finished.is_set()

    @property
    def stopping(self) -> bool:
        """True from the request to stop until the work has ended."""
        return self._cancel.is_set() and self.running

    def stop(self) -> None:
        """Ask the work to end; what it has handed over is kept."""
        self._cancel.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work has ended; False where the time ran out before."""
        return self._finished.wait(timeout)

    def _reported(self, done: int, total: int, what: str, share: float | None) -> None:
        now = time.monotonic()
        with self._lock:
            reached = share if share is not None else (done / total if total else 0.0)
            gained, passed = reached - self._share, now - self._reported_at
            if gained < 0:  # the work begins anew: so does the measuring
                self._speed, self._began, self._base = None, now, reached
            elif gained > 0 and passed > 0:
                mean = (reached - self._base) / max(now - self._began, 1e-9)
                last = gained / passed
                recent = last if self._speed is None else 0.7 * self._speed + 0.3 * last
                self._speed = _MEAN * mean + (1 - _MEAN) * recent
            if gained:
                self._reported_at, self._share = now, reached
            left = None if not self._speed else max(1.0 - reached, 0.0) / self._speed
            self._progress = Progress(done, total, left, what)

    def _run(self) -> None:
        began = self._began = self._reported_at = time.monotonic()
        try:
            if self._cancel.is_set():
                raise Stopped
            self.state = "running"
            self.result = self._work(Desk(self))
            state: State = "stopped" if self._cancel.is_set() else "done"
        except Stopped:
            state = "stopped"
        except Exception as error:
            self.error, state = _sentence(error), "failed"
            if not isinstance(error, ValueError):  # not one of those made for people to read
                logging.getLogger(__name__).exception("%s failed", self.key)
        self.seconds = time.monotonic() - began
        self.state = state
        self._work = _nothing  # what the work held on to (a model, a data set) may go
        self._finished.set()


def _nothing(desk: Desk) -> None:
    """The work of a job that has ended."""


def _sentence(error: Exception) -> str:
    """An exception as one line; its type where the message alone would not say enough."""
    if isinstance(error, OSError) and error.filename and error.errno in NOT_WRITTEN:
        return why_not_written(error, Path(str(error.filename)))
    message = " ".join(str(error).split())
    if isinstance(error, ValueError) and message:
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


class _Lane:
    """Jobs that run one after the other, in one daemon thread (leaving the app never waits).

    Owners take turns: whoever was served longest ago is next, and of one owner the job that was
    begun first.
    """

    def __init__(self, name: str) -> None:
        self._condition = threading.Condition()
        self._waiting: list[Job] = []
        self._current: Job | None = None
        self._served: OrderedDict[str, None] = OrderedDict()  # owners, the last one served last
        self.seconds = 0.0  # mean length of a job
        threading.Thread(target=self._serve, name=f"jobs-{name}", daemon=True).start()

    def put(self, job: Job) -> None:
        with self._condition:
            self._waiting.append(job)
            self._condition.notify()

    def order(self) -> list[Job]:
        """The job that runs, and those that wait, in the order in which they will run."""
        with self._condition:
            left, order = list(self._waiting), []
            served = {owner: place for place, owner in enumerate(self._served)}
            while left:
                places = [served.get(job.owner, -1) for job in left]
                job = left.pop(places.index(min(places)))
                order.append(job)
                served[job.owner] = len(served) + len(order)
            current = self._current
        return ([current] if current is not None else []) + order

    def _serve(self) -> None:
        while True:
            with self._condition:
                while not self._waiting:
                    self._condition.wait()
            order = self.order()
            with self._condition:
                job = order[0]
                self._waiting.remove(job)
                self._current = job
                self._served[job.owner] = None
                self._served.move_to_end(job.owner)
                while len(self._served) > _OWNERS:
                    self._served.popitem(last=False)
            job._run()
            with self._condition:
                self._current = None
                if job.state == "done" and job.seconds is not None:
                    self.seconds = 0.5 * (self.seconds or job.seconds) + 0.5 * job.seconds


_lock = threading.Lock()
_jobs: OrderedDict[str, Job] = OrderedDict()
_lanes: dict[str, _Lane] = {}


def start(
    key: str,
    work: Callable[[Desk], object],
    *,
    lane: str = "data",
    again: bool = False,
    owner: str = "",
) -> Job:
    """The job of this key: the one that runs or has been done, else a new one.

    A job that failed or was stopped is started anew; so is one that was done, with ``again``.
    While one of this key still runs there is never a second. Jobs of one ``lane`` wait for each
    other, their owners taking turns.
    """
    with _lock:
        known = _jobs.get(key)
        if known is not None and known.running and not known.stopping:
            return known
        if known is not None and known.state == "done" and not again:
            _jobs.move_to_end(key)
            return known
        # One that is being stopped ends first: the new one stands behind it in the same lane.
        job = Job(key, work, lane, owner)
        _jobs[key] = job
        _jobs.move_to_end(key)
        ended = [(name, job.owner) for name, job in _jobs.items() if not job.running]
        own = [name for name, whose in ended if whose == owner]
        for name in own[: max(len(own) - KEPT, 0)]:
            del _jobs[name]
        rest = [name for name, _ in ended if name in _jobs]
        for name in rest[: max(len(rest) - _KEPT_IN_ALL, 0)]:
            del _jobs[name]
        if lane not in _lanes:
            _lanes[lane] = _Lane(lane)
        _lanes[lane].put(job)
        return job


def ahead(job: Job) -> int:
    """Number of jobs of its lane that have to end before this one begins."""
    order = _order(job.lane)
    return order.index(job) if job in order else 0


def seconds_ahead(job: Job) -> float | None:
    """Seconds until this one begins, as far as can be told; None where it cannot."""
    order = _order(job.lane)
    if job not in order:
        return None
    before, lane = order[: order.index(job)], _lanes[job.lane]
    total = 0.0
    for earlier in before:
        left = earlier.progress.seconds_left if earlier.state == "running" else None
        if left is None and not lane.seconds:
            return None
        total += lane.seconds if left is None else left
    return total


def waiting() -> int:
    """Number of jobs of all lanes that have not begun."""
    with _lock:
        return sum(job.state == "waiting" for job in _jobs.values())


def _order(lane: str) -> list[Job]:
    with _lock:
        known = _lanes.get(lane)
    return [] if known is None else known.order()


def running(start: str) -> int:
    """Number of jobs whose key begins so and that have not ended."""
    with _lock:
        return sum(job.running for key, job in _jobs.items() if key.startswith(start))


def find(key: str) -> Job | None:
    """The job of this key, or None where there is none (any more)."""
    with _lock:
        return _jobs.get(key)


def forget(key: str) -> None:
    """Stop the job of this key and forget it and its results."""
    with _lock:
        job = _jobs.pop(key, None)
    if job is not None:
        job.stop()
