"""The Max-pool winners page shows what the library computes, and says where nothing wins."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

import analysis
from analysis import interventions
from analysis.dimensions import dimensions

TEXT = "the plot is thin but the acting is fine"
PAGE = "pages/2_Max_pool_winners.py"


@pytest.fixture
def open_winners(open_app: Any) -> Any:
    """`open_winners(folder, **chosen) -> AppTest` on the winners page."""

    def start(root: Path, **chosen: Any) -> Any:
        app = open_app(root).switch_page(PAGE).run()
        for name, value in {"text": TEXT, **chosen}.items():
            app.session_state[name] = value  # a browser carries them along; AppTest does not
        return app.run()

    return start


def charts(app: Any) -> dict[str, dict[str, Any]]:
    """Plotly figures of the page by their widget key."""
    found = {}
    for element in app.get("plotly_chart"):
        key = re.search(r"drawing-[\w-]+$", element.proto.id)
        found[key.group(0) if key else element.proto.id] = json.loads(element.proto.spec)
    return found


def heat(figure: dict[str, Any]) -> np.ndarray:
    """Cells of the first heat map; plotly packs arrays as base64."""
    import base64

    z = next(trace["z"] for trace in figure["data"] if trace["type"] == "heatmap")
    if isinstance(z, dict):
        flat = np.frombuffer(base64.b64decode(z["bdata"]), dtype=z["dtype"])
        return flat.reshape([int(size) for size in str(z["shape"]).split(",")])
    return np.array(z, dtype=float)


def test_the_map_shows_the_contribution_of_each_layer_and_token(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_seq_mha"], unit="pieces", target="predicted")
    assert not app.exception
    assert app.title[0].value == "Max-pool winners"
    trace = analysis.record(analysis.load(made / "toy-max_seq_mha"), TEXT)
    split = analysis.decompose(trace, "zero")
    expected = split.contrast(trace.predicted).sum(axis=0).T
    shown = heat(charts(app)["drawing-map-toy-max_seq_mha"])
    np.testing.assert_allclose(shown, expected, atol=1e-6)


def test_drop_effects_are_the_true_changes(open_winners: Any, made: Path):
    app = open_winners(
        made, checkpoints=["toy-max_seq_mha"], unit="pieces", quantity="drop effect"
    )
    classifier = analysis.load(made / "toy-max_seq_mha")
    effects = interventions.drop_effects(classifier, TEXT, by_token=True)
    trace = analysis.record(classifier, TEXT)
    others = np.delete(effects.by_token, trace.predicted, axis=0).mean(axis=0)
    expected = (effects.by_token[trace.predicted] - others).T
    shown = heat(charts(app)["drawing-map-toy-max_seq_mha"])
    np.testing.assert_allclose(shown, expected, atol=1e-5)


def test_a_pooling_head_without_layers_to_compare_says_so(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-cls", "toy-mha"])
    said = " ".join(caption.value.replace("\\", "") for caption in app.caption)
    assert "toy-cls: the pooling head cls takes no maximum over layers" in said
    assert "toy-mha: the pooling head mha takes no maximum over layers" in said
    assert not charts(app)


@pytest.mark.parametrize("kind", ["foreign", "bare"])
def test_other_models_say_what_is_not_there(open_winners: Any, folder: Path, kind: str):
    if kind == "foreign":
        tiny.make_foreign_checkpoint(folder / "other", "bert", ["yes", "no"])
    else:
        tiny.make_bare_encoder(folder / "other")
    app = open_winners(folder, checkpoints=["other"])
    assert not app.exception
    said = " ".join(caption.value.replace("\\", "") for caption in app.caption)
    assert "it has no pooling head that takes a maximum, so nothing wins" in said


def test_the_table_holds_the_dimensions_that_carry_the_most(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_cls"])
    trace = analysis.record(analysis.load(made / "toy-max_cls"), TEXT)
    table = dimensions(trace, 0, reference="zero")
    shown = app.dataframe[0].value
    best = table.largest(10)
    assert shown["dimension"].tolist() == best.tolist()
    assert shown["contribution"].tolist() == [f"{table.contribution[j]:+.3f}" for j in best]
    for row, j in enumerate(best):
        marked = [c for c in shown.columns if str(shown[c][row]).endswith("●")]
        assert marked == [f"layer {table.source[j]}"]


def test_taking_a_layer_away_gives_the_numbers_of_the_library(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_cls"])
    layer = analysis.load(made / "toy-max_cls").model.head.pool_layers[-1]
    app.session_state["drop_layers"] = [layer]
    app.run()
    assert not app.exception
    result = interventions.what_if(
        analysis.load(made / "toy-max_cls"), TEXT, drop_layers=(layer,)
    )
    bars = charts(app)["drawing-what-if-bars"]["data"]
    values = sorted(_numbers(trace["x"]) for trace in bars if trace["type"] == "bar")
    expected = sorted(row.tolist() for row in result.probabilities)
    np.testing.assert_allclose(values, expected, atol=1e-6)


def _numbers(packed: Any) -> list[float]:
    import base64

    if isinstance(packed, dict):
        return np.frombuffer(base64.b64decode(packed["bdata"]), dtype=packed["dtype"]).tolist()
    return [float(value) for value in packed]


def test_empty_text_asks_for_a_sentence(open_winners: Any, made: Path):
    app = open_winners(made, text="")
    assert any("Type a sentence" in info.value for info in app.info)
