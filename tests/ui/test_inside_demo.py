"""Layers, Max-pool winners and Attention on the demo checkpoints: four at once, and 512 tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analysis
from analysis.reading import layers
from tests.support import compare_reader as seen
from tests.support.sentences import in_order

DEMO = Path(__file__).resolve().parent.parent.parent / "checkpoints"
SENTENCE = "The plot is thin, but the acting is anything but dull."
LONG = " ".join([SENTENCE] * 60)
pytestmark = pytest.mark.slow
PAGES = ("pages/1_Layers.py", "pages/2_Max_pool_winners.py", "pages/3_Attention.py")


@pytest.fixture
def open_page(open_app: Any) -> Any:
    """`open_page(page, **chosen) -> AppTest` on the demo checkpoints."""

    def start(page: str, **chosen: Any) -> Any:
        app = open_app(DEMO, page=page, held={"text": SENTENCE, **chosen})
        assert not app.exception, [error.value for error in app.exception]
        return app

    return start


def test_layers_of_a_demo_checkpoint_are_the_librarys_with_their_percentiles(open_page):
    app = open_page(PAGES[0])
    table = app.dataframe[0].value
    assert len(table) == 4 * 7
    for name in ("sst2-cls", "sst2-max_seq_mha"):
        trajectory = layers.trajectory(analysis.load(name), SENTENCE)
        own = table[table["checkpoint"] == name]
        np.testing.assert_allclose(own["norm"], trajectory.norm, rtol=1e-5)
        assert own["norm (percentile)"].between(0, 100).all()
    assert "corpus (500 sentences)" in seen.text_of(app) or any(
        "corpus (500 sentences)" in html.proto.body for html in app.get("html")
    )


def test_winners_of_a_demo_checkpoint_add_up_to_its_logit(open_page):
    app = open_page(PAGES[1], detail_checkpoint="sst2-max_cls")
    trace = analysis.record(analysis.load("sst2-max_cls"), SENTENCE)
    page_text = seen.text_of(app).replace("\\", "")
    assert in_order(page_text, "forward pass", f"{trace.logits[trace.predicted]:+.4f}")
    assert "sst2-cls and sst2-mha do not max-pool" in page_text


def test_attention_of_a_demo_checkpoint_is_named_by_the_words_it_hears_most(open_page):
    app = open_page(PAGES[2], unit="pieces")
    trace = analysis.record(analysis.load("sst2-mha"), SENTENCE)
    mean = np.where(trace.tokens.special, -1, trace.head.attention.mean(axis=0))
    most = trace.tokens.labels[int(mean.argmax())]
    line = app.main.text[0].value
    assert in_order(line, "sst2-mha", "most", f"“{most}”", f"{100 * mean.max():.0f} %")


FOUR = ["sst2-cls", "sst2-max_cls", "sst2-mha", "sst2-max_seq_mha"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("names", [FOUR[-1:], FOUR], ids=["one", "four"])
def test_512_tokens_are_drawn_and_what_was_cut_is_said(open_page, page, names):
    app = open_page(
        page, checkpoints=names, long=True, document=LONG, quantity="drop effect", unit="pieces"
    )
    page_text = seen.text_of(app) + " ".join(piece.text for piece in seen.pieces(app).values())
    assert "tokens beyond the model" in page_text
    sizes = [len(element.proto.spec) for element in app.get("plotly_chart")]
    sizes += [len(element.proto.json) for element in app.get("bidi_component")]
    assert sum(sizes) < 5_000_000, "what one picture sends to the browser"
    if page == PAGES[1]:
        spec = next(
            json.loads(e.proto.spec) for e in app.get("plotly_chart") if "map-sst2" in e.proto.id
        )
        cells = next(trace for trace in spec["data"] if trace["type"] == "heatmap")["z"]
        assert str(cells["shape"]).replace(" ", "") == "3,512"
