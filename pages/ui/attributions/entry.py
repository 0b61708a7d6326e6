"""One checkpoint or seed group, and its attributions by every chosen method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from analysis.attribution import METHODS, Attribution, Target
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.faults import reason
from analysis.figures.plot import Plot
from analysis.figures.recipes.questions import question
from analysis.figures.views.source import distinct
from analysis.seed_groups import averages
from pages.ui.attributions import engine
from pages.ui.attributions.controls import OTHERS, AttributionRequest
from pages.ui.engine import crowd
from pages.ui.engine.replies import Reply
from pages.ui.engine.results import picture
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice

if TYPE_CHECKING:
    from analysis.text.tokens import Tokens

# Which layer carries the prediction: two methods that tell the layers apart.
LAYERS = ("joint_layers", "exact_split")


@dataclass
class Explanation:
    """Results of one entry so far, with reasons and costs of the others."""

    entry: Entry
    reply: Reply
    name: str  # of the checkpoint or seed group, as no other here is called
    problem: str = ""  # why nothing is explained at all
    target: Target = 0
    label: str = ""  # of what is explained
    unit: str = "piece"  # in which results are shown
    questions: dict[str, engine.Question] = field(default_factory=dict)
    results: dict[str, tuple[Attribution, ...]] = field(default_factory=dict)  # one a member
    without: dict[str, str] = field(default_factory=dict)  # why there is no result
    costs: dict[str, engine.Cost] = field(default_factory=dict)  # of one member

    @property
    def tokens(self) -> Tokens:
        """The text as its tokenizer reads it."""
        return self.reply.traces[0].tokens

    @property
    def checkpoint(self) -> Checkpoint:
        """For the provenance of pictures: the checkpoint, or the mean of the group."""
        return averages.mean_checkpoint(self.entry.members, self.entry.id)

    def mean(self, method: str) -> Attribution:
        """The result, or its mean over the seeds of a group."""
        return averages.mean_attribution(self.results[method])

    def waits_for(self, method: str) -> list[Checkpoint]:
        """Members without a result that could have one."""
        if self.problem or method in self.results or method in self.without:
            return []
        question = self.questions[method]
        return [
            m for m in self.entry.members if not isinstance(engine.known(m, question), Attribution)
        ]


def explain_all(
    replies: Sequence[Reply], choice: Choice, request: AttributionRequest
) -> list[Explanation]:
    """Explanations of the entries so far."""
    names = distinct([reply.entry.name for reply in replies])
    return [
        explain(reply, name, choice, request) for reply, name in zip(replies, names, strict=True)
    ]


def explain(reply: Reply, name: str, choice: Choice, request: AttributionRequest) -> Explanation:
    """Explanation of one entry so far: results, reasons, and the cost of the rest."""
    explanation = Explanation(reply.entry, reply, name)
    explanation.problem = _problem(reply)
    if not explanation.problem:
        try:
            _look_for_all(explanation, reply, choice, request)
        except Exception as error:
            explanation.problem = reason(error, reply.entry.id)
    return explanation


def _look_for_all(
    explanation: Explanation, reply: Reply, choice: Choice, request: AttributionRequest
) -> None:
    explanation.target, explanation.label = _target(reply, request)
    span = span_of(choice, request.span)
    explanation.unit = "span" if span else "word" if choice.words else "piece"
    for key in dict.fromkeys((*request.methods, *LAYERS)):
        recipe_question = question(
            key,
            explanation.target,
            explanation.unit,
            request.output,
            request.baseline,
            _baseline_text(choice, request),
            span,
            request.options.get(key, ()),
            request.seed,
        )
        explanation.questions[key] = engine.Question(
            choice.text, choice.pair, *recipe_question.arguments
        )
        look(explanation, key)


def look(explanation: Explanation, key: str) -> None:
    """Take in what is known of a method by now."""
    known = [
        engine.known(member, explanation.questions[key]) for member in explanation.entry.members
    ]
    refused = next((result for result in known if isinstance(result, str)), "")
    results = [result for result in known if isinstance(result, Attribution)]
    if len(results) == len(explanation.entry.members):
        explanation.results[key] = tuple(
            engine.shown(r, explanation.tokens, explanation.unit) for r in results
        )
    elif refused:
        explanation.without[key] = refused
    elif key not in explanation.costs:
        cost = engine.cost(explanation.entry.first, explanation.questions[key])
        if isinstance(cost, str):
            explanation.without[key] = cost
        else:
            explanation.costs[key] = cost


def at_once(explained: Sequence[Explanation], key: str) -> bool:
    """Whether a method is computed while one types: all of it is a moment's work."""
    work = sum(
        len(explanation.waits_for(key)) * explanation.costs[key].tokens
        for explanation in explained
        if key in explanation.costs
    )
    sampled = METHODS[key].family == "sampling"
    return work <= (engine.SAMPLED_AT_ONCE if sampled else engine.AT_ONCE)


def compute(
    explained: Sequence[Explanation], keys: Sequence[str], say: Callable[[str], None]
) -> None:
    """Compute what takes a moment; the rest waits until somebody asks for it."""
    todo = [
        (explanation, key)
        for key in keys
        if at_once(explained, key)
        for explanation in explained
        if explanation.waits_for(key)
    ]
    total = sum(len(explanation.waits_for(key)) for explanation, key in todo)
    if not total:
        return
    done = 0
    # One turn for all: people who take turns after every result all wait until the last is done.
    with crowd.turn(say):
        for explanation, key in todo:
            for member in explanation.waits_for(key):
                done += 1
                say(f"{METHODS[key].title}: {member.name} ({done} of {total})")
                engine.find(member, explanation.questions[key])
            look(explanation, key)


def with_fewer_points(
    explained: Sequence[Explanation], request: AttributionRequest
) -> AttributionRequest:
    """The request with few points along the line in methods that are still to be computed."""
    options = dict(request.options)
    for key in request.methods:
        own = options.get(key, ())
        lacking = any(explanation.waits_for(key) for explanation in explained)
        if lacking and at_once(explained, key) and engine.saves_points(key, own):
            options[key] = (*own, ("n_steps", crowd.FEW_STEPS))
    return replace(request, options=options)


def span_of(choice: Choice, words: str) -> tuple[tuple[int, int, int], ...]:
    """((segment, start, end),) of the words in the text; () for none asked for.

    Raises ``ValueError`` where they do not stand there.
    """
    if not words:
        return ()
    for segment, text in enumerate((choice.text, choice.pair or "")):
        at = text.lower().find(words.lower())
        # A letter whose small form is longer would move all that stands behind it.
        if at >= 0 and text[at : at + len(words)].lower() == words.lower():
            return ((segment, at, at + len(words)),)
    raise ValueError(f"“{words}” does not stand in the text: give a span as it is written there")


def _baseline_text(choice: Choice, request: AttributionRequest) -> str | None:
    return request.baseline_text.strip() or None if request.baseline == "text" else None


def _problem(reply: Reply) -> str:
    if reply.problem:
        return reply.problem
    if not reply.entry.classifies:
        return (
            f"{reply.entry.name} is a {reply.entry.first.encoder_kind}: it predicts nothing, so "
            "there is no prediction to explain."
        )
    if all(reply.traces[0].tokens.special):
        return "The text has special tokens only: there is nothing to attribute the answer to."
    return ""


def _target(reply: Reply, request: AttributionRequest) -> tuple[Target, str]:
    labels = reply.entry.first.labels
    if reply.entry.first.regression:
        return reply.target, "a larger value"
    if request.against == OTHERS or request.against not in labels:
        return reply.target, reply.label
    contrast = labels.index(request.against)
    if contrast == reply.target:
        raise ValueError(
            f"{reply.entry.name}: {reply.label} cannot be explained against itself; choose another "
            "class under “Against”."
        )
    return (reply.target, contrast), f"{reply.label} against {request.against}"


def picture_of(
    view: str,
    some: Sequence[Explanation],
    choice: Choice,
    request: AttributionRequest,
    methods: Sequence[str],
    **params: Any,
) -> Plot:
    """A picture of attributions of these entries, as they were asked; by its recipe.

    One that shows an attribution which was stopped early has no recipe: it cannot be made again.
    """
    span = span_of(choice, request.span)
    plot = picture(
        view,
        [explanation.entry for explanation in some],
        choice,
        [explanation.target for explanation in some],
        method=list(methods),
        unit="word" if choice.words else "piece",
        output=request.output,
        baseline=request.baseline,
        baseline_text=_baseline_text(choice, request),
        span=[list(part) for part in span] or None,
        options={key: dict(request.options[key]) for key in methods if request.options.get(key)}
        or None,
        seed=request.seed,
        **params,
    )
    stopped = any(
        r.stopped
        for explanation in some
        for key in methods
        for r in explanation.results.get(key, ())
    )
    return replace(plot, recipe={}) if stopped else plot


def shared(explained: Sequence[Explanation], key: str) -> list[Explanation]:
    """Explanations with a result by this method."""
    return [explanation for explanation in explained if key in explanation.results]


def tokens_of(some: Sequence[Explanation]) -> list[Tokens]:
    """The texts as each tokenizer reads them."""
    return [explanation.tokens for explanation in some]
