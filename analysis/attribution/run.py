"""attribute(): one method, one text, one output of one checkpoint."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.attribution.problem import Problem, check_seed, pose
from analysis.attribution.registry import METHODS, Method, Result
from analysis.attribution.results import (
    BASELINES,
    OUTPUTS,
    UNITS,
    Attribution,
    Enough,
    Progress,
    Target,
    TooCostly,
)
from analysis.attribution.units import Groups, Span, unit_groups
from analysis.checkpoints.forward import apart, embedded, logits_of
from analysis.common.memory import one_memory_error, release
from analysis.text.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

_BY_EMBEDDINGS = ("attention_x_gradient", "joint_layers")  # these run the model by themselves
_MEASURED = 128  # tokens in the pass that tells the time
COSTLY = 1_000_000  # tokens read in all passes together: several minutes on a CPU


def attribute(
    classifier: Classifier,
    text: str,
    pair: str | None = None,
    method: str = "integrated_gradients",
    target: Target | str | tuple[str, str] | None = None,
    unit: str = "piece",
    *,
    output: str = "logit",
    baseline: str = "pad",
    baseline_text: str | Sequence[str] | None = None,
    span: Sequence[Span] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    allow_cost: bool = False,
    **options: Any,
) -> Attribution:
    """Attribute one output of a checkpoint to the units of a text.

    `target` is a class by index or name (default: the predicted one), or a pair (a, b) for the
    difference of two classes. `output` is the class's "logit", its "contrast" (minus the mean of
    the other logits: a shift common to all classes cancels) or its "probability".

    `baseline` keeps the special tokens (both separators of a pair) and replaces all others by
    [PAD] ("pad"), [MASK] ("mask"), the mean of all input embeddings ("mean"), or another sentence
    ("text": `baseline_text`, padded or cut to the same length; two sentences for a pair).

    `unit` is "piece", "word", or "span": each of `span` (characters (start, end) of the text, or
    (segment, start, end) of a pair) is one unit, and the rest are words. Gradient methods sum
    over a unit; perturbation methods perturb it as a whole and never touch special tokens.

    `progress` is called with the share done. It may raise :class:`Enough` to keep what is done;
    any other exception ends the computation. The model is left as it was in every case, and held
    for one batch of passes at a time. Where the device runs out of memory batches are halved.

    `options` are the method's own, see ``METHODS[method].options``. `seed` is that of sampling
    methods.

    Raises :class:`TooCostly` where the passes would take minutes (`allow_cost` lets them), and
    ``ValueError`` for a bare encoder, an unknown method, option, unit, output or baseline (the
    known ones are listed), a target out of range, a blank text, a method that this checkpoint
    cannot have, or scores that are not finite.
    """
    import torch

    from analysis.common.memory import enough_memory

    chosen = _check_names(classifier, method, unit, output, baseline)
    settings = chosen.checked(options)
    seed = check_seed(seed)
    reason = why_not(classifier, method)
    if reason:
        raise ValueError(reason)
    tokens = tokenize(classifier.tokenizer, text, pair, classifier.limit)
    units = unit_groups(tokens, unit, span)
    if not allow_cost:
        _check_cost(classifier, chosen, tokens, units, unit, settings)
    started = time.perf_counter()
    with torch.enable_grad():
        with enough_memory(classifier, f"while attributing {len(tokens)} tokens"):
            compared = baseline if chosen.compares(settings) else None
            problem = pose(
                classifier, tokens, units, target, output, compared, baseline_text, progress, seed
            )
            with _generators_as_they_were(classifier):
                result = _in_memory(chosen, problem, settings)
        _check_finite(classifier, chosen, result)
        if not result.stopped:
            with suppress(Enough):  # the result is complete: a stop is ignored
                problem.report(1.0)
    named = problem.baseline_name
    return Attribution(
        method=method,
        target=problem.target,
        unit=unit,
        scores=result.scores,
        unit_tokens=units,
        output=output,
        delta=result.delta,
        completeness_gap=_gap(chosen, result),
        baseline=result.baseline or named,
        options=settings | result.options,
        seconds=time.perf_counter() - started,
        interval=result.interval,
        seed=seed if chosen.family == "sampling" else None,
        value=problem.full,
        layer=result.layer,
        layer_scores=result.layer_scores,
        layers=result.layers,
        stopped=result.stopped,
        converged=result.converged,
    )


def why_not(classifier: Classifier, method: str) -> str:
    """Why this checkpoint cannot have a method, in one sentence; "" where it can."""
    if classifier.checkpoint.kind == "encoder":
        known = classifier.checkpoint
        return f"{known.name} is a {known.encoder_kind}: there is no prediction to attribute"
    chosen = METHODS[method]
    blind = classifier.unable.get("gradients", "") if chosen.reads_embeddings else ""
    if not blind and "attentions" in chosen.needs:
        blind = classifier.unable.get("attentions", "")
    if not blind and classifier.inputs.by_ids and method in _BY_EMBEDDINGS:
        blind = "it reads embeddings under the text's own ids only, and this method gives none"
    return f"{classifier.checkpoint.name}: {blind}" if blind else chosen.why_not(classifier)


def passes(
    method: str,
    units: int,
    options: dict[str, Any] | None = None,
    *,
    kind: str = "pooling",
    most: bool = False,
) -> int:
    """Passes over the text that a method takes for so many units, special tokens not counted.

    Methods that stop by themselves take as many at the least; `most` gives what they may take.
    `kind` is that of the checkpoint.
    """
    chosen = METHODS[method]
    return chosen.passes(units, chosen.checked(options or {}), kind)[most]


def expected_seconds(
    classifier: Classifier,
    tokens: Tokens,
    method: str,
    options: dict[str, Any] | None = None,
    units: int | None = None,
) -> float:
    """Seconds that a method will take, measured by one forward (and backward) of this text.

    Of a method that stops by itself it is the least. `units` is the number of units without
    special tokens (default: the pieces).
    """
    import torch

    from analysis.reading.trace import model_inputs

    count = int((~tokens.special).sum()) if units is None else units
    total = passes(method, count, options, kind=classifier.checkpoint.kind)
    inputs = model_inputs(classifier, tokens)
    backward = "backward" in METHODS[method].needs
    # A short text shares its pass with others, which is faster than one alone.
    rows = max(1, min(total, _MEASURED // len(tokens)))
    with classifier.lock, torch.set_grad_enabled(backward):
        ids, inputs = apart(classifier, inputs)
        embeddings = embedded(classifier, ids).repeat(rows, 1, 1)
        embeddings.requires_grad_(backward)
        logits_of(classifier, embeddings, inputs)  # the first pass of a shape is slower
        started = time.perf_counter()
        answer = logits_of(classifier, embeddings, inputs).sum()
        if backward:
            torch.autograd.grad(answer, embeddings)
        float(answer.detach())  # waits for a GPU
        return total * (time.perf_counter() - started) / rows


def _check_names(
    classifier: Classifier, method: str, unit: str, output: str, baseline: str
) -> Method:
    for name, value, known in (
        ("method", method, tuple(METHODS)),
        ("unit", unit, UNITS),
        ("output", output, OUTPUTS),
        ("baseline", baseline, BASELINES),
    ):
        if value not in known:
            raise ValueError(f"{name} is {value!r}; known: {', '.join(known)}")
    return METHODS[method]


def _check_cost(
    classifier: Classifier,
    method: Method,
    tokens: Tokens,
    units: Groups,
    unit: str,
    options: dict[str, Any],
) -> None:
    kind = classifier.checkpoint.kind
    count = sum(not tokens.special[group[0]] for group in units)
    total, _ = method.passes(count, options, kind)
    if total * len(tokens) <= COSTLY:
        return
    words = sum(not tokens.special[group[0]] for group in tokens.word_groups())
    as_words, _ = method.passes(words, options, kind)
    what = "units" if unit == "span" else f"{unit}s"
    message = (
        f"{method.title} of {count} {what} at {len(tokens)} tokens takes {total:,} passes over "
        "the text"
    )
    if as_words < total:
        still = ", still too many" if as_words * len(tokens) > COSTLY else ""
        message += f"; with words as units (unit='word') it takes {as_words:,}{still}"
    raise TooCostly(
        f"{message}. Choose larger units, fewer samples or a shorter text, or give "
        "allow_cost=True to wait for it.",
        total,
        as_words,
    )


def _in_memory(method: Method, problem: Problem, options: dict[str, Any]) -> Result:
    """The method's result, from smaller batches where the device's memory runs out."""
    import torch

    while True:
        try:
            with one_memory_error():
                return method.run(problem, **options)
        except torch.OutOfMemoryError:
            if problem.rows == 1:
                raise
        # Outside of the except block: the exception keeps the tensors that filled the memory alive.
        release(problem.classifier.device)
        problem = replace(problem, batch_tokens=problem.rows // 2 * len(problem.tokens))


def _generators_as_they_were(classifier: Classifier) -> AbstractContextManager[None]:
    """Captum draws from PyTorch's shared generators, and whoever trains here draws on from them."""
    import torch

    return torch.random.fork_rng(
        devices=[classifier.device] if classifier.device.type == "cuda" else []
    )


def _check_finite(classifier: Classifier, method: Method, result: Result) -> None:
    if not np.isfinite(result.scores).all():
        what = "gradients" if "backward" in method.needs else "model's answers"
        raise ValueError(
            f"{classifier.checkpoint.name}: the {what} are not finite for this text, so there is "
            "nothing to show. A checkpoint loaded in bfloat16 may do better in float32."
        )


def _gap(method: Method, result: Result) -> float | None:
    if not method.complete or result.delta is None:
        return None
    return abs(float(np.sum(result.scores)) - result.delta)
