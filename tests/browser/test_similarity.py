"""One way through the Similarity page, as somebody goes it."""

from __future__ import annotations

from urllib.parse import urlencode

from tests.support.compare_browser import narrow_to_wide, runs_out, write

FIRST, SECOND = "the plots thinned, not dully", "he said the story was very poor"
NAMES = ("sst2-cls", "sst2-mha")


def open_at(page, url, **address):
    held = {"text": FIRST, "pair": SECOND, "checkpoints": NAMES, **address}
    page.goto(f"{url}/Similarity?{urlencode(held, doseq=True)}")
    page.locator(".similar .pair path").first.wait_for(state="attached")


def card(page, name):
    return page.locator(f".st-key-compared-{name}")


def test_typing_a_second_sentence_draws_it_anew(page, app):
    open_at(page, app.url)
    write(page, "the city was very dull", "Second sentence")
    card(page, NAMES[0]).locator('.side[data-side="1"] .tok', has_text="city").first.wait_for()


def test_an_empty_sentence_is_asked_for_and_an_example_fills_it(page, app):
    held = {"text": FIRST, "pair": "", "checkpoints": NAMES}
    page.goto(f"{app.url}/Similarity?{urlencode(held, doseq=True)}")
    page.get_by_text("Type the second sentence above").wait_for()
    page.get_by_role("button", name="Take an example").click()
    page.locator(".similar .pair path").first.wait_for(state="attached")


def test_nothing_runs_out_of_the_window(page, app):
    page.set_viewport_size({"width": 400, "height": 800})
    open_at(page, app.url, text=FIRST + " " + "anything-but-dull" * 9)
    for width in narrow_to_wide(page, 400, 800, 1280):
        assert not runs_out(page), width
