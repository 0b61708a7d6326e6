"""How many clicks and seconds a task takes: counted by the page itself, over all of its pages."""

from __future__ import annotations

import time
from typing import Any

_COUNT = """addEventListener('click', event => {
  if (event.isTrusted && event.detail > 0)
    sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, true)"""


class Clicks:
    """Clicks of the mouse in one tab since it was made; keys and files that are given are none."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.start = time.monotonic()
        page.add_init_script(_COUNT)

    @property
    def count(self) -> int:
        """Clicks so far."""
        return int(self.page.evaluate("Number(sessionStorage.clicks ?? 0)"))

    def end(self, task: str, most: int) -> None:
        """Print what the task took (``pytest -s`` shows it); more clicks than ``most`` fail."""
        count, seconds = self.count, time.monotonic() - self.start
        print(f"\n{task}: {count} clicks, {seconds:.0f} s")
        assert count <= most, f"{task} takes {count} clicks, at most {most} are allowed"
