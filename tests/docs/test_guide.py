"""The guide: whoever does what a page says gets what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support import guide

ROOT = Path(__file__).resolve().parents[2]
PAGES = {page.stem: page for page in sorted((ROOT / "docs" / "guide").glob("*.md"))}
SHORT = {"library", "study"}  # the others are followed by `make test-all`


def _follow(name: str, folder: Path) -> str:
    command = [sys.executable, str(ROOT / "tests" / "support" / "guide.py"), str(PAGES[name])]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=800)
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr[-4000:]}"
    return answer.stdout


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in SHORT else [pytest.mark.slow])
        for name, page in PAGES.items()
        if guide.blocks(page)
    ],
)
def test_the_code_of_a_page_runs(name: str, tmp_path: Path) -> None:
    _follow(name, tmp_path)


@pytest.mark.parametrize("page", [*PAGES.values(), *(ROOT / "docs").glob("*.md")], ids=str)
def test_the_links_of_a_page_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert not [link for link in local if not (page.parent / link).exists()]


def test_a_link_that_is_written_opens_the_view_it_names(tmp_path: Path) -> None:
    from streamlit.testing.v1 import AppTest

    (block,) = [block for block in guide.blocks(PAGES["share"]) if block.language == "python"]
    names: dict[str, str] = {}
    exec(block.code, names)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=180)
    for name, values in parse_qs(urlsplit(names["link"]).query).items():
        app.query_params[name] = values
    app.run()
    assert not app.exception
    assert app.text_input(key="text").value.startswith("The plot is thin")
    assert app.multiselect(key="checkpoints").value == ["sst2-cls", "sst2-max_seq_mha"]
