"""Readable at every width, in both themes, and without a mouse."""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import urlencode

import pytest

from tests.support.compare_browser import (
    address,
    at_rest,
    card,
    cards,
    narrow_to_wide,
    open_at,
    runs_out,
    settle,
)

LONG = "anything-but-dull " * 12 + "donaudampfschifffahrtsgesellschaftskapitaen" * 3
WIDTHS = {380: 1, 800: 2, 1280: 4}


def test_nothing_runs_out_of_the_window(page, app):
    page.set_viewport_size({"width": 380, "height": 800})
    open_at(page, app.url, text=LONG, compare="true", variant=LONG + " bad")
    for width in narrow_to_wide(page, *WIDTHS):
        assert not runs_out(page), width
        for box in page.locator(".st-key-cards .card").all():
            wide, seen = box.evaluate("e => [e.scrollWidth, e.clientWidth]")
            assert wide <= seen + 1, width


def test_cards_stand_one_two_or_four_abreast_and_answer_on_the_first_screen(page, app):
    page.set_viewport_size({"width": 380, "height": 800})
    open_at(page, app.url)
    box = card(page, cards(page)[0]).locator("[class*=st-key-answer-] .card").bounding_box()
    assert box["y"] + box["height"] < 800, "on a phone the first"
    for width in narrow_to_wide(page, *WIDTHS):
        boxes = [card(page, name).bounding_box() for name in cards(page)]
        first = [box for box in boxes if abs(box["y"] - boxes[0]["y"]) < 2]
        assert len(first) == WIDTHS[width]
        assert len({round(box["width"]) for box in boxes}) == 1
        assert len({round(box["height"]) for box in first}) == 1
    for name in cards(page):
        box = card(page, name).locator(".answer").bounding_box()
        assert box["y"] + box["height"] < 800
        strip = card(page, name).locator("[class*=st-key-attr-] .pl-strip").bounding_box()
        assert strip["y"] + strip["height"] < 800, "and below it stands why, word by word"
        assert card(page, name).locator(".pl-flow").bounding_box()["y"] < 800


def test_special_tokens_stand_beside_a_word_or_not_at_all(page, app):
    page.set_viewport_size({"width": 380, "height": 800})
    open_at(page, app.url, text="the film is not very good but the plot is fine")
    line = "e => Math.round(e.getBoundingClientRect().bottom)"
    for width in narrow_to_wide(page, 380, 390, 400, 420, 800, 1280):
        for strip in page.locator("[class*=st-key-attr-] .pl-strip").all():
            word, end = (strip.locator(".tok").nth(place) for place in (-2, -1))
            assert "special" in end.get_attribute("class")
            assert abs(word.evaluate(line) - end.evaluate(line)) < 8, width
    page.locator(".st-key-special label").click()
    page.locator("[class*=st-key-attr-] .special").first.wait_for(state="hidden")
    page.wait_for_url("**special=false*")


def test_a_click_on_a_word_shows_its_number(page, app):
    open_at(page, app.url, text="the film is good")
    strip = card(page, "sst2-mha").locator("[class*=st-key-attr-]")
    word = strip.locator(".tok", has_text="film")
    number = word.get_attribute("title").split(": ")[1]
    word.click()
    strip.locator(".note", has_text=f"film: {number}").wait_for()
    card(page, "sst2-cls").locator(".pl-told", has_text="film").wait_for()


def test_what_is_pointed_at_lights_up_in_every_card_with_its_number(page, app):
    names = ("sst2-mha", "sst2-max_seq_mha")
    query = {"text": "the film is good", "checkpoints": names, "target": "positive"}
    page.goto(f"{app.url}/?{urlencode(query, doseq=True)}")
    settle(page)
    first, second = (card(page, name) for name in names)
    for place, label in (
        ("g.unit", "film"),
        ("[data-point^='l:']", "layer "),
        ("[data-point^='c:']", "positive"),
    ):
        lights_up(page, first, second, place, label)


def lights_up(page, first, second, place, label):
    words = first.locator(f".pl-flow {place}")
    words = words.filter(has_text="film") if place == "g.unit" else words
    words.first.locator("text").first.hover()
    for card_name in (first, second):
        card_name.locator(".pl-flow.pointed").wait_for()
        assert card_name.locator(".pl-flow .stream.lit").count() > 0
        number = card_name.locator(".pl-told").inner_text()
        assert re.search(rf"{label}.*\d", number), number
    page.mouse.move(0, 0)
    first.locator(".pl-flow.pointed").wait_for(state="detached")


# Special tokens that stand on a line of a text without a word beside them.
ALONE = """() => [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)
  .flatMap(root => [...root.querySelectorAll('.pl-strip, .side')]).flatMap(text => {
    const tokens = [...text.querySelectorAll('.tok')].filter(token => token.checkVisibility());
    const boxes = tokens.flatMap(token => [...token.getClientRects()].map(box => [box, token]));
    return boxes.filter(([box, token]) => token.matches('.special') && !boxes.some(
      ([other, word]) => word !== token && other.top < box.bottom - 2 && box.top < other.bottom - 2
    )).map(([, token]) => token.textContent);
  })"""
SENTENCE = "the film is not very good but the plot is fine and the end is good"


@pytest.mark.parametrize(
    ("place", "query"),
    [
        ("", {"long": "true", "document": f"{SENTENCE} " * 60}),
        ("Similarity", {"text": SENTENCE, "pair": f"{SENTENCE}, too"}),
        pytest.param("Attributions", {"text": SENTENCE}, marks=pytest.mark.slow),
    ],
)
def test_no_special_token_stands_alone_on_a_line(page, app, place, query):
    page.set_viewport_size({"width": 380, "height": 800})
    page.goto(f"{app.url}/{place}?{urlencode(query)}")
    page.locator(".tok").filter(visible=True).first.wait_for()
    page.wait_for_function(at_rest())
    for width in narrow_to_wide(page, 380, 387, 394, 400, 408, 800):
        assert page.evaluate(ALONE) == [], width


def test_words_below_a_map_stand_apart_on_a_phone(page, app):
    page.set_viewport_size({"width": 400, "height": 800})
    query = {"text": SENTENCE, "pair": f"{SENTENCE}, too", "similarity_details": "true"}
    page.goto(f"{app.url}/Similarity?{urlencode(query)}&checkpoints=sst2-mha")
    page.locator(".st-key-panel-similarity-similarity_map .xtick text").first.wait_for(
        state="attached"
    )
    page.wait_for_function(at_rest())
    words = page.locator(".st-key-panel-similarity-similarity_map g.xtick text").filter(
        visible=True
    )
    places = sorted(word.bounding_box()["x"] for word in words.all())
    assert len(places) >= 5
    assert min(b - a for a, b in pairwise(places)) >= 10


def test_bars_of_layers_stay_in_their_places_on_a_phone(page, app):
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{app.url}/Max_pool_winners?text=the+film+is+good")
    page.locator(".pl-bars .num").first.wait_for()
    page.wait_for_function(at_rest())
    for panel in page.locator(".pl-grid > .panel").filter(visible=True).all():
        wide, seen = panel.evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert wide <= seen + 1


CONTRAST = """(element) => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => {
    const v = c[i] / 255;
    return sum + w * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  let place = element, ground = [0, 0, 0, 0];
  while (ground[3] < 255 && place) {
    ground = rgb(getComputedStyle(place).backgroundColor);
    place = place.parentElement || place.getRootNode().host;
  }
  const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_on_every_shade_and_a_sign_is_underlined(page, app, theme):
    page.emulate_media(color_scheme=theme)
    open_at(page, app.url, text="the film is not very good but the plot is fine")
    scheme = page.locator(".stApp").evaluate("e => getComputedStyle(e).colorScheme")
    assert scheme == theme
    for kind in (".tok", ".num", ".name", ".line", ".how"):
        marks = page.locator(f".st-key-cards {kind}")
        ratios = marks.evaluate_all(f"(all) => all.map({CONTRAST})")
        assert len(ratios) >= 4
        assert min(ratios) >= 4.5, f"{kind} has {min(ratios):.1f} : 1"
    for token in page.locator(".st-key-cards .tok").all()[:60]:
        negative = ": -" in token.get_attribute("title")
        line = token.evaluate("e => getComputedStyle(e).textDecorationLine")
        assert (line == "underline") == negative, "a sign never hangs on colour alone"


def test_keyboard_alone_chooses_a_class(page, app):
    open_at(page, app.url)
    page.get_by_label("Sentence", exact=True).focus()
    bar = (
        "() => { let e = document.activeElement; while (e && e.shadowRoot) "
        "e = e.shadowRoot.activeElement; return e && e.dataset ? e.dataset.class : null; }"
    )
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(bar) == "1":
            break
    assert page.evaluate(bar) == "1", "Tab reaches the second class of a card"
    page.keyboard.press("Enter")
    page.wait_for_url("**target=positive*")
    settle(page)
    assert card(page, "sst2-cls").locator(".chosen .name").inner_text() == "positive"
    assert page.evaluate(bar) == "1", "the focus stays where it was"
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "target=" not in url)


def test_arrow_keys_go_along_the_words_enter_marks_and_escape_takes_back(page, app):
    open_at(page, app.url, text="the film is good")
    strip = card(page, "sst2-mha").locator("[class*=st-key-attr-] .pl-strip")
    focused = "e => e.getRootNode().activeElement?.textContent"
    strip.locator(".tok").first.focus()
    for key, word in (
        ("ArrowRight", "the"),
        ("ArrowDown", "film"),
        ("ArrowLeft", "the"),
        ("End", "[SEP]"),
        ("Home", "[CLS]"),
    ):
        page.keyboard.press(key)
        assert strip.evaluate(focused) == word
    assert strip.locator("[tabindex='0']").count() == 1, "one stop of the Tab key"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator(".st-key-doubt-panel").wait_for()
    page.locator(".st-key-cards [class*=st-key-attr-] .tok.marked").nth(3).wait_for()
    settle(page)
    assert strip.evaluate(focused) == "the", "the focus stays where it was"
    page.keyboard.press("Escape")
    page.locator(".st-key-doubt-panel").wait_for(state="detached")


@pytest.mark.slow
def test_ten_thousand_words_leave_the_page_usable(page, app):
    open_at(page, app.url, document="good", long="true")
    field = page.get_by_label("Text", exact=True)
    field.fill("the film is good " * 2500)
    field.press("Control+Enter")
    cut = card(page, "sst2-mha").get_by_text("tokens beyond the model's limit were cut")
    cut.wait_for()
    settle(page)
    assert cut.inner_text().startswith("9,938 tokens")
    assert len(field.input_value()) == len("the film is good ") * 2500
    wide, seen = page.locator("html").evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert wide <= seen
    assert "long" in address(page)
