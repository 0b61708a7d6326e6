"""One way through the Layers page, as somebody goes it."""

from __future__ import annotations

from typing import Any

import pytest

import analysis
from analysis.reading import layers
from tests.support.compare_browser import at_rest, write

FIRST, SECOND = "the film is good", "the story was poor and very dull"
SETTLED = at_rest(
    "document.querySelector('.st-key-numbers-table')",
    "document.querySelectorAll('.st-key-depth-lines .js-plotly-plot').length === 4",
)


def settle(page: Any) -> None:
    """Wait for the end of the run, with all four pictures drawn."""
    page.wait_for_function(SETTLED)


def open_at(page: Any, app: Any, **address: str) -> None:
    from urllib.parse import urlencode

    page.goto(f"{app.url}/Layers?{urlencode(address)}")
    settle(page)


def drawn(page: Any, quantity: int, name: str) -> list[float]:
    """The line of a checkpoint as plotly holds it."""
    script = """([quantity, name]) => {
      const plot = document.querySelector(`.st-key-depth-${quantity} .js-plotly-plot`);
      const line = plot._fullData.find(one => one.name === name && one.mode.includes('lines')
        && one.fill === 'none');
      return line ? Array.from(line.y) : [];
    }"""
    return page.evaluate(script, [quantity, name])


def expected(checkpoints: Any, name: str, text: str, token: int = 0) -> Any:
    return layers.trajectory(analysis.load(checkpoints / name), text, token=token)


def wait_for_line(page: Any, quantity: int, name: str, values: Any) -> None:
    """Wait until the line is drawn with these numbers."""
    page.wait_for_function(
        """([quantity, name, last]) => {
          const plot = document.querySelector(`.st-key-depth-${quantity} .js-plotly-plot`);
          const line = plot && plot._fullData && plot._fullData.find(
            one => one.name === name && one.mode.includes('lines') && one.fill === 'none');
          const y = line && Array.from(line.y);
          return y && Math.abs(y[y.length - 1] - last) < 1e-4;
        }""",
        arg=[quantity, name, float(values[-1])],
    )
    settle(page)
    assert drawn(page, quantity, name) == pytest.approx(list(values), rel=1e-4)


def test_from_a_sentence_to_a_token_a_layer_and_its_dimensions(
    page: Any, app: Any, checkpoints: Any
) -> None:
    open_at(page, app)
    write(page, FIRST)
    wait_for_line(page, 0, "sst2-mha", expected(checkpoints, "sst2-mha", FIRST).norm)
    write(page, SECOND)
    wait_for_line(page, 0, "sst2-mha", expected(checkpoints, "sst2-mha", SECOND).norm)

    page.locator(".st-key-follow-strip .tok", has_text="poor").click()
    own = expected(checkpoints, "sst2-mha", SECOND, token=4)
    wait_for_line(page, 0, "sst2-mha", own.norm)
    assert page.locator(".st-key-follow-strip .marked").all_inner_texts() == ["poor"]
    page.get_by_text("“poor” by layer").wait_for()

    point = page.locator(".st-key-depth-0 .scatterlayer .point").nth(2).bounding_box()
    page.mouse.click(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    page.locator(".st-key-map-chart .ytick text", has_text="▸ 2").first.wait_for()
    settle(page)
    for index in range(4):
        assert page.locator(f".st-key-depth-{index} .shapelayer path").count() == 1
    assert page.locator(".st-key-follow-strip .line", has_text="at layer 2").count() == 1

    page.get_by_text("change", exact=True).click()
    page.get_by_text("Change from the layer before; full colour").wait_for()
    page.wait_for_url("**layer_values=difference*")

    page.locator(".st-key-follow-strip .tok", has_text="poor").click()
    page.get_by_text("[CLS] by layer").wait_for()
    settle(page)
    page.get_by_role("button", name="Compute over 128 sentences").click()
    page.locator(".st-key-cka-chart .heatmaplayer").wait_for()
    page.get_by_text("Percentile of this sentence's [CLS] among 128 sentences.").wait_for()


def click_cell(page: Any, layer: int, dimension: int) -> None:
    """Click a cell of the only heat map, where it stands now: 5 layers by 32 dimensions."""
    field = page.locator(".st-key-map-chart .nsewdrag").first
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    x = box["x"] + box["width"] * (dimension + 0.5) / 32
    y = box["y"] + box["height"] * (layer + 0.5) / 5
    page.mouse.move(x - 100, y + 200)
    page.mouse.move(x, y)
    page.locator(".st-key-map-chart .hoverlayer .hovertext").first.wait_for()
    page.wait_for_timeout(500)  # plotly looks where the pointer is now and then
    page.mouse.click(x, y)


def test_a_click_on_a_cell_chooses_its_layer_and_dimension_and_a_second_one_lets_go(
    page: Any, app: Any, checkpoints: Any
) -> None:
    open_at(page, app, text=FIRST, checkpoints="sst2-mha")
    click_cell(page, 3, 9)
    page.get_by_text("Dimension 9 of [CLS] by layer").wait_for()
    page.locator(".st-key-map-chart .ytick text", has_text="▸ 3").first.wait_for()
    settle(page)
    own = expected(checkpoints, "sst2-mha", FIRST).vectors[:, 9]
    page.wait_for_function(
        """last => {
          const plot = document.querySelector('.st-key-dimension-lines .js-plotly-plot');
          const line = plot?._fullData?.find(one => one.mode.includes('lines'));
          return line && Math.abs(Array.from(line.y).at(-1) - last) < 1e-4;
        }""",
        arg=float(own[-1]),
    )
    assert page.locator(".st-key-depth-0 .shapelayer path").count() == 1, "the layer is marked"
    click_cell(page, 3, 9)
    page.get_by_text("Click a cell to choose its layer and dimension.").wait_for()


@pytest.mark.slow
def test_longest_text_leaves_the_page_usable(page: Any, app: Any) -> None:
    open_at(page, app, long="true", document="the film is good " * 200)
    page.get_by_text("tokens beyond the model's limit were cut").wait_for()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        wide, seen = page.locator("html").evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert wide <= seen
    strip = page.locator(".st-key-follow-strip .text").bounding_box()
    assert strip["height"] < 120, "a long text scrolls"
