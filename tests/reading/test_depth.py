"""Lower layers read as if they were the last: equal to the encoder that has been cut off there."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import transformers

import analysis
from analysis.checkpoints.model import build_classifier
from analysis.interventions import depth_logits, sweep_last_k, what_if
from analysis.reading.trace import model_inputs
from tests.support import tiny, zoo
from tests.support.sentences import in_order

TEXT = tiny.SENTENCE
SIZE = {
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
    "pad_token_id": 0,
}
GROUPED = {**SIZE, "num_key_value_heads": 2, "head_dim": 8}
PRE_NORM = {
    "modernbert": {**SIZE, "local_attention": 8, "cls_token_id": 2, "sep_token_id": 3},
    "eurobert": GROUPED,
    "gpt2": {"vocab_size": 100, "n_embd": 32, "n_layer": 3, "n_head": 4, "pad_token_id": 0},
    "llama": GROUPED,
    "qwen3": GROUPED,
    "gemma3_text": GROUPED,
}


def saved(folder, name: str):
    model = transformers.AutoModel.from_config(
        transformers.AutoConfig.for_model(name, **PRE_NORM[name])
    )
    tiny.randomize(model, seed=2).save_pretrained(folder)
    return tiny.make_tokenizer(folder)


def shortened(encoder, layer: int):
    """The same weights in an encoder of `layer` layers, made by Transformers itself."""
    config = copy.deepcopy(encoder.config)
    config.num_hidden_layers = layer
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:layer]
    config._attn_implementation = "eager"
    short = type(encoder)(config).eval()
    missing, _ = short.load_state_dict(encoder.state_dict(), strict=False)
    assert not missing
    return short


@pytest.fixture(scope="module", params=PRE_NORM)
def encoder(request, tmp_path_factory):
    return saved(tmp_path_factory.mktemp("depth") / request.param, request.param)


def head_on(encoder, folder, key: str, **options):
    torch.manual_seed(1)
    model = build_classifier(encoder, key, options, ["a", "b", "c"])
    tiny.randomize(model.head, seed=4)
    tiny.randomize(model.classifier, seed=5)
    model.save_pretrained(folder)
    return analysis.load(tiny.make_tokenizer(folder), device="cpu")


def test_every_layer_is_that_of_the_encoder_cut_off_there(encoder):
    classifier = analysis.load(encoder, device="cpu")
    trace = analysis.record(classifier, TEXT)
    assert trace.between is not None
    for layer in range(1, 4):
        with torch.no_grad():
            inputs = model_inputs(classifier, trace.tokens)
            ended = shortened(classifier.model, layer)(**inputs).last_hidden_state[0]
        np.testing.assert_allclose(trace.hidden[layer], ended, atol=1e-5)
    np.testing.assert_array_equal(trace.hidden[-1], trace.states[-1])
    assert np.abs(trace.hidden[1] - trace.states[1]).max() > 0.1
    embedded = analysis.corpus.embed(classifier, [TEXT], pooling=("mean",), layers="all")
    for layer in range(4):
        vector = embedded.vectors[("mean", layer)][0]
        np.testing.assert_allclose(vector, trace.hidden[layer].mean(0), atol=1e-5)


@pytest.mark.parametrize("key", ["mean", "max_seq_mha", "weighted_layers"])
def test_the_answer_by_depth_is_that_of_the_shortened_model(encoder, tmp_path, key):
    classifier = head_on(encoder, tmp_path / "one", key)
    trace = analysis.record(classifier, TEXT)
    logits = depth_logits(classifier, trace)
    np.testing.assert_allclose(logits[-1], trace.logits, atol=1e-5)
    for layer in range(1, 4):
        with torch.no_grad():
            short = shortened(classifier.model.encoder, layer)
            inputs = model_inputs(classifier, trace.tokens)
            states = short(**inputs, output_hidden_states=True).hidden_states
            head = classifier.model.head.ended_at(layer)
            vector = head(torch.stack(states), inputs["attention_mask"]).vector
            want = classifier.model.classifier(vector)[0]
        np.testing.assert_allclose(logits[layer], want, atol=1e-5)


def test_a_maximum_over_layers_holds_its_winners_and_says_what_it_compares(encoder, tmp_path):
    classifier = head_on(encoder, tmp_path / "one", "max_seq_mha", last_k=2)
    trace = analysis.record(classifier, TEXT)
    won = trace.head.winners
    best = np.take_along_axis(trace.states, won.layer[None], axis=0)[0]
    np.testing.assert_array_equal(best, trace.head.values)
    assert in_order(trace.compares, "normalises", "last state alone")
    assert in_order(trace.compares, "layer 3 after", "norm", "layer 2 before")
    for name in ("winners", "layer_quantities"):
        assert trace.compares in analysis.figures.view(name, trace).notes
    # Interventions read the same states: nothing changed gives the same logits.
    np.testing.assert_allclose(sweep_last_k(classifier, TEXT).logits[1], trace.logits, atol=1e-5)
    np.testing.assert_allclose(what_if(classifier, TEXT).logits[1], trace.logits, atol=1e-5)
    split = analysis.decompose(trace)
    assert split.error < 1e-5


def test_a_stock_pre_norm_classifier_is_read_by_depth_through_its_norm(tmp_path):
    config = transformers.AutoConfig.for_model("llama", **GROUPED, num_labels=3)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    tiny.randomize(model, seed=6).save_pretrained(tmp_path)
    classifier = analysis.load(tiny.make_tokenizer(tmp_path), device="cpu")
    trace = analysis.record(classifier, TEXT)
    logits = analysis.layers.trajectory(classifier, TEXT).logits
    for layer in range(1, 4):
        with torch.no_grad():
            inputs = model_inputs(classifier, trace.tokens)
            ended = shortened(classifier.encoder, layer)(**inputs).last_hidden_state[0, -1]
        np.testing.assert_allclose(logits[layer], classifier.model.score(ended), atol=1e-5)


@pytest.mark.parametrize("name", ["max_seq_mha", "bare", *tiny.FOREIGN])
def test_a_post_norm_encoder_has_one_set_of_states(name):
    classifier = zoo.loaded(name)
    trace = analysis.record(classifier, TEXT)
    assert classifier.final_norm is None
    assert trace.between is None
    assert trace.states is trace.hidden
    assert trace.compares == ""
