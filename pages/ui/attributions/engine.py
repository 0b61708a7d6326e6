"""Attributions as they are asked for: one question, one kept result for each checkpoint.

Kept by everything that a result hangs on, up to a number of bytes. What takes longer than a
moment runs as a job beside the page, so that typing goes on, and can be stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.attribution import (
    METHODS,
    Attribution,
    Enough,
    Progress,
    Target,
    attribute,
    expected_seconds,
    in_words,
    passes,
    unit_groups,
    why_not,
)
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common import jobs
from analysis.common.arrays import bytes_of
from analysis.common.cache import Cache
from analysis.common.faults import reason
from analysis.figures.recipes import questions as recipes
from analysis.figures.recipes import results
from analysis.text.tokens import tokenize
from pages.ui.engine import models, visitor
from pages.ui.engine.results import Held, Reason, key_of, member_of, small
from pages.ui.engine.server_wide import kept_up_to

if TYPE_CHECKING:
    from analysis.attribution.registry import OptionValue
    from analysis.checkpoints.loading import Classifier
    from analysis.common.jobs import Desk, Job
    from analysis.text.tokens import Tokens

_BACKWARD = 3  # what a pass with gradients costs, in forwards
# Tokens of a small encoder in all passes of a method, over all checkpoints, that are run while one
# types.
AT_ONCE = 30_000
SAMPLED_AT_ONCE = 8_000  # of a sampling method: its forwards are many, and its scores uncertain
_SMALL = 6 * 384**2
_LANE = "attributions"
_JOB = "attribution_job"


@dataclass(frozen=True)
class Question:
    """Question of an attribution: text, method, target and options, without the checkpoint."""

    text: str
    pair: str | None
    method: str
    target: Target
    unit: str  # "piece", "word" or "span"; gradients without intervals are computed by piece
    output: str
    baseline: str
    baseline_text: str | None
    span: tuple[tuple[int, int, int], ...] = ()
    options: tuple[tuple[str, OptionValue], ...] = ()
    seed: int = 0

    @property
    def recipe_question(self) -> recipes.Question:
        """The question without the text, as recipes ask it."""
        names = recipes.Question.__dataclass_fields__
        return recipes.Question(**{name: getattr(self, name) for name in names})

    def key(self, member: Checkpoint) -> Hashable:
        """Identity of the result, the same as for a recipe: files, precision, text, question."""
        reader = member_of(member, self.text, self.pair)
        return key_of(reader, results.attribution, self.recipe_question.arguments)


def known(member: Checkpoint, question: Question) -> Attribution | str | None:
    """The result, in one sentence why there is none, or None where it was never computed."""
    return kept(question.key(member))  # type: ignore[no-any-return]


def find(member: Checkpoint, question: Question) -> Attribution | str:
    """The result, computed now where it is not known; typing that goes on ends it."""
    result = known(member, question)
    if result is None:
        result = _computed(models.classifier(member), question, models.leave_if_stale)
        keep(question.key(member), result)
    return result


def _computed(classifier: Classifier, question: Question, progress: Progress) -> Attribution | str:
    """Raises ``Enough`` where it was ended before there was anything to keep."""
    try:
        return attribute(
            classifier,
            question.text,
            question.pair,
            question.method,
            question.target,
            question.unit,
            output=question.output,
            baseline=question.baseline,
            baseline_text=question.baseline_text,
            span=question.span or None,
            seed=question.seed,
            progress=progress,
            allow_cost=True,
            **dict(question.options),
        )
    except Exception as error:
        return reason(error, classifier.checkpoint.id)


def store() -> Cache[Any]:
    """Where results are kept; for a thread, which knows no session."""
    return small()


def remember(store: Cache[Any], key: Hashable, result: Any) -> None:
    """Keep a result, or in one sentence why there is none, from within a thread."""
    held = Reason(result) if isinstance(result, str) else Held(result)
    store.put(key, held, 2_000 + bytes_of(result))


def kept(key: Hashable) -> Any:
    """Whatever was computed under this key, in one sentence why there is none, or None."""
    held = small().get(key)
    return held.text if isinstance(held, Reason) else held.value if held is not None else None


def keep(key: Hashable, result: Any) -> Any:
    """Keep a result, and return it."""
    remember(small(), key, result)
    return result


def shown(result: Attribution, tokens: Tokens, unit: str) -> Attribution:
    """The result in the unit of the page: pieces of gradient methods are summed into words."""
    return in_words(result, tokens) if unit == "word" and result.unit == "piece" else result


def saves_points(method: str, options: Sequence[tuple[str, OptionValue]]) -> bool:
    """Whether a method chooses the points along its line itself, and so can take fewer."""
    option = METHODS[method].options.get("n_steps")
    return option is not None and option.default is None and not dict(options).get("n_steps")


# --- what it will cost ------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """Cost of a question on one checkpoint."""

    passes: int
    most: int  # passes, where the method stops by itself
    passes_as_words: int
    tokens: int  # of a small encoder, in all passes; a pass with gradients counts threefold


def cost(member: Checkpoint, question: Question) -> Cost | str:
    """Passes and tokens of a question, or why this checkpoint cannot have the method."""
    classifier = models.classifier(member)
    refusal = why_not(classifier, question.method)
    if refusal:
        return refusal
    tokens = models.trace(member, question.text, question.pair).tokens
    try:
        units = unit_groups(tokens, question.unit, question.span or None)
        count, words = (
            sum(not tokens.special[group[0]] for group in groups)
            for groups in (units, tokens.word_groups())
        )
        options, kind = dict(question.options), classifier.checkpoint.kind
        total, as_words = (passes(question.method, n, options, kind=kind) for n in (count, words))
        most = passes(question.method, count, options, kind=kind, most=True)
    except Exception as error:
        return reason(error)
    method = METHODS[question.method]
    weight = (_BACKWARD if "backward" in method.needs else 1) * _size(classifier)
    work = round(weight * total * len(tokens))
    return Cost(total, most, as_words if method.perturbs else total, work)


def _size(classifier: Classifier) -> float:
    """Cost of a token, in tokens of an encoder of 6 layers of 384."""
    config = classifier.encoder.config
    depth = getattr(config, "num_hidden_layers", 0) or 0
    width = getattr(config, "hidden_size", 0) or 0
    return max(1.0, depth * width**2 / _SMALL)


def seconds(member: Checkpoint, question: Question, units: int | None = None) -> float:
    """Expected seconds, from one measured pass of this length; for `units` units if given."""
    classifier = models.classifier(member)
    tokens = tokenize(classifier.tokenizer, question.text, question.pair, classifier.limit)
    backward = "backward" in METHODS[question.method].needs
    per_pass = _pass_seconds(
        member.sha256,
        models.precision(),
        len(tokens),
        backward,
        question.method,
        _classifier=classifier,
        _tokens=tokens,
    )
    if units is None:
        groups = unit_groups(tokens, question.unit, question.span or None)
        units = sum(not tokens.special[group[0]] for group in groups)
    kind = classifier.checkpoint.kind
    return per_pass * passes(question.method, units, dict(question.options), kind=kind)


def forward_seconds(member: Checkpoint, question: Question) -> float:
    """Expected seconds of one rerun of this text."""
    classifier = models.classifier(member)
    tokens = tokenize(classifier.tokenizer, question.text, question.pair, classifier.limit)
    return _pass_seconds(
        member.sha256,
        models.precision(),
        len(tokens),
        False,
        "leave_one_out",
        _classifier=classifier,
        _tokens=tokens,
    )


@kept_up_to(4, most=256)
def _pass_seconds(
    sha256: str,
    dtype: str,
    length: int,
    backward: bool,
    method: str,
    _classifier: Classifier,
    _tokens: Tokens,
) -> float:
    """Seconds of one pass over a text of this length."""
    count = int((~_tokens.special).sum())
    total = passes(method, count, kind=_classifier.checkpoint.kind)
    return expected_seconds(_classifier, _tokens, method) / max(total, 1)


# --- long ones, beside the page ---------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """One result to be computed beside the page: what it is called, kept under, and made by."""

    name: str
    key: Hashable
    make: Callable[[Progress], Any]  # may raise ``Enough`` where there is nothing to keep yet


def task(member: Checkpoint, question: Question) -> Task:
    """The attribution of a question as a task; the thread that runs it knows no session."""
    classifier = models.classifier(member)
    return Task(
        member.id, question.key(member), lambda progress: _computed(classifier, question, progress)
    )


def start(tasks: Sequence[Task], place: str) -> None:
    """Work through these tasks beside the page; one such job a session.

    `place` names the panel that shows how far it is.
    """
    stop()
    kept_in = small()
    key = "attributions:" + hashlib.sha256(repr([task.key for task in tasks]).encode()).hexdigest()

    def work(desk: Desk) -> None:
        for index, task in enumerate(tasks):

            def report(share: float, index: int = index) -> None:
                whole = (index + share) / len(tasks)
                desk.report(round(1000 * whole), 1000, share=whole)
                if desk.cancel.is_set():
                    raise Enough

            try:
                result = task.make(report)
            except Enough:
                return
            remember(kept_in, task.key, result)
            desk.check()

    key = visitor.own(key)
    st.session_state[_JOB] = (key, place)
    jobs.start(key, work, lane=_LANE, again=True, owner=visitor.name())


def running() -> Job | None:
    """The job of this session, while it runs."""
    job = _job()
    return job if job is not None and job.running else None


def failure() -> str:
    """Why the session's last job failed; "" where it did not."""
    job = _job()
    return job.error or "" if job is not None and job.state == "failed" else ""


def stop() -> None:
    """End the session's job; what it has is kept."""
    job = running()
    if job is not None:
        job.stop()


def _job() -> Job | None:
    named = st.session_state.get(_JOB)
    return jobs.find(named[0]) if named else None


def place() -> str:
    """The panel of the session's last job."""
    named = st.session_state.get(_JOB)
    return named[1] if named else ""


def precision() -> str:
    """Type of the encoder, as chosen in the sidebar."""
    return models.precision()
