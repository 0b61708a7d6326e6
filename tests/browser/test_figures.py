"""From three pages into the paper: collect, compose, reload, download, compile."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from typing import Any
from urllib.parse import quote

import pytest
from pypdf import PdfReader

from tests.support.clicks import Clicks

TEXT = "the plot is thin but the acting is fine"
IDLE = """() => document.documentElement.dataset.raised === 'true'
  && document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
  === 'notRunning' && !document.querySelector('[data-testid=stSkeleton]')
  && !document.querySelector('[data-stale=true]')"""


def settle(page: Any) -> None:
    page.wait_for_function(IDLE)


def collected(page: Any, count: int) -> None:
    """Wait until the sidebar counts so many."""
    page.get_by_role("link", name=f"Figures ({count})").wait_for()


@pytest.mark.timeout(1500)
def test_three_pictures_become_a_paper(page: Any, app: Any, tmp_path: Any) -> None:
    page.set_default_timeout(300_000)
    clicks = Clicks(page)
    names = ("sst2-mha", "sst2-max_seq_mha")
    query = "&".join(f"checkpoints={name}" for name in names)
    page.goto(f"{app.url}/?text={quote(TEXT)}&{query}")
    # Compare: a card has several pictures, so that its button asks which
    page.locator(".st-key-export-sst2-mha-more button").click()
    page.locator(".st-key-export-sst2-mha-add-0 button").click()
    collected(page, 1)
    # with the menu still open, as a person would
    page.get_by_role("link", name="Max-pool winners").click()
    page.locator(".st-key-export-won-sst2-max_seq_mha-more button").click()
    page.locator(".st-key-export-won-sst2-max_seq_mha-add-0 button").click()
    collected(page, 2)
    page.get_by_role("link", name="Layers").click()
    page.locator(".st-key-export-depth-more button").click()
    page.locator(".st-key-export-depth-add-0 button").click()
    collected(page, 3)
    page.get_by_role("link", name="Figures (3)").click()
    page.locator(".figure").nth(2).wait_for()
    page.locator(".figure img").nth(2).wait_for()
    # compose: two of them as panels of one, the other first
    page.get_by_role("checkbox", name="Choose figure 1 for grouping").click()
    page.get_by_role("checkbox", name="Choose figure 2 for grouping").click()
    page.get_by_role("button", name="Group 2 as one figure").click()
    page.locator(".figure").nth(1).wait_for()
    page.get_by_text("2 panels").wait_for()
    assert page.locator(".figure").count() == 2
    page.get_by_role("button", name="Move figure 2 up").click()
    page.wait_for_function(
        "() => { const host = [...document.querySelectorAll('*')].find(e => e.shadowRoot?."
        "querySelector('.figures')); return host.shadowRoot.querySelectorAll('.figure')[1]"
        ".textContent.includes('2 panels'); }"
    )
    # a reload loses nothing
    page.reload()
    collected(page, 2)
    page.get_by_text("2 panels").wait_for()
    page.locator(".figure img").nth(1).wait_for()
    settle(page)
    sheet = page.locator(".pl-sheet img")
    sheet.wait_for()
    assert sheet.evaluate("image => image.naturalWidth") > 400
    page.get_by_role("button", name="Make ZIP").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download ZIP").click()
    data = download.value.path().read_bytes()
    clicks.end("three pictures to a composed PDF", most=16)
    archive = zipfile.ZipFile(io.BytesIO(data))
    files = archive.namelist()
    pdfs = sorted(name for name in files if name.endswith(".pdf"))
    assert len(pdfs) == 2
    assert all(len(PdfReader(io.BytesIO(archive.read(name))).pages) == 1 for name in pdfs)
    text = PdfReader(io.BytesIO(archive.read(pdfs[1]))).pages[0].extract_text()
    assert "(a)" in text
    assert "(b)" in text
    assert sum(name.endswith(".csv") for name in files) == 3
    if shutil.which("pdflatex"):
        archive.extractall(tmp_path)
        (tmp_path / "paper.tex").write_text(
            "\\documentclass[twocolumn]{article}\\usepackage{graphicx}"
            "\\begin{document}\\input{figures}\\end{document}"
        )
        answer = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 0, answer.stdout[-1500:]
