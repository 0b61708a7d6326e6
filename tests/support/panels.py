"""Panels of every kind with made-up values, and Hypothesis strategies that draw them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from analysis.figures import Bars, HeatMap, Lines, Plot, Points, Strip

TEXT = "Slow at first , but it earns every minute counterrevolutionary of our long evening"
WORDS = tuple(TEXT.split())


def heat(rows=3, columns=9, label="contribution (logit)", size=1.0, seed=0):
    values = size * np.random.default_rng(seed).normal(size=(rows, columns))
    names = tuple(WORDS[i % len(WORDS)] for i in range(columns))
    return HeatMap(values, tuple(map(str, range(4, 4 + rows))), names, "layer", "word", label)


def lines(series=("a", "b"), places=7, label="probability of positive", seed=0):
    values = np.random.default_rng(seed).random((len(series), places))
    return Lines(np.arange(float(places)), values, tuple(series), "layer", label)


def bars(categories=3, series=("s",), seed=0, horizontal=True, label="drop effect (logit)"):
    values = np.random.default_rng(seed).normal(size=(len(series), categories))
    names = tuple(f"{WORDS[i % len(WORDS)]} {i}" for i in range(categories))
    return Bars(
        values, names, tuple(series), "word", label, colours="series", horizontal=horizontal
    )


def points(groups=("p", "q"), many=40, seed=0):
    rng = np.random.default_rng(seed)
    return Points(rng.normal(size=(many, 2)), np.arange(many) % len(groups), tuple(groups),
                  "component 1 (54 %)", "component 2 (5 %)")  # fmt: skip


def strip(words=9, seed=0, label="contribution", limit=None):
    labels = ("[CLS]", *(WORDS[i % len(WORDS)] for i in range(words)), "[SEP]")
    count = len(labels)
    return Strip(
        labels,
        np.random.default_rng(seed).normal(size=count),
        (False, *(label != "," for label in labels[1:])),
        tuple(label.startswith("[") for label in labels),
        (0,) * count,
        tuple((i,) for i in range(count)),
        np.zeros((count, 2), int),
        label,
        limit=limit,
    )


def plot(mark, view="made"):
    return Plot(view, "A picture", mark)


seeds = st.integers(0, 10_000)
names = st.sampled_from([("a", "b"), ("sst2-cls", "sst2-max_cls", "sst2-mha"), ("one", "a")])
panels = st.one_of(
    st.builds(heat, st.integers(1, 8), st.integers(2, 14), seed=seeds),
    st.builds(lines, names, st.integers(2, 25), seed=seeds),
    st.builds(bars, st.integers(1, 9), names, seeds, st.booleans()),
    st.builds(points, names, st.integers(3, 60), seed=seeds),
    st.builds(strip, st.integers(1, 25), seeds),
)
