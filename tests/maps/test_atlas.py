"""Several maps of one data set: sampling, order of work, alignment, neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.datasets.table import Table
from analysis.maps import atlas, neighbours, sample
from analysis.maps.atlas import Layouts, Sheet, Wish


def table(labels):
    names = tuple(f"class {i}" for i in range(max(labels) + 1))
    texts = tuple(f"text {i}" for i in range(len(labels)))
    return Table("own", "own", texts, None, np.array(labels), names)


def sheets(count=2, layers=(0, 1, 2), n=30):
    rng = np.random.default_rng(0)
    base = rng.normal(size=(n, 6)).astype(np.float32)
    return [
        Sheet(
            f"sheet {s}",
            f"sheet {s}",
            {k: base @ rng.normal(size=(6, 6)).astype(np.float32) for k in layers},
        )
        for s in range(count)
    ]


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=300), st.integers(1, 200), st.integers(0, 99)
)
@settings(max_examples=60, deadline=None)
def test_a_sample_is_ascending_unique_bounded_and_the_same_for_the_same_seed(labels, most, seed):
    given_table = table(labels)
    rows = sample.stratified(given_table, most, seed)
    assert (np.diff(rows) > 0).all()
    assert len(rows) <= max(most, 0) or len(rows) == len(labels)
    assert (rows == sample.stratified(given_table, most, seed)).all()


def test_a_sample_keeps_the_shares_of_the_classes_and_every_class():
    rows = sample.stratified(table([0] * 900 + [1] * 95 + [2] * 5), 100)
    counts = np.bincount(np.array([0] * 900 + [1] * 95 + [2] * 5)[rows], minlength=3)
    assert counts.tolist() == pytest.approx([90, 10, 1], abs=1)
    assert counts[2] >= 1
    labels = np.array([0] * 497 + [1] * 497 + [2] * 3 + [3] * 3)
    for seed in range(20):
        rows = sample.stratified(table(labels), 100, seed)
        assert len(rows) == 100
        assert set(labels[rows]) == {0, 1, 2, 3}


def test_the_layer_in_view_is_laid_out_first_then_the_last():
    order = [(sheet.key, layer) for sheet, layer in atlas.missing(Layouts(), sheets(), 1, Wish())]
    assert order[:4] == [("sheet 0", 1), ("sheet 1", 1), ("sheet 0", 2), ("sheet 1", 2)]
    assert len(order) == 6


def test_what_is_computed_is_not_missing_and_a_stop_keeps_it():
    layouts, given_sheets = Layouts(), sheets()

    def stop(done, total, what, share):
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
    first, second = sheets(2)
    second = Sheet("head", "head", {2: second.vectors[2]})
    layouts = Layouts()
    atlas.compute(layouts, [first, second], 0, Wish(), lambda *_: None)
    maps = atlas.aligned(layouts, [first, second], (0, 2), Wish())
    assert (maps[1][0].projection.points == maps[1][1].projection.points).all()


def test_unaligned_maps_have_the_same_size():
    layouts, given_sheets = Layouts(), sheets()
    wish = Wish(alignment="none")
    atlas.compute(layouts, given_sheets, 2, wish, lambda *_: None)
    for row in atlas.aligned(layouts, given_sheets, (1, 2), wish):
        for number in row:
            assert (number.projection.points**2).sum(axis=1).mean() == pytest.approx(1)


def test_neighbours_are_those_of_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(1)
    vectors, vector = rng.normal(size=(50, 8)), rng.normal(size=8)
    nearest_rows = neighbours.neighbours(vectors, vector, 6)
    near = NearestNeighbors(n_neighbors=6, metric="cosine").fit(vectors)
    distance, rows = near.kneighbors(vector[None])
    assert [n.row for n in nearest_rows] == rows[0].tolist()
    assert [n.similarity for n in nearest_rows] == pytest.approx((1 - distance[0]).tolist())
    assert list(neighbours.shared([nearest_rows, nearest_rows[:3]])) == [(0, 1, 0.5)]


def test_layouts_are_bounded_and_those_of_one_picture_never_push_each_other_out(monkeypatch):
    monkeypatch.setattr(atlas, "_BYTES", 50_000)
    layouts, (sheet, _) = Layouts(room=50_000), sheets()
    made = layouts.made(sheet, 0, Wish())
    for seed in range(200):
        layouts.put(sheet, 1, Wish(seed=seed), made)
    assert 10 < len(layouts) <= 50_000 // made.vectors.nbytes
    many = sheets(9, range(25))
    layouts.room_for(many)
    for wish in (Wish(), Wish(seed=1)):
        atlas.compute(layouts, many, 24, wish, lambda *_: None)
    for wish in (Wish(), Wish(seed=1)):
        assert len(atlas.aligned(layouts, many, range(25), wish)) == 9


ALIGNED = Wish("umap", n_neighbors=5, alignment="aligned_umap")


@pytest.fixture
def joint(monkeypatch):
    """AlignedUMAP replaced by maps that are told apart by who stood beside; a list of its calls."""
    from analysis.maps.projection import Map, Projection

    calls = []

    def fake(vectors, seed=0, **options):
        calls.append(len(vectors))
        rng = np.random.default_rng(len(calls))
        return [
            Map(
                Projection(rng.normal(size=(len(vector), 2)), "aligned_umap", seed, options), vector
            )
            for vector in vectors
        ]

    monkeypatch.setattr("analysis.maps.alignment.aligned_umap", fake)
    monkeypatch.setattr(
        atlas.projection,
        "fit",
        lambda v, m, s, progress=None, **o: Map(Projection(v[:, :2].astype(float), m, s, o), v),
    )
    return calls


def test_a_joint_fit_is_shown_only_beside_those_it_was_made_with(joint):
    joint_sheet, two, three = sheets(3, (0,))
    layouts = Layouts()

    def drawn(*shown):
        atlas.compute(layouts, shown, 0, ALIGNED, lambda *_: None)
        assert atlas.missing(layouts, shown, 0, ALIGNED) == []
        return [
            row[0].vectors is sheet.vectors[0] and layouts.get(sheet, 0, ALIGNED, shown)
            for row, sheet in zip(atlas.aligned(layouts, shown, (0,), ALIGNED), shown, strict=True)
        ]

    first = drawn(joint_sheet, two)
    other = drawn(two, three)
    again = drawn(joint_sheet, two)
    assert joint == [2, 2]
    assert again[1] is first[1] is not other[0]
    (alone,) = drawn(two)
    assert alone.projection.method == "umap"
    assert drawn(joint_sheet, two)[1] is first[1]


def test_a_constant_sheet_and_a_layer_of_one_sheet_are_laid_out_alone_and_nothing_stays_missing(
    joint,
):
    first, second, third = sheets(3)
    flat = {**second.vectors, 0: np.ones_like(second.vectors[0])}
    shown = [first, Sheet("flat", "flat", flat), Sheet("head", "head", {2: third.vectors[2]})]
    layouts = Layouts()
    atlas.compute(layouts, shown, 0, ALIGNED, lambda *_: None, only_in_view=True)
    assert atlas.missing(layouts, shown, 0, ALIGNED, only_in_view=True) == []
    atlas.compute(layouts, shown, 0, ALIGNED, lambda *_: None)
    assert atlas.missing(layouts, shown, 0, ALIGNED) == []
    assert sorted(joint) == [2, 3]  # layer 1: one and two; layer 2: all
    maps = atlas.aligned(layouts, shown, (0, 1, 2), ALIGNED)
    methods = [[number.projection.method for number in row] for row in maps]
    assert methods == [["umap", "aligned_umap", "aligned_umap"]] * 2 + [["aligned_umap"] * 3]
    # one frame: what was laid out together is moved together
    raw = [layouts.get(item, 2, ALIGNED, shown).projection.points for item in shown]
    from analysis.maps.alignment import procrustes

    move = procrustes(maps[0][2].projection.points, raw[0])
    for row, points in zip(maps, raw, strict=True):
        np.testing.assert_allclose(row[2].projection.points, move.apply(points), atol=1e-9)


def test_a_map_is_not_laid_out_again_for_another_alignment():
    layouts, (first, second) = Layouts(), sheets()
    made = layouts.made(first, 0, Wish())
    assert layouts.get(first, 0, Wish(alignment="none"), [first, second]) is made


def test_numbers_are_those_of_the_labels_and_groups_that_were_given():
    layouts, (sheet, _) = Layouts(), sheets(n=60)
    layouts.made(sheet, 0, Wish())
    rng = np.random.default_rng(5)
    right, random = (sheet.vectors[0][:, 0] > 0).astype(int), rng.integers(0, 2, 60)
    votes = [
        layouts.quality(sheet, 0, Wish(), labels, groups).knn_original
        for labels in (right, random)
        for groups in (None, np.arange(60) // 10)
    ]
    assert len(set(votes)) == 4
    assert layouts.quality(sheet, 0, Wish(), right).knn_original == votes[0]
    assert layouts.quality(sheet, 0, Wish(), random[::-1], measure=False) is None


def test_umap_tells_its_epochs_and_can_be_stopped_between_them():
    layouts, (sheet, _) = Layouts(), sheets(n=40)
    reports = []

    def report(done, total, what, share):
        reports.append(share)
        if len(reports) == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        atlas.compute(layouts, [sheet], 2, Wish("umap", n_neighbors=5), report)
    assert reports == sorted(reports)
    assert 0 < reports[-1] < 1 / 3
    assert layouts.get(sheet, 2, Wish("umap", n_neighbors=5)) is None


def test_a_stop_between_epochs_changes_no_later_map():
    from analysis.maps.projection import fit

    vectors = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    seen = []
    watched = fit(vectors, "umap", progress=lambda done, total: seen.append((done, total)))
    assert seen
    assert (watched.projection.points == fit(vectors, "umap").projection.points).all()
