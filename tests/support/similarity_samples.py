"""One picture of every view of similarity, of small checkpoints and records made by hand."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import analysis
from analysis.figures import Plot, view
from analysis.similarities.pair_scores import PairScores
from analysis.similarities.splade import shared_terms
from tests.support import zoo
from tests.support.record_samples import sample

TEXT, PAIR = "The plots thinned, not dully.", "He said it was great."


@cache
def compared(name: str = "max_seq_mha", pooling: str = "head") -> Any:
    return analysis.similarity(zoo.loaded(name), TEXT, PAIR, pooling)


def scores() -> PairScores:
    random = np.random.default_rng(0)
    keys = tuple((pooling, layer) for pooling in ("mean", "max", "cls") for layer in range(4))
    count, pairs = len(keys), 20
    correlation = np.sort(random.uniform(0.1, 0.9, (count, 2, 3)), axis=2)[:, :, [1, 0, 2]]
    return PairScores(
        checkpoint="encoder",
        keys=keys,
        rows=np.arange(pairs),
        gold=random.uniform(0, 5, pairs),
        cosine=random.uniform(-1, 1, (count, pairs)).astype(np.float32),
        centred=random.uniform(-1, 1, (count, pairs)).astype(np.float32),
        anisotropy=random.uniform(0, 0.9, (count, 2)),
        spearman=correlation,
        pearson=correlation,
        own=random.uniform(0.1, 2, count),
        encoder=12.0,
        sentences=2 * pairs,
        left_out=0,
        seconds=1.0,
    )


@sample("similarity_bands")
def _similarity_bands() -> Plot:
    results = [compared("bare", pooling) for pooling in ("mean", "max", "cls")]
    return view("similarity_bands", results, [zoo.loaded("bare").checkpoint])


@sample("similarity_map")
def _similarity_map() -> Plot:
    return view("similarity_map", compared("bare", "mean"), zoo.loaded("bare").checkpoint)


@sample("similarity_layers")
def _similarity_layers() -> Plot:
    return view("similarity_layers", compared(), zoo.loaded("max_seq_mha").checkpoint)


@sample("max_winners")
def _max_winners() -> Plot:
    return view("max_winners", compared("bare", "max"), zoo.loaded("bare").checkpoint)


@sample("similarity_effects")
def _similarity_effects() -> Plot:
    from analysis.similarities.edits import effects

    return view(
        "similarity_effects",
        effects(zoo.loaded("bare"), TEXT, PAIR),
        zoo.loaded("bare").checkpoint,
    )


@sample("maxsim_margins")
def _maxsim_margins() -> Plot:
    result = analysis.maxsim(zoo.loaded("bare"), TEXT, PAIR)
    return view("maxsim_margins", result, zoo.loaded("bare").checkpoint)


@sample("splade_terms")
def _splade_terms() -> Plot:
    a, b = (analysis.splade(zoo.folder("masked_lm"), text) for text in (TEXT, PAIR))
    return view("splade_terms", shared_terms(a, b), zoo.loaded("masked_lm").checkpoint)


@sample("pair_correlations")
def _pair_correlations() -> Plot:
    return view("pair_correlations", scores())


@sample("pair_anisotropy")
def _pair_anisotropy() -> Plot:
    return view("pair_anisotropy", scores())
