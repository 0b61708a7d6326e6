"""One way through the Max-pool winners page, as somebody goes it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

import analysis
from analysis import interventions
from analysis.reading.dimensions import dimensions
from pages.ui.engine.replies import common_class
from tests.support import tiny
from tests.support.compare_browser import at_rest, narrow_to_wide, runs_out
from tests.support.sentences import in_order

TEXT = "the plot is thin but the acting is fine"
CHECKPOINTS = ("sst2-max_cls", "sst2-max_seq_mha")
MAP = ".st-key-map-sst2-max_seq_mha"
IDLE = at_rest("document.querySelector('.st-key-over-panel')")


def open_winners(page: Any, url: str, text: str = TEXT, **address: str) -> None:
    query = "&".join(f"checkpoints={name}" for name in CHECKPOINTS)
    query += "".join(f"&{name}={quote(value)}" for name, value in address.items())
    page.goto(f"{url}/Max_pool_winners?text={quote(text)}&{query}")
    settle(page)


def settle(page: Any) -> None:
    page.wait_for_function(IDLE)


def ticks(page: Any) -> list[str]:
    """Names under the map."""
    names = page.locator(f"{MAP} .xtick text")
    names.first.wait_for()
    return [str(name) for name in names.all_text_contents() if name]  # the grid's have none


def click_cell(page: Any, row: int, column: int, columns: int) -> None:
    """Click the middle of a cell of the map, of three rows."""
    field = page.locator(f"{MAP} .nsewdrag")
    field.scroll_into_view_if_needed()
    before = None
    while (box := field.bounding_box()) != before:  # what is drawn later above it moves it
        before = box
        page.wait_for_timeout(1000)
    x = box["x"] + box["width"] * (column + 0.5) / columns
    y = box["y"] + box["height"] * (row + 0.5) / 3
    page.mouse.move(x, y - 60)
    page.mouse.move(x, y)
    page.locator(f"{MAP} .hoverlayer .hovertext").first.wait_for()
    page.wait_for_timeout(500)  # plotly looks where the pointer is now and then
    page.mouse.click(x, y)


def loaded(checkpoints: Any) -> Any:
    return analysis.load(checkpoints / "sst2-max_seq_mha")


def explained(checkpoints: Any) -> int:
    """The class that the page explains in all cards: the one that most of them predict."""
    traces = [analysis.record(analysis.load(checkpoints / name), TEXT) for name in CHECKPOINTS]
    labels = traces[0].checkpoint.labels
    return labels.index(common_class([labels[trace.predicted] for trace in traces]))


def test_from_a_cell_to_its_numbers_and_what_happens_without_it(page, app, checkpoints):
    open_winners(page, app.url, unit="pieces")
    trace = analysis.record(loaded(checkpoints), TEXT)
    place = trace.tokens.labels.index("acting")
    click_cell(page, 2, place, len(trace.tokens))

    page.get_by_text(re.compile("^acting: its dimensions")).wait_for()
    settle(page)
    assert "▸ acting" in ticks(page)
    assert "▸ 4" in page.locator(f"{MAP} .ytick text").all_text_contents()
    bars = page.locator(".st-key-won-layers-sst2-max_seq_mha .name")
    assert "▸ 4" in bars.all_inner_texts(), "the layer is marked beside the map as well"

    target = explained(checkpoints)
    table = dimensions(trace, place, target, "zero")
    page_text = page.locator(".st-key-dimensions").inner_text()
    assert in_order(page_text, "32 dimensions", f"{table.contribution.sum():+.3f}")
    assert in_order(page_text, "forward pass", f"{trace.logits[target]:+.4f}")

    what_if = page.locator(".st-key-what-if")
    what_if.get_by_role("button", name="4", exact=True).click()
    result = interventions.what_if(loaded(checkpoints), TEXT, drop_layers=(4,))
    bars = page.locator(".st-key-panel-what-if-sst2-max_seq_mha .pl-bars .num")
    bars.first.wait_for()
    settle(page)
    numbers = bars.all_inner_texts()
    assert sorted(numbers) == sorted(f"{p:.2f}" for p in result.probabilities.ravel())

    sweep = interventions.sweep_last_k(loaded(checkpoints), TEXT)
    line = page.evaluate(
        """() => [...document.querySelectorAll('[class*="st-key-panel-sweep-"] .js-plotly-plot')]
          .flatMap(plot => plot._fullData).filter(one => one.type === 'scatter'
            && one.name === 'sst2-max_seq_mha' && one.fill === 'none'
            && one.mode.includes('lines')).map(one => Array.from(one.y))"""
    )
    expected = [list(sweep.probabilities[:, target]), list(sweep.cosine_to_trained)]
    assert line == [pytest.approx(values, abs=1e-5) for values in expected]

    page.get_by_text("words", exact=True).click()
    settle(page)
    assert "▸ acting" in ticks(page)
    page.get_by_role("link", name="Compare", exact=True).click()
    marked = page.locator(".st-key-cards .tok.marked")
    marked.first.wait_for()
    assert set(marked.all_text_contents()) == {"acting"}


@pytest.mark.slow
def test_longest_text_keeps_its_map_and_its_drop_effects(page, app):
    text = " ".join(["plot"] * (tiny.POSITIONS + 10))
    open_winners(page, app.url, text=text, unit="pieces", quantity="drop effect")
    page.locator(f"{MAP} .heatmaplayer image").first.wait_for()
    cells = page.evaluate(
        f"() => document.querySelector('{MAP} .js-plotly-plot')._fullData[0].z.map(r => r.length)"
    )
    assert cells == 3 * [tiny.POSITIONS]
    assert len(ticks(page)) < tiny.POSITIONS, "only some are named"
    for width in narrow_to_wide(page, 390, 1280):
        assert not runs_out(page), width


@pytest.mark.slow
def test_many_sentences_are_asked_for_and_computed(page, app):
    open_winners(page, app.url, many_count="64")
    page.get_by_role("button", name=re.compile("^Compute over 64")).click()
    page.get_by_role("button", name="Computed over 64 sentences").wait_for()
    settle(page)
    for name in CHECKPOINTS:
        page.locator(f".st-key-panel-over-{name} .pl-bars .bar").nth(2).wait_for()
    page.get_by_text("64 of 1,272 different sentences").wait_for()


@pytest.mark.slow
def test_nothing_runs_out_of_the_window(page, app):
    page.set_viewport_size({"width": 390, "height": 800})
    open_winners(page, app.url)
    for width in narrow_to_wide(page, 390, 800, 1280):
        assert not runs_out(page), width
