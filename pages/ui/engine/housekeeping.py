"""Memory of visitors who have left is let go within a minute, whether another comes or not.

Streamlit keeps a session whose browser has gone for two minutes, and looks at the clock only when
somebody else comes; Python and the C library keep the memory of what was let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import sys
import threading
import time
from typing import Any

KEPT_SECONDS = 30.0  # a browser that lost its connection finds its session again for so long
EVERY_SECONDS = 10.0
_LOG = logging.getLogger(__name__)
_started = threading.Lock()


def start() -> None:
    """Begin, once a server."""
    if _started.acquire(blocking=False):
        threading.Thread(target=_keep_house, name="housekeeping", daemon=True).start()


def _keep_house() -> None:
    from streamlit import runtime

    left: dict[str, float] = {}  # sessions whose browser has gone -> since when
    while True:
        time.sleep(EVERY_SECONDS)
        if not runtime.exists():
            continue
        try:
            here: Any = runtime.get_instance()
            manager, loop = here._session_mgr, here._get_async_objs().eventloop
            # Where visitors come and go: nobody can come back while their session is ended.
            future = asyncio.run_coroutine_threadsafe(_ended(manager, left), loop)
            if future.result(60):
                give_back()
        except Exception:  # another version of Streamlit: its own two minutes hold
            _LOG.debug("sessions cannot be let go here", exc_info=True)
            return


async def _ended(manager: Any, left: dict[str, float]) -> int:
    return let_go(manager, left, time.monotonic())


def let_go(manager: Any, left: dict[str, float], now: float) -> int:
    """End the sessions that have been without a browser for long; how many these are.

    Parameters
    ----------
    manager
        Streamlit's manager of sessions.
    left
        Remembers since when (seconds) each session is without a browser.
    now
        The time, in seconds.
    """
    waiting = {waiting_session.session.id for waiting_session in manager._session_storage.list()}
    for id in left.keys() - waiting:
        del left[id]
    for id in waiting:
        left.setdefault(id, now)
    old = [id for id, since in left.items() if now - since >= KEPT_SECONDS]
    for id in old:
        manager.close_session(id)
        del left[id]
    return len(old)


def give_back() -> None:
    """Collect what nobody holds any more, and hand its memory back to the system."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)
