"""Attribution: the frozen result of a method. NumPy only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.jobs import Enough as Enough
from analysis.common.records import freeze, require_shape
from analysis.text.tokens import Tokens

if TYPE_CHECKING:
    from analysis.attribution.registry import OptionValue

OUTPUTS = ("logit", "contrast", "probability")
# What people read; a regression has one output, its value.
OUTPUT_NAMES = {"contrast": "logit margin", "logit": "logit", "probability": "probability"}
BASELINES = ("pad", "mask", "mean", "text")
UNITS = ("piece", "word", "span")
Progress = Callable[[float], None]
Target = int | tuple[int, int]


class TooCostly(ValueError):
    """The method would take far too many passes over this text; the message says what to do."""

    def __init__(self, message: str, passes: int, passes_as_words: int) -> None:
        super().__init__(message)
        self.passes = passes  # forward passes at the units that were asked for
        self.passes_as_words = passes_as_words  # with words as units, at the same options


@dataclass(frozen=True)
class Attribution:
    """Scores of U units (word pieces, words, or a span among words) for one output."""

    method: str
    target: Target  # a class, or the pair (a, b) for the difference of two
    unit: str  # "piece", "word" or "span"
    scores: np.ndarray  # (U,) in units of the output; they sum to `delta` where `complete`
    unit_tokens: tuple[tuple[int, ...], ...]  # (U,) token positions of each unit, in order
    output: str  # "logit", "contrast" (target minus mean of the others) or "probability"
    delta: float | None  # output at the text minus at the baseline; None without a baseline
    completeness_gap: float | None  # |sum of scores - delta|; None where theory promises no sum
    baseline: str  # what the text is compared with, in words
    options: dict[str, OptionValue]
    seconds: float
    interval: np.ndarray | None = None  # (U, 2) 95 % for sampling methods
    seed: int | None = None  # of a sampling method
    value: float | None = None  # the output at the text
    layer: str = "input embeddings"  # where the scores are taken
    layer_scores: np.ndarray | None = None  # (U, K) by source layer; sums to `scores` over K
    layers: tuple[int, ...] = ()  # (K,) absolute indices
    stopped: bool = False  # ended early by `Enough`
    converged: bool | None = None  # the tolerance was reached; None without one

    def __post_init__(self) -> None:
        size = len(self.unit_tokens)
        if len(self.scores) != size:
            raise ValueError(f"{len(self.scores)} scores for {size} units")
        if self.interval is not None:
            require_shape("interval", self.interval, size, 2)
        if self.layer_scores is not None:
            require_shape("layer_scores", self.layer_scores, size, len(self.layers))
        freeze(self)


def in_words(attribution: Attribution, tokens: Tokens) -> Attribution:
    """The attribution with the pieces of each word summed: no second computation.

    An interval is lost: the errors of pieces do not add up. Sampling methods with unit='word' have
    that of the words.

    Raises ``ValueError`` for a method that perturbs units as a whole: the effects of pieces do
    not add up to that of their word.
    """
    from analysis.attribution.registry import METHODS

    if attribution.unit != "piece":
        return attribution
    known = METHODS.get(attribution.method)
    if known is not None and known.perturbs:
        raise ValueError(
            f"{attribution.method} perturbs a unit as a whole, and the effects of pieces do not "
            "add up to that of their word: attribute again with unit='word'"
        )
    groups = tokens.word_groups()

    def summed(values: np.ndarray) -> np.ndarray:
        return np.array([values[list(group)].sum(axis=0) for group in groups])

    layers = attribution.layer_scores
    return replace(
        attribution,
        unit="word",
        scores=summed(attribution.scores),
        unit_tokens=groups,
        interval=None,
        layer_scores=None if layers is None else summed(layers),
    )
