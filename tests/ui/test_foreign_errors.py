"""An error of one checkpoint, of whatever type, stays with it: the others answer, on every page."""

from __future__ import annotations

import importlib
import shutil

import pytest

import analysis.attribution  # noqa: F401  (what is imported while a function is spoilt would keep it so)
from analysis.common import jobs

SENTENCE = "the film is good"
PAIR = "he said the story was poor"
ROWS = "\n".join(
    f"the {a} is {b}" for a in ("plot", "acting", "film", "song") for b in ("fine", "dull", "thin")
)
WORDS = (
    "plot",
    "acting",
    "film",
    "song",
    "story",
    "city",
    "dull",
    "thin",
    "good",
    "bad",
    "fine",
    "poor",
)
WHAT = "the tensor fell into the sea"


class Foreign(Exception):
    """Of no kind that anybody here raises."""


@pytest.fixture
def two(made, folder):
    """A checkpoint that answers, and one with the same weights whose engine will fail."""
    shutil.copytree(made / "toy-max_seq_mha", folder / "good")
    shutil.copytree(made / "toy-max_seq_mha", folder / "bad")
    config = (folder / "bad" / "config.json").read_text()
    (folder / "bad" / "config.json").write_text(config + "\n")  # another digest: none is shared
    return folder


@pytest.fixture(autouse=True)
def no_jobs():
    """What an earlier test ran is forgotten."""
    for key in list(jobs._jobs):
        jobs.forget(key)


def spoil(monkeypatch, name: str) -> list[str]:
    """The function fails for the checkpoint in the folder "bad"; the names it was asked for."""
    module, function = name.rsplit(".", 1)
    room = importlib.import_module(module)
    real = getattr(room, function)
    calls: list[str] = []

    def spoilt(first, *args, **kwargs):
        checkpoint = getattr(first, "checkpoint", first)
        calls.append(checkpoint.folder.name)
        if checkpoint.folder.name == "bad":
            raise Foreign(WHAT)
        return real(first, *args, **kwargs)

    monkeypatch.setattr(room, function, spoilt)
    return calls


def shown(app) -> str:
    """All words on the page, those in pieces of HTML and in components too."""
    kinds = ("text", "markdown", "caption", "warning", "error", "info")
    words = [element.value for kind in kinds for element in getattr(app, kind)]
    words += [str(part.proto) for kind in ("html", "bidi_component") for part in app.get(kind)]
    return " ".join(words).replace("\\", "")


AT_ONCE = [
    ("", "analysis.reading.trace.record"),
    ("", "pages.ui.engine.models.decompose"),
    ("", "analysis.attribution.attribute"),
    ("pages/1_Layers.py", "analysis.reading.trace.record"),
    ("pages/1_Layers.py", "analysis.reading.layers.follow"),
    ("pages/2_Max_pool_winners.py", "analysis.reading.trace.record"),
    ("pages/2_Max_pool_winners.py", "analysis.interventions.drop_effects"),
    ("pages/2_Max_pool_winners.py", "analysis.interventions.sweep_last_k"),
    ("pages/3_Attention.py", "analysis.reading.trace.record"),
    ("pages/3_Attention.py", "analysis.interventions.leave_one_out"),
    ("pages/4_Attributions.py", "analysis.reading.trace.record"),
    ("pages/4_Attributions.py", "pages.ui.attributions.engine.attribute"),
    ("pages/5_Similarity.py", "analysis.reading.trace.record"),
    ("pages/5_Similarity.py", "analysis.similarities.token_pairs.pooled_pairs"),
    ("", "pages.ui.engine.models._load"),
    ("pages/1_Layers.py", "pages.ui.engine.models._load"),
    ("pages/2_Max_pool_winners.py", "pages.ui.engine.models._load"),
    ("pages/3_Attention.py", "pages.ui.engine.models._load"),
    ("pages/4_Attributions.py", "pages.ui.engine.models._load"),
    ("pages/5_Similarity.py", "pages.ui.engine.models._load"),
]


@pytest.mark.parametrize(("page", "engine"), AT_ONCE)
def test_a_foreign_error_stays_on_its_own_card(open_app, two, monkeypatch, caplog, page, engine):
    calls = spoil(monkeypatch, engine)
    app = open_app(two, page=page, text=SENTENCE, pair=PAIR, checkpoints=["bad", "good"])
    assert not app.exception
    assert {"bad", "good"} <= set(calls), "the engine is not the page's"
    assert WHAT in shown(app), "the reason is on the page"
    assert "bad: bad: " not in shown(app), "whose it is stands once"
    assert "Traceback" not in shown(app)
    assert any(record.exc_info and WHAT in str(record.exc_info[1]) for record in caplog.records)


MAPS = {"map": "pca", "map_of": "all"}
OVER_A_DATA_SET = [
    ("pages/6_Embedding_map.py", "analysis.corpus.runs.compute", MAPS),
    ("pages/6_Embedding_map.py", "analysis.corpus.runs.open_for_data", MAPS),
    ("pages/8_Evaluate.py", "analysis.corpus.runs.run", {"evaluate": "Data set"}),
    ("pages/8_Evaluate.py", "analysis.corpus.runs.open_for_data", {"evaluate": "Data set"}),
]


@pytest.mark.parametrize(("page", "engine", "held"), OVER_A_DATA_SET)
def test_a_foreign_error_over_a_data_set_leaves_the_others_their_answers(
    open_app, two, monkeypatch, page, engine, held
):
    calls = spoil(monkeypatch, engine)
    held = {"source": "own sentences", "own_sentences": ROWS, **held}
    app = open_app(two, page=page, held=held, text=SENTENCE, checkpoints=["bad", "good"])
    for _ in range(4):
        for button in app.button:
            if button.key in ("job-go", "vectors-go"):
                button.click()
        finish(app)
    assert not app.exception
    assert {"bad", "good"} <= set(calls)
    assert WHAT in shown(app)
    assert "Traceback" not in shown(app)


def finish(app) -> None:
    """What was asked for is done and drawn."""
    app.run()
    for job in list(jobs._jobs.values()):
        assert job.wait(300)
    app.run()
    assert not app.exception


def test_a_pooling_head_that_fails_to_be_fitted_is_told_beside_the_others(
    open_app, four, monkeypatch, tmp_path
):
    from analysis.heads import HEADS

    def spoilt(*args, **kwargs):
        raise Foreign(WHAT)

    monkeypatch.setenv("POOLLENS_STATES", str(tmp_path / "states"))
    monkeypatch.setattr(HEADS["mean"], "read", spoilt)
    held = {"train_heads": ["mean", "cls"], "train_seeds": 2, "train_encoder": "toy-mha"}
    app = open_app(four, page="pages/7_Train.py", held={**held, "train_name": "two"})
    next(b for b in app.button if b.key == "fit-go").click()
    finish(app)
    assert WHAT in shown(app)
    assert any("cls" in str(frame.value) for frame in app.dataframe)


OVER_SENTENCES = [
    ("pages/2_Max_pool_winners.py", "analysis.reading.winner_statistics.collect", "over-go"),
]


@pytest.mark.parametrize(("page", "engine", "button"), OVER_SENTENCES)
def test_a_foreign_error_over_sentences_leaves_the_others_their_answers(
    open_app, two, monkeypatch, page, engine, button
):
    calls = spoil(monkeypatch, engine)
    held = {"source": "own sentences", "own_sentences": ROWS, "text": SENTENCE}
    app = open_app(two, page=page, held=held, checkpoints=["bad", "good"])
    app.button(key=button).click().run(timeout=120)
    assert not app.exception
    assert "bad" in calls
    assert WHAT in shown(app)
    assert "Traceback" not in shown(app)


@pytest.mark.parametrize("engine", ["cls_course", "layer_cka"])
def test_a_foreign_error_over_the_layers_of_sentences_leaves_the_others_their_answers(
    open_app, two, monkeypatch, engine
):
    from analysis.reading.layers import FEWEST

    calls = spoil(monkeypatch, f"analysis.figures.recipes.results.{engine}")
    rows = [f"the {a} is {b}" for a in WORDS for b in WORDS][: FEWEST + 2]
    held = {"source": "own sentences", "own_sentences": "\n".join(rows), "text": SENTENCE}
    app = open_app(two, page="pages/1_Layers.py", held=held, checkpoints=["bad", "good"])
    app.button(key="many-button").click().run()
    assert not app.exception
    assert "bad" in calls, "the engine is not the panel's"
    assert WHAT in shown(app)
    assert "Traceback" not in shown(app)
    if engine == "cls_course":  # one at a time: the other has its percentiles
        assert "good" in calls
        titles = " ".join(str(part.proto) for part in app.get("html"))
        assert "good" in titles


@pytest.mark.parametrize(
    "engine", ["analysis.attribution.texts.run.attribute", "pages.ui.engine.models._load"]
)
def test_a_foreign_error_over_attributed_texts_leaves_the_others_their_answers(
    open_app, two, monkeypatch, tmp_path, engine
):
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))
    calls = spoil(monkeypatch, engine)
    held = {"source": "own sentences", "own_sentences": ROWS, "over": True, "over_texts": 4}
    held["methods"] = ["gradient_x_input"]
    chosen = {"text": SENTENCE, "checkpoints": ["bad", "good"]}
    app = open_app(two, page="pages/4_Attributions.py", held=held, **chosen)
    app.button(key="job-go").click()
    finish(app)
    assert {"bad", "good"} <= set(calls)
    assert WHAT in shown(app)
    assert "Traceback" not in shown(app)
    assert any("good" in str(frame.value) or len(frame.value) for frame in app.dataframe) or any(
        "By method" in str(part.value) for part in app.markdown
    ), "the other has its results"


def test_texts_that_failed_unforeseen_are_offered_again(open_app, two, monkeypatch, tmp_path):
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))
    held = {"source": "own sentences", "own_sentences": ROWS, "over": True, "over_texts": 4}
    held["methods"] = ["gradient_x_input"]
    chosen = {"text": SENTENCE, "checkpoints": ["bad", "good"]}
    with monkeypatch.context() as patch:
        spoil(patch, "analysis.attribution.texts.run.attribute")
        app = open_app(two, page="pages/4_Attributions.py", held=held, **chosen)
        app.button(key="job-go").click()
        finish(app)
    assert WHAT in shown(app)
    assert app.button(key="job-go").label == "Try 4 again"
    app.button(key="job-go").click()
    finish(app)
    assert WHAT not in shown(app)
    assert not any(button.key == "job-go" for button in app.button), "nothing is left to do"


def fail(*args, **kwargs):
    raise Foreign(WHAT)


def test_a_picture_that_fails_on_paper_leaves_page_and_menu(open_app, two, monkeypatch, caplog):
    from pages.ui.export import panel

    monkeypatch.setattr(panel, "drawn", fail)
    app = open_app(two, text=SENTENCE, checkpoints=["bad", "good"])
    app.session_state["export-bad"] = True
    app.run()
    assert not app.exception
    assert WHAT in shown(app)
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("engine", ["check", "drawn"])
def test_a_figure_that_fails_leaves_the_figures_page_its_others(
    open_app, two, monkeypatch, tmp_path, engine
):
    from analysis.figures.files.collected import Collection
    from analysis.figures.style.settings import Style
    from pages.ui.engine import server_wide
    from pages.ui.export import saved
    from pages.ui.figures import drawings
    from tests.support import view_samples

    monkeypatch.setenv("POOLLENS_FIGURES", str(tmp_path / "kept"))
    made = Collection()
    for key in ("reading", "classes"):
        made = made.add(view_samples.plot_of(key), Style())
    place = saved.new_id()
    assert saved.write(place, made.to_json()) == ""
    if engine == "check":
        monkeypatch.setattr(drawings, "check", fail)
    else:
        server_wide.forget()
        monkeypatch.setattr("analysis.figures.paper.compose", fail)
    app = open_app(two, page="pages/9_Figures.py", held={"figures_id": place})
    server_wide.forget()
    assert not app.exception
    assert WHAT in shown(app)
    assert "Traceback" not in shown(app)


def test_a_kept_fit_that_cannot_be_read_is_told_and_can_be_deleted(
    open_app, four, monkeypatch, tmp_path
):
    from pages.ui.train import results

    monkeypatch.setattr(results, "fits_in", lambda folder: [tmp_path / "one"])
    monkeypatch.setattr(results, "read_fit", fail)
    app = open_app(four, page="pages/7_Train.py")
    assert not app.exception
    assert WHAT in shown(app)
