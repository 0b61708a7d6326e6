"""Values that one server makes once for all sessions, and caches that no session clears.

``st.cache_resource`` is emptied for everybody by a message that any browser can send ("Clear
caches"), and counts entries, not bytes. What is made here stays, up to a number of bytes.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from analysis.common.arrays import bytes_of
from analysis.common.cache import Cache

Made = TypeVar("Made")
Arguments = ParamSpec("Arguments")
_lock = threading.RLock()
_made: dict[tuple[str, str, tuple[Any, ...]], Any] = {}


@dataclass(frozen=True)
class Budget:
    """Bytes and number of results that a function may keep."""

    size: int
    most: int


BUDGETS: dict[str, Budget] = {}  # by the name of each function that keeps what it returns
_caches: dict[str, Cache[Any]] = {}
_under_way: dict[tuple[str, Hashable], threading.Lock] = {}


def once_a_server(make: Callable[..., Made]) -> Callable[..., Made]:
    """The function, called once for each of its arguments."""

    def cached(*arguments: Any) -> Made:
        key = (make.__module__, make.__qualname__, arguments)
        with _lock:
            if key not in _made:
                _made[key] = make(*arguments)
            made: Made = _made[key]
        return made

    cached.__doc__ = make.__doc__
    return cached


def kept_up_to(
    megabytes: int, most: int, *, spinner: str = "", growing: bool = False
) -> Callable[[Callable[Arguments, Made]], Callable[Arguments, Made]]:
    """A decorator: what a function returned is kept for all sessions, up to so many MB and results.

    Arguments whose names begin with an underscore do not tell results apart. Two sessions that ask
    for the same at once have it made once. An error is not kept, and neither is None.

    Parameters
    ----------
    megabytes
        What all results of the function may take together; the newest stays, however large.
    most
        How many results, however small.
    spinner
        Shown while a result is made.
    growing
        The result gets larger after it was returned: it is measured at every use.
    """

    def decorate(make: Callable[Arguments, Made]) -> Callable[Arguments, Made]:
        name = f"{make.__module__}.{make.__qualname__}"
        signature = inspect.signature(make)
        BUDGETS[name] = Budget(megabytes * 2**20, most)

        @functools.wraps(make)
        def kept(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Made:
            bound = signature.bind(*args, **kwargs).arguments
            key = tuple(_hashable(v) for own, v in bound.items() if not own.startswith("_"))
            cache = cache_of(name)
            value = cache.get(key)
            if value is None:
                with _lock:
                    turn = _under_way.setdefault((name, key), threading.Lock())
                try:
                    with turn:
                        value = cache.get(key)
                        if value is None:
                            with _spinning(spinner):
                                value = make(*args, **kwargs)
                            if value is not None:
                                cache.put(key, value, _size(value))
                finally:
                    with _lock:
                        _under_way.pop((name, key), None)
            elif growing:
                cache.put(key, value, _size(value))
            return value

        return kept

    return decorate


def cache_of(name: str) -> Cache[Any]:
    """Where the function of this name (module and qualified name) keeps its results."""
    with _lock:
        if name not in _caches:
            budget = BUDGETS[name]
            _caches[name] = Cache(budget.size, most=budget.most)
        return _caches[name]


def _size(value: object) -> int:
    return 2_000 + bytes_of(value)


def _hashable(value: object) -> Hashable:
    """A value as a part of a key; records that hold lists or mappings by what they print."""
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def _spinning(sentence: str) -> contextlib.AbstractContextManager[object]:
    if not sentence:
        return contextlib.nullcontext()
    import streamlit as st

    return st.spinner(sentence)


def forget() -> None:
    """Begin anew: for tests."""
    with _lock:
        _made.clear()
        _caches.clear()
