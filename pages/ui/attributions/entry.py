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
from pages.ui.frame.inputs import Choice

if TYPE_CHECKING:
    from analysis.text.tokens import Tokens

# Which layer carries the prediction: two methods that tell the layers apart.
LAYERS = ("joint_layers", "exact_split")


@dataclass
class Explanation:
    """What the page knows of one entry."""

    entry: Entry
    reply: Reply
    name: str  # of the checkpoint or seed group, as no other here is called
    problem: str = ""  # why nothing is explained at all
    target: Target = 0
    label: str = ""  # of what is explained
    unit: str = "piece"  # in which results are shown
    asked: dict[str, engine.Question] = field(default_factory=dict)
    found: dict[str, tuple[Attribution, ...]] = field(default_factory=dict)  # one a member
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
        return averages.mean_attribution(self.found[method])

    def waits_for(self, method: str) -> list[Checkpoint]:
        """Members without a result that could have one."""
        if self.problem or method in self.found or method in self.without:
            return []
        asked = self.asked[method]
        return [
            m for m in self.entry.members if not isinstance(engine.known(m, asked), Attribution)
        ]


def explain_all(
    given: Sequence[Reply], choice: Choice, wanted: AttributionRequest
) -> list[Explanation]:
    """What is known by now of each entry."""
    names = distinct([reply.entry.name for reply in given])
    return [explain(reply, name, choice, wanted) for reply, name in zip(given, names, strict=True)]


def explain(reply: Reply, name: str, choice: Choice, wanted: AttributionRequest) -> Explanation:
    """What is known by now of one entry: results, reasons, and what the rest would cost."""
    one = Explanation(reply.entry, reply, name)
    one.problem = _problem(reply)
    if not one.problem:
        try:
            _look_for_all(one, reply, choice, wanted)
        except Exception as error:
            one.problem = reason(error, reply.entry.id)
    return one


def _look_for_all(
    one: Explanation, reply: Reply, choice: Choice, wanted: AttributionRequest
) -> None:
    one.target, one.label = _target(reply, wanted)
    span = span_of(choice, wanted.span)
    one.unit = "span" if span else "word" if choice.words else "piece"
    for key in dict.fromkeys((*wanted.methods, *LAYERS)):
        asked = question(
            key,
            one.target,
            one.unit,
            wanted.output,
            wanted.baseline,
            _baseline_text(choice, wanted),
            span,
            wanted.options.get(key, ()),
            wanted.seed,
        )
        one.asked[key] = engine.Question(choice.text, choice.pair, *asked.arguments)
        look(one, key)


def look(one: Explanation, key: str) -> None:
    """Take in what is known of a method by now."""
    found = [engine.known(member, one.asked[key]) for member in one.entry.members]
    refused = next((result for result in found if isinstance(result, str)), "")
    results = [result for result in found if isinstance(result, Attribution)]
    if len(results) == len(one.entry.members):
        one.found[key] = tuple(engine.shown(r, one.tokens, one.unit) for r in results)
    elif refused:
        one.without[key] = refused
    elif key not in one.costs:
        cost = engine.cost(one.entry.first, one.asked[key])
        if isinstance(cost, str):
            one.without[key] = cost
        else:
            one.costs[key] = cost


def at_once(explained: Sequence[Explanation], key: str) -> bool:
    """Whether a method is computed while one types: all of it is a moment's work."""
    work = sum(
        len(one.waits_for(key)) * one.costs[key].tokens for one in explained if key in one.costs
    )
    sampled = METHODS[key].family == "sampling"
    return work <= (engine.SAMPLED_AT_ONCE if sampled else engine.AT_ONCE)


def compute(
    explained: Sequence[Explanation], keys: Sequence[str], say: Callable[[str], None]
) -> None:
    """Compute what takes a moment; the rest waits until somebody asks for it."""
    todo = [
        (one, key)
        for key in keys
        if at_once(explained, key)
        for one in explained
        if one.waits_for(key)
    ]
    total = sum(len(one.waits_for(key)) for one, key in todo)
    done = 0
    for one, key in todo:
        for member in one.waits_for(key):
            done += 1
            with crowd.turn(say):
                say(f"{METHODS[key].title}: {member.name} ({done} of {total})")
                engine.find(member, one.asked[key])
        look(one, key)


def with_fewer_points(
    explained: Sequence[Explanation], wanted: AttributionRequest
) -> AttributionRequest:
    """The same request with few points along the line in methods that are still to be computed."""
    options = dict(wanted.options)
    for key in wanted.methods:
        own = options.get(key, ())
        lacking = any(one.waits_for(key) for one in explained)
        if lacking and at_once(explained, key) and engine.saves_points(key, own):
            options[key] = (*own, ("n_steps", crowd.FEW_STEPS))
    return replace(wanted, options=options)


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


def _baseline_text(choice: Choice, wanted: AttributionRequest) -> str | None:
    return wanted.baseline_text.strip() or None if wanted.baseline == "text" else None


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


def _target(reply: Reply, wanted: AttributionRequest) -> tuple[Target, str]:
    labels = reply.entry.first.labels
    if reply.entry.first.regression:
        return reply.target, "a larger value"
    if wanted.against == OTHERS or wanted.against not in labels:
        return reply.target, reply.label
    other = labels.index(wanted.against)
    if other == reply.target:
        raise ValueError(
            f"{reply.entry.name}: {reply.label} cannot be explained against itself; choose another "
            "class under “Against”."
        )
    return (reply.target, other), f"{reply.label} against {wanted.against}"


def picture_of(
    view: str,
    some: Sequence[Explanation],
    choice: Choice,
    wanted: AttributionRequest,
    methods: Sequence[str],
    **params: Any,
) -> Plot:
    """A picture of attributions of these entries, as they were asked; by its recipe.

    One that shows an attribution which was stopped early has no recipe: it cannot be made again.
    """
    span = span_of(choice, wanted.span)
    plot = picture(
        view,
        [one.entry for one in some],
        choice,
        [one.target for one in some],
        method=list(methods),
        unit="word" if choice.words else "piece",
        output=wanted.output,
        baseline=wanted.baseline,
        baseline_text=_baseline_text(choice, wanted),
        span=[list(part) for part in span] or None,
        options={key: dict(wanted.options[key]) for key in methods if wanted.options.get(key)}
        or None,
        seed=wanted.seed,
        **params,
    )
    stopped = any(r.stopped for one in some for key in methods for r in one.found.get(key, ()))
    return replace(plot, recipe={}) if stopped else plot


def shared(explained: Sequence[Explanation], key: str) -> list[Explanation]:
    """Those that have a result by this method."""
    return [one for one in explained if key in one.found]


def tokens_of(some: Sequence[Explanation]) -> list[Any]:
    """The texts as each tokenizer reads them."""
    return [one.tokens for one in some]
