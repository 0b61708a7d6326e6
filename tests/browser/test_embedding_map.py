"""One way through the Embedding map: find, lasso, typed sentence, layers, a row on Compare."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

WORDS = ("plot", "acting", "film", "song", "ending", "sound", "story", "end")
ROWS = [f"the {a} was {b}" for a in WORDS for b in ("good", "poor", "dull", "very good")]
READY = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return document.documentElement.dataset.raised === 'true'
    && app && app.dataset.testScriptState === 'notRunning'
    && document.querySelector('.st-key-map-rows')
    && !document.querySelector('.st-key-vectors-running, .st-key-layout-running');
}"""


@pytest.fixture(scope="module")
def motion() -> str:
    """Maps wander from layer to layer."""
    return "no-preference"


def ready(page: Any) -> None:
    """Wait until three maps are drawn and nothing runs."""
    page.wait_for_function(READY)
    page.locator(".maps[data-painter] .box").nth(2).wait_for()
    page.locator(".maps[data-part='1.00']").wait_for()


def open_maps(page: Any, app: Any, **address: str) -> None:
    given = {"source": "Own sentences", "map": "PCA", "text": ROWS[3], **address}
    page.goto(f"{app.url}/Embedding_map?{urlencode(given)}")
    box = page.get_by_role("textbox", name="Your sentences, one a line")
    box.fill("\n".join(ROWS))
    box.press("Control+Enter")
    ready(page)


def lasso_all(page: Any) -> None:
    """Draw around the whole first map."""
    page.get_by_role("button", name="Lasso").click()
    first = page.locator(".maps[data-painter] .box").first
    first.evaluate("box => box.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(500)
    box = first.bounding_box()
    left, top = box["x"] + 2, box["y"] + 2
    right, bottom = box["x"] + box["width"] - 2, box["y"] + box["height"] - 2
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=3)
    page.mouse.up()
    page.get_by_text(f"Selected sentences ({len(ROWS)})").wait_for()


def caught(page: Any) -> str:
    return str(page.locator(".maps[data-painter] .count").inner_text())


def test_find_lasso_hide_and_read(page: Any, app: Any) -> None:
    open_maps(page, app)
    root = page.locator(".maps[data-painter]")
    assert root.locator("figcaption small").first.inner_text().startswith("PCA, trustworthiness")

    # A lasso around the whole first map selects every row, in all maps, and lists them.
    lasso_all(page)
    assert caught(page) == f"{len(ROWS)} selected"
    page.get_by_role("button", name="Clear selection").click()
    page.get_by_text("Click a point, or switch to Lasso").wait_for()

    # What is found is said; the address keeps it.
    find = page.get_by_role("textbox", name="Find in the texts")
    find.fill("ending")
    page.get_by_text(f"4 of {len(ROWS)} texts contain it.").wait_for()
    assert "find=ending" in page.url


def test_the_typed_sentence_is_placed_and_the_layer_moves_all_maps(page: Any, app: Any) -> None:
    open_maps(page, app, layer_shown="4")
    page.get_by_text("Nearest to the typed sentence").wait_for()
    page.get_by_text(f"1.00 {ROWS[3]}").first.wait_for()  # it is a row of the data set
    page.get_by_role("textbox", name="Sentence", exact=True).fill(ROWS[8])
    page.get_by_text(f"1.00 {ROWS[8]}").first.wait_for()

    field = page.locator(".maps[data-painter] .field")
    before = field.screenshot()
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    page.wait_for_function("() => location.search.includes('layer_shown=1')")
    ready(page)
    assert field.screenshot() != before


@pytest.mark.slow
def test_a_hidden_class_stays_hidden_when_umap_takes_the_place_of_pca(page: Any, app: Any) -> None:
    open_maps(page, app, colour_by="prediction of sst2-cls")
    hidden = page.locator(".legend button[aria-pressed=false]")
    first = page.locator(".legend button[data-code='0']")
    first.click()
    hidden.wait_for()
    page.locator(".st-key-map").get_by_text("UMAP").click()
    page.locator(".maps[data-painter] figcaption small", has_text="UMAP,").first.wait_for()
    ready(page)
    assert hidden.count() == 1
    assert "map=umap" in page.url or "map=" not in page.url  # the default needs no place in it


def test_a_point_opens_its_sentence_on_compare(page: Any, app: Any) -> None:
    open_maps(page, app)
    lasso_all(page)
    grid = page.locator(".st-key-map-rows [data-testid=stDataFrame] canvas").first
    grid.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # the page still grows below it
    place = grid.bounding_box()
    page.mouse.click(place["x"] + 150, place["y"] + 35 + 17)  # the first row below the header
    page.get_by_role("heading", name="Compare", exact=True).wait_for()
    page.wait_for_function(
        "text => [...document.querySelectorAll('input')].some(i => i.value === text)", arg=ROWS[0]
    )
