"""Shapley values by sampling: of permutations, and of coalitions with a regression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.attribution.methods.game import Game
from analysis.attribution.problem import Problem, batches
from analysis.attribution.registry import Option, Result, method
from analysis.attribution.results import Enough
from analysis.statistics.basics import mean_interval

if TYPE_CHECKING:
    from torch import Tensor

_ABSENT = Option(
    "absent",
    "baseline",
    "choice",
    "What an absent unit is: the baseline in its place, removed, or hidden from attention.",
    ("baseline", "remove", "encoder"),
)


def interval_of_mean(samples: np.ndarray) -> np.ndarray | None:
    """(n, U) independent estimates -> (U, 2) 95 % t interval of their mean; None for n = 1."""
    return mean_interval(samples)[1] if len(samples) > 1 else None


@method(
    "shapley_sampling",
    "Shapley value sampling",
    "Castro, Gomez and Tejada (2009), Polynomial calculation of the Shapley value based on "
    "sampling; in pairs: Mitchell, Cooper, Frank and Holmes (2022), Sampling Permutations for "
    "Shapley Value Estimation",
    family="sampling",
    complete=True,
    needs=("baseline",),
    cost=lambda units, options: options["n_samples"] * max(units - 1, 1) + 2,
    note="A unit's mean effect when it joins the others in random order. The only method here "
    "that shares the whole fairly among interacting units; slow, and its intervals narrow with "
    "the square root of the samples.",
    options=(
        Option("n_samples", 24, "int", "Permutations of the units.", low=2, high=10_000),
        Option(
            "paired",
            True,
            "bool",
            "Draw each permutation also backwards: a narrower interval at the same cost.",
        ),
        _ABSENT,
    ),
)
def shapley_sampling(
    problem: Problem, n_samples: int = 24, paired: bool = True, absent: str = "baseline"
) -> Result:
    """Captum's ShapleyValueSampling on permutations drawn here; the sum is exact for any number.

    Stopped by ``Enough`` it is the mean over the permutations that are complete.
    """
    game = Game(problem, absent)
    size = len(game.players)
    draw = np.random.default_rng(problem.seed)
    orders = np.array([draw.permutation(size) for _ in range(n_samples)]).reshape(n_samples, size)
    if paired:
        orders[1::2] = orders[: 2 * (n_samples // 2) : 2, ::-1]
    together = 1 + paired
    chunk = together * max(1, problem.rows // max(together * size, 1))
    ends = game.values(np.array([[True] * size, [False] * size]))
    drawn: list[np.ndarray] = []
    stopped = False
    try:
        for part in batches(n_samples, chunk):
            game.values(
                _prefixes(orders[part]),
                part.start / n_samples,
                (part.stop - part.start) / n_samples,
            )
            # Few units have few coalitions: then all is known soon, and this is what takes long.
            for place in range(part.start, part.stop):
                drawn.append(_one_permutation(game, orders[place]))
                if place % 64 == 0:
                    problem.report(place / n_samples)
    except Enough:
        stopped = True
        if not drawn:
            raise
    complete, samples = len(drawn), np.array(drawn)
    if paired and complete > 1:
        # A permutation and its reverse are one draw; an odd last one has no partner and counts.
        even = complete - complete % 2
        samples = np.concatenate(
            [(samples[0:even:2] + samples[1:even:2]) / 2, samples[even:complete]]
        )
    return Result(
        game.scores(samples.mean(axis=0)),
        float(ends[0] - ends[1]),
        {"n_samples": complete},
        interval=_of_units(game, interval_of_mean(samples)),
        baseline=game.named,
        stopped=stopped,
    )


def _prefixes(orders: np.ndarray) -> np.ndarray:
    """(n, P) permutations -> (n * P, P) the coalitions as the units join one after the other."""
    places = orders.argsort(axis=1)
    steps = np.arange(orders.shape[1])
    return (places[:, None, :] <= steps[:, None]).reshape(orders.size, orders.shape[1])


def _one_permutation(game: Game, order: np.ndarray) -> np.ndarray:
    """(P,) what each unit adds when it joins in this order; every value is known by now."""
    from captum.attr import ShapleyValueSampling

    if not len(order):
        return np.zeros(0)
    sampling = ShapleyValueSampling(game.on_tensors)
    sampling.permutation_generator = lambda features, samples: iter([order.tolist()])
    present, absent = game.ends()
    attributions = sampling.attribute(
        present, absent, n_samples=1, perturbations_per_eval=len(order)
    )
    return np.asarray(attributions[0].double().numpy())


def _of_units(game: Game, interval: np.ndarray | None) -> np.ndarray | None:
    return None if interval is None else game.scores(interval)


@method(
    "kernel_shap",
    "KernelSHAP",
    "Lundberg and Lee (2017), A Unified Approach to Interpreting Model Predictions; error: "
    "Covert and Lee (2021), Improving KernelSHAP",
    family="sampling",
    complete=True,
    needs=("baseline",),
    cost=lambda units, options: _enough_samples(units, options["n_samples"]) + 2,
    note="Shapley values as a weighted regression on random coalitions: the same aim as Shapley "
    "value sampling, with the passes drawn where the weight is. With few units every coalition "
    "is evaluated and the values are exact.",
    options=(
        Option(
            "n_samples",
            None,
            "int",
            "Coalitions. Empty: 16 for each unit, at least 256, and all of them where there are "
            "no more.",
            low=2,
            high=100_000,
        ),
        _ABSENT,
    ),
)
def kernel_shap(problem: Problem, n_samples: int | None = None, absent: str = "baseline") -> Result:
    """Captum's KernelShap on coalitions drawn in pairs with their complement.

    The interval is the regression's own error, robust to interactions and clustered by pair; it
    has no width where every coalition was evaluated. Raises ``ValueError`` for fewer samples than
    the regression needs.
    """
    game = Game(problem, absent)
    size = len(game.players)
    ends = game.values(np.array([[True] * size, [False] * size]))
    delta = float(ends[0] - ends[1])
    if size < 2:
        scores = game.scores(np.full(size, delta))
        return Result(scores, delta, {"n_samples": 0}, np.stack([scores] * 2, 1), game.named)
    samples = _enough_samples(size, n_samples)
    exact = samples >= 2**size - 2 if size < 20 else False
    if samples < 2 * size + 2 and not exact:
        raise ValueError(
            f"n_samples is {samples}, and {size} units need at least {2 * size + 2}: fewer leave "
            "the regression without an answer of its own. Group the text into words, or raise it."
        )
    coalitions = _every(size) if exact else _drawn(size, samples, problem.seed)
    complete, stopped = 0, False
    # A pair stays together: only whole pairs count.
    for part in batches(len(coalitions), max(2, 2 * (problem.rows // 2))):
        try:
            game.values(
                coalitions[part],
                part.start / len(coalitions),
                (part.stop - part.start) / len(coalitions),
            )
        except Enough:
            if exact or complete < 2 * size + 2:
                raise
            stopped = True
            break
        complete = part.stop
    coalitions = coalitions[:complete]
    if not np.isfinite(game.values(coalitions)).all():
        return Result(game.scores(np.full(size, np.nan)))
    scores = _regression(game, coalitions, exact)
    half = np.zeros(size) if exact else _half_width(game, coalitions, delta)
    interval = np.stack([scores - half, scores + half], axis=1)
    return Result(
        game.scores(scores),
        delta,
        {"n_samples": complete},
        _of_units(game, interval if np.isfinite(half).all() else None),
        game.named,
        stopped=stopped,
    )


def _enough_samples(units: int, n_samples: int | None) -> int:
    """Coalitions for so many units: what was asked for, or by itself; never more than exist."""
    chosen = max(16 * units, 256) if n_samples is None else n_samples
    chosen += chosen % 2
    return min(chosen, max(2**units - 2, 0)) if units < 20 else chosen


def _every(size: int) -> np.ndarray:
    """(2**P - 2, P) all coalitions but nobody and everybody, each beside its complement."""
    numbers = np.arange(1, 2 ** (size - 1))
    half = (numbers[:, None] >> np.arange(size)) & 1 == 1
    return np.stack([half, ~half], axis=1).reshape(-1, size)


def _drawn(size: int, count: int, seed: int) -> np.ndarray:
    """(n, P) coalitions drawn by the Shapley kernel, each beside its complement."""
    draw = np.random.default_rng(seed)
    sizes = np.arange(1, size)
    weights = 1 / (sizes * (size - sizes))
    chosen = draw.choice(sizes, size=count // 2, p=weights / weights.sum())
    ranks = np.array([draw.permutation(size) for _ in chosen])
    half = ranks < chosen[:, None]
    return np.stack([half, ~half], axis=1).reshape(-1, size)


def _regression(game: Game, coalitions: np.ndarray, exact: bool) -> np.ndarray:
    """(P,) coefficients of Captum's KernelShap on these coalitions."""
    import torch
    from captum.attr import KernelShap

    size = coalitions.shape[1]
    weights = np.ones(len(coalitions))
    if exact:  # each coalition once: the kernel is its weight and no longer its frequency
        from scipy.special import comb

        counts = coalitions.sum(axis=1)
        weights = 1 / (comb(size, counts) * counts * (size - counts))
        weights /= weights.mean()
    shap = KernelShap(game.on_tensors)
    heavy = iter([shap.inf_weight] * 2 + weights.tolist())

    def coalition(original: Tensor, **kwargs: Any) -> Iterator[Tensor]:
        yield torch.ones(1, size)
        yield torch.zeros(1, size)
        for row in coalitions:
            yield torch.tensor(row[None]).float()

    shap.perturb_func = coalition
    shap.similarity_func = lambda *args, **kwargs: torch.tensor([next(heavy)])
    present, absent = game.ends()
    attributions = shap.attribute(
        present, absent, n_samples=len(coalitions) + 2, perturbations_per_eval=len(coalitions) + 2
    )
    return np.asarray(attributions[0].double().numpy())


def _half_width(game: Game, coalitions: np.ndarray, delta: float) -> np.ndarray:
    """(P,) half of the 95 % interval: the regression's jackknife error, a pair left out at a time.

    The sandwich error with the residuals as they are is too small where pairs are few (it held
    0.73 of true values at 12 pairs for 8 units); leaving each pair out is Bell and McCaffrey's
    correction (2002), here in closed form. Infinite where the regression needs every pair: then
    there is no interval.
    """
    from scipy.special import stdtrit

    nobody = float(game.values(np.zeros((1, coalitions.shape[1]), dtype=bool))[0])
    joined = coalitions.astype(np.float64)
    # The sum is fixed: the last unit's value is the rest of delta.
    free = joined[:, :-1] - joined[:, -1:]
    answer = game.values(coalitions) - nobody - joined[:, -1] * delta
    inverse = np.linalg.pinv(free.T @ free)
    residual = (answer - free @ (inverse @ (free.T @ answer))).reshape(-1, 2)
    rows = free.reshape(len(residual), 2, -1)  # of each pair
    left_out = np.eye(2) - rows @ inverse @ rows.transpose(0, 2, 1)
    if (np.linalg.det(left_out) < 1e-9).any():
        return np.full(coalitions.shape[1], np.inf)
    corrected = np.linalg.solve(left_out, residual[:, :, None])
    moved = (inverse @ (rows.transpose(0, 2, 1) @ corrected))[:, :, 0]  # (pairs, P - 1)
    moved = np.column_stack([moved, -moved.sum(axis=1)])
    pairs = len(moved)
    variance = (pairs - 1) / pairs * (moved**2).sum(axis=0)
    degrees = max(pairs - coalitions.shape[1], 1)
    return np.asarray(stdtrit(degrees, 0.975) * np.sqrt(variance))
