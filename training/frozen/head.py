"""The fit of one pooling head: its learning rate, its seeds, its scores and weights."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from analysis import heads as registry
from training import metrics
from training.frozen.inputs import Inputs, TokenInputs, VectorInputs
from training.frozen.members import HeadSpec, Members, is_free, put_together
from training.frozen.progress import Teller
from training.frozen.reading import Reading, reading_of
from training.frozen.results import FittedHead, Floats
from training.frozen.states import States, Stopped
from training.frozen.train import Course, Diverged, predict, train
from training.frozen.work import Work

CURVE_ROWS = 500  # scored after each epoch; the scores that are reported are on all rows
_MEMBER_BYTES = 384 * 2**20  # parameters with their moments, and a batch: members at a time


def fit_head(work: Work, spec: HeadSpec, tell: Teller) -> FittedHead:
    """Fit all seeds of one head. A head that fails has its ``reason``.

    Raises
    ------
    CheckpointError
        The head needs states that are not on disk, and the encoder is not there any more.
    """
    began = time.monotonic()
    rates: dict[float, float] = {}
    parts: list[tuple[Members, Course, np.ndarray]] = []
    rate, reason = math.nan, ""
    try:
        if work.cancel is not None and work.cancel.is_set():
            raise Stopped("stopped before it was trained")
        template = registry.build(
            spec.key, work.states.source.hidden_size, work.states.source.layers, **spec.options
        )
        reading = reading_of(template)
        for part in {id(work.states): work.states, id(work.dev): work.dev}.values():
            part.prepare(reading.views, cancel=work.cancel)
        inputs = _inputs(work, work.states, reading, template)
        scored = inputs if work.dev is work.states else _inputs(work, work.dev, reading, template)
        rate = work.recipe.learning_rate or _choose_rate(work, spec, reading, inputs, rates, tell)
        size = _members_at_once(work, spec, reading, inputs)
        for start in range(0, len(work.seeds), size):
            chunk = slice(start, start + size)
            members = _members(work, spec, reading, work.seeds[chunk])
            course = _train(work, members, inputs, scored, work.rows[chunk], rate, tell, start)
            if not course.complete and not len(course.loss):
                raise Stopped("stopped before its first epoch ended")
            parts.append((members, course, _answers(work, members, scored)))
            if not course.complete:
                raise Stopped(f"stopped after epoch {len(course.loss)} of {course.epochs}")
    except (Diverged, Stopped) as error:
        reason = str(error)
        if isinstance(error, Diverged):
            parts = []
    except Exception as error:
        from analysis.checkpoints import CheckpointError

        if isinstance(error, CheckpointError):
            raise
        # A head of a user's own may do anything: it has its reason, and the others go on.
        parts = []
        if isinstance(error, ValueError):
            reason = str(error)
        else:
            logging.getLogger(__name__).error("%s failed", spec.name, exc_info=error)
            reason = f"{type(error).__name__}: {error}"
    return _result(work, spec, parts, rate, rates, reason, time.monotonic() - began)


def _inputs(work: Work, states: States, reading: Reading, template: registry.PoolingHead) -> Inputs:
    if is_free(template):
        return VectorInputs(states, reading, template, work.dtype)
    return TokenInputs(states, reading, work.dtype)


def _members(work: Work, spec: HeadSpec, reading: Reading, seeds: Sequence[int]) -> Members:
    source = work.states.source
    size, layers = source.hidden_size, source.layers
    return Members(spec, reading, size, layers, work.problem.outputs, seeds, work.dtype)


def _members_at_once(work: Work, spec: HeadSpec, reading: Reading, inputs: Inputs) -> int:
    """Bounded by memory: parameters with gradients and moments, a batch, and the answers."""
    size = _members(work, spec, reading, work.seeds[:1]).size
    width = work.states.source.hidden_size * len(reading.views)
    batch = work.recipe.batch_size * int(inputs.lengths.max()) * width
    answers = len(work.dev_rows) * work.problem.outputs
    return max(1, min(len(work.seeds), _MEMBER_BYTES // (4 * (4 * size + 3 * batch + 2 * answers))))


def _choose_rate(
    work: Work,
    spec: HeadSpec,
    reading: Reading,
    inputs: Inputs,
    rates: dict[float, float],
    tell: Teller,
) -> float:
    """The rate whose loss on a tenth of the training rows is lowest, by the first seed."""
    rows = work.rows[0]
    order = np.random.default_rng(0).permutation(len(rows))
    cut = max(len(rows) // 10, 1)
    train_rows, held_out = np.sort(rows[order[cut:]]), np.sort(rows[order[:cut]])
    tried = work.recipe.rates
    size = _members_at_once(work, spec, reading, inputs)
    for start in range(0, len(tried), size):
        some = tried[start : start + size]
        members = _members(work, spec, reading, [work.seeds[0]] * len(some))

        def each_step(step: int, total: int, start: int = start, count: int = len(some)) -> None:
            tell.step("learning rate", (start + count * step / total) / len(tried))

        course = train(
            members,
            inputs,
            work.targets,
            [train_rows] * len(some),
            work.recipe,
            some,
            each_step=each_step,
            cancel=work.cancel,
        )
        if not course.complete:
            raise Stopped("stopped while its learning rate was chosen")
        logits = predict(members, inputs, held_out)
        losses = work.targets.loss(logits, np.stack([held_out] * len(some)))
        trained = np.isfinite(course.loss).all(0) & losses.isfinite().numpy()
        for rate, loss, sound in zip(some, losses, trained, strict=True):
            rates[rate] = float(loss) if sound else math.nan
    finite = {rate: loss for rate, loss in rates.items() if math.isfinite(loss)}
    if not finite:
        raise Diverged(
            "its loss is not finite at any learning rate of "
            f"{', '.join(f'{rate:g}' for rate in rates)}: give lower ones"
        )
    return min(finite, key=finite.__getitem__)


def _train(
    work: Work,
    members: Members,
    inputs: Inputs,
    scored: Inputs,
    rows: Sequence[NDArray[np.int64]],
    rate: float,
    tell: Teller,
    before: int,
) -> Course:
    some = work.dev_rows
    if len(some) > CURVE_ROWS:
        some = np.sort(np.random.default_rng(0).choice(some, CURVE_ROWS, replace=False))
    label = work.label[np.searchsorted(work.dev_rows, some)]
    share = len(members.seeds) / len(work.seeds)
    epochs = work.recipe.epochs_for(len(rows[0]))

    def after_epoch(epoch: int, loss: Floats) -> Floats:
        answers = decisions(work, predict(members, scored, some))
        score = metrics.METRICS[work.problem.metrics[0]]
        values = np.array([score(label, answer) for answer in answers])
        tell.epoch(epoch, epochs, loss, values)
        return values

    def each_step(step: int, total: int) -> None:
        tell.step("training", before / len(work.seeds) + share * step / total)

    return train(
        members,
        inputs,
        work.targets,
        rows,
        work.recipe,
        rate,
        after_epoch=after_epoch,
        each_step=each_step,
        cancel=work.cancel,
    )


def decisions(work: Work, logits: torch.Tensor) -> np.ndarray:
    """Logits (M, n, C) -> classes (M, n), labels (M, n, C) of 0 and 1, or numbers (M, n)."""
    if work.problem.kind == "number":
        return np.asarray(logits[..., 0].double() * work.targets.scale + work.targets.centre)
    if work.problem.kind == "labels":
        return np.asarray(logits > 0).astype(np.int64)
    return np.asarray(logits.argmax(-1))


def _answers(work: Work, members: Members, scored: Inputs) -> np.ndarray:
    return decisions(work, predict(members, scored, work.dev_rows))


def _result(
    work: Work,
    spec: HeadSpec,
    parts: list[tuple[Members, Course, np.ndarray]],
    rate: float,
    rates: dict[float, float],
    reason: str,
    seconds: float,
) -> FittedHead:
    names = work.problem.metrics
    if not parts:
        empty = np.zeros((0, 0))
        return FittedHead(
            spec.name, spec.key, spec.options, (), rate, rates, 0, 0, 0, seconds, {}, empty, empty,
            empty, {}, False, reason,
        )  # fmt: skip
    answers = np.concatenate([part[2] for part in parts])
    epochs = min(len(part[1].loss) for part in parts)
    return FittedHead(
        name=spec.name,
        key=spec.key,
        options=spec.options,
        seeds=tuple(seed for part in parts for seed in part[0].seeds),
        learning_rate=rate,
        rates=rates,
        parameters=parts[0][0].size,
        epochs=epochs,
        steps=parts[-1][1].steps,
        seconds=seconds,
        scores={
            name: np.array([metrics.METRICS[name](work.label, answer) for answer in answers])
            for name in names
        },
        predictions=answers,
        loss=np.concatenate([part[1].loss[:epochs] for part in parts], axis=1),
        curve=np.concatenate([part[1].score[:epochs] for part in parts], axis=1),
        weights=_weights(work, [part[0] for part in parts]),
        complete=not reason,
        reason=reason,
    )


def _weights(work: Work, members: Sequence[Members]) -> dict[str, NDArray[np.float32]]:
    """Tensors (S, ...) as a checkpoint holds them; a regression answers in the label's unit."""
    weights = {}
    for name in (*members[0].parameters, *members[0].buffers):
        tensors = [{**each.parameters, **each.buffers}[name].detach() for each in members]
        weights[name] = torch.cat(tensors).float().numpy().copy()
    weights = put_together(weights)
    if work.problem.kind == "number":
        weights["classifier.weight"] *= np.float32(work.targets.scale)
        bias = weights["classifier.bias"] * work.targets.scale + work.targets.centre
        weights["classifier.bias"] = bias.astype(np.float32)
    return weights
