"""SPLADE: each active term's weight and the token that won it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.similarities.splade import shared_terms
from tests.support import zoo

A = "the plot is thin, not dull"
B = "A film with a thin story, but the acting was fine."


def _logits(text: str) -> np.ndarray:
    import torch
    from transformers import AutoModelForMaskedLM

    classifier = analysis.load(zoo.folder("masked_lm"), device="cpu")
    ids = analysis.record(classifier, text).tokens.ids
    model = AutoModelForMaskedLM.from_pretrained(zoo.folder("masked_lm")).eval()
    with torch.no_grad():
        return model(torch.tensor(ids[None])).logits[0].numpy()


def test_weights_and_winners_are_those_of_a_loop_over_tokens_and_terms() -> None:
    result = analysis.splade(zoo.folder("masked_lm"), A)
    logits = _logits(A)
    held = {}
    for term in range(logits.shape[1]):
        values = [np.log1p(max(float(logits[t, term]), 0.0)) for t in range(len(logits))]
        if max(values) > 0:
            ordered = sorted(values)
            held[term] = (max(values), int(np.argmax(values)), ordered[-1] - ordered[-2])
    assert set(result.ids.tolist()) == set(held)
    for term, weight, winner, margin in zip(
        result.ids, result.weight, result.winner, result.margin, strict=True
    ):
        assert weight == pytest.approx(held[term][0], abs=1e-5)
        assert winner == held[term][1]
        assert margin == pytest.approx(held[term][2], abs=1e-5)
    assert (np.diff(result.weight) <= 0).all()


@pytest.mark.parametrize("strategy", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_a_sparse_encoder_of_sentence_transformers_gives_the_same(
    strategy: str, activation: str, tmp_path: Path
) -> None:
    library = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    transformer = Transformer(
        str(zoo.folder("masked_lm")), max_seq_length=64, transformer_task="fill-mask"
    )
    transformer.tokenizer.backend_tokenizer.no_padding()
    transformer.tokenizer.backend_tokenizer.no_truncation()
    model = library.SparseEncoder(
        modules=[transformer, SpladePooling(strategy, activation)], device="cpu"
    )
    dense = model.encode([A, B], convert_to_sparse_tensor=False).numpy()
    expected = float(model.similarity(model.encode(A), model.encode(B))[0, 0])
    model.save(str(tmp_path / "sparse"))
    classifier = analysis.load(tmp_path / "sparse", device="cpu")
    a, b = (analysis.splade(classifier, text) for text in (A, B))
    for ours, theirs in ((a, dense[0]), (b, dense[1])):
        whole = np.zeros(len(theirs))
        whole[ours.ids] = ours.weight
        np.testing.assert_allclose(whole, theirs, atol=1e-4)
    shared = shared_terms(a, b)
    assert shared.score == pytest.approx(expected, rel=1e-4)
    assert shared.contribution.sum() == pytest.approx(shared.score)
    assert shared.contributions.sum() == pytest.approx(shared.score)
    assert a.strategy == strategy


def test_a_swap_of_the_texts_transposes_what_they_share() -> None:
    a, b = (analysis.splade(zoo.folder("masked_lm"), text) for text in (A, B))
    first, other = shared_terms(a, b), shared_terms(b, a)
    np.testing.assert_allclose(first.contributions, other.contributions.T, atol=1e-9)


def test_a_checkpoint_without_the_head_says_what_to_open() -> None:
    with pytest.raises(ValueError, match="masked language model's head"):
        analysis.splade(zoo.loaded("bare"), A)


def test_an_encoder_saved_without_its_head_says_what_to_open(tmp_path: Path) -> None:
    shutil.copytree(zoo.folder("bare"), tmp_path / "headless")
    config = tmp_path / "headless" / "config.json"
    held = json.loads(config.read_text())
    config.write_text(json.dumps(held | {"architectures": ["BertForMaskedLM"]}))
    classifier = analysis.load(tmp_path / "headless", device="cpu")
    for _ in range(2):  # the refusal is kept: the folder is not read again
        with pytest.raises(ValueError, match="no masked language model's head"):
            analysis.splade(classifier, A)


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        analysis.splade(zoo.folder("masked_lm"), " ")
