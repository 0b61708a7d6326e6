"""One way through the Similarity page, as somebody goes it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.support.compare_browser import STANDING, at_rest, narrow_to_wide, runs_out, write

FIRST, SECOND = "the plots thinned, not dully", "he said the story was very poor"
NAMES = ("sst2-cls", "sst2-mha")


def open_at(page, url, **address):
    held = {"text": FIRST, "pair": SECOND, "checkpoints": NAMES, **address}
    page.goto(f"{url}/Similarity?{urlencode(held, doseq=True)}")
    page.locator(".similar .pair path").first.wait_for(state="attached")
    page.wait_for_function(at_rest())


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


def test_the_first_visit_shows_what_the_page_does(page, app):
    page.goto(f"{app.url}/Similarity")
    page.locator(".similar .pair path").first.wait_for(state="attached")
    second = "document.querySelector('input[aria-label=\"Second sentence\"]')?.value"
    # A field takes its text when React comes to it, and a click goes to what stands still.
    page.wait_for_function(at_rest(second))
    page.get_by_text("negation", exact=True).click()
    page.wait_for_function(f"() => {second}?.startsWith('This is not')")
    page.locator(".similar .pair path").first.wait_for(state="attached")


def test_a_word_is_struck_out_replaced_and_put_back(page, app):
    open_at(page, app.url)
    first = card(page, NAMES[0])
    first.locator('.side[data-side="0"] .tok', has_text="plots").first.click()
    first.locator(".struck", has_text="plots").first.wait_for()
    first.locator(".change").first.wait_for()
    page.get_by_label("Instead of “plots”").fill("story")
    first.locator(".put", has_text="story").first.wait_for()
    assert first.locator(".struck").count() == 3  # once in each pooling
    first.locator(".put", has_text="story").first.click()
    first.locator(".struck").first.wait_for(state="detached")
    first.locator('.side[data-side="0"] .tok', has_text="plots").first.wait_for()


def test_pointing_at_a_word_shows_its_partners_in_every_pooling(page, app):
    open_at(page, app.url)
    page.evaluate(STANDING)
    word = card(page, NAMES[0]).locator('.side[data-side="0"] .tok', has_text="plots").first
    word.hover()
    for name in NAMES:  # the other cards hear of it
        card(page, name).locator(".readout", has_text="plots:").first.wait_for()


def test_effects_and_the_map_are_drawn_on_demand(page, app):
    open_at(page, app.url, similarity_details="true", similarity_effects="true")
    page.locator(".st-key-panel-similarity-similarity_map .js-plotly-plot").first.wait_for()
    page.locator(".st-key-panel-similarity-similarity_effects .js-plotly-plot").first.wait_for()


def test_a_pair_of_the_data_set_opens_above(page, app):
    rows = "the plot is thin\tthe story is thin\nthe city is dull\twho lives in the city"
    open_at(page, app.url, similarity_over="true", source="own sentences", own_sentences=rows)
    page.locator(".st-key-pairs-job-go button").click()
    page.get_by_text("2 pairs, 4 sentences").wait_for()
    page.get_by_text("Pairs of the data set").click()
    table = page.locator(".st-key-similarity-rows canvas").first
    page.evaluate(STANDING)  # the pictures above have taken their sizes
    table.scroll_into_view_if_needed()
    page.evaluate(STANDING)
    box = table.bounding_box()
    page.mouse.click(box["x"] + 12, box["y"] + 35 * 1.5)  # the box of the first row
    page.wait_for_function(
        "() => document.querySelector('input[aria-label=\"Second sentence\"]')?.value"
        " === 'the story is thin'"
    )


@pytest.mark.slow
def test_nothing_runs_out_of_the_window(page, app):
    page.set_viewport_size({"width": 400, "height": 800})
    open_at(page, app.url, text=FIRST + " " + "anything-but-dull" * 9)
    for width in narrow_to_wide(page, 400, 800, 1280):
        assert not runs_out(page), width
