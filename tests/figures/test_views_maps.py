"""The printed map says how it was made: which method, how the panels were brought together."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.figures.views.maps import embedding_map
from analysis.maps.projection import Projection

GROUP = np.zeros(6, int)


def made(*methods):
    rng = np.random.default_rng(0)
    return [Projection(rng.normal(size=(6, 2)), method, 3, {}) for method in methods]


@pytest.mark.parametrize(
    ("methods", "alignment", "words"),
    [
        (
            ("umap", "umap"),
            "procrustes",
            "UMAP of 6 sentences, each panel brought onto the first by Procrustes (seed 3)",
        ),
        (("umap", "umap"), "none", "UMAP of 6 sentences, each panel in a frame of its own (seed"),
        (("aligned_umap",) * 2, "aligned_umap", "AlignedUMAP of 6 sentences, laid out together (s"),
        (
            ("umap", "aligned_umap"),
            "aligned_umap",
            "UMAP and AlignedUMAP of 6 sentences, laid out "
            "together where AlignedUMAP could, the others brought onto the first panel",
        ),
        (("pca", "pca"), "aligned_umap", "brought onto the first by Procrustes. Axes"),
        (
            ("pca", "pca"),
            "none",
            "in a frame of its own. Axes: principal components, with their share of the variance.",
        ),
        (("pca",), "procrustes", "PCA of 6 sentences. Axes: principal components"),
    ],
)
def test_the_caption_names_the_method_and_the_alignment_that_were_used(methods, alignment, words):
    plot = embedding_map(made(*methods), "ab"[: len(methods)], GROUP, ("x",), alignment=alignment)
    assert words in plot.caption
    if len(methods) == 1 or alignment == "none":
        assert "Procrustes" not in plot.caption


def test_distortion_stands_above_each_panel_or_in_the_caption_of_one():
    several = embedding_map(
        made("umap", "umap"),
        "ab",
        GROUP,
        ("x",),
        subtitles=("T 0.9", "T 0.8"),
        note="T: trustworthiness.",
    )
    assert several.mark.subtitles == ("a (T 0.9)", "b (T 0.8)")
    assert several.caption.endswith("T: trustworthiness.")
    alone = embedding_map(made("umap"), "a", GROUP, ("x",), subtitles=("T 0.9",))
    assert "a: T 0.9." in alone.caption


def test_each_panel_may_have_groups_and_a_typed_sentence_of_its_own():
    groups = np.array([[0] * 6, [1] * 6])
    plot = embedding_map(
        made("umap", "umap"),
        "ab",
        groups,
        ("x", "y"),
        typed=(None, np.zeros(2)),
        typed_label="typed",
    )
    first, second = plot.mark.panels
    assert first.group.tolist() == [0] * 6
    assert second.group.tolist() == [1] * 6 + [2]
    assert (first.rings, second.rings) == ((), (6,))
