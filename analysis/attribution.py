"""Attribution of a prediction to the tokens of its text, through Captum, with its evidence.

METHODS maps a key to a method, its options and its source; ``@method("key")`` adds one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.checkpoints import CheckpointError
from analysis.records import freeze
from analysis.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.loading import Classifier

OUTPUTS = ("logit", "contrast", "probability")
BASELINES = ("pad", "mask")
UNITS = ("piece", "word")
_TOKENS_A_BATCH = 4096  # tokens in one internal batch of a gradient method
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Attribution:
    """Scores of U units (word pieces or words) for one output of a checkpoint."""

    method: str
    target: int
    unit: str  # "piece" or "word"
    scores: np.ndarray  # (U,) in units of the output; they sum to `delta` up to the gap
    unit_tokens: tuple[tuple[int, ...], ...]  # (U,) token positions of each unit
    output: str  # "logit", "contrast" (target minus mean of the others) or "probability"
    delta: float  # output at the text minus output at the baseline
    completeness_gap: float | None  # |sum of scores - delta|: an integration error, no more
    baseline: str  # what the text is compared with
    options: dict[str, Any]
    seconds: float
    interval: np.ndarray | None = None  # (U, 2) for sampling methods
    seed: int | None = None

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.unit_tokens):
            raise ValueError(f"{len(self.scores)} scores for {len(self.unit_tokens)} units")
        freeze(self)


@dataclass(frozen=True)
class Method:
    """An attribution method: its function, its options with defaults, and where it comes from."""

    key: str
    title: str
    citation: str
    options: dict[str, Any]
    run: Callable[..., Result]


@dataclass(frozen=True)
class Result:
    """What a method returns: (T,) scores a token, and what it wants to say about them."""

    scores: np.ndarray
    delta: float
    completeness_gap: float | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """One output of one model as a function of the input embeddings."""

    tokens: Tokens
    inputs: Tensor  # (1, T, e) input embeddings of the text
    baseline: Tensor  # (1, T, e) of the baseline
    value: Callable[[Tensor], Tensor]  # (n, T, e) -> (n,) the output; reports progress
    report: Progress


METHODS: dict[str, Method] = {}


def method(
    key: str, title: str, citation: str, **options: Any
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Register an attribution method; a second one under the same key is refused."""

    def register(function: Callable[..., Result]) -> Callable[..., Result]:
        if key in METHODS:
            raise ValueError(f"an attribution method {key!r} exists already")
        METHODS[key] = Method(key, title, citation, options, function)
        return function

    return register


def attribute(
    classifier: Classifier,
    text: str,
    pair: str | None = None,
    method: str = "integrated_gradients",
    target: int | None = None,
    unit: str = "piece",
    *,
    output: str = "logit",
    baseline: str = "pad",
    progress: Progress | None = None,
    **options: Any,
) -> Attribution:
    """Attribute one output of a checkpoint to the tokens of a text.

    `target` is a class index (default: the predicted one). `output` is the class's "logit", its
    "contrast" (minus the mean of the other logits: a shift common to all classes cancels) or its
    "probability". `baseline` keeps the special tokens and replaces all others by [PAD] ("pad")
    or [MASK] ("mask"). `unit` "word" sums the pieces of a word. `progress` is called with the
    share done; whatever it raises ends the computation and leaves the model as it was.

    Raises ``ValueError`` for a bare encoder, an unknown method, option, unit, output or baseline
    (the known ones are listed), a target out of range, a blank text, or a result that is NaN.
    """
    import torch

    _check_names(classifier, method, unit, output, baseline, options)
    tokens = tokenize(classifier.tokenizer, text, pair, classifier.limit)
    started = time.perf_counter()
    with classifier.lock, torch.enable_grad():
        index = _target(classifier, tokens, target)
        problem = _problem(classifier, tokens, index, output, baseline, progress)
        try:
            result = METHODS[method].run(problem, **{**METHODS[method].options, **options})
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise CheckpointError(
                f"{classifier.checkpoint.id}: {classifier.device} ran out of memory while "
                f"attributing {len(tokens)} tokens. Shorten the text, or load with device='cpu'."
            ) from error
    if not np.isfinite(result.scores).all():
        raise ValueError(
            f"{classifier.checkpoint.id}: the gradients are not finite for this text, so there is "
            "nothing to show"
        )
    groups = tokens.word_groups() if unit == "word" else tuple((t,) for t in range(len(tokens)))
    return Attribution(
        method=method,
        target=index,
        unit=unit,
        scores=np.array([result.scores[list(group)].sum() for group in groups]),
        unit_tokens=groups,
        output=output,
        delta=result.delta,
        completeness_gap=result.completeness_gap,
        baseline=f"[{baseline.upper()}]",
        options=result.options,
        seconds=time.perf_counter() - started,
    )


def in_words(attribution: Attribution, tokens: Tokens) -> Attribution:
    """The same attribution with the pieces of each word summed: no second computation."""
    from dataclasses import replace

    if attribution.unit == "word":
        return attribution
    groups = tokens.word_groups()
    scores = np.array([attribution.scores[list(group)].sum() for group in groups])
    return replace(attribution, unit="word", scores=scores, unit_tokens=groups, interval=None)


@method(
    "integrated_gradients",
    "Integrated gradients",
    "Sundararajan, Taly and Yan (2017), Axiomatic Attribution for Deep Networks",
    n_steps=None,
    tolerance=0.01,
)
def integrated_gradients(
    problem: Problem, n_steps: int | None = None, tolerance: float = 0.01
) -> Result:
    """Gauss-Legendre integration along the straight line from the baseline.

    With `n_steps` None the steps double from 16 until the completeness gap is below `tolerance`
    times |f(x) - f(baseline)| (at least 0.01 in units of the output), or 256 steps are reached.
    """
    import torch
    from captum.attr import IntegratedGradients

    if n_steps is not None and n_steps < 1:
        raise ValueError(f"n_steps is {n_steps}; at least 1 is needed")
    with torch.no_grad():
        delta = float(problem.value(problem.inputs) - problem.value(problem.baseline))
    batch = max(1, _TOKENS_A_BATCH // len(problem.tokens))
    integrate = IntegratedGradients(problem.value, multiply_by_inputs=True)
    schedule = [n_steps] if n_steps is not None else [16, 32, 64, 128, 256]
    for number, steps in enumerate(schedule):
        scores = integrate.attribute(
            problem.inputs, problem.baseline, n_steps=steps, internal_batch_size=batch
        )
        gap = abs(float(scores.sum()) - delta)
        problem.report((number + 1) / len(schedule))
        if gap <= max(tolerance * abs(delta), 0.01):
            break
    problem.report(1.0)
    token_scores: np.ndarray = scores[0].sum(-1).detach().float().cpu().numpy()
    return Result(token_scores, delta, gap, {"n_steps": steps, "tolerance": tolerance})


def _check_names(
    classifier: Classifier, method: str, unit: str, output: str, baseline: str,
    options: dict[str, Any],
) -> None:
    if classifier.checkpoint.kind == "encoder":
        raise ValueError(
            f"{classifier.checkpoint.id} is a bare encoder: there is no prediction to attribute"
        )
    for name, value, known in (
        ("method", method, tuple(METHODS)),
        ("unit", unit, UNITS),
        ("output", output, OUTPUTS),
        ("baseline", baseline, BASELINES),
    ):
        if value not in known:
            raise ValueError(f"{name} is {value!r}; known: {', '.join(known)}")
    unknown = sorted(set(options) - set(METHODS[method].options))
    if unknown:
        raise ValueError(
            f"{method} has no option {', '.join(unknown)}; "
            f"known: {', '.join(METHODS[method].options) or 'none'}"
        )


def _target(classifier: Classifier, tokens: Tokens, target: int | None) -> int:
    import torch

    from analysis.trace import model_inputs

    count = max(len(classifier.checkpoint.labels), 1)
    if target is None:
        with torch.no_grad():
            model: Any = classifier.model
            return int(model(**model_inputs(classifier, tokens)).logits[0].argmax())
    if not 0 <= target < count:
        raise ValueError(f"target is {target}; {classifier.checkpoint.id} has {count} classes")
    return target


def _problem(
    classifier: Classifier,
    tokens: Tokens,
    target: int,
    output: str,
    baseline: str,
    progress: Progress | None,
) -> Problem:
    import torch

    from analysis.trace import model_inputs

    model: Any = classifier.model
    fixed = model_inputs(classifier, tokens)
    ids = fixed.pop("input_ids")
    embed = model.get_input_embeddings()
    done = 0.0

    def report(share: float) -> None:
        nonlocal done
        done = max(done, share)
        if progress is not None:
            progress(done)

    def value(embeddings: Tensor) -> Tensor:
        report(done)  # no news, but the chance to stop between two forwards
        repeated = {name: tensor.expand(len(embeddings), -1) for name, tensor in fixed.items()}
        logits = model(inputs_embeds=embeddings, **repeated).logits.float()
        return output_of(logits, target, output)

    empty = torch.where(
        torch.tensor(tokens.special, device=ids.device), ids, _baseline_id(classifier, baseline)
    )
    with torch.no_grad():
        return Problem(tokens, embed(ids), embed(empty), value, report)


def output_of(logits: Tensor, target: int, output: str) -> Tensor:
    """(n, C) logits -> (n,) the output that is explained; for one output (regression) itself."""
    if logits.shape[1] == 1:
        return logits[:, 0]
    if output == "probability":
        return logits.softmax(dim=1)[:, target]
    if output == "logit":
        return logits[:, target]
    others = (logits.sum(dim=1) - logits[:, target]) / (logits.shape[1] - 1)
    return logits[:, target] - others


def _baseline_id(classifier: Classifier, baseline: str) -> int:
    name = {"pad": "pad_token_id", "mask": "mask_token_id"}[baseline]
    index = getattr(classifier.tokenizer, name)
    if index is None:
        raise ValueError(
            f"{classifier.checkpoint.id}: its tokenizer has no [{baseline.upper()}] token; "
            f"choose another baseline ({', '.join(BASELINES)})"
        )
    return int(index)
