"""Models that are not the project's own: foreign classifiers, bare encoders, one's own heads."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import analysis
from tests.support import bare_forward as truth
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.sentences import in_order

SENTENCE = "the film is good but the plot is thin"


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_foreign_classifier_answers_beside_a_pooling_head(open_app, four, architecture):
    labels = tiny.random_labels(77)
    tiny.make_foreign_checkpoint(four / "stock", architecture, labels, seed=7)
    shown = seen.cards(open_app(four, text=SENTENCE, checkpoints=["stock", "toy-mha"]))
    card, true = shown["stock"], truth.foreign(four / "stock", SENTENCE)
    assert in_order(card.how, "stock classifier", "[CLS]", "dense", "tanh")
    numbers = [f"{p:.2f}" for p in true.probabilities]
    assert card.bars == dict(zip(labels, numbers, strict=True))
    assert card.label == true.label
    trace = analysis.record(analysis.load(four / "stock"), SENTENCE)
    split = analysis.decompose(trace, "zero")
    assert in_order(card.reading.text, "reference: zero", "straight line", "gap < 0.01")
    assert f"{split.by_layer(trace.predicted)[0]:+.2f}" in card.reading.text
    assert len(card.attributes) > 5
    own = truth.pooling(four / "toy-mha", SENTENCE)
    assert shown["toy-mha"].shown == f"{own.probabilities.max():.2f}"


def test_foreign_input_attribution_is_the_librarys_on_its_own_tokens(open_app, four):
    tiny.make_foreign_checkpoint(four / "stock", "roberta", seed=7)
    card = seen.cards(open_app(four, text=SENTENCE, checkpoints="stock", unit="pieces"))["stock"]
    target = truth.foreign(four / "stock", SENTENCE).predicted
    result = analysis.attribute(
        analysis.load(four / "stock"), SENTENCE, target=target, output="contrast"
    )
    assert [u.value for u in card.attributes] == [
        pytest.approx(v, abs=0.0051) for v in result.scores
    ]


def test_bare_encoder_says_why_it_has_no_answer(open_app, four):
    tiny.make_bare_encoder(four / "bare")
    shown = seen.cards(open_app(four, text=SENTENCE, checkpoints=["bare", "toy-cls"]))
    assert shown["bare"].how == "bare encoder"
    assert "no prediction" in shown["bare"].answer.all("warn")[0].text
    assert shown["bare"].attribution is None
    assert shown["toy-cls"].label


def test_bare_encoder_alone_stops_nothing(open_app, folder):
    tiny.make_bare_encoder(folder / "bare")
    app = open_app(folder, text=SENTENCE, compare="true", variant="the film is bad")
    assert list(seen.cards(app)) == ["bare"]
    assert in_order(seen.text_of(app), "None", "predicts")


def test_regression_shows_its_value_and_no_probability(open_app, folder):
    for seed, name in ((1, "score-cls"), (2, "score-mha")):
        tiny.make_pooling_checkpoint(folder / name, name[6:], None, task="score", seed=seed)
    app = open_app(folder, text=SENTENCE, compare="true", variant="the film is bad")
    shown = seen.cards(app)
    values = {}
    for name, card in shown.items():
        true = truth.pooling(folder / name, SENTENCE)
        values[name] = float(true.logits[0])
        assert card.shown == f"{values[name]:.2f}"
        assert float(next(iter(card.bars.values()))) == pytest.approx(values[name], rel=6e-3)
        assert not any("probability margin" in line for line in card.lines)
        expected = true.by_token[0]
        assert [u.value for u in card.reads] == [pytest.approx(v, abs=0.0051) for v in expected]
    low, high = sorted(values, key=values.get)
    ends = (f"{low} {values[low]:.2f}", f"{high} {values[high]:.2f}")
    assert in_order(seen.verdict(app), "two checkpoints", "one seed each", *ends)
    assert "value" in app.main.text[1].value
    assert app.dataframe[0].value["probability"].isna().all()


HEAD_FILE = '''import torch
from analysis.heads import Pooled, PoolingHead, head


@head("second_token")
class Second(PoolingHead):
    """The token after [CLS]."""

    def read(self, hidden, attention_mask):
        weights = torch.zeros(attention_mask.shape, dtype=hidden.dtype, device=hidden.device)
        weights[:, 1] = 1.0
        return Pooled(hidden[-1][:, 1], weights=weights[:, None], values=hidden[-1])
'''


@pytest.fixture
def cold(monkeypatch):
    """The server's state before its first page: pooling heads of one's own are read then."""
    from analysis import heads
    from pages.ui.engine import models

    monkeypatch.setattr(models, "_warm", threading.Event())
    monkeypatch.setattr(models, "_problems", [])
    before = dict(heads.HEADS)
    yield
    heads.HEADS.clear()
    heads.HEADS.update(before)


@pytest.fixture
def own_head(folder, tmp_path):
    """A checkpoint with a pooling head that only my_heads.py knows."""
    import json

    file = tmp_path / "my_heads.py"
    file.write_text(HEAD_FILE)
    path = tiny.make_pooling_checkpoint(folder / "mine", "cls", seed=6)
    config = json.loads((path / "config.json").read_text())
    config |= {"head": "second_token", "head_options": {}}
    (path / "config.json").write_text(json.dumps(config))
    return file


def test_own_pooling_head_from_a_file_answers(open_app, folder, own_head, cold):
    app = open_app(folder, arguments=["--heads", str(own_head)], text=SENTENCE)
    card = seen.cards(app)["mine"]
    assert card.how == "pooling head second_token"
    true = second_token(folder / "mine")
    assert list(card.bars.values()) == [f"{p:.2f}" for p in true]
    assert [u.positions for u in card.reads if u.value] == [(1,)], "only the second token is read"


def second_token(path):
    """Probabilities with the token after [CLS] pooled, from the files."""
    import json

    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    from tests.support import oracles

    sizes = json.loads((path / "config.json").read_text())["encoder"]
    tensors = load_file(path / "model.safetensors")
    encoder = AutoModel.from_config(AutoConfig.for_model(sizes.pop("model_type"), **sizes)).eval()
    state = {k.removeprefix("encoder."): v for k, v in tensors.items() if k.startswith("encoder.")}
    encoder.load_state_dict(state, strict=False)
    with torch.no_grad():
        inputs = AutoTokenizer.from_pretrained(path)(
            SENTENCE, padding=False, truncation=False, return_tensors="pt"
        )
        vector = encoder(**inputs).last_hidden_state[0, 1].double().numpy()
    weight, bias = (tensors[f"classifier.{n}"].double().numpy() for n in ("weight", "bias"))
    return oracles.softmax(np.asarray(weight @ vector + bias))


@pytest.mark.parametrize(
    ("source", "reason"),
    [("def broken(:", "SyntaxError"), ("import not_a_module_at_all", "ModuleNotFoundError")],
)
def test_heads_file_that_fails_is_named_and_the_app_works(
    open_app, four, cold, tmp_path, source, reason
):
    file = tmp_path / "my_heads.py"
    file.write_text(source)
    app = open_app(four, arguments=["--heads", str(file)], text=SENTENCE)
    error = app.error[0].value.replace("\\", "")
    assert "my_heads.py" in error
    assert reason in error
    assert len(seen.cards(app)) == 4


def test_heads_file_that_is_not_there_is_named(open_app, four, cold, tmp_path):
    app = open_app(four, arguments=["--heads", str(tmp_path / "gone.py")], text=SENTENCE)
    assert "there is no such file" in app.error[0].value.replace("\\", "")
    assert len(seen.cards(app)) == 4
