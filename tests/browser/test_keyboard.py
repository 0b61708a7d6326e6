"""Without a mouse: arrow keys go along words, and Escape takes back."""

from __future__ import annotations

import pytest

from pages.ui.frame.frame import place_of
from tests.support.compare_browser import at_rest

TEXT = "the film is not good but the plot is fine"


def open_page(page, url, title):
    pair = "&pair=a+good+film" if title == "Similarity" else ""
    page.goto(f"{url}/{place_of(title)}?text={TEXT.replace(' ', '+')}{pair}")
    page.get_by_role("heading", name=title, exact=True).wait_for()
    page.wait_for_function(at_rest())


# Page -> what holds its words, and the first of them that the Tab key stops at.
WORDS = {
    "Compare": ".st-key-cards [class*=st-key-attr-] .pl-strip",
    "Layers": ".st-key-follow-text .pl-strip",
    "Attention": ".rows",
    "Attributions": ".pl-strip",
    "Similarity": ".side",
}


FEW = ("Layers", "Similarity")  # Compare and Attributions: test_layout.py, test_attributions.py


@pytest.mark.parametrize(
    "title", [t if t in FEW else pytest.param(t, marks=pytest.mark.slow) for t in WORDS]
)
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
