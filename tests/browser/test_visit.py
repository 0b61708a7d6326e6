"""A first visit: three steps over the real page, dismissed for good by one click or Escape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.compare_browser import open_at
from tests.support.page_checks import SERIOUS


@pytest.fixture
def newcomer(browser: Any) -> Iterator[Any]:
    """A page of somebody who was never here."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(120_000)
    yield page
    context.close()


@pytest.mark.parametrize("by", ["click", "key"])
def test_three_steps_stand_at_their_places_and_go_for_good(newcomer, app, by):
    page = newcomer
    open_at(page, app.url)
    steps = page.locator(".pl-visit")
    steps.wait_for()
    marks = page.locator(".pl-visit-mark:not([hidden])")
    marks.nth(1).wait_for()
    field = page.get_by_label("Sentence", exact=True).bounding_box()
    first = marks.first.bounding_box()
    assert abs(first["x"] - field["x"]) < 30
    assert abs(first["y"] - field["y"]) < 30
    if by == "click":
        page.get_by_role("button", name="Got it").click()
    else:
        page.keyboard.press("Escape")
    steps.wait_for(state="detached")
    assert not page.locator(".pl-visit-mark").count()
    open_at(page, app.url)
    assert not page.locator(".pl-visit").count(), "not even after a reload"


def test_the_steps_let_clicks_through_and_end_with_the_page(newcomer, app):
    page = newcomer
    open_at(page, app.url, text="the film is good")
    page.locator(".pl-visit").wait_for()
    page.locator("[class*=st-key-attr-] .tok", has_text="film").first.click()
    page.locator(".st-key-doubt-panel").wait_for()
    page.get_by_role("link", name="Figures", exact=True).click()
    page.get_by_role("heading", name="Figures", exact=True).wait_for()
    page.locator(".pl-visit").wait_for(state="detached")


@pytest.mark.parametrize(
    "width", [400, *(pytest.param(width, marks=pytest.mark.slow) for width in (800, 1280))]
)
def test_the_steps_stand_beside_the_sidebar_and_never_under_it(newcomer, app, width):
    page = newcomer
    page.set_viewport_size({"width": width, "height": 800})
    open_at(page, app.url)
    page.locator(".pl-visit").wait_for()
    bar = page.locator(".pl-visit").bounding_box()
    main = page.locator("[data-testid=stMain]").bounding_box()
    assert bar["x"] >= main["x"]
    assert bar["x"] + bar["width"] <= main["x"] + main["width"]


def test_axe_finds_nothing_serious_in_the_steps(newcomer, app, axe):
    page = newcomer
    open_at(page, app.url)
    page.locator(".pl-visit").wait_for()
    page.evaluate(axe)
    assert page.evaluate(SERIOUS) == []
