"""What logits mean: one kind of output a checkpoint, against Transformers' own pipeline."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import analysis
from analysis.common import outputs
from tests.support import tiny

TEXT = "The plot is thin, but the acting is good."


def checkpoint(folder, labels=("toxic", "rude", "fine"), **config):
    tiny.make_foreign_checkpoint(folder, "bert", labels, seed=4)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return analysis.load(folder, device="cpu")


@pytest.mark.parametrize(
    ("labels", "problem", "kind"),
    [
        (("a", "b", "c"), "single_label_classification", "softmax"),
        (("a", "b", "c"), None, "softmax"),
        (("a", "b", "c"), "multi_label_classification", "sigmoid"),
        (("a",), None, "sigmoid"),
        (("a",), "regression", "value"),
        (("a", "b"), "regression", "values"),
    ],
)
def test_probabilities_are_those_of_transformers_pipeline(tmp_path, labels, problem, kind):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    loaded = checkpoint(tmp_path, labels, **({"problem_type": problem} if problem else {}))
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, model_max_length=64)
    tokenizer.backend_tokenizer.no_padding()
    ask = pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None)
    theirs = {row["label"]: row["score"] for row in ask([TEXT])[0]}
    trace = analysis.record(loaded, TEXT)
    assert trace.checkpoint.output == kind
    want = [theirs[label] for label in labels]
    np.testing.assert_allclose(trace.probabilities, want, rtol=1e-4, atol=1e-5)
    batch = analysis.corpus.predict_batch(loaded, rows([TEXT, "dull"]))
    both = np.array(batch.column("probabilities").to_pylist())
    np.testing.assert_allclose(both[0], want, rtol=1e-4, atol=1e-4)


def rows(texts):
    import pyarrow as pa

    return pa.RecordBatch.from_pydict(
        {"row": pa.array(range(len(texts)), pa.int64()), "text": pa.array(texts)}
    )


def test_a_cross_encoders_activation_is_the_one_it_stored(tmp_path):
    identity = "torch.nn.modules.linear.Identity"
    stored = {"sentence_transformers": {"activation_fn": identity}}
    assert checkpoint(tmp_path / "a", ("score",), **stored).checkpoint.output == "value"
    older = {"sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid"}
    assert checkpoint(tmp_path / "b", ("score",), **older).checkpoint.output == "sigmoid"
    assert "sigmoid" in analysis.checkpoints.describe(tmp_path / "b").remarks[0]


@pytest.mark.parametrize("method", ["gradient_x_input", "integrated_gradients", "occlusion"])
def test_the_explained_probability_is_the_classs_own(tmp_path, method):
    loaded = checkpoint(tmp_path, problem_type="multi_label_classification")
    trace = analysis.record(loaded, TEXT)
    for target in range(3):
        attribution = analysis.attribute(
            loaded, TEXT, method=method, output="probability", target=target
        )
        assert attribution.value == pytest.approx(trace.probabilities[target], abs=1e-5)
        own = analysis.attribute(loaded, TEXT, method=method, output="contrast", target=target)
        assert own.value == pytest.approx(trace.logits[target], abs=1e-5)


def test_the_gap_of_a_class_of_its_own_is_to_the_threshold():
    shares = np.array([[0.9, 0.8, 0.1], [0.2, 0.4, 0.3]])
    np.testing.assert_allclose(outputs.class_gap("sigmoid", shares), [0.4, -0.1])
    np.testing.assert_allclose(outputs.class_gap("softmax", shares), [0.1, 0.1])
    np.testing.assert_allclose(outputs.class_gap("softmax", shares, 2), [-0.8, -0.1])
    assert not outputs.class_gap("values", shares).any()


def test_several_classes_at_once_are_all_said(tmp_path):
    from analysis.reading.comparison import answer, in_words

    loaded = checkpoint(tmp_path, problem_type="multi_label_classification")
    with torch.no_grad():
        loaded.model.classifier.weight.zero_()
        loaded.model.classifier.bias.copy_(torch.tensor([2.0, 1.0, -3.0]))
    verdict = answer([analysis.record(loaded, TEXT)], "one")
    assert verdict.label == "toxic, rude"
    assert "toxic, rude" in in_words([verdict])
