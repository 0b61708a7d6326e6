"""Without a mouse: arrow keys go along words, rows and cells, Enter chooses, Escape takes back."""

from __future__ import annotations

from urllib.parse import urlencode

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


ROWS = [f"the {a} was {b}" for a in ("plot", "film", "song", "ending") for b in ("good", "dull")]
PLACE = "e => e.getRootNode().activeElement?.dataset.class ?? ''"


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def test_arrow_keys_go_along_the_lists_beside_the_map_and_escape_lets_a_row_go(page, app):
    settings = {"source": "own sentences", "own_sentences": "\n".join(ROWS), "map": "pca"}
    page.goto(f"{app.url}/Embedding_map?{urlencode(settings)}")
    rows = page.locator(".st-key-dock-lists .listed")
    rows.nth(3).wait_for()
    page.wait_for_function(at_rest())
    group = page.locator(".st-key-dock-lists [data-arrows]")
    assert group.get_attribute("aria-label") == "Outliers"
    assert group.locator("[tabindex='0']").count() == 1, "one stop of the Tab key"
    rows.first.focus()
    press(page, "ArrowDown", "ArrowDown", "ArrowUp")
    assert rows.first.evaluate(PLACE) == "1"
    press(page, "End")
    assert rows.first.evaluate(PLACE) == str(rows.count() - 1)
    press(page, "Home", "ArrowDown", "Enter")
    page.wait_for_function("() => location.search.includes('point=')")
    page.locator(".st-key-dock-card .card .answer").first.wait_for()
    page.locator(".st-key-dock-lists .listed[aria-pressed=true]").wait_for()
    assert rows.first.evaluate(PLACE) == "1", "the focus stays where it was"
    press(page, "Escape")
    page.wait_for_function("() => !location.search.includes('point=')")
    page.locator(".st-key-dock-lists .listed[aria-pressed=true]").wait_for(state="detached")


def test_arrow_keys_go_over_the_cells_of_a_map_and_enter_chooses_one(page, app):
    settings = {"text": TEXT, "checkpoints": "sst2-max_seq_mha", "unit": "pieces"}
    page.goto(f"{app.url}/Max_pool_winners?{urlencode(settings)}")
    page.wait_for_function(at_rest("document.querySelector('.st-key-over-panel')"))
    chart = page.locator(".st-key-map-sst2-max_seq_mha .js-plotly-plot[tabindex='0']")
    chart.wait_for()
    assert "arrow keys" in chart.get_attribute("aria-label")
    chart.focus()
    ring = page.locator(".st-key-map-sst2-max_seq_mha .cell-ring")
    press(page, "ArrowRight")
    first = ring.bounding_box()
    press(page, "ArrowRight", "ArrowRight", "ArrowDown")
    moved = ring.bounding_box()
    assert moved["x"] == pytest.approx(first["x"] + 2 * first["width"], abs=2)
    assert moved["y"] == pytest.approx(first["y"] + first["height"], abs=2)
    readout = ring.text_content()
    press(page, "ArrowLeft", "ArrowRight")
    assert ring.text_content() == readout
    press(page, "Enter")
    page.locator(".st-key-map-sst2-max_seq_mha .xtick", has_text="▸ film").wait_for()
    page.wait_for_function("() => location.search.includes('mark=')")
    page.wait_for_function(at_rest())
    page.wait_for_function("() => document.activeElement.className.includes('plotly')")
    press(page, "ArrowRight")
    ring.wait_for()
    press(page, "Escape")
    assert ring.is_hidden()


def test_arrow_keys_go_along_rows_of_disagreement_and_enter_opens_one(page, app):
    settings = {
        "evaluate": "Data set", "source": "own sentences", "look": "examples",
        "own_sentences": "\n".join(ROWS),
    }  # fmt: skip
    page.goto(f"{app.url}/Evaluate?{urlencode(settings)}&checkpoints=sst2-cls&checkpoints=sst2-mha")
    page.locator(".st-key-job-go button").click()
    page.locator(".st-key-job-go").wait_for(state="detached")
    page.locator(".st-key-panel-examples tbody").wait_for()
    page.wait_for_function(at_rest())
    body = page.locator(".st-key-panel-examples tbody")
    rows = body.locator("tr")
    assert rows.count() >= 1
    assert body.locator("tr[tabindex='0']").count() == 1, "one stop of the Tab key"
    rows.first.focus()
    last = min(2, rows.count() - 1)
    press(page, *["ArrowDown"] * last)
    assert rows.first.evaluate(PLACE) == str(last)
    text = rows.nth(last).locator("[data-name=text]").inner_text()
    assert text in ROWS
    press(page, "Enter")
    page.get_by_role("heading", name="Compare", exact=True).wait_for()
    page.wait_for_function(
        "text => [...document.querySelectorAll('input')].some(i => i.value === text)", arg=text
    )
