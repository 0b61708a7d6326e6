"""The Attributions page: what is not there, or is one's own, is a sentence or a strip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.attribution import (
    METHODS,
)
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.attributions_reader import (
    GRADIENT,
    IG,
    LOO,
    THREE,
    again,
    attributed,
    evidence,
    strips,
    text_of,
    written,
)


def test_bare_encoder_and_special_tokens_alone_are_sentences(open_attributions, four):
    tiny.make_bare_encoder(four / "bare")
    app = open_attributions(four, checkpoints=["toy-mha", "bare"], methods=["leave_one_out"])
    lines = strips(app)[LOO]
    assert "bare is a bare encoder" in lines["bare"].instead
    assert lines["toy-mha"].values, "the others are not touched"
    again(app, text="\u200b", checkpoints=["toy-mha"])  # the tokenizer leaves nothing of it
    line = strips(app)[LOO][""]
    assert "special tokens only" in line.instead or "blank" in line.instead, line.instead


def test_one_token_is_explained(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], text="plot", methods=THREE)
    for title in (IG, GRADIENT, LOO):
        assert strips(app)[title][""].labels == ["[CLS]", "plot", "[SEP]"]
    assert evidence(app)[IG][1].startswith(("+", "-"))


def test_foreign_classifier_regression_and_pair_are_explained(open_attributions, four):
    tiny.make_foreign_checkpoint(four / "stock", seed=7)
    tiny.make_pooling_checkpoint(four / "number", "mha", None, task="toy", seed=2)
    app = open_attributions(
        four, checkpoints=["stock"], methods=["integrated_gradients"], unit="pieces"
    )
    assert strips(app)[IG][""].values == written(attributed(four / "stock").scores)
    again(app, checkpoints=["number"])
    assert strips(app)[IG][""].values == written(attributed(four / "number").scores)
    assert "the predicted value" in text_of(app)
    again(app, checkpoints=["stock"], pair="a fine film")
    expected = attributed(four / "stock", pair="a fine film")
    assert strips(app)[IG][""].values == written(expected.scores)


def test_gradients_that_are_not_finite_are_a_sentence(open_attributions, four, monkeypatch):
    real = METHODS["gradient_x_input"]

    def broken(problem, **options):
        result = real.run(problem, **options)
        return replace(result, scores=np.full_like(result.scores, np.nan))

    monkeypatch.setitem(METHODS, "gradient_x_input", replace(real, run=broken))
    app = open_attributions(
        four,
        checkpoints=["toy-mha"],
        methods=["gradient_x_input"],
        text="the poor film is not finite",
    )
    assert "not finite" in strips(app)[GRADIENT][""].instead


def test_no_method_asks_for_one(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"])
    app.multiselect(key="methods").set_value([]).run()
    assert "Choose at least one method" in text_of(app)
    app.session_state["text"] = " "
    app.run()
    assert "Type a sentence above" in text_of(app)


# --- one's own pooling head beside a stock model -----------------------------------------------


HEAD_FILE = '''from analysis.heads import Pooled, PoolingHead, head


@head("second_token")
class Second(PoolingHead):
    """The token after [CLS], with its own way of looking at it."""

    def read(self, hidden, attention_mask):
        return Pooled((hidden[-1][:, 1] * hidden[-2][:, 1]).tanh())
'''


@pytest.fixture
def own_head(tmp_path):
    from analysis import heads
    from analysis.checkpoints.loading import register_heads

    before = dict(heads.HEADS)
    file = tmp_path / "my_heads.py"
    file.write_text(HEAD_FILE)
    register_heads(file)
    yield
    heads.HEADS.clear()
    heads.HEADS.update(before)


def test_stock_model_and_own_head_are_coloured_by_the_same_method(
    open_attributions, folder, own_head
):
    tiny.make_foreign_checkpoint(folder / "stock", seed=7)
    tiny.make_pooling_checkpoint(folder / "mine", "second_token", seed=6)
    app = open_attributions(
        folder, checkpoints=["stock", "mine"], unit="pieces", methods=["integrated_gradients"]
    )
    lines = strips(app)[IG]
    for name in ("stock", "mine"):
        result = attributed(folder / name)
        assert lines[name].values == written(result.scores)
        assert float(lines[name].error) == pytest.approx(
            result.completeness_gap, rel=0.5, abs=0.006
        )
    assert "cannot be split" in seen.pieces(app)["layers-mine"].text
