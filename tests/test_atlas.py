"""Several maps of one data set: sampling, order of work, alignment, neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import atlas
from analysis.atlas import Layouts, Sheet, Wish
from analysis.datasets import Table


def table(labels):
    names = tuple(f"class {i}" for i in range(max(labels) + 1))
    texts = tuple(f"text {i}" for i in range(len(labels)))
    return Table("own", "own", texts, None, np.array(labels), names)


def sheets(count=2, layers=(0, 1, 2), n=30):
    rng = np.random.default_rng(0)
    base = rng.normal(size=(n, 6)).astype(np.float32)
    return [
        Sheet(f"sheet {s}", f"sheet {s}", {k: base @ rng.normal(size=(6, 6)).astype(np.float32)
                                         for k in layers})
        for s in range(count)
    ]  # fmt: skip


@given(st.lists(st.integers(0, 4), min_size=1, max_size=300), st.integers(1, 200),
       st.integers(0, 99))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_sample_is_ascending_unique_bounded_and_the_same_for_the_same_seed(labels, most, seed):
    given_table = table(labels)
    rows = atlas.stratified(given_table, most, seed)
    assert (np.diff(rows) > 0).all()
    assert len(rows) <= max(most, 0) or len(rows) == len(labels)
    assert (rows == atlas.stratified(given_table, most, seed)).all()


def test_a_sample_keeps_the_shares_of_the_classes_and_every_class():
    rows = atlas.stratified(table([0] * 900 + [1] * 95 + [2] * 5), 100)
    found = np.bincount(np.array([0] * 900 + [1] * 95 + [2] * 5)[rows], minlength=3)
    assert found.tolist() == pytest.approx([90, 10, 1], abs=1)
    assert found[2] >= 1


def test_the_layer_in_view_is_laid_out_first_then_the_last():
    order = [(sheet.key, layer) for sheet, layer in atlas.missing(Layouts(), sheets(), 1, Wish())]
    assert order[:4] == [("sheet 0", 1), ("sheet 1", 1), ("sheet 0", 2), ("sheet 1", 2)]
    assert len(order) == 6


def test_what_is_computed_is_not_missing_and_a_stop_keeps_it():
    layouts, given_sheets = Layouts(), sheets()

    def stop(done, total, what):
        if done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        atlas.compute(layouts, given_sheets, 2, Wish(), stop)
    assert len(atlas.missing(layouts, given_sheets, 2, Wish())) == 4
    atlas.compute(layouts, given_sheets, 2, Wish(), lambda *_: None)
    assert atlas.missing(layouts, given_sheets, 2, Wish()) == []
    assert len(atlas.missing(layouts, given_sheets, 2, Wish(seed=1))) == 6


def test_maps_are_brought_onto_the_first_sheets_last_layer():
    from scipy.spatial import procrustes

    layouts, given_sheets = Layouts(), sheets()
    atlas.compute(layouts, given_sheets, 2, Wish(), lambda *_: None)
    maps = atlas.aligned(layouts, given_sheets, (0, 1, 2), Wish())
    reference = layouts.get(given_sheets[0], 2, Wish()).projection.points
    np.testing.assert_allclose(maps[0][2].projection.points, reference, atol=1e-9)
    other = maps[1][0].projection.points
    raw = layouts.get(given_sheets[1], 0, Wish()).projection.points
    left = ((other - reference) ** 2).sum() / ((reference - reference.mean(0)) ** 2).sum()
    assert left == pytest.approx(procrustes(reference, raw)[2], abs=1e-6)


def test_a_sheet_without_a_layer_shows_its_last():
    one, two = sheets(2)
    two = Sheet("head", "head", {2: two.vectors[2]})
    layouts = Layouts()
    atlas.compute(layouts, [one, two], 0, Wish(), lambda *_: None)
    maps = atlas.aligned(layouts, [one, two], (0, 2), Wish())
    assert (maps[1][0].projection.points == maps[1][1].projection.points).all()


def test_unaligned_maps_have_the_same_size():
    layouts, given_sheets = Layouts(), sheets()
    wish = Wish(alignment="none")
    atlas.compute(layouts, given_sheets, 2, wish, lambda *_: None)
    for row in atlas.aligned(layouts, given_sheets, (1, 2), wish):
        for one in row:
            assert (one.projection.points**2).sum(axis=1).mean() == pytest.approx(1)


def test_neighbours_are_those_of_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(1)
    vectors, vector = rng.normal(size=(50, 8)), rng.normal(size=8)
    found = atlas.neighbours(vectors, vector, 6)
    near = NearestNeighbors(n_neighbors=6, metric="cosine").fit(vectors)
    distance, rows = near.kneighbors(vector[None])
    assert [n.row for n in found] == rows[0].tolist()
    assert [n.similarity for n in found] == pytest.approx((1 - distance[0]).tolist())
    assert list(atlas.shared([found, found[:3]])) == [(0, 1, 0.5)]


def test_layouts_are_bounded():
    layouts, (one, _) = Layouts(), sheets()
    made = layouts.made(one, 0, Wish())
    for seed in range(200):
        layouts.put(one, 1, Wish(seed=seed), made)
    assert len(layouts._maps) <= 96
