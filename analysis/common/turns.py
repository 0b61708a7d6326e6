"""Short work of many people at once: each in turn, only what they asked last, dropped if overtaken.

Where :mod:`analysis.common.jobs` runs long work beside a page, this orders what a page itself is
waiting for. Whoever was served longest ago is next; of one person only the newest request counts.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_LOOK = 0.2  # seconds between two looks at whether a request is still wanted
_RECENT = 0.3  # weight of the last turn in the mean length of a turn


@dataclass(eq=False)
class _Request:
    who: str
    number: int


class Turns:
    """A bound on how many pieces of short work run at once, and a fair order among the others.

    Parameters
    ----------
    slots : int
        Pieces that run at the same time.
    of_many : int, optional
        The same while at least `many` people's work runs or waits.
    many : int
        How many people are many.
    """

    def __init__(self, slots: int, of_many: int | None = None, many: int = 3) -> None:
        self._slots = max(slots, 1)
        self._of_many = max(of_many or slots, 1)
        self._many = many
        self._condition = threading.Condition()
        self._waiting: list[_Request] = []
        self._running = 0
        self._served: dict[str, int] = {}  # who -> when they were served last
        self._numbers = itertools.count(1)
        self._seconds = 0.0  # mean length of a turn
        self._busy_at = -1e9

    @property
    def slots(self) -> int:
        """Pieces that may run now."""
        return self._of_many if self.people >= self._many else self._slots

    @property
    def people(self) -> int:
        """Number of people whose work runs or waits."""
        with self._condition:
            return len({turn.who for turn in self._waiting}) + self._running

    @property
    def quiet_seconds(self) -> float:
        """Seconds since somebody last had to wait."""
        with self._condition:
            return 0.0 if self._waiting else time.monotonic() - self._busy_at

    @contextmanager
    def turn(self, who: str, wait: Callable[[int, float], None]) -> Iterator[None]:
        """Wait for one's turn, and have it inside.

        ``wait(place, seconds)`` is called a few times a second with the number of others who come
        first and the seconds that they are expected to take; what it raises takes the request out
        of the line.
        """
        request = _Request(who, next(self._numbers))
        self._enter(request, wait)
        began = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - began
            with self._condition:
                self._running -= 1
                mean = self._seconds or took
                self._seconds = (1 - _RECENT) * mean + _RECENT * took
                self._condition.notify_all()

    def _enter(self, request: _Request, wait: Callable[[int, float], None]) -> None:
        with self._condition:
            self._waiting.append(request)
        try:
            while True:
                with self._condition:
                    line = self._line()
                    place = line.index(request) if request in line else len(line)
                    if place < self.slots - self._running:
                        self._waiting.remove(request)
                        self._running += 1
                        self._served[request.who] = next(self._numbers)
                        self._forget()
                        return
                    self._busy_at = time.monotonic()
                    ahead = place + self._running - self.slots + 1
                    seconds = self._seconds * ahead / self.slots
                    self._condition.wait(_LOOK)
                wait(max(ahead, 1), seconds)
        except BaseException:
            with self._condition:
                if request in self._waiting:
                    self._waiting.remove(request)
                self._condition.notify_all()
            raise

    def _line(self) -> list[_Request]:
        """The newest request of each, whoever was served longest ago first."""
        newest: dict[str, _Request] = {}
        for request in self._waiting:
            known = newest.get(request.who)
            if known is None or request.number > known.number:
                newest[request.who] = request
        return sorted(
            newest.values(), key=lambda turn: (self._served.get(turn.who, 0), turn.number)
        )

    def _forget(self) -> None:
        """Of those who left long ago nothing is kept."""
        while len(self._served) > 1_000:
            del self._served[min(self._served, key=self._served.__getitem__)]
