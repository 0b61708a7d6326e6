"""A shared server: no paths of its machine, and nobody's work is another visitor's."""

from __future__ import annotations

import os
import re
import threading
from typing import Any

import pytest

from analysis.common import jobs
from pages.ui.data import file
from pages.ui.engine import results_folder, visitor
from tests.support.pages import PAGES

PATHS = re.compile(r"folder|path|hub", re.I)


@pytest.fixture
def open_shared(open_app, four):
    """`open_shared(page="", **address) -> AppTest` of a visitor who has just come."""

    def start(page: str = "", *more: str, **address: Any) -> Any:
        return open_app(four, ("--shared", *more), page=page, **address)

    return start


def page_of(name: str) -> str:
    (path,) = [page for page in PAGES if name in page and bool(page) == bool(name)]
    return path


@pytest.mark.parametrize("page", PAGES)
def test_no_page_takes_a_path_or_a_name_on_the_hub(open_shared, page):
    app = open_shared(page)
    assert not app.exception
    assert not [field.label for field in app.text_input if PATHS.search(field.label)]
    for control in app.get("button_group"):
        names = [option.content for option in control.proto.options]
        assert not [name for name in names if PATHS.search(name)]


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("Evaluate", {"study": "FOLDER"}),
        ("Evaluate", {"evaluate": "Data set", "source": "GLUE folder", "folder": "FOLDER"}),
        ("Evaluate", {"evaluate": "Data set", "source": "Hub", "hub_repo": "a/b"}),
        ("Embedding_map", {"vectors_folder": "FOLDER"}),
        ("", {"checkpoints": "FOLDER"}),
    ],
)
def test_a_link_opens_no_folder_of_the_machine(open_shared, tmp_path, page, address):
    secret = tmp_path / "secret"
    secret.mkdir()
    given = {name: value.replace("FOLDER", str(secret)) for name, value in address.items()}
    app = open_shared(page_of(page), **given)
    assert not app.exception
    assert not [button for button in app.button if str(button.key).startswith("open-")]


def test_the_operator_names_the_folder_of_data_sets(open_shared, tmp_path):
    page = page_of("Evaluate")
    app = open_shared(page, "--data", str(tmp_path), evaluate="Data set", source="GLUE folder")
    assert not app.exception
    assert not [field for field in app.text_input if field.key == "folder"]
    assert any(tmp_path.name in str(error.value).replace("\\", "") for error in app.error)


def test_two_visitors_have_names_that_nobody_guesses(open_shared):
    names = [open_shared().session_state["visitor_name"] for _ in range(2)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", name) for name in names)
    assert len(set(names)) == 2


def test_one_person_on_a_machine_of_their_own_has_one_folder(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["app.py"])
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path))
    assert results_folder.folder() == tmp_path
    assert visitor.own("data:1") == "data:1"


def test_results_and_jobs_of_a_visitor_are_apart_and_go_after_a_week(tmp_path, monkeypatch):
    monkeypatch.setattr(visitor, "name", lambda: "a" * 32)
    old, new = tmp_path / "visitors" / ("b" * 32), tmp_path / "visitors" / ("c" * 32)
    for place in (old, new):
        place.mkdir(parents=True)
        (place / "scores.arrow").write_bytes(b"x")
    for path in (old / "scores.arrow", old):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    assert visitor.folder(tmp_path) == tmp_path / "visitors" / ("a" * 32)
    assert visitor.own("data:1").startswith("a" * 32)
    assert new.is_dir()
    assert not old.exists()


def test_an_upload_beyond_the_bound_is_refused_in_words(monkeypatch):
    monkeypatch.setattr("sys.argv", ["app.py", "--shared"])
    monkeypatch.setattr(file, "SHARED_BYTES", 2**20)
    with pytest.raises(ValueError, match="at most 1 MB"):
        file.keep(bytes(2**21), "big.csv")


def test_jobs_say_how_many_stand_before_them():
    go = threading.Event()
    first = jobs.start("ahead:1", lambda desk: go.wait(10), lane="ahead")
    second = jobs.start("ahead:2", lambda desk: None, lane="ahead")
    assert (jobs.ahead(first), jobs.ahead(second), jobs.running("ahead:")) == (0, 1, 2)
    go.set()
    assert second.wait(10)
    assert (jobs.ahead(second), jobs.running("ahead:")) == (0, 0)
