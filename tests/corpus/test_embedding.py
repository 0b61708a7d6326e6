"""Sentence vectors: against sentence-transformers, and by their properties."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analysis.corpus.embedding import FREE, embed, keys_of, layer_count, poolings_of, stored
from analysis.corpus.runs import compute
from analysis.datasets.table import Table
from tests.support import tiny, zoo

TEXTS = ["The plot is thin.", tiny.SENTENCE, "Dull.", "Good acting, and not very great writing."]


def test_every_pooling_at_every_layer_comes_from_one_call():
    classifier = zoo.loaded("mha")
    made = embed(classifier, TEXTS, pooling=poolings_of(classifier.checkpoint), layers="all")
    last = layer_count(classifier)
    assert set(made) == {(name, k) for name in FREE for k in range(last + 1)} | {("head", last)}
    assert made["concat", 1].shape[1] == 3 * made["mean", 1].shape[1]
    assert (made["mean", -1] == made["mean", last]).all()


def test_the_corpus_is_asked_for_vectors_too():
    import analysis

    assert analysis.corpus.embed is embed


def test_vectors_are_those_of_the_trace():
    import analysis

    classifier = zoo.loaded("max_seq_mha")
    made = embed(classifier, TEXTS, pooling=("mean", "max", "cls", "head"), layers="all")
    for row, text in enumerate(TEXTS):
        trace = analysis.record(classifier, text)
        for layer in range(layer_count(classifier) + 1):
            states = trace.hidden[layer]
            np.testing.assert_allclose(made["mean", layer][row], states.mean(axis=0), atol=1e-5)
            np.testing.assert_allclose(made["max", layer][row], states.max(axis=0), atol=1e-5)
            np.testing.assert_allclose(made["cls", layer][row], states[0], atol=1e-5)
        np.testing.assert_allclose(made["head", -1][row], trace.head.pooled, atol=1e-5)


def test_what_a_text_is_run_with_changes_its_vector_by_rounding_only():
    classifier = zoo.loaded("cls")
    together = embed(classifier, TEXTS, pooling=("mean", "max"), layers=(1, -1))
    for row, text in enumerate(TEXTS):
        alone = embed(classifier, [text], pooling=("mean", "max"), layers=(1, -1))
        for key in together:
            np.testing.assert_allclose(together[key][row], alone[key][0], atol=1e-5)


def test_poolings_are_those_of_sentence_transformers_on_real_weights():
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    import analysis
    from analysis.checkpoints.encoders import resolve_encoder

    name = "sentence-transformers/all-MiniLM-L6-v2"
    folder = str(resolve_encoder(name).path)
    classifier = analysis.load(folder, attn_implementation="sdpa")  # the same kernel: 1e-6
    texts = [*TEXTS, "A longer sentence, " * 40]
    names = ("mean", "max", "cls", "last_token")
    mine = [embed(classifier, [text], pooling=names) for text in texts]
    words = Transformer(folder, max_seq_length=classifier.limit)
    for own in names:
        theirs = own.replace("_", "")
        reference = SentenceTransformer(
            modules=[words, Pooling(words.get_embedding_dimension(), pooling_mode=theirs)],
            device="cpu",
        )
        with torch.no_grad():
            vectors = reference.encode(texts, batch_size=1, normalize_embeddings=False)
        for by_key, vector in zip(mine, vectors, strict=True):
            np.testing.assert_allclose(by_key[own, -1][0], vector, atol=1e-6)


def test_an_encoder_without_pooling_head_has_vectors_and_says_what_it_has_not():
    classifier = zoo.loaded("bare")
    assert len(embed(classifier, TEXTS)["mean", -1]) == len(TEXTS)
    with pytest.raises(ValueError, match=r"'head'.*mean, max"):
        embed(classifier, TEXTS, pooling=("head",))


def test_a_layer_that_does_not_exist_a_blank_text_and_none_are_refused():
    classifier = zoo.loaded("cls")
    with pytest.raises(ValueError, match=r"0 to 4.* 9$"):
        keys_of(classifier, ("mean",), (9,))
    with pytest.raises(ValueError, match="Row 2 has no text"):
        embed(classifier, ["a", " "])
    with pytest.raises(ValueError, match="no texts"):
        embed(classifier, [])
    with pytest.raises(ValueError, match="known: auto, float32, bfloat16, loaded"):
        embed(classifier, ["a"], dtype="int8")


def test_what_is_stored_is_what_is_embedded_and_a_changed_text_finds_nothing(tmp_path):
    classifier = zoo.loaded("mha")
    table = Table("own", "own", tuple(TEXTS), None, None, ())
    from analysis.corpus.embedding import readers_of

    readers = readers_of(classifier, ("mean", "head"), (2, -1))
    assert len(stored(tmp_path, classifier.checkpoint, table, ("mean", 2))[0]) == 0
    compute(classifier, table, tmp_path, readers)
    made = embed(classifier, TEXTS, pooling=("mean", "head"), layers=(2, -1))
    for key in made:
        rows, vectors = stored(tmp_path, classifier.checkpoint, table, key)
        assert rows.tolist() == [0, 1, 2, 3]
        np.testing.assert_allclose(vectors, made[key], atol=1e-5)
    other = Table("own", "own", (*TEXTS[:3], "Something else."), None, None, ())
    assert len(stored(tmp_path, classifier.checkpoint, other, ("mean", 2))[0]) == 0
    assert len(stored(tmp_path, classifier.checkpoint, table, ("mean", 2), "bfloat16")[0]) == 0


def test_a_layer_that_was_not_computed_is_not_another_one():
    made = embed(zoo.loaded("cls"), TEXTS, layers=(0, -1))
    assert (made["mean", -5] == made["mean", 0]).all()
    for layer in (5, -6, 1):
        with pytest.raises(KeyError, match=rf"'mean' at layer {layer}\b"):
            made["mean", layer]
        assert ("mean", layer) not in made


@pytest.mark.parametrize("pairs", [["a"], ["a"] * 5])
def test_every_text_needs_its_pair(pairs):
    with pytest.raises(ValueError, match=f"there are 4 texts and {len(pairs)} pairs"):
        embed(zoo.loaded("cls"), TEXTS, pairs=pairs)


def test_poolings_and_the_pooling_head_compute_in_float32_beside_an_encoder_in_bfloat16(
    monkeypatch,
):
    import torch

    classifier = zoo.loaded("mha")
    seen = []
    head = classifier.model.head
    read = head.read

    def watched(*arguments):
        seen.append(torch.is_autocast_enabled("cpu"))
        return read(*arguments)

    monkeypatch.setattr(head, "read", watched)
    hook = classifier.encoder.register_forward_hook(
        lambda *_: seen.append(torch.is_autocast_enabled("cpu"))
    )
    try:
        low = embed(
            classifier, TEXTS, pooling=("mean", "cls", "adaptive_mean", "head"), dtype="bfloat16"
        )
    finally:
        hook.remove()
    assert seen == [True, False]
    assert not torch.is_autocast_enabled("cpu")
    made = embed(classifier, TEXTS, pooling=("mean", "cls", "adaptive_mean", "head"))
    for key in made:
        assert np.abs(low[key] - made[key]).max() > 0  # the encoder did compute in it
        np.testing.assert_allclose(low[key], made[key], atol=0.1)
    # A mean of bfloat16 would be one itself: its last 16 bits would be zero.
    assert (low["mean", -1].view(np.uint32) & 0xFFFF).any()


def test_a_stock_classifiers_own_vector_is_what_its_last_layer_reads():
    from transformers import AutoModelForSequenceClassification

    classifier = zoo.loaded("bert")
    made = embed(classifier, TEXTS, pooling="head")
    theirs = AutoModelForSequenceClassification.from_pretrained(zoo.folder("bert")).eval()
    for row, text in enumerate(TEXTS):
        encoded = classifier.tokenizer(text, return_tensors="pt", padding=False, truncation=False)
        with torch.no_grad():
            want = theirs.bert(**encoded).pooler_output[0].numpy()
        np.testing.assert_allclose(made["head", -1][row], want, atol=1e-5)
