"""Several passes at once on a CPU: a thread each, on a model of its own with the same weights.

The matrices of a short text are small, and two threads of PyTorch's that share each of them do
little more than one; two passes side by side do nearly twice as much.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

import torch

from analysis.checkpoints.shared import with_same_weights
from analysis.common.threads import all_threads, few_threads

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

MOST = 4  # beyond, Python itself is what passes wait for
Work = TypeVar("Work")
Result = TypeVar("Result")


def twins_of(classifier: Classifier, most: int = MOST) -> list[Classifier]:
    """The classifier and, on a CPU of several threads, twins of it: one for each pass at a time.

    A model that cannot be copied has none.
    """
    if classifier.device.type != "cpu":
        return [classifier]
    try:
        return [classifier, *(_twin(classifier) for _ in range(min(all_threads(), most) - 1))]
    except Exception:  # a pooling head of a user's own may hold what cannot be copied
        return [classifier]


def _twin(classifier: Classifier) -> Classifier:
    with classifier.lock:
        parts = (classifier.model, classifier.stock, classifier.final_norm)
        model, stock, final_norm = with_same_weights(parts)
    return replace(
        classifier, model=model, stock=stock, final_norm=final_norm, lock=threading.RLock()
    )


class Lanes:
    """A place for each pass at a time; to be used in a ``with``, which waits for all of them."""

    def __init__(self, lanes: Sequence[Classifier]) -> None:
        self._free: SimpleQueue[Classifier] = SimpleQueue()
        for lane in lanes:
            self._free.put(lane)
        # One more than can run: no lane waits while results are taken in.
        self.at_once = 1 if len(lanes) == 1 else len(lanes) + 1
        self._count = len(lanes)
        self._stack = ExitStack()
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Lanes:
        if self._count > 1:
            threads = max(all_threads() // self._count, 1)
            self._stack.enter_context(few_threads(threads))
            self._pool = ThreadPoolExecutor(
                self._count, "passes", initializer=torch.set_num_threads, initargs=(threads,)
            )
            self._stack.enter_context(self._pool)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def begin(self, work: Callable[[Classifier, Work], Result], piece: Work) -> Future[Result]:
        """Work on a piece as soon as a lane is free; with a single lane it is done on return."""
        if self._pool is not None:
            return self._pool.submit(self._in_lane, work, piece)
        done: Future[Result] = Future()
        try:
            done.set_result(self._in_lane(work, piece))
        except Exception as error:
            done.set_exception(error)
        return done

    def _in_lane(self, work: Callable[[Classifier, Work], Result], piece: Work) -> Result:
        lane = self._free.get()
        try:
            return work(lane, piece)
        finally:
            self._free.put(lane)
