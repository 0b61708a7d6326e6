"""Sessions whose browser has gone are let go, those that came back are not."""

from __future__ import annotations

from types import SimpleNamespace

from pages.ui.engine import housekeeping
from pages.ui.engine.housekeeping import KEPT_SECONDS, let_go


class Manager:
    """What is used of Streamlit's manager of sessions."""

    def __init__(self, *ids):
        self.ids, self.closed = list(ids), []
        self._session_storage = SimpleNamespace(
            list=lambda: [SimpleNamespace(session=SimpleNamespace(id=id)) for id in self.ids]
        )

    def close_session(self, id):
        self.ids.remove(id)
        self.closed.append(id)


def test_a_session_without_a_browser_ends_after_half_a_minute():
    manager, left = Manager("a", "b"), {}
    assert let_go(manager, left, 0.0) == 0
    assert let_go(manager, left, KEPT_SECONDS - 1) == 0
    assert let_go(manager, left, KEPT_SECONDS) == 2
    assert sorted(manager.closed) == ["a", "b"]
    assert not left


def test_who_came_back_begins_anew():
    manager, left = Manager("a"), {}
    let_go(manager, left, 0.0)
    manager.ids.clear()  # the browser is there again
    let_go(manager, left, KEPT_SECONDS / 2)
    manager.ids.append("a")  # and gone again
    assert let_go(manager, left, KEPT_SECONDS + 1) == 0
    assert let_go(manager, left, 2 * KEPT_SECONDS + 1) == 1


def test_what_is_used_of_streamlit_is_there():
    from streamlit.runtime import Runtime
    from streamlit.runtime.memory_session_storage import MemorySessionStorage
    from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

    assert hasattr(Runtime, "_get_async_objs")
    assert hasattr(WebsocketSessionManager, "close_session")
    assert MemorySessionStorage().list() == []
    housekeeping.give_back()
