"""The 95 % intervals of sampled Shapley values hold the true value as often as they say.

Games of eight units with interactions of every order, whose Shapley values are known from all 256
coalitions. `pytest -s` prints the shares that the guide quotes.
"""

from __future__ import annotations

from itertools import combinations
from math import comb
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from analysis.attribution.methods import shapley
from analysis.attribution.registry import Result

UNITS, DRAWS = 8, 100
PLACES = 2 ** np.arange(UNITS)


class _Game:
    """A game of which every value is in a table (2^P,), in the place of a model's."""

    def __init__(self, problem: Any, absent: str) -> None:
        self.table, self.players, self.named = problem.table, range(UNITS), None

    def values(self, coalitions: np.ndarray, *progress: float) -> np.ndarray:
        return np.asarray(self.table[coalitions.astype(int) @ PLACES])

    def on_tensors(self, coalitions: Any) -> Any:
        import torch

        return torch.tensor(self.values(coalitions.numpy() > 0.5))

    def ends(self) -> Any:
        import torch

        return torch.ones(1, UNITS), torch.zeros(1, UNITS)

    def scores(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values)


def _table(seed: int) -> np.ndarray:
    """(2^P,) a tanh of units, pairs and all else, such as a classifier's logit is."""
    draw = np.random.default_rng(seed)
    present = (np.arange(2**UNITS)[:, None] // PLACES) % 2
    single, pairs = draw.normal(size=UNITS), np.triu(draw.normal(size=(UNITS, UNITS)), 1)
    linear = present @ single + 0.5 * np.einsum("ni,ij,nj->n", present, pairs, present)
    return np.asarray(3 * np.tanh(linear / 2) + 0.2 * draw.normal(size=2**UNITS))


def _true(table: np.ndarray) -> np.ndarray:
    """(P,) Shapley values by their definition, from every coalition."""
    values = np.zeros(UNITS)
    for unit in range(UNITS):
        others = [place for place in range(UNITS) if place != unit]
        for size in range(UNITS):
            for chosen in combinations(others, size):
                place = int(PLACES[list(chosen)].sum())
                gain = table[place + PLACES[unit]] - table[place]
                values[unit] += gain / (UNITS * comb(UNITS - 1, size))
    return values


def _coverage(monkeypatch: pytest.MonkeyPatch, name: str, **options: Any) -> tuple[float, int]:
    """Share of true values that lie within, and the number of results without an interval."""
    monkeypatch.setattr(shapley, "Game", _Game)
    held, without = [], 0
    for seed in range(DRAWS):
        table = _table(seed)
        problem = SimpleNamespace(table=table, seed=seed, rows=64, report=lambda *_: None)
        estimate: Result = getattr(shapley, name)(problem, **options)
        if estimate.interval is None:  # too few coalitions: a regression that needs each of them
            without += 1
            continue
        low, high = estimate.interval.T
        held += list((low <= _true(table)) & (_true(table) <= high))
    return float(np.mean(held)), without


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("shapley_sampling", {"n_samples": 48}),
        ("shapley_sampling", {"n_samples": 8}),
        ("shapley_sampling", {"n_samples": 24, "paired": False}),
        ("kernel_shap", {"n_samples": 24}),
        ("kernel_shap", {"n_samples": 48}),
        ("kernel_shap", {"n_samples": 128}),
    ],
)
def test_intervals_hold_the_true_value_as_often_as_they_say(monkeypatch, name, options):
    share, without = _coverage(monkeypatch, name, **options)
    print(f"{name} {options}: {share:.3f}; {without} of {DRAWS} results have no interval")
    assert without < DRAWS / 2
    # Eight units of a game hang together: the share has a standard error of about 0.015.
    assert share >= 0.92
