"""SECURITY.md and CONTRIBUTING.md name what is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_each_promise_about_safety_names_tests_that_exist() -> None:
    rows = [
        line
        for line in (ROOT / "SECURITY.md").read_text("utf-8").splitlines()
        if line.startswith("| ") and "`tests/" in line
    ]
    assert rows
    for row in rows:
        for file, names in re.findall(r"`(tests/[\w/]+\.py)`: ([^;|]+)", row):
            source = (ROOT / file).read_text("utf-8")
            for name in re.findall(r"`(test_\w+)`", names):
                assert f"def {name}(" in source, f"{file} has no {name}"


def test_the_map_of_the_rooms_names_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    listed = re.sub(r"\{([\w,]+)\}", lambda m: m[1], text)
    for package in ("analysis", "pages/ui"):
        for room in sorted((ROOT / package).iterdir()):
            if (room / "__init__.py").is_file() and package == "analysis":
                assert re.search(rf"\b{room.name}\b", listed), f"{room.name} is on no line"


def test_folders_that_contributors_are_sent_to_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for path in re.findall(r"`((?:analysis|pages|training|tests|package|docs)/[\w/.]*)`", text):
        assert (ROOT / path).exists() or "PAGE" in path or "N_Name" in path, path


def test_the_guide_has_a_row_for_every_page() -> None:
    from pages.ui.frame.frame import PAGES

    table = (ROOT / "docs" / "guide" / "pages.md").read_text("utf-8")
    assert re.findall(r"^\| ([A-Z][\w -]+) \|", table, re.M) == [name for _, name in PAGES]
