"""Methods that follow the gradient; scores of embedding dimensions are summed over a unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.attribution.methods import integration
from analysis.attribution.problem import Problem, batches
from analysis.attribution.registry import Option, Result, method
from analysis.attribution.results import Enough

if TYPE_CHECKING:
    from torch import Tensor

FEWEST = 16  # steps along the line to begin with


def on_numpy(tensor: Tensor) -> np.ndarray:
    """A tensor (...) of any device as float64."""
    array: np.ndarray = tensor.detach().double().cpu().numpy()
    return array


@method(
    "gradient_x_input",
    "Gradient × input",
    "Shrikumar et al. (2016), Not Just a Black Box; Simonyan et al. (2014)",
    family="gradient",
    needs=("backward",),
    cost=lambda units, options: 1,
    note="The slope at the text times the text's own embeddings: one pass, and no more than the "
    "first term of a series. It sums to the output only for a model linear in its embeddings.",
)
def gradient_x_input(problem: Problem) -> Result:
    """Captum's InputXGradient on the input embeddings, summed over their dimensions."""
    from captum.attr import InputXGradient

    inputs = problem.inputs.clone().requires_grad_()
    scores = InputXGradient(problem.value).attribute(inputs)
    return Result(problem.by_unit(on_numpy(scores[0].sum(-1))))


@method(
    "saliency",
    "Saliency",
    "Simonyan, Vedaldi and Zisserman (2014), Deep Inside Convolutional Networks",
    family="gradient",
    needs=("backward",),
    cost=lambda units, options: 1,
    note="The size of the slope at the text: how much a small change would matter, never in which "
    "direction. It has no sign and sums to nothing.",
    options=(
        Option(
            "norm",
            "l1",
            "choice",
            "Size of a slope over the embedding's dimensions: sum of "
            "absolute values, or Euclidean length.",
            ("l1", "l2"),
        ),
    ),
)
def saliency(problem: Problem, norm: str = "l1") -> Result:
    """Captum's Saliency on the input embeddings; the norm runs over their dimensions."""
    from captum.attr import Saliency

    inputs = problem.inputs.clone().requires_grad_()
    slopes = Saliency(problem.value).attribute(inputs)
    return Result(problem.by_unit(on_numpy(slopes[0].norm(p=int(norm[1]), dim=-1))))


TOLERANCE = Option(
    "tolerance",
    0.01,
    "float",
    "The error that is small enough, as a share of the output's change.",
    low=1e-9,
    high=1.0,
)


@method(
    "integrated_gradients",
    "Integrated gradients",
    "Sundararajan, Taly and Yan (2017), Axiomatic Attribution for Deep Networks",
    family="gradient",
    complete=True,
    needs=("baseline", "backward"),
    cost=lambda units, options: 2 + (options["n_steps"] or integration.fewest()),
    most=lambda units, options: 2 + (options["n_steps"] or integration.most()),
    note="The gradient along the straight line from the baseline to the text. The scores sum to "
    "the change of the output; the gap is the error of the integration and says nothing about "
    "faithfulness.",
    options=(
        Option(
            "n_steps",
            None,
            "int",
            "Points along the line. Empty: they grow until the gap is below the tolerance.",
            low=1,
            high=1000,
        ),
        TOLERANCE,
    ),
)
def integrated_gradients(
    problem: Problem, n_steps: int | None = None, tolerance: float = 0.01
) -> Result:
    """Integral of the gradient along the straight line from the baseline.

    With `n_steps` given it is Captum's IntegratedGradients (Gauss-Legendre). With None the points
    are gathered where the output changes, and grow through 23, 47, 95, ... until the completeness
    gap is at most `tolerance` times |f(x) - f(baseline)| and no token's score is still moving
    (:func:`settled`), or 383 are reached; no point is evaluated twice. `converged` says whether
    that came to be.
    """
    delta = problem.full - problem.empty
    if n_steps is None:
        grown = _grown(problem, delta, tolerance)
        return Result(
            problem.by_unit(grown.scores),
            delta,
            {"n_steps": grown.steps},
            stopped=grown.stopped,
            converged=grown.converged,
        )
    from captum.attr import IntegratedGradients

    slopes = IntegratedGradients(problem.value).attribute(
        problem.inputs, problem.baseline, n_steps=n_steps, internal_batch_size=problem.rows
    )
    by_token = on_numpy(slopes[0].sum(-1))
    return Result(
        problem.by_unit(by_token),
        delta,
        {"n_steps": n_steps},
        converged=close_enough(by_token, delta, tolerance),
    )


@dataclass(frozen=True)
class Grown:
    """Where an integration ended that takes more and more points."""

    scores: np.ndarray  # (T, ...)
    steps: int
    converged: bool
    stopped: bool = False


def _grown(problem: Problem, delta: float, tolerance: float) -> Grown:
    """Levels of nested points until the gap is small and the scores hold still."""
    import torch
    from captum.attr import Saliency

    difference = problem.inputs - problem.baseline
    slope = Saliency(problem.value)

    def points(nodes: np.ndarray) -> Tensor:
        along = torch.tensor(nodes, dtype=torch.float32, device=difference.device)
        return problem.baseline + along[:, None, None] * difference

    def contributions(nodes: np.ndarray) -> np.ndarray:
        parts = []
        for part in batches(len(nodes), problem.rows):
            gradients = slope.attribute(points(nodes[part]).requires_grad_(), abs=False)
            parts.append(on_numpy((gradients * difference).sum(-1)))
        return np.concatenate(parts)

    along = np.arange(1, integration.PILOT) / integration.PILOT
    inner: list[float] = []
    for part in batches(len(along), problem.rows):
        with torch.no_grad():
            inner += on_numpy(problem.value(points(along[part]))).tolist()
    place = integration.where_it_changes(np.array([problem.empty, *inner, problem.full]))
    seen = np.zeros((0, len(problem.tokens)))
    kept: Grown | None = None
    for number, count in enumerate(integration.LEVELS):
        nodes, weights = integration.gathered(*integration.fejer(count), *place)
        try:
            # Every other node is one of the level before.
            new = contributions(nodes if number == 0 else nodes[::2])
        except Enough:
            if kept is None:
                raise
            return replace(kept, stopped=True)
        seen = new if number == 0 else _interleaved(new, seen)
        scores = weights @ seen
        # The first level contains the points of a rule half its size, whose value is free.
        before = _coarser(count, place) @ seen[1::2] if kept is None else kept.scores
        enough = close_enough(scores, delta, tolerance) and settled(scores, before, tolerance)
        kept = Grown(scores, count, enough)
        problem.report((number + 1) / len(integration.LEVELS))
        if enough:
            break
    assert kept is not None
    return kept


def _coarser(count: int, place: tuple[float, float]) -> np.ndarray:
    """Weights of the rule that a level holds: of every other of its points."""
    _, weights = integration.gathered(*integration.fejer(count // 2), *place)
    return weights


def _interleaved(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """(n + 1, T) and (n, T) -> (2 n + 1, T): new, old, new, ..., new."""
    both = np.empty((len(new) + len(old), new.shape[1]))
    both[::2], both[1::2] = new, old
    return both


SMALL = 0.01  # a change of the output below which the tolerance shrinks no further: rounding
_HALVES = 10.0  # ratio of the error of a rule with half the points to that of the full rule


def close_enough(scores: np.ndarray, delta: float, tolerance: float) -> bool:
    """Whether the gap of `scores` (T,) is within the tolerance: a share of |delta|, or of 0.01
    where it is less.
    """
    return abs(float(scores.sum()) - delta) <= tolerance * max(abs(delta), SMALL)


def settled(scores: np.ndarray, before: np.ndarray, tolerance: float) -> bool:
    """Whether no token's score (T,) moved much since half as many points: ten times the tolerance.

    A share of the largest score. Errors of tokens may cancel in the sum, and the gap then says
    nothing of them.
    """
    largest = max(float(np.abs(scores).max(initial=0.0)), SMALL)
    moved = float(np.abs(scores - before).max(initial=0.0))
    return moved <= _HALVES * tolerance * largest


def doubled(most: int, beside: int = 0) -> int:
    """Passes that :func:`converged` takes where the last number of steps is reached.

    ``beside`` is what each number of steps takes beside its steps.
    """
    return sum(steps + beside for steps in _doubling(most))


def converged(
    problem: Problem,
    scores: Callable[[int], np.ndarray],
    delta: float,
    n_steps: int | None,
    tolerance: float,
    most: int,
) -> Grown:
    """Steps double, `scores(n)` being (T,), until the gap is small enough, or `most` are taken."""
    schedule = [n_steps] if n_steps is not None else _doubling(most)
    kept: Grown | None = None
    for number, steps in enumerate(schedule):
        try:
            integral = scores(steps)
        except Enough:
            if kept is None:
                raise
            return replace(kept, stopped=True)
        kept = Grown(integral, steps, close_enough(integral, delta, tolerance))
        problem.report((number + 1) / len(schedule))
        if kept.converged:
            break
    assert kept is not None
    return kept


def _doubling(most: int) -> list[int]:
    schedule = [FEWEST]
    while schedule[-1] < most:
        schedule.append(2 * schedule[-1])
    return schedule
