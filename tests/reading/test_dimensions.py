"""A token's dimensions add up to what the exact split gives for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.reading.dimensions import dimensions
from analysis.reading.winners import part_of_maximum
from tests.support import tiny

TEXT = "a good film with a bad end"


@pytest.fixture(scope="module", params=["max_cls", "max_seq_mha", "max", "concat"])
def trace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("dimensions") / request.param
    tiny.make_pooling_checkpoint(folder, request.param, ["yes", "no", "maybe"], adapter=False)
    return analysis.record(analysis.load(folder), TEXT)


def test_dimensions_add_up_to_the_split_of_their_token(trace) -> None:
    for reference in ("zero", np.random.default_rng(0).normal(size=trace.head.values.shape[1])):
        split = analysis.decompose(trace, reference)
        for target in range(3):
            by_token = split.by_token(target)
            for token in range(len(trace.tokens)):
                table = dimensions(trace, token, target, reference)
                assert table.contribution.sum() == pytest.approx(by_token[token], abs=1e-9)


def test_the_source_layer_offered_the_value_that_was_read(trace) -> None:
    table = dimensions(trace, 0)
    rows = np.searchsorted(np.array(table.layers), table.source)
    offered = table.by_layer[rows, np.arange(len(rows))]
    np.testing.assert_array_equal(offered, trace.head.values[0])
    if len(table.layers) > 1:
        ranked = np.sort(table.by_layer, axis=0)
        np.testing.assert_allclose(table.margin, ranked[-1] - ranked[-2], atol=1e-6)


def test_the_largest_dimensions_come_first(trace) -> None:
    table = dimensions(trace, 0)
    sizes = np.abs(table.contribution)[table.largest(5)]
    assert (np.diff(sizes) <= 0).all()
    assert sizes[0] == np.abs(table.contribution).max()


@pytest.mark.parametrize("key", ["max", "concat"])
def test_where_tokens_compete_each_dimension_is_held_by_its_largest_token(key, tmp_path) -> None:
    tiny.make_pooling_checkpoint(tmp_path / key, key, ["yes", "no", "maybe"])
    seen = analysis.record(analysis.load(tmp_path / key), TEXT)
    last = seen.hidden[-1]
    part = part_of_maximum(seen.head)
    assert seen.head.parts[part] == key.replace("concat", "max")
    size = last.shape[1]
    pooled = seen.head.pooled[-size:]  # the maximum is all of `max`, and the end of `concat`
    for token in range(len(last)):
        table = dimensions(seen, token, 0, "zero", part)
        np.testing.assert_array_equal(table.held_by, last.argmax(axis=0))
        ranked = np.sort(last, axis=0)
        np.testing.assert_allclose(table.margin, ranked[-1] - ranked[-2], atol=1e-6)
        held = table.held_by == token
        np.testing.assert_array_equal(table.value[held], pooled[held])
        assert table.won == held.sum()
        assert (table.weight[~held] == 0).all()
        split = analysis.decompose(seen, "zero").contrast(0)[part, token].sum()
        assert table.contribution.sum() == pytest.approx(split, abs=1e-9)


def test_what_has_no_competing_layers_is_refused_with_the_reason(tmp_path: Path) -> None:
    tiny.make_pooling_checkpoint(tmp_path / "mha", "mha", ["yes", "no"], adapter=False)
    plain = analysis.record(analysis.load(tmp_path / "mha"), TEXT)
    with pytest.raises(ValueError, match="does not max-pool"):
        dimensions(plain, 0)
    tiny.make_pooling_checkpoint(tmp_path / "max", "max_cls", ["yes", "no"], adapter=False)
    pooled = analysis.record(analysis.load(tmp_path / "max"), TEXT)
    with pytest.raises(ValueError, match="the text has"):
        dimensions(pooled, 99)
