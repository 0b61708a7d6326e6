"""Gradients averaged over random draws, each draw an estimate of its own: hence the intervals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.attribution.methods.gradients import on_numpy
from analysis.attribution.methods.shapley import interval_of_mean
from analysis.attribution.problem import Problem, baseline_of, batches
from analysis.attribution.registry import Option, Result, method
from analysis.attribution.results import Enough

if TYPE_CHECKING:
    from torch import Tensor

_SAMPLES = Option("n_samples", 50, "int", "Random draws.", low=2, high=10_000)
_REFERENCES = ("pad", "mask", "mean")
_numpys_generator = threading.RLock()


@method(
    "smoothgrad",
    "SmoothGrad",
    "Smilkov et al. (2017), SmoothGrad: removing noise by adding noise",
    family="sampling",
    needs=("backward",),
    cost=lambda units, options: options["n_samples"],
    note="Saliency or gradient × input, averaged over noise on the text's embeddings: the slope of "
    "a neighbourhood and not of one point. The noise leaves special tokens alone.",
    options=(
        Option(
            "of",
            "gradient_x_input",
            "choice",
            "What is averaged.",
            ("gradient_x_input", "saliency"),
        ),
        _SAMPLES,
        Option(
            "noise",
            0.2,
            "float",
            "Standard deviation of the noise, as a share of that of the text's input embeddings.",
            low=0.0,
            high=10.0,
        ),
    ),
)
def smoothgrad(
    problem: Problem, of: str = "gradient_x_input", n_samples: int = 50, noise: float = 0.2
) -> Result:
    """Captum's NoiseTunnel, one draw a row, with the noise of a generator of its own."""
    import torch
    from captum.attr import InputXGradient, NoiseTunnel, Saliency

    tunnel = NoiseTunnel((Saliency if of == "saliency" else InputXGradient)(problem.value))
    special = torch.tensor(problem.tokens.special.copy())[None, :, None]
    text = problem.inputs[0][~special[0, :, 0].to(problem.inputs.device)]
    size = noise * float(text.std()) if text.numel() > 1 else 0.0
    # Captum draws from the generator that all threads share, and on another device another noise.
    draw = torch.Generator().manual_seed(problem.seed)

    def with_noise(inputs: Tensor, stdev: float, samples: int) -> Tensor:
        drawn = torch.randn(inputs.shape, generator=draw).masked_fill(special, 0.0) * stdev
        return inputs + drawn.to(inputs.device)

    tunnel._add_noise_to_input = with_noise

    def scores(rows: int) -> Tensor:
        inputs = problem.inputs.expand(rows, -1, -1)
        smoothed: Tensor = tunnel.attribute(inputs, nt_samples=1, stdevs=size)
        return smoothed

    return _averaged(problem, scores, n_samples)


@method(
    "gradient_shap",
    "GradientSHAP",
    "Lundberg and Lee (2017), A Unified Approach to Interpreting Model Predictions; Erion et al. "
    "(2021), Improving performance of deep learning models with axiomatic attribution priors",
    family="sampling",
    complete=True,
    needs=("baseline", "backward"),
    cost=lambda units, options: options["n_samples"] + 3 * (options["references"] == "all"),
    note="Integrated gradients with random points, and with several baselines at once. The gap is "
    "the error of sampling: integrated gradients reach a smaller one in less time where one "
    "baseline is enough.",
    options=(
        _SAMPLES,
        Option(
            "references",
            "chosen",
            "choice",
            "The baseline that was chosen, or [PAD], [MASK] and the mean embedding in turn.",
            ("chosen", "all"),
        ),
    ),
)
def gradient_shap(problem: Problem, n_samples: int = 50, references: str = "chosen") -> Result:
    """Captum's GradientShap without input noise, one draw a row."""
    import torch
    from captum.attr import GradientShap

    baselines, empty, named = problem.baseline, problem.empty, None
    if references == "all":
        pairs = [baseline_of(problem.classifier, problem.tokens, name) for name in _REFERENCES]
        baselines = torch.cat([reference for reference, _ in pairs])
        named = ", ".join(name for _, name in pairs)
        with torch.no_grad():
            empty = float(problem.value(baselines).mean())
    shap = GradientShap(problem.value)

    own = np.random.RandomState(problem.seed % 2**32)

    def scores(rows: int) -> Tensor:
        inputs = problem.inputs.expand(rows, -1, -1)
        with _drawing_from(own):
            drawn: Tensor = shap.attribute(inputs, baselines, n_samples=1)
        return drawn

    result = _averaged(problem, scores, n_samples, problem.full - empty)
    return replace(result, baseline=named)


def _averaged(
    problem: Problem,
    scores: Callable[[int], Tensor],
    n_samples: int,
    delta: float | None = None,
) -> Result:
    """Mean and interval over draws; `scores` gives (n, T, e), a row a draw."""
    samples: list[np.ndarray] = []
    stopped = False
    for part in batches(n_samples, problem.rows):
        try:
            drawn = on_numpy(scores(part.stop - part.start).sum(-1))
            samples += [problem.by_unit(row) for row in drawn]
            problem.report(part.stop / n_samples)
        except Enough:
            if not samples:
                raise
            stopped = True
            break
    stacked = np.stack(samples)
    return Result(
        stacked.mean(axis=0),
        delta,
        {"n_samples": len(stacked)},
        interval_of_mean(stacked),
        stopped=stopped,
    )


@contextmanager
def _drawing_from(own: np.random.RandomState) -> Iterator[None]:
    """NumPy's global generator, from which Captum draws here, stands in for one of our own."""
    with _numpys_generator:
        state: Any = np.random.get_state()  # noqa: NPY002
        np.random.set_state(own.get_state())  # noqa: NPY002
        try:
            yield
        finally:
            own.set_state(np.random.get_state())  # noqa: NPY002
            np.random.set_state(state)  # noqa: NPY002
