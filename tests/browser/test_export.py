"""From a picture to the file for a paper, as somebody goes it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from pypdf import PdfReader

TEXT = "the plot is thin but the acting is fine"
PANEL = "[data-testid=stPopoverBody]:has(.export-paper)"


def opened(page, url):
    page.goto(f"{url}/?text={quote(TEXT)}&checkpoints=sst2-mha")
    button = page.get_by_role("button", name="Export").first
    button.wait_for()
    button.click()
    page.locator(f"{PANEL} .export-paper img").wait_for()


def choose(page, label, option):
    page.locator(PANEL).get_by_label(label, exact=False).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def downloaded(page, label):
    with page.expect_download() as waiting:
        page.locator(PANEL).get_by_role("button", name=label, exact=True).click()
    return Path(waiting.value.path())


def test_what_is_seen_in_the_panel_is_what_is_saved(page, app, tmp_path):
    opened(page, app.url)
    picture = page.locator(f"{PANEL} .export-paper img")
    assert picture.bounding_box()["width"] == pytest.approx(3.03 * 96, abs=1)
    choose(page, "Venue", "IEEE")
    page.wait_for_function(
        f"() => Math.abs(document.querySelector('{PANEL} .export-paper img').width - 336) < 1"
    )
    pdf = PdfReader(downloaded(page, "PDF"))
    assert float(pdf.pages[0].mediabox.width) == pytest.approx(3.5 * 72, abs=0.01)
    assert pdf.metadata.creator == "PoolLens"
    assert "checks pass" in page.locator(f"{PANEL} .export-checks").inner_text()

    html = tmp_path / "figure.html"
    html.write_bytes(downloaded(page, "HTML (5 MB)").read_bytes())
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(html.as_uri())
    page.locator(".plot-container").wait_for()
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.parametrize("width", [380, pytest.param(1280, marks=pytest.mark.slow)])
def test_the_panel_stands_inside_the_window(page, app, width):
    page.set_viewport_size({"width": width, "height": 800})
    opened(page, app.url)
    box = page.locator(PANEL).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 800
