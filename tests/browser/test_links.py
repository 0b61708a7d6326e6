"""Nothing that was asked gets lost: by link, by reload, by Back, in another browser."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from pages.ui.frame.frame import PAGES, place_of
from tests.support.compare_browser import address, holds, settle

TITLES = [title for _, title in PAGES]
WITHOUT_SENTENCE = ("Train", "Evaluate", "Figures")
# Every shared choice away from its default, and some of single pages.
CHOICES = {
    "text": ["the story is thin and the acting is good"],
    "pair": ["she said nothing"],
    "checkpoints": ["sst2-max_cls", "mrpc-mha"],
    "target": ["same"],
    "unit": ["pieces"],
    "mark": ["0.4.9"],
    "marked_layer": ["2"],
    "marked_head": ["1"],
    "precision": ["bfloat16"],
    "reference": ["zero"],
    "layer_order": ["top"],
    "quantity": ["contribution"],
    "drop_layers": ["2"],
    "mask_tokens": ["3"],
    "mask_where": ["encoder"],
    "leave": ["head"],
    "methods": ["saliency", "occlusion"],
    "baseline": ["mask"],
    "source": ["suite"],
    "suite_task": ["mrpc"],
    "poolings": ["max"],
    "map": ["pca"],
}


def every_way_once(titles):
    """A walk that goes from every page to every other page exactly once."""
    ways = {title: [other for other in titles if other != title] for title in titles}
    walk, stack = [], [titles[0]]
    while stack:
        if ways[stack[-1]]:
            stack.append(ways[stack[-1]].pop())
        else:
            walk.append(stack.pop())
    return walk[::-1]


def at(url, title):
    return f"{url}/{place_of(title)}?{urlencode(CHOICES, doseq=True)}"


def all_are_kept(page, title):
    """The page is the one asked, its address says everything, and its fields show it."""
    page.get_by_role("heading", name=title, exact=True).wait_for()
    page.wait_for_function(
        "([place, text]) => location.pathname.endsWith('/' + place)"
        " && new URLSearchParams(location.search).get('text') === text",
        arg=[place_of(title), CHOICES["text"][0]],
    )
    kept = address(page)
    lost = {name: kept.get(name) for name, value in CHOICES.items() if kept.get(name) != value}
    assert not lost, f"lost on {title}"
    if title not in WITHOUT_SENTENCE:
        holds(page, CHOICES["text"][0])
        page.wait_for_function(
            "text => document.querySelector('[aria-label=\"Second sentence\"]')?.value === text",
            arg=CHOICES["pair"][0],
        )


@pytest.mark.slow
def test_a_link_keeps_every_choice_from_every_page_to_every_page_and_back(page, app):
    page.goto(at(app.url, "Compare"))
    all_are_kept(page, "Compare")
    walk = every_way_once(TITLES)
    for title in walk[1:]:
        page.get_by_role("link", name=title, exact=True).click()
        all_are_kept(page, title)
    for title in walk[-2:-12:-1]:
        page.go_back()
        all_are_kept(page, title)
    page.go_forward()
    all_are_kept(page, walk[-10])


FRESH = ("Max-pool winners",)  # the others in the slow part


@pytest.mark.parametrize(
    "title",
    [t if t in FRESH else pytest.param(t, marks=pytest.mark.slow) for t in TITLES],
)
def test_a_link_opens_in_a_fresh_browser_and_survives_a_reload(page, app, title):
    page.goto(at(app.url, title))
    all_are_kept(page, title)
    page.reload()
    all_are_kept(page, title)
    link = page.get_by_role("link", name="Layers", exact=True)
    for _ in range(100):  # the links follow the address a moment later
        if parse_qs(urlsplit(link.get_attribute("href")).query) == CHOICES:
            return
        page.wait_for_timeout(100)
    raise AssertionError("a page opened in a new tab loses what was chosen")


def test_back_returns_to_what_was_asked_there(page, app):
    page.goto(f"{app.url}/?{urlencode({'text': 'she said nothing'})}")
    settle(page)
    page.get_by_role("link", name="Layers", exact=True).click()
    page.get_by_role("heading", name="Layers", exact=True).wait_for()
    page.wait_for_url("**/Layers?text=she+said+nothing")
    page.get_by_label("Sentence", exact=True).fill("the film is good")
    page.wait_for_url("**/Layers?text=the+film+is+good")
    page.go_back()
    page.get_by_role("heading", name="Compare", exact=True).wait_for()
    holds(page, "she said nothing")
    page.go_forward()
    page.get_by_role("heading", name="Layers", exact=True).wait_for()
    holds(page, "the film is good")


def test_typing_makes_no_steps_in_the_history(page, app):
    page.goto(app.url)
    settle(page)
    steps = page.evaluate("history.length")
    field = page.get_by_label("Sentence", exact=True)
    field.press("End")
    field.press_sequentially(" and more", delay=120)
    page.wait_for_url("**text=*and+more")
    assert page.evaluate("history.length") == steps
