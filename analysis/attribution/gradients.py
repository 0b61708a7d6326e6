"""Methods that follow the gradient; scores of embedding dimensions are summed over a unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from analysis.attribution import integration
from analysis.attribution.problem import Problem, batches
from analysis.attribution.registry import Option, Result, method
from analysis.attribution.results import Enough

if TYPE_CHECKING:
    from torch import Tensor

FEWEST = 16  # steps along the line to begin with


def on_numpy(tensor: Tensor) -> np.ndarray:
    """A tensor of any device as float64."""
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
        Option("norm", "l1", "choice", "Size of a slope over the embedding's dimensions: sum of "
               "absolute values, or Euclidean length.", ("l1", "l2")),
    ),
)  # fmt: skip
def saliency(problem: Problem, norm: str = "l1") -> Result:
    """Captum's Saliency on the input embeddings; the norm runs over their dimensions."""
    from captum.attr import Saliency

    inputs = problem.inputs.clone().requires_grad_()
    slopes = Saliency(problem.value).attribute(inputs)
    return Result(problem.by_unit(on_numpy(slopes[0].norm(p=int(norm[1]), dim=-1))))


TOLERANCE = Option(
    "tolerance", 0.01, "float",
    "The gap that is small enough, as a share of the output's change where that exceeds 1.",
    low=1e-9, high=1.0,
)  # fmt: skip


@method(
    "integrated_gradients",
    "Integrated gradients",
    "Sundararajan, Taly and Yan (2017), Axiomatic Attribution for Deep Networks",
    family="gradient",
    complete=True,
    needs=("baseline", "backward"),
    cost=lambda units, options: options["n_steps"] or integration.LEVELS[0] + 3,
    note="The gradient along the straight line from the baseline to the text. The scores sum to "
    "the change of the output; the gap is the error of the integration and says nothing about "
    "faithfulness.",
    options=(
        Option(
            "n_steps", None, "int",
            "Points along the line. Empty: they grow until the gap is below the tolerance.",
            low=1, high=1000,
        ),
        TOLERANCE,
    ),
)  # fmt: skip
def integrated_gradients(
    problem: Problem, n_steps: int | None = None, tolerance: float = 0.01
) -> Result:
    """Integral of the gradient along the straight line from the baseline.

    With `n_steps` given it is Captum's IntegratedGradients (Gauss-Legendre). With None the points
    are gathered where the output changes, and grow through 22, 45, 91, ... until the completeness
    gap is below `tolerance` times |f(x) - f(baseline)| (or `tolerance` itself, in units of the
    output, where that is larger), or 367 are reached; no point is evaluated twice.
    """
    delta = problem.full - problem.empty
    if n_steps is None:
        by_token, steps, stopped = _grown(problem, delta, tolerance)
        return Result(problem.by_unit(by_token), delta, {"n_steps": steps}, stopped=stopped)
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(problem.value).attribute(
        problem.inputs, problem.baseline, n_steps=n_steps, internal_batch_size=problem.rows
    )
    return Result(problem.by_unit(on_numpy(found[0].sum(-1))), delta, {"n_steps": n_steps})


def _grown(problem: Problem, delta: float, tolerance: float) -> tuple[np.ndarray, int, bool]:
    """(token scores, points, stopped): levels of nested points until the gap is small enough."""
    import torch
    from captum.attr import Saliency

    difference = problem.inputs - problem.baseline
    slope = Saliency(problem.value)

    def points(nodes: np.ndarray) -> Tensor:
        along = torch.tensor(nodes, dtype=torch.float32, device=difference.device)
        return problem.baseline + along[:, None, None] * difference

    def contributions(nodes: np.ndarray) -> np.ndarray:
        found = []
        for part in batches(len(nodes), problem.rows):
            gradients = slope.attribute(points(nodes[part]).requires_grad_(), abs=False)
            found.append(on_numpy((gradients * difference).sum(-1)))
        return np.concatenate(found)

    with torch.no_grad():
        inner = on_numpy(problem.value(points(np.arange(1, integration.PILOT) / integration.PILOT)))
    place = integration.where_it_changes(np.array([problem.empty, *inner, problem.full]))
    seen = np.zeros((0, len(problem.tokens)))
    kept: tuple[np.ndarray, int] | None = None
    for number, count in enumerate(integration.LEVELS):
        nodes, weights = integration.gathered(*integration.fejer(count), *place)
        try:
            # Every other node is one of the level before.
            new = contributions(nodes if number == 0 else nodes[::2])
        except Enough:
            if kept is None:
                raise
            return *kept, True
        seen = new if number == 0 else _interleaved(new, seen)
        kept = weights @ seen, count
        problem.report((number + 1) / len(integration.LEVELS))
        if close_enough(kept[0], delta, tolerance):
            break
    assert kept is not None
    return *kept, False


def _interleaved(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """(n + 1, T) and (n, T) -> (2 n + 1, T): new, old, new, ..., new."""
    both = np.empty((len(new) + len(old), new.shape[1]))
    both[::2], both[1::2] = new, old
    return both


def close_enough(scores: np.ndarray, delta: float, tolerance: float) -> bool:
    """Whether the gap is within the tolerance: a share of delta, or of 1 where that is more."""
    return abs(float(scores.sum()) - delta) <= tolerance * max(abs(delta), 1.0)


def converged(
    problem: Problem,
    scores: Callable[[int], np.ndarray],
    delta: float,
    n_steps: int | None,
    tolerance: float,
    most: int,
) -> tuple[np.ndarray, int, bool]:
    """(scores, steps, stopped): steps double until the gap is small enough, or `most` are taken."""
    schedule = [n_steps] if n_steps is not None else [FEWEST]
    while n_steps is None and schedule[-1] < most:
        schedule.append(2 * schedule[-1])
    kept: tuple[np.ndarray, int] | None = None
    for number, steps in enumerate(schedule):
        try:
            kept = scores(steps), steps
        except Enough:
            if kept is None:
                raise
            return *kept, True
        problem.report((number + 1) / len(schedule))
        if close_enough(kept[0], delta, tolerance):
            break
    assert kept is not None
    return *kept, False
