"""Results in memory, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from threading import RLock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Values by key, safe between threads; those used longest ago leave when the bytes run out.

    Parameters
    ----------
    budget : int
        Bytes that all values may take together. The newest value stays, however large.
    on_drop : callable, optional
        Called with key and value of each that had to leave, outside the lock.
    most : int, optional
        How many values are kept, however small.
    """

    def __init__(
        self,
        budget: int,
        on_drop: Callable[[Hashable, Value], None] | None = None,
        most: int | None = None,
    ) -> None:
        self.budget, self.used, self.most = budget, 0, most
        self._on_drop = on_drop
        self._values: OrderedDict[Hashable, tuple[Value, Mapping[Hashable, int]]] = OrderedDict()
        self._holders: dict[Hashable, int] = {}  # of each part, how many values have it
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> Value | None:
        """The value, which now counts as the last one used; None where it is not there."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Hashable, value: Value, size: int | Mapping[Hashable, int]) -> Value:
        """Keep a value of about ``size`` bytes in place of any of this key, and return it.

        Where values have parts in common, ``size`` is the bytes of each part by its name: a part
        counts once, however many values have it.
        """
        own: Hashable = ("whole", key)
        parts: Mapping[Hashable, int] = size if isinstance(size, Mapping) else {own: size}
        dropped = []
        with self._lock:
            if key in self._values:
                self._forget(key)
            self._values[key] = (value, parts)
            for part, its in parts.items():
                self.used += 0 if part in self._holders else its
                self._holders[part] = self._holders.get(part, 0) + 1
            while len(self._values) > 1 and self._is_full():
                oldest = next(iter(self._values))
                dropped.append((oldest, self._forget(oldest)))
        if self._on_drop is not None:
            for name, old in dropped:
                self._on_drop(name, old)
        return value

    def _forget(self, key: Hashable) -> Value:
        value, parts = self._values.pop(key)
        for part, its in parts.items():
            self._holders[part] -= 1
            if not self._holders[part]:
                del self._holders[part]
                self.used -= its
        return value

    def _is_full(self) -> bool:
        many = self.most is not None and len(self._values) > self.most
        return self.used > self.budget or many

    def get_or_make(
        self, key: Hashable, make: Callable[[], Value], size: Callable[[Value], int]
    ) -> Value:
        """The value, made where it is not there; a None that was made is not kept.

        ``make`` runs outside the lock: two threads may make the same value, and none waits.
        """
        known = self.get(key)
        if known is None:
            known = make()
            if known is not None:
                self.put(key, known, size(known))
        return known
