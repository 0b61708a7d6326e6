"""Projections, alignment, map quality and probes: against scikit-learn, SciPy, or by property."""

from __future__ import annotations

from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes as scipy_procrustes
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from analysis.maps.alignment import aligned_umap, procrustes
from analysis.maps.exact import ExactSearch
from analysis.maps.probes import anisotropy, probe, silhouette
from analysis.maps.projection import METRICS, by_neighbours, fit, project
from analysis.maps.quality import quality, spread, spread_over_seeds
from tests.support.sentences import in_order


def blobs(n=60, d=12, classes=3, seed=0, apart=6.0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = rng.normal(size=(classes, d)) * apart
    return (centres[labels] + rng.normal(size=(n, d))).astype(np.float32), labels


def test_pca_is_that_of_scikit_learn():
    vectors, _ = blobs()
    own = project(vectors, "pca")
    theirs = PCA(2, svd_solver="full").fit(vectors.astype(float))
    np.testing.assert_allclose(own.points, theirs.transform(vectors.astype(float)), atol=1e-5)
    np.testing.assert_allclose(own.explained, theirs.explained_variance_ratio_, atol=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_umap_joins_the_neighbours_that_umap_learn_finds_among_few_vectors(metric):
    from umap import UMAP

    vectors, _ = blobs(90)
    own = fit(vectors, "umap", n_neighbors=9, metric=metric)
    theirs = UMAP(n_neighbors=9, metric=metric, random_state=0, n_jobs=1).fit(vectors)
    np.testing.assert_allclose(own.reducer.graph_.toarray(), theirs.graph_.toarray(), atol=1e-3)
    assert np.isfinite(own.place(vectors[:1] + 0.1).points).all()


@pytest.mark.parametrize("metric", METRICS)
def test_the_exact_search_finds_the_smallest_of_all_distances(metric):
    from scipy.spatial.distance import cdist

    vectors, _ = blobs(40)
    named = {"manhattan": "cityblock"}.get(metric, metric)
    distances = cdist(vectors.astype(float), vectors.astype(float), named)
    search = ExactSearch(vectors, metric)
    rows, lengths = search.graph(7)
    assert (rows[:, 0] == np.arange(40)).all()
    np.testing.assert_allclose(lengths, np.sort(distances, axis=1)[:, :7], rtol=1e-4, atol=1e-5)
    rows, lengths = search.query(vectors[3:5] + 0.5, 4)
    distances = cdist(vectors[3:5].astype(float) + 0.5, vectors.astype(float), named)
    assert (rows == np.argsort(distances, axis=1)[:, :4]).all()
    np.testing.assert_allclose(lengths, np.sort(distances, axis=1)[:, :4], rtol=1e-4, atol=1e-5)


def test_more_vectors_than_an_exact_search_is_for_are_laid_out_too(monkeypatch):
    from analysis.maps import projection

    monkeypatch.setattr(projection, "LARGE", 50)
    vectors, _ = blobs(60)
    made = fit(vectors, "umap", n_neighbors=8)
    assert not isinstance(made.reducer.precomputed_knn[0], np.ndarray)
    assert trustworthiness(vectors, made.projection.points, n_neighbors=5) > 0.8


def test_a_layout_that_is_stopped_leaves_other_progress_bars_free():
    from tqdm.auto import tqdm

    class Stopped(Exception):
        pass

    reports = []

    def progress(done, total):
        reports.append((done, total))
        if done == 7:
            raise Stopped

    with pytest.raises(Stopped):
        fit(blobs()[0], "umap", seed=0, n_neighbors=8, progress=progress)
    assert reports == [(done, 500) for done in range(1, 8)]  # umap-learn's own number of epochs
    # The thread that holds the lock could take it again; others are the ones that would wait.
    free = []
    other = Thread(
        target=lambda: free.append(
            all(lock.acquire(False) and not lock.release() for lock in tqdm.get_lock().locks)
        )
    )
    other.start()
    other.join()
    assert free == [True]


def test_a_seed_gives_the_same_umap_bit_for_bit():
    vectors, _ = blobs()
    first, again = (project(vectors, "umap", seed=3, n_neighbors=8) for _ in range(2))
    assert (first.points == again.points).all()
    assert (project(vectors, "umap", seed=4, n_neighbors=8).points != first.points).any()


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_a_vector_of_the_map_lands_near_its_own_point(method):
    vectors, labels = blobs()
    made = fit(vectors, method)
    landed = made.place(vectors[:3])
    assert landed.how == "transform"
    centres = np.array([made.projection.points[labels == c].mean(axis=0) for c in range(3)])
    nearest = np.linalg.norm(landed.points[:, None] - centres, axis=2).argmin(axis=1)
    assert nearest.tolist() == labels[:3].tolist()


def test_a_vector_lands_where_it_would_alone_whatever_it_is_sent_with():
    vectors, _ = blobs()
    made = fit(vectors, "umap")
    together = made.place(vectors[5:9]).points
    alone = np.concatenate([made.place(row).points for row in vectors[5:9]])
    assert (together == alone).all()


def test_a_map_that_was_turned_turns_what_is_placed_in_it():
    vectors, _ = blobs()
    made = fit(vectors, "pca")
    angle = np.array([[0.0, -2.0], [2.0, 0.0]])
    turned = made.onto(made.projection.points @ angle + 3)
    np.testing.assert_allclose(
        turned.place(vectors[:4]).points, made.place(vectors[:4]).points @ angle + 3, atol=1e-4
    )


def test_by_neighbours_a_known_vector_lands_on_its_own_point():
    vectors, _ = blobs(20)
    points = np.random.default_rng(0).normal(size=(20, 2))
    for metric in ("cosine", "euclidean"):
        np.testing.assert_allclose(
            by_neighbours(vectors, points, vectors[:3], metric), points[:3], atol=1e-4
        )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_where_umap_cannot_pca_stands_in_and_says_so(count):
    vectors, _ = blobs(count)
    made = project(vectors, "umap")
    assert made.method == "pca"
    assert made.notes
    assert np.isfinite(made.points).all()


def test_equal_vectors_lie_on_one_point():
    made = fit(np.ones((10, 4), np.float32), "umap")
    assert (made.projection.points == 0).all()
    (note,) = made.projection.notes
    assert in_order(note, "All 10 vectors", "equal")
    assert np.isfinite(made.place(np.ones(4)).points).all()


def test_four_vectors_can_be_a_umap_and_say_how_many_neighbours_they_have():
    vectors, _ = blobs(4)
    made = project(vectors, "umap")
    assert made.method == "umap"
    assert made.options["n_neighbors"] == 3
    assert np.isfinite(made.points).all()


def test_vectors_that_are_not_finite_are_refused_with_their_rows():
    vectors, _ = blobs(10)
    vectors[4, 2] = np.nan
    with pytest.raises(ValueError, match=r"1 of 10 .*not finite \(rows 4\)"):
        project(vectors, "pca")


def test_unknown_methods_and_options_list_the_known():
    vectors, _ = blobs(10)
    with pytest.raises(ValueError, match="known: pca, umap"):
        project(vectors, "tsne")
    with pytest.raises(ValueError, match="known: n_neighbors, min_dist, metric, init"):
        project(vectors, "umap", perplexity=3)


@given(st.integers(3, 30), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_procrustes_leaves_what_scipy_leaves(count, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(count, 2)), rng.normal(size=(count, 2))
    own = procrustes(a, b)
    assert own.disparity == pytest.approx(scipy_procrustes(a, b)[2], abs=1e-9)
    left = ((own.apply(b) - a) ** 2).sum() / ((a - a.mean(axis=0)) ** 2).sum()
    assert left == pytest.approx(own.disparity, abs=1e-9)


def test_procrustes_undoes_a_turn_a_mirror_a_scale_and_a_shift():
    points = np.random.default_rng(1).normal(size=(20, 2))
    moved = 3.5 * points @ np.array([[0.6, -0.8], [-0.8, -0.6]]) + [4, -2]
    own = procrustes(points, moved)
    np.testing.assert_allclose(own.apply(moved), points, atol=1e-9)
    assert own.disparity == pytest.approx(0, abs=1e-12)


@pytest.mark.slow
def test_aligned_maps_lie_closer_to_each_other_than_maps_made_alone():
    vectors, _ = blobs(50)
    other = vectors + np.random.default_rng(5).normal(scale=0.3, size=vectors.shape)
    left, right = aligned_umap([vectors, other.astype(np.float32)], n_neighbors=8)
    assert left.projection.method == "aligned_umap"
    assert left.place(vectors[0]).how == "neighbours"
    alone = project(other, "umap", seed=1, n_neighbors=8).points
    # Without a turn of either: what is left of a lone map after the best turn is still more.
    near = procrustes(left.projection.points, right.projection.points).disparity
    assert near < procrustes(left.projection.points, alone).disparity
    stands = left.projection.points - right.projection.points
    spread_of = left.projection.points - left.projection.points.mean(axis=0)
    assert (stands**2).sum() < 0.25 * (spread_of**2).sum()


@given(st.integers(8, 40), st.integers(1, 10), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_trustworthiness_is_that_of_scikit_learn_and_continuity_its_mirror(n, k, seed):
    rng = np.random.default_rng(seed)
    vectors, points = rng.normal(size=(n, 6)), rng.normal(size=(n, 2))
    own = quality(vectors, points, k=k, metric="euclidean")
    assert own.trustworthiness == pytest.approx(trustworthiness(vectors, points, n_neighbors=own.k))
    assert own.continuity == pytest.approx(trustworthiness(points, vectors, n_neighbors=own.k))


def test_a_torn_map_loses_continuity_and_keeps_trustworthiness():
    line = np.linspace(0, 1, 200)[:, None] * np.ones((1, 3))
    whole = np.c_[np.linspace(0, 1, 200), np.zeros(200)]
    # Every second point is put far away: neighbours are torn apart, no strangers come together.
    torn = whole + np.where(np.arange(200) % 2 == 0, 0.0, 50.0)[:, None] * [[0.0, 1.0]]
    before = quality(line, whole, k=6, metric="euclidean")
    after = quality(line, torn, k=6, metric="euclidean")
    assert before.continuity == pytest.approx(1)
    assert after.continuity < 0.95
    assert after.trustworthiness > 0.98
    assert after.torn.mean() > 3 * after.false.mean()


def test_label_accuracy_of_neighbours_is_that_of_a_vote():
    vectors, labels = blobs(90)
    own = quality(vectors, project(vectors, "pca").points, labels, k=5)
    assert own.knn_original == 1
    assert own.knn_chance == pytest.approx(1 / 3)
    shuffled = np.random.default_rng(0).permutation(labels)
    assert quality(vectors, vectors[:, :2], shuffled, k=5).knn_original < 0.6


def test_rows_of_one_group_have_no_vote_on_each_other():
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(3)
    vectors, labels = rng.normal(size=(60, 5)), rng.integers(0, 3, 60)
    groups = rng.integers(0, 12, 60)
    own = quality(vectors, vectors[:, :2], labels, k=7, metric="euclidean", groups=groups)
    right = []
    for row in range(60):
        others = np.flatnonzero(groups != groups[row])
        near = NearestNeighbors(n_neighbors=7).fit(vectors[others])
        votes = labels[others[near.kneighbors(vectors[row : row + 1])[1][0]]]
        counts = np.bincount(votes, minlength=3)
        tied = np.flatnonzero(counts == counts.max())
        right.append(next(label for label in votes if label in tied) == labels[row])
    assert own.grouped
    assert own.knn_original == pytest.approx(np.mean(right))
    alone = quality(vectors, vectors[:, :2], labels, k=7, groups=np.zeros(60))
    assert alone.knn_original is None


def test_templates_with_random_labels_vote_at_chance_once_they_are_kept_apart():
    rng = np.random.default_rng(4)
    templates = np.repeat(np.arange(40), 10)
    vectors = (rng.normal(size=(40, 20)) * 5)[templates] + rng.normal(size=(400, 20))
    labels = rng.permutation(np.arange(40) % 2)[templates]
    points = project(vectors, "pca").points
    assert quality(vectors, points, labels).knn_original > 0.95
    apart = quality(vectors, points, labels, groups=templates)
    assert apart.knn_original == pytest.approx(0.5, abs=0.2)
    assert silhouette(vectors, labels, templates) == pytest.approx(0, abs=0.05)


def test_points_on_one_spot_have_no_trustworthiness():
    vectors, labels = blobs(40)
    for points, places in ((vectors, np.zeros((40, 2))), (np.ones((40, 3)), vectors[:, :2])):
        own = quality(points, places, labels)
        assert np.isnan(own.trustworthiness)
        assert np.isnan(own.continuity)
        assert own.knn_map is None


def test_the_same_layout_turned_has_no_spread_over_seeds():
    points = np.random.default_rng(2).normal(size=(30, 2))
    turned = points @ np.array([[0.0, 1.0], [-1.0, 0.0]]) * 2
    assert spread([points, turned]).overall == pytest.approx(0, abs=1e-9)
    assert spread([points, np.random.default_rng(3).normal(size=(30, 2))]).overall > 0.3


def test_pca_does_not_depend_on_the_seed():
    vectors, _ = blobs(30)
    assert spread_over_seeds(vectors, "pca", (0, 1, 2)).overall == pytest.approx(0, abs=1e-9)


def test_anisotropy_is_the_mean_cosine_of_all_pairs():
    vectors, _ = blobs(15)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert anisotropy(vectors) == pytest.approx(cosines[~np.eye(15, dtype=bool)].mean(), abs=1e-6)
    assert anisotropy(np.ones((5, 3))) == pytest.approx(1)
    assert np.isnan(anisotropy(vectors[:1]))


def test_silhouette_needs_two_classes():
    vectors, labels = blobs(30)
    assert silhouette(vectors, labels) > 0.5
    assert np.isnan(silhouette(vectors, np.zeros(30)))


def test_a_silhouette_of_groups_of_one_is_that_of_scikit_learn():
    vectors, labels = blobs(50, apart=0.7)
    alone = np.arange(50)
    assert silhouette(vectors, labels, alone) == pytest.approx(silhouette(vectors, labels))


def test_a_probe_reads_separate_classes_and_not_random_ones():
    vectors, labels = blobs(120)
    assert probe(vectors, labels).accuracy == 1
    shuffled = np.random.default_rng(0).permutation(labels)
    seen = probe(vectors, shuffled)
    assert seen.interval[0] < seen.chance + 0.1
    assert seen.accuracy < 0.55


def test_a_probe_grouped_by_template_is_at_chance_when_templates_have_random_labels():
    rng = np.random.default_rng(4)
    templates = np.repeat(np.arange(40), 10)
    marks = rng.normal(size=(40, 80)) * 3
    vectors = marks[templates] + rng.normal(size=(400, 80))
    labels = rng.permutation(np.arange(40) % 2)[templates]
    assert probe(vectors, labels).accuracy > 0.9  # it learns the template
    grouped = probe(vectors, labels, templates)
    assert grouped.grouped
    assert grouped.accuracy == pytest.approx(0.5, abs=0.15)


def test_a_label_with_one_member_is_named_a_problem():
    vectors, labels = blobs(20, classes=2)
    labels = labels.copy()
    labels[0] = 2
    with pytest.raises(ValueError, match="fewer than two members"):
        probe(vectors, labels)
    with pytest.raises(ValueError, match="at least two classes"):
        probe(vectors, np.zeros(20))
