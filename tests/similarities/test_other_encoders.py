"""Similarity of other families, and of a real encoder of base size."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import analysis
from analysis.corpus.embedding import poolings_of
from analysis.families.table import make
from analysis.similarities.edits import effects
from analysis.similarities.wording import carried
from tests.support import zoo

FIRST, SECOND = "The plot is thin, but not dull.", "A film with a thin story."
FAMILIES = ("roberta", "modernbert", "xlm-roberta", "mpnet", "deberta-v2", "gpt2", "qwen3")


@cache
def _opened(family: str, classifier: bool) -> Any:
    folder = zoo.root() / f"similar-{family}-{classifier}"
    return analysis.load(make(folder, family, classifier=classifier), device="cpu")


@pytest.mark.parametrize("classifier", [False, True], ids=["encoder", "classifier"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_pooling_sums_to_the_cosine_and_a_swap_transposes_it(
    family: str, classifier: bool
) -> None:
    opened = _opened(family, classifier)
    for pooling in poolings_of(opened.checkpoint):
        split = analysis.similarity(opened, FIRST, SECOND, pooling)
        u, v = split.a.vector.astype(float), split.b.vector.astype(float)
        cosine = u @ v / np.linalg.norm(u) / np.linalg.norm(v)
        assert split.contributions.sum() == pytest.approx(cosine, abs=1e-6), pooling
        other = analysis.similarity(opened, SECOND, FIRST, pooling)
        np.testing.assert_allclose(split.contributions, other.contributions.T, atol=1e-9)
    matches = analysis.maxsim(opened, FIRST, SECOND)
    assert matches.contributions.sum() == pytest.approx(matches.score, abs=1e-9)
    worth = effects(opened, FIRST, SECOND)
    assert np.isfinite(worth.a).any()
    assert np.isfinite(worth.b).any()


@pytest.mark.parametrize("family", ["roberta", "modernbert", "mpnet", "qwen3"])
def test_the_mean_is_that_of_the_models_own_states(family: str) -> None:
    opened = _opened(family, False)
    means = []
    for text in (FIRST, SECOND):
        inputs = opened.tokenizer(text, return_tensors="pt", padding=False)
        with torch.no_grad():
            output = opened.model(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
            )
        means.append(output.last_hidden_state[0].double().mean(0))
    expected = float(torch.nn.functional.cosine_similarity(*means, dim=0))
    assert analysis.similarity(opened, FIRST, SECOND).score == pytest.approx(expected, abs=1e-5)


def test_an_encoder_of_base_size_scores_as_sentence_transformers_does(mpnet_dir: Path) -> None:
    library = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )
    from sentence_transformers import util

    model = library.SentenceTransformer(str(mpnet_dir), device="cpu")
    opened = analysis.load(mpnet_dir, device="cpu")
    expected = float(util.cos_sim(*model.encode([FIRST, SECOND]))[0, 0])
    for pooling in ("head", "mean"):  # a mean, normalised: the same direction
        split = analysis.similarity(opened, FIRST, SECOND, pooling)
        assert split.score == pytest.approx(expected, abs=1e-5)
        assert split.contributions.sum() == pytest.approx(split.score, abs=1e-6)
    swapped = analysis.similarity(opened, SECOND, FIRST, "max")
    np.testing.assert_allclose(
        analysis.similarity(opened, FIRST, SECOND, "max").contributions,
        swapped.contributions.T,
        atol=1e-9,
    )


def test_a_word_is_named_without_the_space_that_its_tokenizer_keeps():
    values = np.array([[0.0, 0.1], [0.2, 0.7]])
    none = [False, False]
    for first, second in (((" the", " plot"), (" a", " story")), (("the", "plot"), ("a", "story"))):
        assert carried("mean", 0.9, values, first, second, (none, none)).words == ("plot", "story")
