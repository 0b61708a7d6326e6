"""The Embedding map shows the vectors that the library computes, and says what cannot be shown."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

import analysis
from analysis import jobs
from analysis.embedding import embed
from analysis.projection import project

PAGE = "pages/5_Embedding_map.py"
ROWS = [f"the {a} is {b}" for a in ("plot", "acting", "film", "song", "ending", "sound")
        for b in ("fine", "dull", "good", "thin")]  # fmt: skip


@pytest.fixture
def open_map(open_app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`open_map(folder, **chosen) -> AppTest`, run until its jobs have ended."""
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))

    def start(root: Path, **chosen: Any) -> Any:
        app = open_app(root).switch_page(PAGE).run()
        given = {"text": "the plot is good", "map": "pca", "source": "own sentences",
                 "own_sentences": "\n".join(ROWS), **chosen}  # fmt: skip
        for name, value in given.items():
            app.session_state[name] = value
        app.run()
        settle(app)
        return app

    return start


def settle(app: Any) -> None:
    """Wait for what runs in the background, then draw the page once more."""
    deadline = time.monotonic() + 120
    for _ in range(6):  # vectors, then the layer in view, then the other layers, then the page
        for job in list(jobs._jobs.values()):
            assert job.wait(deadline - time.monotonic()), job.key
        for name in ("source", "own_sentences", "map", "poolings", "map_of", "vectors_folder"):
            if name in app.session_state:
                app.session_state[name] = app.session_state[name]
        app.run()
    assert not app.exception, [error.value for error in app.exception]


def shown(app: Any) -> dict[str, Any]:
    """The map's data as the browser gets them."""
    for element in app.get("bidi_component"):
        if element.proto.component_name.endswith("poollens_map"):
            data = json.loads(element.proto.json)
            if data["kind"] == "map":
                return data
    raise AssertionError("there is no map on the page")


def points(panel: dict[str, Any], layer: int = -1) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(panel["coords"][layer]), "<u2").reshape(-1, 2)
    return flat / 65535 * 3 - 1


def test_a_panel_for_each_pooling_holds_the_points_of_the_library(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"])
    data = shown(app)
    assert [panel["title"] for panel in data["panels"]] == ["mean", "max", "[CLS]"]
    made = embed(analysis.load(four / "toy-mha"), ROWS, pooling=("mean",), layers="all")
    own = project(made["mean", -1], "pca").points
    drawn = points(data["panels"][0])
    scale = np.ptp(own, axis=0).max() / np.ptp(drawn, axis=0).max()
    np.testing.assert_allclose(
        (drawn - drawn.mean(axis=0)) * scale, own - own.mean(axis=0), atol=2e-3 * np.ptp(own)
    )
    assert len(data["panels"][0]["coords"]) == 5  # a layout for every layer of the slider
    assert data["texts"] == ROWS


def test_distortion_is_said_of_every_panel(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"])
    for panel in shown(app)["panels"]:
        assert panel["subtitle"].startswith("PCA, trustworthiness 0.")
        assert "continuity" in panel["subtitle"]


def test_the_typed_sentence_lands_and_its_neighbours_are_named(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"], text=ROWS[5])
    told = [text.value for text in app.text]
    assert f"1.00  {ROWS[5]}" in told
    looks = [json.loads(e.proto.json) for e in app.get("bidi_component")
             if e.proto.component_name.endswith("poollens_map")]  # fmt: skip
    look = next(one for one in looks if one["kind"] == "look")
    place = look["rings"][0]["points"][0][look["layer"]]
    np.testing.assert_allclose(place, points(shown(app)["panels"][0])[5], atol=2e-3)


def test_a_bare_encoder_has_maps_and_no_predictions(open_map, folder):
    tiny.make_bare_encoder(folder / "bare")
    app = open_map(folder, checkpoints=["bare"])
    assert len(shown(app)["panels"]) == 3
    offered = next(box for box in app.selectbox if box.label == "Colour").options
    assert not any("prediction" in option for option in offered)


def test_three_sentences_are_shown_by_pca_and_the_page_says_so(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"], map="umap", own_sentences="\n".join(ROWS[:3]))
    assert len(shown(app)["texts"]) == 3
    assert any("UMAP needs more than 3 points" in caption.value for caption in app.caption)


def test_a_folder_of_vectors_is_opened_without_a_checkpoint(open_map, four, tmp_path):
    import pandas as pd

    from analysis.bulk import Order, run

    source = tmp_path / "rows.parquet"
    pd.DataFrame({"text": ROWS, "label": ["a", "b"] * 12}).to_parquet(source)
    order = Order(str(four / "toy-cls"), "text", poolings=("mean",), layers="all")
    out = run([source], tmp_path / "vectors", order)
    app = open_map(four, vectors_folder=str(out))
    assert [panel["title"] for panel in shown(app)["panels"]] == ["mean"]
    assert "k-NN" in shown(app)["panels"][0]["subtitle"]
    app = open_map(four, vectors_folder=str(tmp_path / "nothing"))
    assert any("is no folder of vectors" in error.value for error in app.error)
