"""Margins of a maximum: the runner-up, ties, and wins that flip under small noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.checkpoints import profiles
from analysis.common.records import freeze, require_shape
from analysis.reading.trace import Trace
from analysis.reading.winners import Winners

NOISE = 0.01  # of a dimension's standard deviation over a corpus


@dataclass(frozen=True)
class MarginHistogram:
    """Number of wins by the size of their margin."""

    edges: np.ndarray  # (N+1,) in units of the hidden states; the last bin holds all above, too
    counts: np.ndarray  # (N,) int
    wins: int  # maxima with an opponent; the counts add up to it
    ties: int  # margin 0: shared with a runner-up of the same value
    unopposed: int  # only one layer or token competed
    median: float  # of the margins; NaN without an opponent

    def __post_init__(self) -> None:
        require_shape("counts", self.counts, len(self.edges) - 1)
        freeze(self)


@dataclass(frozen=True)
class NoiseFlips:
    """Wins that go to another layer (or token) when the competing values are a little noisy."""

    share: float  # mean share of all wins that flip
    interval: tuple[float, float]  # lowest and highest share among the draws
    by_place: np.ndarray  # shape of the winners: share of the draws in which this win flips
    scale: float  # noise, in standard deviations of each dimension over the corpus
    draws: int
    seed: int

    def __post_init__(self) -> None:
        freeze(self)


def margin_histogram(winners: Winners, bins: int = 20) -> MarginHistogram:
    """Histogram of win margins from 0 to their 99th percentile."""
    finite = winners.margin[np.isfinite(winners.margin)].astype(np.float64)
    top = float(np.quantile(finite, 0.99)) if finite.size else 1.0
    edges = np.linspace(0.0, top if top > 0 else 1.0, bins + 1)
    counts, _ = np.histogram(np.minimum(finite, edges[-1]), bins=edges)
    return MarginHistogram(
        edges=edges,
        counts=counts,
        wins=int(finite.size),
        ties=winners.ties,
        unopposed=int(winners.margin.size - finite.size),
        median=float(np.median(finite)) if finite.size else float("nan"),
    )


def noise_flips(
    trace: Trace,
    deviation: np.ndarray | None = None,
    scale: float = NOISE,
    draws: int = 20,
    seed: int = 0,
) -> NoiseFlips:
    """Share of wins that flip under Gaussian noise on every competing value.

    `deviation` is (L+1, d): each dimension's standard deviation over a corpus, layer by layer; by
    default that of the checkpoint's profile, of [CLS] where only [CLS] is pooled, else of all
    tokens. The noise of a value is `scale` times that, independent of the others.

    Raises ``ValueError`` where nothing competes, where the checkpoint's profile has no deviations,
    or for a deviation of another shape.
    """
    winners = trace.head.winners
    if winners is None:
        raise ValueError(
            f"{trace.checkpoint.name}: its pooling head takes no maximum, so there are no wins"
        )
    if deviation is None:
        if trace.between is not None:
            raise ValueError(
                f"{trace.checkpoint.name}: its profile holds the deviations of normed states, and "
                "its maximum compares them before the final norm; give their deviation (L+1, d)"
            )
        deviation = _of_profile(trace, winners)
    states = trace.states
    depth, _, size = states.shape
    require_shape("deviation", deviation, depth, size)
    layers = np.array(winners.layers)
    if winners.token is not None:  # the tokens of one layer compete: (T, d)
        values, noise = states[layers[0]], deviation[layers[0]][None]
        held = winners.token
    elif winners.layer.ndim == 1:  # the layers of [CLS] compete: (K, d)
        values, noise = states[layers, 0], deviation[layers]
        held = np.searchsorted(layers, winners.layer)
    else:  # the layers of every token: (K, T, d)
        values, noise = states[layers], deviation[layers][:, None]
        held = np.searchsorted(layers, winners.layer)
    random = np.random.default_rng(seed)
    flipped = np.zeros(held.shape)
    shares = []
    for _ in range(draws):
        disturbed = values + scale * noise * random.standard_normal(values.shape)
        flips = disturbed.argmax(axis=0) != held
        flipped += flips
        shares.append(float(flips.mean()))
    return NoiseFlips(
        share=float(np.mean(shares)),
        interval=(min(shares), max(shares)),
        by_place=flipped / draws,
        scale=scale,
        draws=draws,
        seed=seed,
    )


def _of_profile(trace: Trace, winners: Winners) -> np.ndarray:
    profile = profiles.read(trace.checkpoint.folder)
    only_cls = winners.token is None and winners.layer.ndim == 1
    kept = None
    if profile is not None:
        kept = profile.cls_deviation if only_cls else profile.token_deviation
    if kept is None:
        lacks = (
            f"has no corpus profile ({profiles.FILE})"
            if profile is None
            else f"has a {profiles.FILE} without standard deviations"
        )
        raise ValueError(
            f"{trace.checkpoint.name} {lacks}, and the noise is measured in those; measure it "
            "(analysis.reading.trace.measure_profile), or give `deviation`"
        )
    return kept
