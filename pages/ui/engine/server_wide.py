"""What one server has once for all sessions, whatever a session asks to be cleared.

``st.cache_resource`` is emptied for everybody by a message that any browser can send ("Clear
caches"). What is made here stays: the models, and the results that are kept by bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

Made = TypeVar("Made")
_lock = threading.RLock()
_made: dict[tuple[str, str, tuple[Any, ...]], Any] = {}


def once_a_server(make: Callable[..., Made]) -> Callable[..., Made]:
    """The same function, called once for each of its arguments."""

    def given(*arguments: Any) -> Made:
        key = (make.__module__, make.__qualname__, arguments)
        with _lock:
            if key not in _made:
                _made[key] = make(*arguments)
            made: Made = _made[key]
        return made

    given.__doc__ = make.__doc__
    return given


def forget() -> None:
    """Begin anew: for tests."""
    with _lock:
        _made.clear()
