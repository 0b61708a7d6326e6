"""MaxSim: the best match of each query token, as sentence-transformers and a loop have it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.similarities.maxsim import match
from analysis.similarities.token_vectors import NO_PROJECTION, TokenVectors
from analysis.text.tokens import Tokens
from tests.support import zoo

QUERY = "the plot is thin, not dull"
DOCUMENT = "A film with a thin story, but the acting was fine."


def _library() -> Any:
    return pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )


def _clean_tokenizer(transformer: Any) -> Any:
    # The tiny tokenizer's file pads and cuts for another purpose.
    transformer.tokenizer.backend_tokenizer.no_padding()
    transformer.tokenizer.backend_tokenizer.no_truncation()
    return transformer


@cache
def _saved(kind: str) -> Path:
    """A multi-vector folder: "plain", with "expansion", with "attended" expansion and prompts."""
    library = _library()
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from torch import manual_seed, nn

    expansion = {
        "plain": None,
        "expansion": {"strategy": "fixed", "attend": False, "length": 16},
        "attended": {"strategy": "min", "attend": True, "length": 12},
    }[kind]
    prompts = {"query": "the ", "document": "a film "} if kind == "attended" else None
    manual_seed(5)
    transformer = Transformer(str(zoo.folder("bare")), max_seq_length=64, query_expansion=expansion)
    dense = Dense(
        32, 8, bias=kind == "plain", activation_function=nn.Identity(),
        module_input_name="token_embeddings",
    )  # fmt: skip
    skipped = [",", "."] if kind != "attended" else []
    model = library.MultiVectorEncoder(
        modules=[
            _clean_tokenizer(transformer),
            dense,
            MultiVectorMask(skiplist_words=skipped),
            Normalize(module_input_name="token_embeddings"),
        ],
        prompts=prompts,
        device="cpu",
    )
    folder = zoo.root() / f"multi-{kind}"
    model.save(str(folder))
    return folder


@pytest.mark.parametrize("kind", ["plain", "expansion", "attended"])
def test_a_multi_vector_folder_scores_as_sentence_transformers_does(kind: str) -> None:
    folder = _saved(kind)
    model = _library().MultiVectorEncoder(str(folder), device="cpu")
    _clean_tokenizer(model[0])
    query, document = model.encode_query([QUERY]), model.encode_document([DOCUMENT])
    expected = float(model.similarity(query, document)[0, 0])
    result = analysis.maxsim(analysis.load(folder, device="cpu"), QUERY, DOCUMENT)
    assert result.score == pytest.approx(expected, abs=1e-4)
    assert "32 to 8" in result.compared
    assert int(result.document_counts.sum()) == len(document[0])


def test_a_folder_of_pylate_scores_as_sentence_transformers_reads_it(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "pylate"
    shutil.copytree(_saved("expansion"), folder)
    modules = json.loads((folder / "modules.json").read_text())[:2]
    modules[0]["type"] = "sentence_transformers.models.Transformer"
    modules[1]["type"] = "pylate.models.Dense.Dense"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": 64, "do_lower_case": False})
    )
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps(
            {
                "model_type": "ColBERT",
                "prompts": {},
                "query_prefix": "very ",
                "document_prefix": "what ",
                "query_length": 14,
                "document_length": 20,
                "attend_to_expansion_tokens": False,
                "skiplist_words": ["."],
                "do_query_expansion": True,
            }
        )
    )
    model = _library().MultiVectorEncoder(str(folder), device="cpu")
    _clean_tokenizer(model[0])
    query, document = model.encode_query([QUERY]), model.encode_document([DOCUMENT])
    expected = float(model.similarity(query, document)[0, 0])
    result = analysis.maxsim(analysis.load(folder, device="cpu"), QUERY, DOCUMENT)
    assert result.score == pytest.approx(expected, abs=1e-4)
    assert len(result.query) == 14


def test_without_a_projection_it_says_what_is_compared() -> None:
    result = analysis.maxsim(zoo.loaded("bare"), QUERY, DOCUMENT)
    assert result.compared == NO_PROJECTION
    h, g = (analysis.record(zoo.loaded("bare"), text).hidden[-1].astype(float)
            for text in (QUERY, DOCUMENT))  # fmt: skip
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (h, g)]
    total = 0.0
    for i, row in enumerate(unit[0]):
        values = [float(row @ other) for other in unit[1]]
        assert result.winner[i] == int(np.argmax(values))
        assert result.margin[i] == pytest.approx(max(values) - sorted(values)[-2], abs=1e-5)
        total += max(values)
    assert result.score == pytest.approx(total, abs=1e-5)


def _side(draw: st.DrawFn, d: int) -> TokenVectors:
    count = draw(st.integers(1, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Whole numbers: ties happen.
    vectors = random.integers(-2, 3, (count, d)).astype(np.float32)
    counts = random.random(count) < 0.8
    counts[0] = True
    zeros = np.zeros(count, int)
    tokens = Tokens("", None, zeros, ("x",) * count, zeros, np.zeros((count, 2), int),
                    zeros.astype(bool), zeros, 0)  # fmt: skip
    return TokenVectors(tokens, vectors, counts)


@st.composite
def _both(draw: st.DrawFn) -> tuple[TokenVectors, TokenVectors]:
    d = draw(st.integers(1, 4))
    return _side(draw, d), _side(draw, d)


@given(_both())
def test_winners_margins_and_sum_are_those_of_a_triple_loop(
    both: tuple[TokenVectors, TokenVectors],
) -> None:
    query, document = both
    result = match(query, document, checkpoint="x")
    total, ties = 0.0, 0
    for i in range(len(query.vectors)):
        best, runner_up, winner = -np.inf, -np.inf, -1
        for j in range(len(document.vectors)):
            if not document.counts[j]:
                continue
            value = sum(float(x) * float(y) for x, y in
                        zip(query.vectors[i], document.vectors[j], strict=True))  # fmt: skip
            if value > best:
                best, runner_up, winner = value, best, j
            else:
                runner_up = max(runner_up, value)
        if not query.counts[i]:
            assert result.winner[i] == -1
            continue
        assert result.winner[i] == winner
        assert result.margin[i] == best - runner_up
        ties += best == runner_up
        total += best
    assert result.score == pytest.approx(total)
    assert result.ties == ties
    assert result.contributions.sum() == pytest.approx(total)


@given(_both())
def test_it_is_the_maxsim_of_sentence_transformers(
    both: tuple[TokenVectors, TokenVectors],
) -> None:
    _library()
    from sentence_transformers.util.similarity import maxsim

    query, document = both
    expected = maxsim([query.vectors[query.counts]], [document.vectors[document.counts]])
    assert match(query, document, checkpoint="x").score == pytest.approx(float(expected[0, 0]))


@pytest.mark.parametrize(
    ("query", "document", "says"), [("", "a", "query"), ("a", " ", "document")]
)
def test_an_empty_side_is_named(query: str, document: str, says: str) -> None:
    with pytest.raises(ValueError, match=f"the {says} is empty"):
        analysis.maxsim(zoo.loaded("bare"), query, document)


def test_tokens_that_the_folder_skips_do_not_count() -> None:
    classifier = analysis.load(_saved("plain"), device="cpu")
    result = analysis.maxsim(classifier, QUERY, ", .")  # [CLS] and [SEP] still count
    assert result.document_counts.tolist() == [True, False, False, True]


def test_a_pickled_projection_is_refused_with_the_way_on(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "pickled"
    shutil.copytree(_saved("plain"), folder)
    (folder / "1_Dense" / "model.safetensors").rename(folder / "1_Dense" / "pytorch_model.bin")
    with pytest.raises(ValueError, match="safe_serialization"):
        analysis.maxsim(analysis.load(folder, device="cpu"), QUERY, DOCUMENT)
