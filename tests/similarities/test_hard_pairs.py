"""Pairs that are hard to compare: very long, without a direction, without a pad token."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.datasets import Table
from analysis.figures.screen.plotly import sheet
from analysis.figures.views.similarity import similarity_bands, similarity_map
from analysis.similarities.pair_scores import over_pairs
from analysis.similarities.split import between
from analysis.similarities.token_pairs import TokenPairs
from analysis.text.tokens import Tokens
from tests.support import zoo

A, B = "the plot is thin, not dull", "a film"
LONG = 512


@pytest.fixture(scope="module")
def no_pad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare encoder whose tokenizer has no token to pad with."""
    folder = tmp_path_factory.mktemp("encoders") / "no-pad"
    shutil.copytree(zoo.folder("bare"), folder)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).is_file():
            held = json.loads((folder / name).read_text())
            held.pop("pad_token", None)
            (folder / name).write_text(json.dumps(held))
    file = folder / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"padding": None}))
    return folder


def test_a_tokenizer_without_a_pad_token_compares_alone_and_over_a_data_set(no_pad: Path) -> None:
    opened = analysis.load(no_pad, device="cpu")
    assert opened.tokenizer.pad_token is None
    usual = zoo.loaded("bare")
    table = Table("own", "own", (A, B, A), (B, A + " " + A, B), None, ())
    scores = over_pairs(opened, table, ("mean", "max", "cls"), (-1,))
    assert scores is not None
    for place, pooling in enumerate(("mean", "max", "cls")):
        expected = analysis.similarity(usual, A, B, pooling)
        assert analysis.similarity(opened, A, B, pooling).score == pytest.approx(expected.score)
        assert scores.cosine[place, 0] == pytest.approx(expected.score, abs=1e-5)
    assert analysis.maxsim(opened, A, B).score == pytest.approx(analysis.maxsim(usual, A, B).score)


def test_a_zero_vector_is_refused_by_name() -> None:
    pair = analysis.similarity(zoo.loaded("bare"), A, B)
    nothing = replace(pair.b, values=0 * pair.b.values, vector=0 * pair.b.vector)
    with pytest.raises(ValueError, match="second sentence is zero"):
        between(pair.a, nothing, checkpoint="x", pooling="mean")
    with pytest.raises(ValueError, match="first sentence is zero"):
        between(nothing, pair.a, checkpoint="x", pooling="mean")


def test_a_pair_without_a_direction_has_no_cosine_and_spoils_no_other() -> None:
    table = Table("own", "own", (A,) * 3, (A,) * 3, np.array([1.0, 2.0, 3.0]), ())
    scores = over_pairs(zoo.loaded("bare"), table, ("mean",), (-1,))
    assert scores is not None
    np.testing.assert_allclose(scores.cosine, 1, atol=1e-6)
    assert np.isnan(scores.centred).all()  # every sentence is the mean itself
    assert np.isnan(scores.spearman).all()
    assert scores.disputed(scores.keys)[0][1] == 0
    assert len(scores.frame()) == 1


def _long(count: int) -> Tokens:
    offsets = np.stack([2 * np.arange(count), 2 * np.arange(count) + 1], axis=1)
    return Tokens(
        "x " * count, None, np.arange(count), ("x",) * count, np.arange(count), offsets,
        np.zeros(count, bool), np.zeros(count, int), 0,
    )  # fmt: skip


def test_every_pair_of_two_texts_of_512_tokens_is_in_a_map_of_less_than_5_megabytes() -> None:
    from plotly.io import to_json
    from plotly.tools import return_figure_from_figure_or_data

    values = np.random.default_rng(0).normal(size=(LONG, LONG))
    pairs = TokenPairs(
        "mean", "x", _long(LONG), _long(LONG), float(values.sum()), None, values, "of the cosine",
        (), (float(values.sum()),),
    )  # fmt: skip
    for words in (False, True):
        plot = similarity_map(pairs, words=words)
        np.testing.assert_allclose(plot.mark.values, values)
        figure = return_figure_from_figure_or_data(sheet(plot).figure, True)  # as a page sends it
        assert len(str(to_json(figure, validate=False))) < 5_000_000
    strongest = np.sort(np.abs(values).ravel())[::-1]
    bands = similarity_bands(pairs).mark
    np.testing.assert_allclose(np.abs(bands.values), strongest[: len(bands.values)])
