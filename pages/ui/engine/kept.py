"""Results of all sessions in memory, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Kept:
    """Results by key, shared by all sessions; the longest unused go when the bytes run out."""

    def __init__(self, budget: int) -> None:
        self.budget, self.used = budget, 0
        self._results: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any:
        """The result, or None where it is not there (any more)."""
        with self._lock:
            if key not in self._results:
                return None
            self._results.move_to_end(key)
            return self._results[key][0]

    def put(self, key: Hashable, result: Any, size: int) -> Any:
        """Keep a result of about `size` bytes, and return it."""
        with self._lock:
            self.used += size - self._results.pop(key, (None, 0))[1]
            self._results[key] = (result, size)
            while self.used > self.budget and len(self._results) > 1:
                self.used -= self._results.popitem(last=False)[1][1]
        return result
