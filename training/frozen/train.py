"""The training of a stack of members: fixed epochs, AdamW, linear warm-up and decay."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from threading import Event

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from analysis.common.threads import few_threads, without_denormals
from training.frozen.inputs import Inputs, epoch_batches, even_batches
from training.frozen.members import Members

Floats = NDArray[np.float64]
# Parameters of all members. Five heads with attention of 384 dimensions (3 million) are trained in
# 3.8 s by one thread and in 4.9 s by two, ten in 3.2 s and 2.8 s, thirty in 12.1 s and 8.8 s.
_FOR_ONE_THREAD = 4_000_000


@dataclass(frozen=True)
class Recipe:
    """The budget, the same for every pooling head of a fit. Batch size in rows.

    ``learning_rate`` None: chosen for each head among ``rates`` by the loss on a tenth of the
    training rows that is held out for it. ``min_steps`` raises the epochs on a small table.
    """

    epochs: int = 5
    batch_size: int = 32
    learning_rate: float | None = None
    rates: tuple[float, ...] = (3e-4, 1e-3, 3e-3, 1e-2)
    min_steps: int = 300
    weight_decay: float = 0.01
    warmup: float = 0.1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        wrong = [
            name
            for name, good in (
                ("epochs", self.epochs >= 1),
                ("batch_size", self.batch_size >= 1),
                ("learning_rate", self.learning_rate is None or self.learning_rate > 0),
                ("rates", len(self.rates) > 0 and all(rate > 0 for rate in self.rates)),
                ("dropout", 0 <= self.dropout < 1),
                ("warmup", 0 <= self.warmup < 1),
                ("weight_decay", self.weight_decay >= 0),
            )
            if not good
        ]
        if wrong:
            raise ValueError(f"{wrong[0]} is {getattr(self, wrong[0])}: it cannot be that.")

    def epochs_for(self, rows: int) -> int:
        """Epochs over so many rows, raised until ``min_steps`` is reached."""
        steps = math.ceil(rows / self.batch_size)
        return max(self.epochs, math.ceil(self.min_steps / steps))


class Diverged(Exception):
    """The loss of a member is not finite any more."""


@dataclass(frozen=True)
class Targets:
    """Targets of all rows as a tensor, and the loss that they call for.

    ``kind`` is as in :class:`training.frozen.problem.Problem`. Numbers are standardised by
    ``centre`` and ``scale``, which the finished classifier takes back.
    """

    kind: str
    values: Tensor
    weights: Tensor | None = None  # (C,) of classes, or of a label's positive rows
    centre: float = 0.0
    scale: float = 1.0

    def loss(self, logits: Tensor, rows: NDArray[np.int64]) -> Tensor:
        """(M, B, C), rows (M, B) -> (M,), each the mean over its batch."""
        target = self.values[torch.from_numpy(rows)]
        if self.kind == "number":
            return (logits[..., 0] - target).square().mean(-1)
        if self.kind == "labels":
            each = F.binary_cross_entropy_with_logits(
                logits, target, pos_weight=self.weights, reduction="none"
            )
            return each.mean((-1, -2))
        each = F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none")
        each = each.reshape(target.shape)
        if self.weights is None:
            return each.mean(-1)
        weights = self.weights[target]
        return (each * weights).sum(-1) / weights.sum(-1)


@dataclass(frozen=True)
class Course:
    """Course of a training: mean training loss and score at the end of each epoch, (E, M)."""

    loss: Floats
    score: Floats
    steps: int
    epochs: int  # planned
    complete: bool  # False: it was stopped before the last step


def train(
    members: Members,
    inputs: Inputs,
    targets: Targets,
    rows: Sequence[NDArray[np.int64]],
    recipe: Recipe,
    rate: float | Sequence[float],
    *,
    after_epoch: Callable[[int, Floats], Floats] | None = None,
    each_step: Callable[[int, int], None] | None = None,
    cancel: Event | None = None,
) -> Course:
    """Train members in place, each on its own rows (M times (n,), n alike for all).

    The numbers of a member do not depend on which others are trained with it, beyond rounding.
    With a learning rate for each member, one whose loss stops being finite goes on, and its losses
    say so: it is a trial.

    Raises
    ------
    Diverged
        A loss is not finite, at one learning rate for all; the message names seed and epoch.
    """
    with without_denormals(), few_threads(1) if _is_small(members) else nullcontext():
        return _train(members, inputs, targets, rows, recipe, rate, after_epoch, each_step, cancel)


def _is_small(members: Members) -> bool:
    """Whether threads would wait for each other longer than they help."""
    return members.size * len(members.seeds) <= _FOR_ONE_THREAD


def _train(
    members: Members,
    inputs: Inputs,
    targets: Targets,
    rows: Sequence[NDArray[np.int64]],
    recipe: Recipe,
    rate: float | Sequence[float],
    after_epoch: Callable[[int, Floats], Floats] | None,
    each_step: Callable[[int, int], None] | None,
    cancel: Event | None,
) -> Course:
    count = len(rows[0])
    epochs = recipe.epochs_for(count)
    total = epochs * math.ceil(count / recipe.batch_size)
    optimiser, gather = _optimiser(members, recipe, rate)
    like = next(iter(members.parameters.values()))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _share_of_rate(step, total, recipe.warmup)
    )
    draws = [torch.Generator().manual_seed(seed) for seed in members.seeds]
    losses: list[Floats] = []
    scores: list[Floats] = []
    step = 0
    for epoch in range(epochs):
        orders = [
            epoch_batches(inputs.lengths[own], recipe.batch_size, seed, epoch)
            for own, seed in zip(rows, members.seeds, strict=True)
        ]
        summed = torch.zeros(len(members.seeds), dtype=torch.float64)
        for places in zip(*orders, strict=True):
            if cancel is not None and cancel.is_set():
                return _course(losses, scores, step, epochs, False, len(members.seeds))
            batch = np.stack([own[place] for own, place in zip(rows, places, strict=True)])
            keep = _kept(draws, batch.shape[1], members.output_size, recipe.dropout, like)
            gather()
            logits = members.logits(inputs.batch(batch), keep, shared=False)
            loss = targets.loss(logits, batch)
            if not isinstance(rate, Sequence):
                _check_finite(loss, members.seeds, epoch, rate)
            optimiser.zero_grad(set_to_none=True)
            loss.sum().backward()
            optimiser.step()
            schedule.step()
            summed += loss.detach().double() * batch.shape[1]
            step += 1
            if each_step is not None:
                each_step(step, total)
        losses.append((summed / count).numpy())
        if after_epoch is not None:
            scores.append(after_epoch(epoch + 1, losses[-1]))
    gather()
    return _course(losses, scores, step, epochs, True, len(members.seeds))


def _optimiser(
    members: Members, recipe: Recipe, rate: float | Sequence[float]
) -> tuple[torch.optim.AdamW, Callable[[], None]]:
    """AdamW over the members, and what brings its numbers into them before each pass.

    One rate trains the stacked tensors themselves. Several rates need a group each, whose tensors
    are one member's and are stacked anew.
    """
    stacked = members.parameters
    adamw = partial(
        torch.optim.AdamW, weight_decay=recipe.weight_decay, fused=_fused(list(stacked.values()))
    )
    if not isinstance(rate, Sequence):
        return adamw(list(stacked.values()), lr=rate), lambda: None
    own = [
        {name: tensor[member].detach().clone().requires_grad_() for name, tensor in stacked.items()}
        for member in range(len(members.seeds))
    ]

    def gather() -> None:
        for name in own[0]:
            members.parameters[name] = torch.stack([tensors[name] for tensors in own])

    groups = [
        {"params": list(tensors.values()), "lr": each}
        for tensors, each in zip(own, rate, strict=True)
    ]
    return adamw(groups), gather


def _course(
    losses: list[Floats], scores: list[Floats], step: int, epochs: int, complete: bool, size: int
) -> Course:
    blank = np.zeros((0, size))
    return Course(
        np.stack(losses) if losses else blank,
        np.stack(scores) if scores else blank,
        step,
        epochs,
        complete,
    )


def _share_of_rate(step: int, total: int, warmup: float) -> float:
    rising = math.ceil(warmup * total)
    if step < rising:
        return (step + 1) / rising
    return max((total - step) / max(total - rising, 1), 0.0)


def _fused(parameters: Sequence[Tensor]) -> bool:
    return all(tensor.is_floating_point() for tensor in parameters)


def _kept(
    draws: Sequence[torch.Generator], rows: int, width: int, dropout: float, like: Tensor
) -> Tensor | None:
    """Mask of dropout, (M, B, D), drawn by each member's own generator; None without dropout."""
    if not dropout:
        return None
    kept = [torch.rand(rows, width, generator=draw) >= dropout for draw in draws]
    return torch.stack(kept).to(like.dtype) / (1 - dropout)


def _check_finite(loss: Tensor, seeds: Sequence[int], epoch: int, rate: float) -> None:
    wrong = (~torch.isfinite(loss.detach())).nonzero().flatten().tolist()
    if wrong:
        raise Diverged(
            f"the loss is not finite in epoch {epoch + 1} (seed {seeds[wrong[0]]}, learning rate "
            f"{rate:g}): training diverged. Lower the learning rate."
        )


def predict(members: Members, inputs: Inputs, rows: NDArray[np.int64] | None = None) -> Tensor:
    """Logits (M, n, C) of the given rows, all where none are."""
    chosen = np.arange(len(inputs.lengths)) if rows is None else rows
    answers: Tensor | None = None
    with torch.no_grad():
        for places in even_batches(inputs.lengths[chosen]):
            logits = members.logits(inputs.batch(chosen[places]), None, shared=True)
            if answers is None:
                answers = logits.new_empty((logits.shape[0], len(chosen), logits.shape[2]))
            answers[:, torch.from_numpy(places)] = logits
    assert answers is not None
    return answers
