"""record(): the one forward, against the model's own; profiles against a loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis
from analysis.checkpoints import profiles
from analysis.reading.trace import measure_profile, model_inputs
from analysis.text.tokens import clean
from tests.support import tiny, zoo
from tests.support.hostile_texts import HOSTILE
from tests.support.out_of_memory import each_error

TEXT, PAIR = "The plot is thin, but not dull.", "Who said it?"
EVERY = (*zoo.OWN, *tiny.FOREIGN, "bare")
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def minilm():
    from analysis.checkpoints.encoders import resolve_encoder

    return analysis.load(resolve_encoder(MINILM).path, device="cpu")


def assert_equal_traces(first, other) -> None:
    for left, right in ((first, other), (first.head, other.head)):
        for name, value in vars(left).items():
            if isinstance(value, np.ndarray):
                assert np.array_equal(value, getattr(right, name)), name


@pytest.mark.parametrize("name", EVERY)
def test_the_same_text_gives_the_same_bytes(name):
    classifier = zoo.loaded(name)
    first = analysis.record(classifier, TEXT)
    analysis.record(classifier, "Something else.")
    assert_equal_traces(first, analysis.record(classifier, TEXT))


@pytest.mark.parametrize("name", EVERY)
def test_a_text_alone_equals_the_text_padded_in_a_batch(name):
    classifier = zoo.loaded(name)
    trace = analysis.record(classifier, TEXT)
    length = len(trace.tokens)
    ids = torch.full((2, length + 5), classifier.tokenizer.pad_token_id)
    ids[0, :length] = torch.tensor(trace.tokens.ids)
    ids[1] = 7
    mask = torch.ones_like(ids)
    mask[0, length:] = 0
    with torch.no_grad():
        if name == "bare":
            states = classifier.model(ids, mask, output_hidden_states=True).hidden_states
            batch = torch.stack(states)[:, 0, :length].numpy()
            np.testing.assert_allclose(trace.hidden, batch, rtol=0, atol=1e-5)
        else:
            batch = classifier.model(input_ids=ids, attention_mask=mask).logits[0].numpy()
            np.testing.assert_allclose(trace.logits, batch, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", [*zoo.OWN, "layer_norm", "tanh"])
def test_logits_hidden_states_and_pooled_vector_are_those_of_the_forward(name):
    classifier = zoo.loaded(name)
    trace = analysis.record(classifier, TEXT, PAIR)
    inputs = model_inputs(classifier, trace.tokens)
    with torch.no_grad():
        output = classifier.model(**inputs, output_hidden_states=True)
        last = classifier.model.classifier
        logits = torch.tensor(trace.head.pooled) @ last.weight.T + last.bias
    np.testing.assert_allclose(trace.logits, output.logits[0].numpy(), rtol=0, atol=1e-5)
    np.testing.assert_allclose(trace.logits, logits.numpy(), rtol=0, atol=1e-5)
    assert np.array_equal(trace.hidden, torch.stack(output.hidden_states)[:, 0].numpy())
    assert trace.hidden.shape == (tiny.LAYERS + 1, len(trace.tokens), tiny.HIDDEN_SIZE)


def test_index_0_of_the_hidden_states_is_the_embedding_output():
    classifier = zoo.loaded("bare")
    trace = analysis.record(classifier, TEXT)
    with torch.no_grad():
        embedded = classifier.model.embeddings(torch.tensor(trace.tokens.ids)[None])[0]
    np.testing.assert_allclose(trace.hidden[0], embedded.numpy(), atol=1e-6)


@pytest.mark.parametrize("name", ["max_seq_mha", "lora", *tiny.FOREIGN, "bare"])
def test_attentions_are_transformers_own_and_asking_changes_no_logit(name):
    classifier = zoo.loaded(name)
    plain = analysis.record(classifier, TEXT)
    attended = analysis.record(classifier, TEXT, attentions=True)
    assert plain.attentions is None
    inputs = model_inputs(classifier, attended.tokens)
    encoder = classifier.encoder
    assert encoder.config._attn_implementation == "eager"
    with torch.no_grad():
        want = torch.stack(encoder(**inputs, output_attentions=True).attentions)[:, 0].numpy()
    length = len(attended.tokens)
    assert attended.attentions.shape == (tiny.LAYERS, tiny.ATTENTION_HEADS, length, length)
    np.testing.assert_allclose(attended.attentions, want, rtol=0, atol=1e-6)
    np.testing.assert_allclose(attended.attentions.sum(-1), 1, atol=1e-5)
    if name != "bare":
        np.testing.assert_allclose(attended.logits, plain.logits, rtol=0, atol=1e-6)


def test_fused_attention_is_answered_with_the_way_to_get_attentions():
    classifier = analysis.load(zoo.folder("mha"), device="cpu", attn_implementation="sdpa")
    eager = analysis.record(zoo.loaded("mha"), TEXT).logits
    np.testing.assert_allclose(analysis.record(classifier, TEXT).logits, eager, atol=1e-5)
    with pytest.raises(ValueError, match="attn_implementation='eager'"):
        analysis.record(classifier, TEXT, attentions=True)


@pytest.mark.parametrize(
    "pair", [None, PAIR, "\u200b", "a " * 80], ids=["none", "short", "empty", "long"]
)
@pytest.mark.parametrize("name", ["max_seq_mha", "bert", "electra", "distilbert", "roberta"])
def test_token_types_are_the_tokenizers_own(name, pair):
    classifier = zoo.loaded(name)
    trace = analysis.record(classifier, TEXT, pair)
    inputs = model_inputs(classifier, trace.tokens)
    theirs = classifier.tokenizer(
        TEXT, pair, padding=False, truncation="longest_first", max_length=classifier.limit
    )
    assert inputs["input_ids"][0].tolist() == theirs["input_ids"]
    # DistilBERT tells no token types apart, whatever the tokenizer beside it gives.
    assert ("token_type_ids" in inputs) == ("token_type_ids" in theirs and name != "distilbert")
    if "token_type_ids" in inputs:
        assert inputs["token_type_ids"][0].tolist() == theirs["token_type_ids"]
        if pair == PAIR:
            types = dict(zip(range(99), theirs["token_type_ids"], strict=False))
            separators = [i for i, piece in enumerate(trace.tokens.pieces) if piece == "[SEP]"]
            assert [types[i] for i in separators] == [0, 1]


def test_a_pair_is_not_the_same_as_one_text():
    classifier = zoo.loaded("max_seq_mha")
    first, second = analysis.record(classifier, TEXT, PAIR), analysis.record(classifier, PAIR, TEXT)
    assert not np.allclose(first.logits, second.logits)


@pytest.mark.parametrize("name", ["max_seq_mha", "lora", *tiny.FOREIGN, "bare"])
def test_ten_thousand_words_are_cut_and_counted(name):
    trace = analysis.record(zoo.loaded(name), "dull " * 10_000)
    assert len(trace.tokens) == tiny.POSITIONS
    assert trace.tokens.dropped > 9_900
    assert np.isfinite(trace.hidden).all()


def test_the_demo_encoder_reads_as_many_tokens_as_its_folder_declares(minilm):
    assert minilm.limit == 256
    trace = analysis.record(minilm, "dull " * 600)
    assert (len(trace.tokens), trace.tokens.dropped) == (256, 346)
    assert trace.hidden.shape == (7, 256, 384)
    assert len(analysis.record(minilm, "dull").tokens) == 3


def test_a_checkpoint_trained_on_it_reads_512():
    loaded = analysis.load("sst2-cls", device="cpu")
    assert loaded.limit == 512
    assert analysis.record(loaded, "dull " * 600).tokens.dropped == 90


def test_the_demo_encoder_pools_as_sentence_transformers_does(minilm):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(minilm.checkpoint.folder), device="cpu")
    trace = analysis.record(minilm, tiny.SENTENCE)
    np.testing.assert_allclose(trace.head.pooled, model.encode(tiny.SENTENCE), atol=1e-5)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("name", ["max_seq_mha", "roberta"])
def test_text_of_every_kind_is_answered_with_finite_numbers(name, text):
    trace = analysis.record(zoo.loaded(name), text)
    assert np.isfinite(trace.logits).all()
    np.testing.assert_allclose(trace.probabilities.sum(), 1)


@given(text=st.text(max_size=60))
@settings(max_examples=40)
def test_any_text_is_answered_or_refused_in_words(text):
    classifier = zoo.loaded("max_seq_mha")
    if clean(text)[0].strip():
        assert np.isfinite(analysis.record(classifier, text).logits).all()
    else:
        with pytest.raises(ValueError, match="the text is empty"):
            analysis.record(classifier, text)


def test_probabilities_are_the_softmax_and_the_predicted_class_has_the_largest():
    trace = analysis.record(zoo.loaded("mha"), TEXT)
    want = np.exp(trace.logits.astype(float)) / np.exp(trace.logits.astype(float)).sum()
    np.testing.assert_allclose(trace.probabilities, want, rtol=1e-6)
    assert trace.predicted == max(range(3), key=lambda c: want[c])
    order = sorted(want)
    assert trace.class_gap() == pytest.approx(order[-1] - order[-2])
    worst = int(want.argmin())
    assert trace.class_gap(worst) == pytest.approx(order[0] - order[-1])


def test_a_regression_answers_with_its_value():
    trace = analysis.record(zoo.loaded("regression"), TEXT)
    assert trace.probabilities.tolist() == trace.logits.tolist()
    assert (trace.predicted, trace.class_gap()) == (0, 0.0)


def test_arrays_of_a_trace_cannot_be_written_to():
    trace = analysis.record(zoo.loaded("max_seq_mha"), TEXT)
    for array in (trace.hidden, trace.logits, trace.head.pooled, trace.head.winners.layer):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize("name", ["max_seq_mha", "lora"])
def test_winners_are_absolute_layers_that_hold_the_values(name):
    trace = analysis.record(zoo.loaded(name), TEXT)
    winners, values = trace.head.winners, trace.head.values
    assert winners.layers == (2, 3, 4)
    t, j = np.indices(values.shape)
    assert np.array_equal(trace.hidden[winners.layer, t, j], values)
    assert np.array_equal(values, trace.hidden[2:].max(axis=0))
    assert winners.share_by_layer().sum() == pytest.approx(1)


@each_error
def test_memory_that_runs_out_is_answered_in_words(error, monkeypatch):
    def refuse(*args, **kwargs):
        raise error

    classifier = zoo.loaded("mha")
    monkeypatch.setattr(classifier.model.encoder, "forward", refuse)
    with pytest.raises(ValueError, match=r"out of memory at \d+ tokens\. Shorten"):
        analysis.record(classifier, TEXT)


@pytest.mark.parametrize("name", ["cls", "max_cls", "max_seq_mha", "max", "concat"])
def test_a_profile_equals_the_loop(name, tmp_path):
    texts = ["The plot is thin.", "Dull, dull, dull and not fine.", "Who said it?"]
    profile = measure_profile(zoo.loaded(name), texts, None, "three texts")
    columns: list[list[float]] = [[] for _ in range(tiny.HIDDEN_SIZE)]
    shares = []
    for text in texts:
        head = analysis.record(zoo.loaded(name), text).head
        for t in range(len(head.values)):
            for j in range(tiny.HIDDEN_SIZE):
                weights = head.weights[:, t] if head.weights.ndim == 2 else head.weights[:, t, j]
                if any(weights != 0):
                    columns[j].append(float(head.values[t, j]))
        if head.winners is not None:
            layers = head.winners.layer.ravel().tolist()
            shares.append([layers.count(k) / len(layers) for k in head.winners.layers])
    want = [sum(column) / len(column) if column else 0 for column in columns]
    np.testing.assert_allclose(profile.value_mean, want, rtol=1e-5, atol=1e-6)
    assert profile.sentences == 3
    if shares:
        np.testing.assert_allclose(profile.share_of_wins, shares)
        assert profile.percentile(np.array([2.0] * len(profile.layers))).tolist() == [100.0] * len(
            profile.layers
        )
    profile.save(tmp_path)
    again = profiles.read(tmp_path)
    np.testing.assert_allclose(again.value_mean, profile.value_mean, rtol=1e-6)
    assert (again.layers, again.sentences, again.corpus) == (profile.layers, 3, "three texts")


def test_a_head_without_linear_values_has_no_profile():
    assert measure_profile(zoo.silent(zoo.loaded("cls")), [TEXT], None, "one") is None
    with pytest.raises(ValueError, match="at least one text"):
        measure_profile(zoo.loaded("mha"), [], None, "none")
