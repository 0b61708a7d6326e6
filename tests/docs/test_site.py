"""The site that ``make docs`` builds: complete, and nothing in it comes from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
# Elements whose address the browser fetches by itself; a link to click is none of them.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if (address := values.get(FETCHED.get(tag, ""))) and values.get("rel") != "canonical":
            self.fetched.append(address)
        self.anchors.add(values.get("id") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    answer = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr  # strict: a warning is an error
    return folder


def _read(page: Path) -> _Addresses:
    parser = _Addresses()
    parser.feed(page.read_text("utf-8"))
    return parser


def test_nothing_is_fetched_from_another_host(site: Path) -> None:
    outside = {
        f"{page.name}: {address}"
        for page in site.rglob("*.html")
        for address in _read(page).fetched
        if re.match(r"([a-z]+:)?//", address)
    }
    assert not outside
    styles = [sheet.read_text("utf-8") for sheet in site.rglob("*.css")]
    assert styles
    assert not [
        match for sheet in styles for match in re.findall(r"url\(['\"]?https?:[^)]*", sheet)
    ]


def test_what_a_page_fetches_is_there(site: Path) -> None:
    missing = {
        f"{page.relative_to(site)}: {address}"
        for page in site.rglob("*.html")
        if page.name != "404.html"  # its addresses are those of a server's root
        for address in _read(page).fetched
        if not address.startswith("data:") and not (page.parent / address.split("?")[0]).exists()
    }
    assert not missing


def test_the_reference_holds_what_people_call(site: Path) -> None:
    names = {name for page in (site / "reference").glob("*.html") for name in _read(page).anchors}
    for name in (
        "analysis.checkpoints.loading.load",
        "analysis.reading.trace.record",
        "analysis.reading.decomposition.decompose",
        "analysis.attribution.run.attribute",
        "analysis.similarities.split.similarity",
        "analysis.heads.base.PoolingHead",
        "training.frozen.fit.fit",
    ):
        assert name in names
