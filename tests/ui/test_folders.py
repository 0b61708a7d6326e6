"""A folder of the machine is read when somebody here asks for it: a link alone opens none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysis.common.places import typed_folder
from tests.support import study_folders

ROOT = Path(__file__).resolve().parents[2]
(EVALUATE,) = (f"pages/{path.name}" for path in (ROOT / "pages").glob("*_Evaluate.py"))
(MAP,) = (f"pages/{path.name}" for path in (ROOT / "pages").glob("*_Embedding_map.py"))


def everything(app: Any) -> str:
    kinds = ("text", "markdown", "caption", "error", "info", "warning")
    return "\n".join(str(item.value) for kind in kinds for item in app.get(kind))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    families = [study_folders.family("primary", ("rte",), 5, primary=True)]
    return study_folders.write(tmp_path / "a-colleagues-study", families)


def test_a_study_that_a_link_names_is_read_once_it_is_opened(four, open_app, study, monkeypatch):
    from analysis.study import results

    opened: list[Path] = []
    real = results.studies_in
    monkeypatch.setattr(
        "pages.ui.evaluate.study.studies_in", lambda folder: opened.append(folder) or real(folder)
    )
    app = open_app(four, page=EVALUATE, study=str(study))
    assert not app.exception
    assert study not in opened
    assert str(study) in everything(app)
    app.button(key="open-study").click().run()
    assert not app.exception
    assert opened[-1] == study
    assert app.query_params.get("study", str(study))
    assert not [button for button in app.button if button.key == "open-study"]


def test_a_folder_that_was_typed_is_read_at_once(four, open_app, study):
    app = open_app(four, page=EVALUATE)
    app.text_input(key="study").set_value(str(study)).run()
    assert not app.exception
    assert not [button for button in app.button if button.key == "open-study"]
    assert "1 task" in everything(app) or "runs are done" in everything(app)


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-of-this-name/x"])
@pytest.mark.parametrize("field", ["study", "vectors_folder"])
def test_what_no_folder_can_be_called_is_refused_in_words(four, open_app, field, name):
    app = open_app(four, page=EVALUATE if field == "study" else MAP)
    app.text_input(key=field).set_value(name).run()
    assert not app.exception
    assert "cannot be read" in everything(app)


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-of-this-name/x"])
def test_a_name_that_no_folder_can_have_is_a_value_error(name):
    with pytest.raises(ValueError, match="Name another"):
        typed_folder(name)
