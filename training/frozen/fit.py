"""Pooling heads fitted on a frozen encoder's states: many seeds of each, all with one budget."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from analysis import heads as registry
from training import metrics
from training.frozen.encoder import Source
from training.frozen.inputs import TokenInputs, VectorInputs
from training.frozen.members import HeadSpec, Members, is_free
from training.frozen.problem import Problem, notes_on, problem_of, split_rows
from training.frozen.reading import Reading, reading_of
from training.frozen.results import Fitted, FittedHead, Floats
from training.frozen.states import States, Stopped
from training.frozen.train import Course, Diverged, Recipe, Targets, predict, train

DTYPE = torch.float32
CURVE_ROWS = 500  # scored after each epoch; the scores that are reported are on all rows
_MEMBER_BYTES = 384 * 2**20  # parameters with their moments, and a batch: members at a time
Head = str | type[registry.PoolingHead] | tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Progress:
    """How far a fit is. ``loss`` and ``score`` (M,) are the seeds under way after an epoch."""

    head: str
    place: int  # of the head, from 1
    heads: int
    phase: str  # "learning rate", "training", "scoring" or "done"
    share: float  # of the whole fit, 0 to 1
    seconds_left: float
    epoch: int = 0
    epochs: int = 0
    loss: Floats | None = None
    score: Floats | None = None
    metric: str = ""
    result: FittedHead | None = None  # once the head is done

    def sentence(self) -> str:
        """One line of text."""
        numbers = ""
        if self.score is not None and len(self.score):
            numbers = f"  {self.metric} {np.nanmean(self.score):.4f}"
        epoch = f"  epoch {self.epoch}/{self.epochs}" if self.epoch else ""
        left = f"{int(self.seconds_left) // 60}:{int(self.seconds_left) % 60:02d} left"
        return f"[{self.place}/{self.heads}] {self.head}  {self.phase}{epoch}{numbers}  {left}"


def fit(
    states: States,
    heads: str | Sequence[Head] = "all",
    *,
    dev: States | None = None,
    seeds: int | Sequence[int] = 5,
    recipe: Recipe | None = None,
    class_weights: str | Sequence[float] | None = None,
    options: Mapping[str, Any] | None = None,
    names: Sequence[str] | None = None,
    rows: Mapping[int, NDArray[np.int64]] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: Event | None = None,
    **changes: Any,
) -> Fitted:
    """Fit pooling heads and their classifiers on stored states; the encoder stays as it is.

    Every head gets the same rows, epochs, optimiser and order of rows (by seed). Nothing is
    selected on the rows that are scored: epochs are fixed, the last one is reported, and the
    learning rate is chosen on a tenth of the training rows, or fixed.

    Parameters
    ----------
    states
        Of the training table (:func:`training.states`), whose labels say what is fitted: classes,
        several labels a row (``label`` (N, C) of 0 and 1), or a number.
    heads
        "all" registered ones, or keys, classes, or (key, options).
    dev
        States of the table to score on, under the same encoder. None: a fifth of ``states`` is set
        aside; rows with the same text stay on one side.
    seeds
        How many, or which. A seed decides the start of head and classifier, and the order of rows.
    recipe, changes
        The budget (:class:`training.frozen.train.Recipe`), or some of its entries by name, such as
        ``epochs=20, learning_rate=1e-3``.
    class_weights
        "balanced", or one weight a class.
    options
        For all heads that know them, such as ``{"last_k": 3, "num_heads": 4}``.
    names
        What results call the heads; None: by key, and by the options that were given.
    rows
        Training rows of each seed, alike in number; None: all. For learning curves.
    progress
        Called at the end of each epoch and head with a :class:`Progress`.
    cancel
        Stops after the step under way; the heads that are there are returned, the one under way as
        it is.

    Returns
    -------
    Fitted
        Heads in the order asked for. One whose training diverges or raises has its ``reason``, and
        the others go on.

    Raises
    ------
    ValueError
        Labels that cannot be fitted (none, one class, too few rows), an unknown head or option, or
        ``dev`` under another encoder or of another task.
    CheckpointError
        A head needs states that are not on disk, and the encoder is not there any more.
    """
    recipe = replace(recipe or Recipe(), **changes)
    problem = problem_of(states.table)
    specs = specs_of(heads, states.source, options or {})
    if names is not None:
        specs = tuple(replace(spec, name=name) for spec, name in zip(specs, names, strict=True))
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(int(s) for s in seeds)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"seeds are {seeds!r}; give a number above 0, or numbers that differ")
    work = _work(states, dev, problem, chosen, recipe, class_weights, rows, cancel)
    tell = _Teller(progress, len(specs), recipe, problem.metrics[0])
    done: list[FittedHead] = []
    for place, spec in enumerate(specs, 1):
        tell.begin(spec.name, place)
        done.append(_fit_head(work, spec, tell))
        tell.end(done[-1])
    train_table, dev_table = states.table.take(work.all_rows), work.dev.table.take(work.dev_rows)
    cut = (int((states.cut[work.all_rows] > 0).sum()), int((work.dev.cut[work.dev_rows] > 0).sum()))
    on_rows = replace(problem, target=problem.target[work.all_rows])
    return Fitted(
        heads=tuple(done),
        problem=problem,
        source=states.source,
        recipe=recipe,
        task=states.table.task,
        pairs=states.table.pair is not None,
        rows={"train": len(work.rows[0]), work.split: len(work.dev_rows)},
        split=work.split,
        label=work.label,
        notes=tuple(notes_on(train_table, dev_table, on_rows, cut, states.limit)),
        precision=states.precision,
        states_seconds=states.seconds + (dev.seconds if dev is not None else 0.0),
    )


def specs_of(
    heads: str | Sequence[Head], source: Source, options: Mapping[str, Any]
) -> tuple[HeadSpec, ...]:
    """Heads as they were asked for, with every option written out.

    Raises ``ValueError`` for an unknown head or option, or one named twice.
    """
    from training.settings import all_options

    asked: list[Any] = [heads] if isinstance(heads, str) else list(heads)
    if heads == "all":  # but those that read attentions, which states do not hold
        known = registry.HEADS.items()
        asked = sorted(key for key, cls in known if not cls.reads_attentions())
    specs = []
    for head in asked:
        key, own = (head[0], dict(head[1])) if isinstance(head, tuple) else (head, {})
        if isinstance(key, type):
            if registry.HEADS.get(getattr(key, "key", "")) is not key:
                raise ValueError(
                    f"{key.__name__} is not registered under a key of its own: decorate it with "
                    "@head('its name')"
                )
            key = getattr(key, "key", "")
        shared = registry.check_options(str(key), dict(options)) if options else {}
        full = all_options(str(key), {**shared, **own})
        if heads == "all":  # defaults that a small encoder cannot have are brought within reach
            full = _within(full, source)
        name = "-".join([str(key), *(f"{word}{value}" for word, value in own.items())])
        registry.build(str(key), source.hidden_size, source.layers, **full)  # it can be built
        specs.append(HeadSpec(name, str(key), full))
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names) or not names:
        raise ValueError("a pooling head is named twice." if names else "no pooling head is named.")
    return tuple(specs)


def _within(options: dict[str, Any], source: Source) -> dict[str, Any]:
    if "last_k" in options:
        options["last_k"] = min(options["last_k"], source.layers)
    if "num_heads" in options and source.hidden_size % options["num_heads"]:
        options["num_heads"] = math.gcd(options["num_heads"], source.hidden_size)
    return options


@dataclass(frozen=True)
class _Work:
    """What is alike for all heads of a fit."""

    states: States
    dev: States
    problem: Problem
    targets: Targets
    label: NDArray[Any]
    seeds: tuple[int, ...]
    rows: tuple[NDArray[np.int64], ...]  # of each seed
    all_rows: NDArray[np.int64]
    dev_rows: NDArray[np.int64]
    split: str
    recipe: Recipe
    cancel: Event | None


def _work(
    states: States,
    dev: States | None,
    problem: Problem,
    seeds: tuple[int, ...],
    recipe: Recipe,
    class_weights: str | Sequence[float] | None,
    rows: Mapping[int, NDArray[np.int64]] | None,
    cancel: Event | None,
) -> _Work:
    if dev is None:
        all_rows, dev_rows = split_rows(states.table, problem)
        dev, label, split = states, problem.target[dev_rows], "held-out fifth"
    else:
        _check_dev(states, dev, problem)
        all_rows, dev_rows = np.arange(len(states)), np.arange(len(dev))
        assert dev.table.label is not None
        label, split = dev.table.label, dev.table.split
    if rows is not None:
        own = tuple(np.asarray(rows[seed], np.int64) for seed in seeds)
        if len({len(each) for each in own}) != 1 or not len(own[0]):
            raise ValueError("every seed needs the same number of training rows, above 0")
        all_rows = np.unique(np.concatenate(own))
    else:
        own = (all_rows,) * len(seeds)
    targets = _targets(problem, all_rows, class_weights)
    return _Work(
        states, dev, problem, targets, label, seeds, own, all_rows, dev_rows, split, recipe, cancel
    )


def _check_dev(states: States, dev: States, problem: Problem) -> None:
    if dev.source.sha256 != states.source.sha256:
        raise ValueError(
            f"the states to score on are of {dev.source.name}, those to train on of "
            f"{states.source.name}: use one encoder for both"
        )
    other = dev.table.label
    if other is None:
        raise ValueError("the table to score on has no labels. Name their column.")
    if dev.table.labels != states.table.labels or other.ndim != problem.target.ndim:
        raise ValueError(
            f"the table to score on has the labels {', '.join(dev.table.labels[:6]) or 'numbers'}, "
            f"the training table {', '.join(states.table.labels[:6]) or 'numbers'}: read it with "
            "labels=the training table's"
        )
    if (dev.table.pair is None) != (states.table.pair is None):
        raise ValueError("one table has pairs of texts and the other one text a row")


def _targets(
    problem: Problem, rows: NDArray[np.int64], class_weights: str | Sequence[float] | None
) -> Targets:
    known = problem.target[rows]
    if problem.kind == "number":
        if class_weights is not None:
            raise ValueError("a regression has no classes to weigh: leave class_weights out")
        centre, scale = float(known.mean()), float(known.std()) or 1.0
        values = torch.from_numpy((problem.target - centre) / scale).to(DTYPE)
        return Targets("number", values, None, centre, scale)
    weights = None
    if isinstance(class_weights, str):
        if class_weights != "balanced":
            raise ValueError(f"class_weights is {class_weights!r}; give 'balanced', or numbers")
        if problem.kind == "labels":
            positive = known.sum(axis=0)
            weights = (len(known) - positive) / np.maximum(positive, 1)
        else:
            counts = np.bincount(known, minlength=problem.outputs)
            weights = len(known) / (np.maximum(counts, 1) * (counts > 0).sum())
    elif class_weights is not None:
        weights = np.asarray(class_weights, float)
        if weights.shape != (problem.outputs,) or not (weights > 0).all():
            raise ValueError(f"class_weights needs {problem.outputs} numbers above 0")
    values = torch.tensor(problem.target)
    values = values.to(DTYPE) if problem.kind == "labels" else values
    kept = None if weights is None else torch.from_numpy(np.asarray(weights)).to(DTYPE)
    return Targets(problem.kind, values, kept)


def _fit_head(work: _Work, spec: HeadSpec, tell: _Teller) -> FittedHead:
    began = time.monotonic()
    rates: dict[float, float] = {}
    parts: list[tuple[Members, Course, NDArray[Any]]] = []
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
        inputs = _inputs(work.states, reading, template)
        scored = inputs if work.dev is work.states else _inputs(work.dev, reading, template)
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
        logging.getLogger(__name__).error("%s failed", spec.name, exc_info=error)
        reason, parts = f"{type(error).__name__}: {error}", []
    return _result(work, spec, parts, rate, rates, reason, time.monotonic() - began)


def _inputs(states: States, reading: Reading, template: registry.PoolingHead) -> Any:
    if is_free(template):
        return VectorInputs(states, reading, template, DTYPE)
    return TokenInputs(states, reading, DTYPE)


def _members(work: _Work, spec: HeadSpec, reading: Reading, seeds: Sequence[int]) -> Members:
    source = work.states.source
    size, layers = source.hidden_size, source.layers
    return Members(spec, reading, size, layers, work.problem.outputs, seeds, DTYPE)


def _members_at_once(work: _Work, spec: HeadSpec, reading: Reading, inputs: Any) -> int:
    """Bounded by memory: parameters with gradients and moments, a batch, and the answers."""
    size = _members(work, spec, reading, work.seeds[:1]).size
    width = work.states.source.hidden_size * len(reading.views)
    batch = work.recipe.batch_size * int(inputs.lengths.max()) * width
    answers = len(work.dev_rows) * work.problem.outputs
    return max(1, min(len(work.seeds), _MEMBER_BYTES // (4 * (4 * size + 3 * batch + 2 * answers))))


def _choose_rate(
    work: _Work,
    spec: HeadSpec,
    reading: Reading,
    inputs: Any,
    rates: dict[float, float],
    tell: _Teller,
) -> float:
    """The rate whose loss on a tenth of the training rows is lowest, by the first seed."""
    rows = work.rows[0]
    order = np.random.default_rng(0).permutation(len(rows))
    cut = max(len(rows) // 10, 1)
    train_rows, held_out = np.sort(rows[order[cut:]]), np.sort(rows[order[:cut]])
    for number, rate in enumerate(work.recipe.rates):
        members = _members(work, spec, reading, work.seeds[:1])

        def each_step(step: int, total: int, number: int = number) -> None:
            tell.step("learning rate", (number + step / total) / len(work.recipe.rates))

        try:
            course = train(
                members,
                inputs,
                work.targets,
                [train_rows],
                work.recipe,
                rate,
                each_step=each_step,
                cancel=work.cancel,
            )
        except Diverged:
            rates[rate] = math.nan
            continue
        if not course.complete:
            raise Stopped("stopped while its learning rate was chosen")
        logits = predict(members, inputs, held_out)
        rates[rate] = float(work.targets.loss(logits, held_out[None])[0])
    finite = {rate: loss for rate, loss in rates.items() if math.isfinite(loss)}
    if not finite:
        raise Diverged(
            "its loss is not finite at any learning rate of "
            f"{', '.join(f'{rate:g}' for rate in rates)}: give lower ones"
        )
    return min(finite, key=finite.__getitem__)


def _train(
    work: _Work,
    members: Members,
    inputs: Any,
    scored: Any,
    rows: Sequence[NDArray[np.int64]],
    rate: float,
    tell: _Teller,
    before: int,
) -> Course:
    some = work.dev_rows
    if len(some) > CURVE_ROWS:
        some = np.sort(np.random.default_rng(0).choice(some, CURVE_ROWS, replace=False))
    label = work.label[np.searchsorted(work.dev_rows, some)]
    share = len(members.seeds) / len(work.seeds)
    epochs = work.recipe.epochs_for(len(rows[0]))

    def after_epoch(epoch: int, loss: Floats) -> Floats:
        answers = decided(work, predict(members, scored, some))
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


def decided(work: _Work, logits: torch.Tensor) -> NDArray[Any]:
    """Logits (M, n, C) -> classes (M, n), labels (M, n, C) of 0 and 1, or numbers (M, n)."""
    if work.problem.kind == "number":
        return np.asarray(logits[..., 0].double() * work.targets.scale + work.targets.centre)
    if work.problem.kind == "labels":
        return np.asarray(logits > 0).astype(np.int64)
    return np.asarray(logits.argmax(-1))


def _answers(work: _Work, members: Members, scored: Any) -> NDArray[Any]:
    return decided(work, predict(members, scored, work.dev_rows))


def _result(
    work: _Work,
    spec: HeadSpec,
    parts: list[tuple[Members, Course, NDArray[Any]]],
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


def _weights(work: _Work, members: Sequence[Members]) -> dict[str, NDArray[np.float32]]:
    """Tensors (S, ...) as a checkpoint holds them; a regression answers in the label's unit."""
    weights = {}
    for name in (*members[0].parameters, *members[0].buffers):
        tensors = [{**each.parameters, **each.buffers}[name].detach() for each in members]
        weights[name] = torch.cat(tensors).float().numpy().copy()
    if work.problem.kind == "number":
        weights["classifier.weight"] *= np.float32(work.targets.scale)
        bias = weights["classifier.bias"] * work.targets.scale + work.targets.centre
        weights["classifier.bias"] = bias.astype(np.float32)
    return weights


class _Teller:
    """Turns steps and epochs into :class:`Progress`, a few times a second at most."""

    def __init__(
        self, progress: Callable[[Progress], None] | None, heads: int, recipe: Recipe, metric: str
    ) -> None:
        self.progress, self.heads, self.metric = progress, heads, metric
        # Choosing the rate trains as many single seeds as there are rates.
        self.choosing = 0.0 if recipe.learning_rate is not None else 0.4
        self.began, self.told = time.monotonic(), 0.0
        self.head, self.place, self.within = "", 0, 0.0

    def begin(self, head: str, place: int) -> None:
        self.head, self.place, self.within = head, place, 0.0

    def step(self, phase: str, share: float) -> None:
        start, size = (
            (0.0, self.choosing) if phase == "learning rate" else (self.choosing, 1 - self.choosing)
        )
        self.within = start + size * share
        if time.monotonic() - self.told > 0.5:
            self._tell(phase)

    def epoch(self, epoch: int, epochs: int, loss: Floats, score: Floats) -> None:
        self._tell("training", epoch=epoch, epochs=epochs, loss=loss, score=score)

    def end(self, result: FittedHead) -> None:
        self.within = 1.0
        score = result.scores.get(self.metric)
        self._tell("done", score=score, result=result)

    def _tell(self, phase: str, **more: Any) -> None:
        self.told = time.monotonic()
        if self.progress is None:
            return
        share = (self.place - 1 + self.within) / self.heads
        left = (self.told - self.began) * (1 - share) / max(share, 1e-3)
        self.progress(
            Progress(
                self.head, self.place, self.heads, phase, share, left, metric=self.metric, **more
            )
        )
