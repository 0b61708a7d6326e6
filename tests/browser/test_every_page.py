"""What holds of every page: it opens without a jump, and everybody can use it. Opened once for all.

The measure of jumps is the browser's own, from first paint to rest; axe-core finds nothing serious;
the Tab key goes in reading order, along things that have names; and nothing moves unasked.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from pages.ui.frame.frame import PAGES, place_of
from tests.support.compare_browser import PATIENCE, STANDING, at_rest, errors_of
from tests.support.page_checks import MOVING, SERIOUS, SHIFTS, STOP

MOST = 0.1  # cumulative layout shift up to which a page counts as good (web.dev/cls)
TITLES = [title for _, title in PAGES]


class View(NamedTuple):
    """A page by its title, in a window of this width and colours of this theme."""

    title: str
    width: int = 1280
    theme: str = "light"

    def __str__(self) -> str:
        return f"{self.title}, {self.width} px, {self.theme}"


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest, profile: Any, app: Any) -> Iterator[tuple[Any, Any]]:
    """The page of a `View` at rest, and what jumped until then, the largest first."""
    view: View = request.param
    page = profile.new_page()
    page.set_default_timeout(PATIENCE)
    errors = errors_of(page)
    page.set_viewport_size({"width": view.width, "height": 800})
    page.emulate_media(color_scheme=view.theme)
    page.add_init_script("localStorage.setItem('poollens-visited', 'true')")
    page.add_init_script(SHIFTS)
    page.goto(f"{app.url}/{place_of(view.title)}")
    page.get_by_role("heading", name=view.title, exact=True).wait_for()
    page.wait_for_function(at_rest("document.querySelector('h1')"))
    page.evaluate(STANDING)
    yield page, sorted(page.evaluate("allShifts()"), reverse=True)
    page.close()
    assert not errors, errors


def of_views(*slow: View) -> pytest.MarkDecorator:
    """A test over every page as most people open it, and over `slow` views in the slow part."""
    views = [*map(View, TITLES), *(pytest.param(view, marks=pytest.mark.slow) for view in slow)]
    return pytest.mark.parametrize("opened", views, indirect=True, ids=str)


@of_views(*(View(title, width=400) for title in TITLES))
def test_a_page_does_not_jump_while_it_opens(opened):
    _, shifts = opened
    assert sum(value for value, _ in shifts) <= MOST, shifts[:4]


@of_views(*(View(title, theme="dark") for title in TITLES))
def test_axe_finds_nothing_serious(opened, axe):
    page, _ = opened
    page.evaluate(axe)
    for _ in range(3):  # a job that ends meanwhile draws the page anew, which pales what is old
        page.wait_for_function(at_rest("document.querySelector('h1')"))
        findings = page.evaluate(SERIOUS)
        if not findings:
            break
    assert findings == []


@of_views()
def test_nothing_moves_for_those_who_asked_for_less_motion(opened):
    page, _ = opened
    assert page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    assert page.evaluate(MOVING) == []


@of_views()
def test_everything_that_takes_the_focus_has_a_name(opened):
    page, _ = opened
    session = page.context.new_cdp_session(page)
    session.send("DOM.getDocument")
    names = {}
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        traits = {
            entry["name"]: entry["value"].get("value") for entry in node.get("properties", ())
        }
        role = node.get("role", {}).get("value")
        if not node.get("ignored") and traits.get("focusable") and role != "RootWebArea":
            names[node["backendDOMNodeId"]] = node.get("name", {}).get("value", "").strip()
    assert len(names) > 10
    nameless = [
        session.send("DOM.describeNode", {"backendNodeId": node})["node"]
        for node, name in names.items()
        if not name
    ]
    assert [(node["nodeName"], node.get("attributes")) for node in nameless] == []


def stops_of(page):
    """Every stop of the Tab key, until it leaves the page or comes round."""
    stops = []
    for _ in range(250):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None or stop["nth"] < len(stops):
            break
        stops.append(stop)
    return stops


def goes_back(before, after):
    """Whether a reader would have to look back: up in the same column, or left in the same line."""
    slack = 4
    beside = before["left"] < after["right"] - slack and after["left"] < before["right"] - slack
    level = before["top"] < after["bottom"] - slack and after["top"] < before["bottom"] - slack
    up = after["bottom"] <= before["top"] + slack and beside
    return up or (level and after["right"] <= before["left"] + slack)


@of_views()
def test_the_tab_key_goes_in_reading_order(opened):
    page, _ = opened
    stops = stops_of(page)
    assert sum(stop["inside"] for stop in stops) >= 3
    back = [
        (before["name"], after["name"])
        for before, after in pairwise(stops)
        if before["inside"] == after["inside"] and goes_back(before, after)
    ]
    assert not back
