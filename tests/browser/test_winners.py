"""One way through the Max-pool winners page, as somebody goes it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

TEXT = "the plot is thin but the acting is fine"
CHECKPOINTS = ("sst2-max_cls", "sst2-max_seq_mha")
IDLE = """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
  === 'notRunning' && document.querySelector('.st-key-over-panel')
  && !document.querySelector('[data-stale=true]')"""


def open_winners(page: Any, url: str, text: str = TEXT, **address: str) -> None:
    query = "&".join(f"checkpoints={name}" for name in CHECKPOINTS)
    query += "".join(f"&{name}={quote(value)}" for name, value in address.items())
    page.goto(f"{url}/Max_pool_winners?text={quote(text)}&{query}")
    settle(page)


def settle(page: Any) -> None:
    page.wait_for_function(IDLE)


def test_sweep_and_what_if_stand_beside_each_other(page, app):
    open_winners(page, app.url)
    page.locator(".st-key-sweep-lines .js-plotly-plot").first.wait_for()
    page.locator(".st-key-sweep-winners .js-plotly-plot").wait_for()
    page.locator(".st-key-what-if").get_by_role("button", name="4", exact=True).click()
    page.locator(".st-key-what-if-result .pl-bars .num").first.wait_for()
    settle(page)


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_is_wider_than_the_page(page, app, width):
    page.set_viewport_size({"width": width, "height": 800})
    open_winners(page, app.url)
    assert page.evaluate(
        "() => document.documentElement.scrollWidth <= window.innerWidth"
        " && document.querySelector('.stMain').scrollWidth <= window.innerWidth"
    )
