"""Sensitivity of an attribution: its change when its input changes a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.attribution.problem import Problem, check_seed, pose
from analysis.attribution.registry import METHODS
from analysis.attribution.results import Progress
from analysis.attribution.run import why_not
from analysis.attribution.units import unit_groups
from analysis.common.records import freeze, require_shape
from analysis.text.tokens import tokenize

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.checkpoints.loading import Classifier

SAMPLES = 10
RADIUS = 0.02
_OF_THE_TEXT = ("exact_split",)  # read the text itself: noise on embeddings does not reach them


@dataclass(frozen=True)
class Sensitivity:
    """Change of the scores under small noise, relative to their size: 0 = none at all."""

    method: str
    maximum: float  # over the samples: Captum's sensitivity_max
    samples: np.ndarray  # (n,) ||scores(x + noise) - scores(x)|| / ||scores(x)||
    radius: float  # of the noise, as a share of `deviation`
    deviation: float  # standard deviation of the text's input embeddings
    seed: int  # of the noise

    def __post_init__(self) -> None:
        require_shape("samples", self.samples, None)
        freeze(self)


def sensitivity(
    classifier: Classifier,
    text: str,
    pair: str | None = None,
    *,
    samples: int = SAMPLES,
    radius: float = RADIUS,
    noise_seed: int = 0,
    progress: Progress | None = None,
    **arguments: Any,
) -> Sensitivity:
    """Captum's ``sensitivity_max`` (Yeh et al. 2019, "On the (In)fidelity and Sensitivity of
    Explanations") of a method around one text.

    Uniform noise of `radius` standard deviations of the text's input embeddings is added to all
    tokens but the special ones, `samples` times; the attribution is made anew each time, with the
    same baseline, target and seed. `arguments` are those of :func:`analysis.attribution.attribute`
    (method, target, unit, output, baseline, seed, options, ...). It costs `samples` + 1
    attributions. What `progress` raises ends the work.

    Raises ``ValueError`` for samples below 1, a radius that is not above 0, a method that does not
    read the input embeddings (the exact split), and as ``attribute``.
    """
    import torch
    from captum.metrics import sensitivity_max

    if samples < 1:
        raise ValueError(f"samples is {samples}; at least 1 is needed")
    if not (np.isfinite(radius) and radius > 0):
        raise ValueError(f"radius is {radius}; a share above 0 is needed")
    method = str(arguments.pop("method", "integrated_gradients"))
    reporter = _Reporter(progress, samples + 1)
    problem, options = _question(classifier, text, pair, method, reporter, arguments)
    device = problem.inputs.device
    deviation = float(problem.inputs.std())
    free = torch.zeros((1, len(problem.tokens), 1), device=device)
    for index in problem.free:
        free[:, list(problem.units[index])] = 1.0
    draw = torch.Generator().manual_seed(noise_seed)
    first: list[np.ndarray] = []
    changes: list[float] = []

    def noisy(inputs: Tensor, size: float) -> Tensor:
        noise = torch.rand(inputs.shape, generator=draw).to(device) * 2 - 1
        return inputs + size * deviation * free * noise

    def explain(inputs: Tensor | tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
        embeddings = inputs[0] if isinstance(inputs, tuple) else inputs
        scores = _scores(replace(problem, inputs=embeddings), method, options)
        if first:
            size = float(np.linalg.norm(first[0])) or 1.0
            changes.append(float(np.linalg.norm(scores - first[0])) / size)
        else:
            first.append(scores)
        reporter.next()
        answer = torch.tensor(scores)[None]
        # Captum infers the format of the input from the output: given a bare tensor in place of a
        # tuple it would compare unit by unit.
        return (answer,) if isinstance(inputs, tuple) else answer

    # One sample at a time: a method explains one text, and a stop is heard in between.
    largest = sensitivity_max(
        explain,
        problem.inputs,
        perturb_func=noisy,
        perturb_radius=radius,
        n_perturb_samples=samples,
        max_examples_per_batch=1,
    )
    return Sensitivity(
        method=method,
        maximum=float(largest[0]),
        samples=np.array(changes),
        radius=radius,
        deviation=deviation,
        seed=noise_seed,
    )


class _Reporter:
    """Progress over several attributions, each of which reports 0 .. 1 by itself."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done, self.last = progress, total, 0, 0.0

    def __call__(self, share: float) -> None:
        # Progress never goes back, although each of several attributions reports from 0 to 1.
        self.last = max(self.last, (self.done + min(share, 1.0)) / self.total)
        if self.progress is not None:
            self.progress(min(1.0, self.last))

    def next(self) -> None:
        self.done += 1
        self(0.0)


def _question(
    classifier: Classifier,
    text: str,
    pair: str | None,
    method: str,
    progress: Progress,
    arguments: dict[str, Any],
) -> tuple[Problem, dict[str, Any]]:
    """The problem that ``attribute`` would solve for these arguments, and the method's options."""
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; known: {', '.join(METHODS)}")
    if method in _OF_THE_TEXT:
        raise ValueError(
            f"{METHODS[method].title} is read off one pass over the text itself: noise on the "
            "input embeddings does not reach it"
        )
    settings = dict(arguments)
    for name in ("progress", "allow_cost"):
        settings.pop(name, None)
    unit, span = str(settings.pop("unit", "piece")), settings.pop("span", None)
    target, output = settings.pop("target", None), str(settings.pop("output", "logit"))
    baseline, baseline_text = (
        str(settings.pop("baseline", "pad")),
        settings.pop("baseline_text", None),
    )
    seed = check_seed(settings.pop("seed", 0))
    options = METHODS[method].checked(settings)
    reason = why_not(classifier, method)
    if reason:
        raise ValueError(reason)
    tokens = tokenize(classifier.tokenizer, text, pair, classifier.limit)
    units: tuple[Sequence[int], ...] = unit_groups(tokens, unit, span)
    problem = pose(
        classifier,
        tokens,
        tuple(tuple(u) for u in units),
        target,
        output,
        baseline if METHODS[method].compares(options) else None,
        baseline_text,
        progress,
        seed,
    )
    return problem, options


def _scores(problem: Problem, method: str, options: dict[str, Any]) -> np.ndarray:
    """(U,) float64 scores at the problem's inputs."""
    import torch

    with torch.enable_grad():
        with torch.no_grad():
            full = float(problem.value(problem.inputs))
        result = METHODS[method].run(replace(problem, full=full), **options)
    if not np.isfinite(result.scores).all():
        raise ValueError("the scores are not finite for this text: nothing can be compared")
    return np.asarray(result.scores, np.float64)
