"""The server as somebody starts it, from a folder of their own: the settings of the app hold."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.compare_browser import open_at


def test_the_tab_has_a_picture_and_no_source_file_is_watched(page, app):
    """Streamlit's watcher holds the server up for seconds at the end of a session's first run."""
    open_at(page, app.url)
    page.wait_for_function(
        "() => document.querySelector('link[rel*=icon]').href.startsWith('data:image/svg+xml')"
    )
    # Linux lists what a process has open; on other systems the setting is the same.
    opened = Path(f"/proc/{app.process.pid}/fd").glob("*")
    assert not [fd for fd in opened if "inotify" in os.readlink(fd)]
