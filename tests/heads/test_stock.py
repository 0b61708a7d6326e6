"""Classification layers of Transformers' models, recognised: what they pool and what follows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

import analysis
from analysis.checkpoints import loading
from analysis.heads.stock import recognise
from analysis.interventions import what_if
from analysis.reading.decomposition import NoExactSplit
from analysis.reading.trace import model_inputs
from tests.support import tiny

SIZE = {
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
}
GROUPED = {**SIZE, "num_key_value_heads": 2, "head_dim": 8}
MARKED = {**SIZE, "local_attention": 8, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2}
ROBERTA = {**SIZE, "pad_token_id": 1, "vocab_size": 270}
# Model type, changes to its configuration, tokenizer, what is pooled, and the layers that follow.
FAMILIES = [
    ("bert", SIZE, "wordpiece", "cls", ["Linear", "tanh"]),
    ("roberta", ROBERTA, "bytes", "cls", ["Linear", "tanh"]),
    ("xlm-roberta", ROBERTA, "bytes", "cls", ["Linear", "tanh"]),
    ("camembert", ROBERTA, "bytes", "cls", ["Linear", "tanh"]),
    ("mpnet", ROBERTA, "bytes", "cls", ["Linear", "tanh"]),
    ("albert", {**SIZE, "embedding_size": 16}, "wordpiece", "cls", ["Linear", "tanh"]),
    ("electra", {**SIZE, "embedding_size": 16}, "wordpiece", "cls", ["Linear", "gelu"]),
    ("deberta", SIZE, "wordpiece", "cls", ["Linear", "gelu"]),
    ("deberta-v2", SIZE, "wordpiece", "cls", ["Linear", "gelu"]),
    (
        "distilbert",
        {"vocab_size": 100, "dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64},
        "wordpiece",
        "cls",
        ["Linear", "relu"],
    ),
    ("modernbert", MARKED, "wordpiece", "cls", ["Linear", "gelu", "LayerNorm"]),
    (
        "modernbert",
        {**MARKED, "classifier_pooling": "mean"},
        "wordpiece",
        "mean",
        ["Linear", "gelu", "LayerNorm"],
    ),
    ("eurobert", GROUPED, "wordpiece", "mean", []),
    ("eurobert", {**GROUPED, "classifier_pooling": "bos"}, "wordpiece", "cls", ["Linear", "gelu"]),
    ("gpt2", {"vocab_size": 100, "n_embd": 32, "n_layer": 3, "n_head": 4}, "wordpiece", None, []),
    ("llama", GROUPED, "wordpiece", None, []),
    ("qwen3", GROUPED, "wordpiece", None, []),
    ("gemma3_text", GROUPED, "wordpiece", None, []),
]
TEXT = tiny.SENTENCE


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda f: f"{f[0]}-{len(f[1])}-{f[3]}")
def family(request, tmp_path_factory):
    name, size, tokenizer, pooled, layers = request.param
    folder = tmp_path_factory.mktemp("stock") / name
    changes = {"pad_token_id": 0, "num_labels": 3, **size}
    model = transformers.AutoModelForSequenceClassification.from_config(
        transformers.AutoConfig.for_model(name, **changes)
    )
    tiny.randomize(model, seed=5).save_pretrained(folder)
    tiny.make_tokenizer(folder, tokenizer)
    return analysis.load(folder, device="cpu"), pooled or "last_token", layers


def names(module) -> list[str]:
    return [getattr(layer, "name", type(layer).__name__) for layer in module.inner]


def test_what_is_pooled_and_what_follows_is_recognised(family):
    classifier, pooled, layers = family
    assert classifier.head.key == pooled
    assert names(classifier.head) == layers
    assert classifier.head.linear == (not layers)


def test_the_layers_give_the_models_own_logits_in_batches_of_any_padding(family):
    classifier, _, _ = family
    tokens = [analysis.record(classifier, text).tokens.ids for text in (TEXT, "The plot is thin.")]
    length = max(map(len, tokens))
    pad = classifier.model.config.pad_token_id
    ids = torch.tensor([[*row, *[pad] * (length - len(row))] for row in tokens])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in tokens])
    with torch.no_grad():
        output = classifier.model(
            input_ids=ids, attention_mask=mask, output_hidden_states=True, return_dict=True
        )
        hidden = output.hidden_states[-1][None]
        vector = classifier.head.finish(classifier.head.read(hidden, mask).vector)
        torch.testing.assert_close(
            classifier.output_layer(vector), output.logits, rtol=1e-4, atol=1e-5
        )


def test_its_logits_split_exactly_where_it_is_linear_and_along_a_line_elsewhere(family):
    classifier, _, layers = family
    trace = analysis.record(classifier, TEXT)
    split = analysis.decompose(trace)
    assert split.exact == (not layers)
    assert split.layers == (len(trace.hidden) - 1,)
    np.testing.assert_allclose(
        split.contributions.sum((1, 2, 3)) + split.constant, trace.logits, atol=1e-4
    )
    with torch.no_grad():
        own = classifier.model(**model_inputs(classifier, trace.tokens)).logits[0]
    np.testing.assert_allclose(trace.logits, own, atol=1e-5)


class Squared(torch.nn.Module):
    """A classifier that is no chain of known layers."""

    def __init__(self, linear):
        super().__init__()
        self.linear = linear

    def forward(self, x):
        return self.linear(x) + self.linear(x) ** 2


def test_layers_that_are_no_such_chain_are_not_taken_for_one(tmp_path, monkeypatch):
    folder = tiny.make_foreign_checkpoint(tmp_path / "bert", "bert")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert recognise(model, tokenizer) is not None
    model.classifier = Squared(model.classifier)
    assert recognise(model, tokenizer) is None
    monkeypatch.setattr(loading, "recognise", lambda *_: None)
    classifier = analysis.load(folder, device="cpu")
    trace = analysis.record(classifier, TEXT)
    assert (classifier.head, trace.head.pooled) == (None, None)
    with pytest.raises(NoExactSplit, match=r"classification layers .*not known"):
        analysis.decompose(trace)
    with pytest.raises(ValueError, match="not recognised"):
        what_if(classifier, TEXT, mask_tokens=(3,), where="head")


def test_in_bfloat16_the_classification_layers_run_in_float32(tmp_path):
    folder = tiny.make_foreign_checkpoint(tmp_path / "bert", "bert")
    classifier = analysis.load(folder, device="cpu", dtype="bfloat16")
    trace = analysis.record(classifier, TEXT)
    split = analysis.decompose(trace, "zero")
    assert split.gap < 1e-5
    assert next(classifier.model.parameters()).dtype == torch.bfloat16
    full = analysis.record(analysis.load(folder, device="cpu"), TEXT)
    assert np.abs(trace.logits - full.logits).max() < 0.2
