"""Without a mouse: the Tab key in reading order, arrow keys along words, Escape takes back."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pages.ui.frame.frame import PAGES, place_of
from tests.support.compare_browser import at_rest

TEXT = "the film is not good but the plot is fine"
TITLES = [title for _, title in PAGES]

# Where the focus is: its box on the page, and what tells it from others.
STOP = """() => {
  let e = document.activeElement;
  while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
  if (!e || e === document.body) return null;
  const { left, top, right, bottom } = e.getBoundingClientRect();
  const main = document.querySelector('.stMain');
  const y = main.scrollTop, inside = Boolean(e.closest('.stMain') ?? host(e).closest('.stMain'));
  window.stops ??= [];
  if (!window.stops.includes(e)) window.stops.push(e);
  return { left, right, top: top + inside * y, bottom: bottom + inside * y, inside,
    nth: window.stops.indexOf(e),
    name: `${e.tagName}.${e.className} ${(e.ariaLabel ?? e.textContent ?? '').slice(0, 40)}` };
  function host(inner) {
    let at = inner;
    while (at.getRootNode().host) at = at.getRootNode().host;
    return at;
  }
}"""


def open_page(page, url, title):
    pair = "&pair=a+good+film" if title == "Similarity" else ""
    page.goto(f"{url}/{place_of(title)}?text={TEXT.replace(' ', '+')}{pair}")
    page.get_by_role("heading", name=title, exact=True).wait_for()
    page.wait_for_function(at_rest())


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


@pytest.mark.parametrize("title", TITLES)
def test_the_tab_key_goes_in_reading_order(page, app, title):
    open_page(page, app.url, title)
    stops = stops_of(page)
    assert sum(stop["inside"] for stop in stops) >= 3
    back = [
        (before["name"], after["name"])
        for before, after in pairwise(stops)
        if before["inside"] == after["inside"] and goes_back(before, after)
    ]
    assert not back


@pytest.mark.parametrize("title", TITLES)
def test_everything_that_takes_the_focus_has_a_name(page, app, title):
    open_page(page, app.url, title)
    session = page.context.new_cdp_session(page)
    session.send("DOM.getDocument")
    names = {}
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        traits = {one["name"]: one["value"].get("value") for one in node.get("properties", ())}
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


# Page -> what holds its words, and the first of them that the Tab key stops at.
WORDS = {
    "Compare": ".st-key-cards [class*=st-key-attr-] .pl-strip",
    "Layers": ".st-key-follow-text .pl-strip",
    "Attention": ".rows",
    "Attributions": ".pl-strip",
    "Similarity": ".side",
}


@pytest.mark.parametrize("title", WORDS)
def test_arrow_keys_go_along_words_and_escape_takes_back(page, app, title):
    open_page(page, app.url, title)
    group = page.locator(WORDS[title]).filter(visible=True).first
    group.locator(".tok[tabindex='0']").first.focus()
    assert group.locator(".tok[tabindex='0']").count() == 1, "one stop of the Tab key"
    place = "e => [...e.querySelectorAll('.tok')].indexOf(e.getRootNode().activeElement)"
    seen = []
    for key in ("Home", "ArrowRight", "ArrowDown", "ArrowLeft", "End", "ArrowUp", "Home"):
        page.keyboard.press(key)
        seen.append(group.evaluate(place))
    first, last = seen[0], seen[4]
    assert seen == [first, first + 1, first + 2, first + 1, last, last - 1, first]
    assert last - first >= 8, "all words"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    here = group.evaluate(place)
    page.keyboard.press("Enter")
    page.wait_for_function("() => /mark=|edits=/.test(location.search)")
    page.wait_for_function(at_rest())
    group = page.locator(WORDS[title]).filter(visible=True).first
    assert group.evaluate(place) == here, "the focus stays where it was"
    page.keyboard.press("Escape")
    page.wait_for_function("() => !/mark=|edits=/.test(location.search)")
