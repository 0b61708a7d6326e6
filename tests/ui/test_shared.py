"""A shared server: no paths of its machine, and nobody's work is another visitor's."""

from __future__ import annotations

import os
import re
import threading
from typing import Any

import pytest

from analysis.common import jobs
from analysis.common.faults import CheckpointError
from pages.ui.data import file
from pages.ui.engine import models, results, results_folder, visitor
from pages.ui.frame import catalogue, settings
from tests.support.pages import PAGES
from tests.support.sentences import in_order

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
    link = {name: value.replace("FOLDER", str(secret)) for name, value in address.items()}
    app = open_shared(page_of(page), **link)
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


def test_only_listed_models_of_the_hub_are_offered(open_shared, monkeypatch):
    looked = []
    monkeypatch.setattr(
        "pages.ui.frame.catalogue.locate",
        lambda reference, root: looked.append(reference) or _nowhere(reference),
    )
    app = open_shared("", "--hub", "ann/good,bob/fine", "--hub", "ann/good")
    assert app.selectbox(key="add-listed").options == ["ann/good", "bob/fine"]
    app.button(key="add-listed-go").click().run()
    assert not app.exception
    assert "ann/good" in looked
    assert any("not here" in text.value for text in app.sidebar.text)
    monkeypatch.setattr("sys.argv", ["app.py", "--shared", "--hub", "ann/good"])
    with pytest.raises(CheckpointError, match="of its operator alone"):
        catalogue.add("eve/evil")
    assert "eve/evil" not in looked


def _nowhere(reference: str) -> Any:
    raise CheckpointError(f"{reference} is not here")


def test_without_a_list_nothing_of_the_hub_can_be_added(open_shared):
    assert not [box for box in open_shared().sidebar.expander if "Add" in box.label]


@pytest.mark.parametrize("page", ["Evaluate", "Embedding_map", "Train", "Similarity", ""])
def test_long_work_can_be_switched_off(open_shared, page):
    app = open_shared(page_of(page), "--no-jobs", evaluate="Data set", source="suite")
    assert not app.exception
    assert not [job for job in jobs._jobs.values() if job.running and "umap" not in job.key]
    assert not [
        button
        for button in app.button
        if re.fullmatch("(job|layout|vectors).*-go", str(button.key))
    ]
    if page == "Embedding_map":
        assert any("switched them off" in caption.value for caption in app.caption)


def test_a_login_that_is_asked_for_comes_before_everything(open_app, four, monkeypatch):
    app = open_app(four, ("--shared", "--login"))
    assert not app.exception
    assert any("no part [auth]" in error.value for error in app.error)
    assert not app.text_input

    class Nobody(dict):
        is_logged_in = False

    monkeypatch.setattr("streamlit.user", Nobody())
    app = open_app(four, ("--shared", "--login"))
    assert [button.label for button in app.button] == ["Log in"]
    assert not app.text_input


def test_who_has_logged_in_is_the_same_visitor_in_every_browser(open_app, four, monkeypatch):
    class Person(dict):
        is_logged_in = True

    monkeypatch.setattr("sys.argv", ["app.py", "--shared", "--login"])
    names = []
    for subject in ("1", "1", "2"):
        monkeypatch.setattr("streamlit.user", Person(iss="https://id.example", sub=subject))
        names.append(visitor.name())
    assert names[0] == names[1] != names[2]
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)


def test_a_server_that_answers_others_says_on_start_what_that_means(monkeypatch, capsys):
    for address, arguments, warned in (
        ("0.0.0.0", [], True),
        ("", [], True),
        ("127.0.0.1", [], False),
        ("0.0.0.0", ["--shared"], False),
    ):
        monkeypatch.setattr("streamlit.config.get_option", lambda name, address=address: address)
        monkeypatch.setattr("sys.argv", ["app.py", *arguments])
        settings.tell_if_open()
        assert ("--shared" in capsys.readouterr().err) == warned, (address, arguments)


def test_caches_that_one_visitor_clears_keep_the_models_and_results_of_all():
    import streamlit as st

    before = models._models(), results.small()
    st.cache_resource.clear()
    st.cache_data.clear()
    assert (models._models(), results.small()) == before
    assert models._models() is before[0]


def test_a_visitors_finished_work_is_not_pushed_out_by_others(monkeypatch):
    monkeypatch.setattr(jobs, "KEPT", 2)
    mine = jobs.start("mine:1", lambda desk: "kept", lane="pushed", owner="me")
    assert mine.wait(10)
    for number in range(6):
        assert jobs.start(f"others:{number}", lambda desk: 0, lane="pushed", owner="them").wait(10)
    jobs.start("others:last", lambda desk: 0, lane="pushed", owner="them")
    assert jobs.find("mine:1") is mine
    assert jobs.find("others:0") is None


def test_an_upload_that_is_no_longer_kept_is_said(open_app, four, tmp_path):
    app = open_app(
        four,
        ("--shared",),
        page=page_of("Evaluate"),
        held={"dataset_file": file.Held(tmp_path / "gone.csv", "mine.csv", "abc")},
        evaluate="Data set",
        source="file",
    )
    assert not app.exception
    notes = [note.value.replace("\\", "") for note in app.warning]
    assert any(in_order(note, "mine.csv", "no longer") for note in notes), notes
