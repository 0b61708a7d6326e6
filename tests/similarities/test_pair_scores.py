"""A data set of pairs under every pooling: scores, anisotropy, disputes, neighbours."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import analysis
from analysis import corpus
from analysis.checkpoints.encoders import resolve_encoder
from analysis.datasets import Table, read
from analysis.similarities.neighbours import nearest
from analysis.similarities.pair_scores import NoPairs, PairScores, over_pairs
from analysis.statistics.intervals import correlation
from tests.support import zoo

TEXT = (
    "the plot is thin",
    "a good film",
    "she said the story was dull",
    "how many people live in the city",
    "the acting was fine",
    "he was not very poor",
    "a good film",
)
PAIR = (
    "the story is thin",
    "a bad film",
    "the story was poor",
    "what was the plot",
    "a good film",
    " ",
    "a good film",
)
GOLD = np.array([4.0, 2.5, 3.0, 0.5, 1.0, 2.0, 5.0])
ROWS = [0, 1, 2, 3, 4, 6]


def _table(**changes: Any) -> Table:
    columns: dict[str, Any] = {"text": TEXT, "pair": PAIR, "label": GOLD, **changes}
    return Table("own", "file", columns["text"], columns["pair"], columns["label"], ())


def _scores(*arguments: Any, **options: Any) -> PairScores:
    result = over_pairs(zoo.loaded("mha"), *arguments, **options)
    assert result is not None
    return result


def test_every_cosine_is_that_of_the_pair_alone() -> None:
    scores = _scores(_table(), ("mean", "max", "cls", "head"))
    assert scores.rows.tolist() == ROWS
    assert scores.left_out == 1
    assert len(scores.keys) == 3 * 5 + 1
    for number, (pooling, layer) in enumerate(scores.keys):
        for place, row in enumerate(ROWS):
            alone = analysis.similarity(zoo.loaded("mha"), TEXT[row], PAIR[row], pooling, layer)
            assert scores.cosine[number, place] == pytest.approx(alone.score, abs=1e-5)


def test_correlations_are_scipys() -> None:
    scores = _scores(_table(), ("mean", "max"), (-1,))
    for number in range(2):
        expected = stats.spearmanr(GOLD[ROWS], scores.cosine[number]).statistic
        assert scores.spearman[number, 0, 0] == pytest.approx(expected)
        of_scipy = stats.pearsonr(GOLD[ROWS], scores.centred[number].astype(float))
        assert scores.pearson[number, 1, 0] == pytest.approx(of_scipy.statistic)
        interval = of_scipy.confidence_interval(0.95)  # Fisher's z as well
        np.testing.assert_allclose(scores.pearson[number, 1, 1:], interval, atol=1e-9)


def test_anisotropy_is_the_mean_cosine_of_all_different_sentences() -> None:
    scores = _scores(_table(), ("mean",), (2,))
    numbers = list(dict.fromkeys(side for row in ROWS for side in (TEXT[row], PAIR[row])))
    vectors = corpus.embed(zoo.loaded("mha"), numbers, pooling=("mean",), layers=(2,))["mean", 2]
    for column, held in enumerate((vectors, vectors - vectors.mean(0))):
        unit = held / np.linalg.norm(held, axis=1, keepdims=True)
        cosines = [unit[i] @ unit[j] for i in range(len(unit)) for j in range(len(unit)) if i != j]
        assert scores.anisotropy[0, column] == pytest.approx(np.mean(cosines), abs=1e-5)
    assert scores.sentences == len(numbers)


def test_a_table_without_gold_has_scores_and_no_correlation() -> None:
    scores = _scores(_table(label=None), ("mean",), (-1,))
    assert np.isnan(scores.spearman).all()
    assert np.isfinite(scores.cosine).all()
    assert len(scores.frame()) == 1


def test_disputed_pairs_differ_most_in_place() -> None:
    scores = _scores(_table(), ("mean", "max", "cls"), (-1,))
    places = np.stack([stats.rankdata(row) - 1 for row in scores.cosine]) / (len(ROWS) - 1)
    spread = places.max(0) - places.min(0)
    ranked = scores.disputed(scores.keys, 3)
    assert [value for _, value in ranked] == pytest.approx(sorted(spread, reverse=True)[:3])
    assert all(spread[row] == pytest.approx(value) for row, value in ranked)


def test_a_stopped_run_goes_on_and_ends_with_the_same_scores(tmp_path: Path) -> None:
    stop = Event()
    # The last pass: whatever is done by then is on disk.
    options: dict[str, Any] = {"folder": tmp_path, "cancel": stop}
    stopped = over_pairs(
        zoo.loaded("mha"), _table(), ("mean",), (-1,), progress=lambda *_: stop.set(), **options
    )
    assert stopped is None
    stop.clear()
    again = _scores(_table(), ("mean",), (-1,), folder=tmp_path)
    np.testing.assert_allclose(again.cosine, _scores(_table(), ("mean",), (-1,)).cosine, atol=1e-6)


def test_every_pooling_has_its_seconds_also_where_its_vectors_lay_on_disk(tmp_path: Path) -> None:
    first = _scores(_table(), ("mean", "concat"), (-1,), folder=tmp_path)
    again = _scores(_table(), ("mean", "concat"), (-1,), folder=tmp_path)
    for scores in (first, again):
        assert (scores.own > 0).all()
        assert scores.encoder > 0
    assert again.encoder == first.encoder  # nothing was computed anew
    assert first.frame()["seconds"].tolist() == first.own.tolist()


def test_a_pooling_is_compared_at_its_best_layer() -> None:
    scores = _scores(_table(), ("mean", "max", "head"))
    for place in scores.best("pearson", centred=True):
        pooling = scores.keys[place][0]
        own = [scores.pearson[n, 1, 0] for n, key in enumerate(scores.keys) if key[0] == pooling]
        assert scores.pearson[place, 1, 0] == max(own)
    without = _scores(_table(label=None), ("mean", "max"))
    assert [without.keys[place] for place in without.best()] == [("mean", 4), ("max", 4)]


@pytest.mark.parametrize("pair", [None, (" ",) * len(TEXT)])
def test_a_table_without_pairs_says_what_to_do(pair: Any) -> None:
    with pytest.raises(NoPairs, match=r"two sentences|second sentence"):
        _scores(_table(pair=pair))


@given(st.floats(-0.95, 0.95), st.integers(30, 2000), st.integers(0, 2**32 - 1))
def test_the_interval_of_a_correlation_holds_it(value: float, n: int, seed: int) -> None:
    low, high = correlation(value, n)
    assert low < value < high
    # ... and is narrower with more rows.
    assert correlation(value, 2 * n)[0] > low


def test_neighbours_are_those_of_a_sort_and_say_why() -> None:
    classifier = zoo.loaded("mha")
    sentence = "the plot is thin"
    for centred in (False, True):
        for neighbour in nearest(classifier, sentence, TEXT, ("mean", "max"), count=3,
                             centred=centred):  # fmt: skip
            vectors = corpus.embed(classifier, TEXT, pooling=(neighbour.pooling,))[
                neighbour.pooling, -1
            ]
            centre = vectors.mean(0) if centred else 0
            unit = vectors - centre
            unit /= np.linalg.norm(unit, axis=1, keepdims=True)
            cosines = unit[1:] @ unit[0]  # the sentence itself is row 0, and is left out
            order = np.argsort(-cosines, kind="stable")[:3]
            np.testing.assert_array_equal(neighbour.rows, order + 1)
            np.testing.assert_allclose(neighbour.cosine, cosines[order], atol=1e-5)
            for cosine, why in zip(neighbour.cosine, neighbour.why, strict=True):
                assert why.score == pytest.approx(cosine, abs=1e-5)
                assert why.contributions.sum() == pytest.approx(why.score, abs=1e-6)


@pytest.mark.slow
def test_stsb_scores_are_those_of_sentence_transformers(glue_dir: Path) -> None:
    library = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )
    from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

    table = read("stsb", "test", glue_dir)
    name = str(resolve_encoder("sentence-transformers/all-MiniLM-L6-v2").path)
    peer = library.SentenceTransformer(name, device="cpu")
    evaluator = EmbeddingSimilarityEvaluator(
        list(table.text), list(table.pair), (table.label / 5).tolist(), write_csv=False
    )
    expected = evaluator(peer)
    scores = over_pairs(corpus.open_for_data(name, device="cpu"), table, ("mean",), (-1,))
    assert scores is not None
    assert scores.spearman[0, 0, 0] == pytest.approx(expected["spearman_cosine"], abs=5e-4)
    assert scores.pearson[0, 0, 0] == pytest.approx(expected["pearson_cosine"], abs=5e-4)
