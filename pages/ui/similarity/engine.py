"""Scores of two sentences by every pooling on the page: those that recipes draw, and who fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.figures.plot import Plot
from analysis.figures.recipes import similarity as recipes
from analysis.figures.recipes.request import Data, Subject
from analysis.figures.recipes.results import Member
from analysis.figures.views.similarity import TITLES
from analysis.similarities.token_pairs import MAXSIM, SPLADE, Span, TokenPairs
from pages.ui.engine import models
from pages.ui.engine.results import PageStore, Reason
from pages.ui.frame.catalogue import Entry

if TYPE_CHECKING:
    from analysis.similarities.pair_scores import PairScores

T = TypeVar("T")


@dataclass(frozen=True)
class Score:
    """One pooling on the two sentences as they are shown, or why it has no score."""

    pooling: str
    pairs: TokenPairs | None
    problem: str = ""

    @property
    def title(self) -> str:
        """What the pooling is called."""
        return TITLES.get(self.pooling, self.pooling)


@dataclass(frozen=True)
class PairsOfDataSet:
    """A data set of pairs that was computed in this session: the scores of each entry, by id."""

    data: Data
    scores: dict[str, PairScores]
    key: str  # the job that computed it
    failed: tuple[tuple[str, str], ...] = ()  # entry, why it has no scores


class _Store(PageStore):
    """Scores over the data set of pairs come from what was computed in this session."""

    def __init__(self, scores: PairScores | None) -> None:
        self._scores = scores

    def result(self, member: Member, compute: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """``compute(member, *arguments)``, or what is kept of it; a reason is kept, too.

        Raises
        ------
        ValueError
            The mean that vectors are measured from was not computed.
        """
        if compute is recipes.pair_scores:
            if self._scores is None:
                raise ValueError("the data set of pairs has not been through this checkpoint")
            return self._scores  # type: ignore[return-value]
        try:
            return super().result(member, compute, arguments)
        except ValueError as error:
            if compute is recipes.token_pairs and not isinstance(
                self.known(member, compute, arguments), Reason
            ):
                self.keep_reason(member, compute, arguments, str(error))
            raise


@dataclass(frozen=True)
class Comparison:
    """Two sentences through one checkpoint: of a seed group its first seed."""

    entry: Entry
    text: str
    pair: str
    layer: int
    struck: tuple[Span, ...] = ()
    centre: PairsOfDataSet | None = None  # None: vectors are measured from zero

    @property
    def member(self) -> Member:
        """The checkpoint with its two sentences."""
        held = None if self.centre is None else self.centre.scores.get(self.entry.id)
        return Member(self.entry.first, self.text, self.pair, _Store(held))

    def scores(self, poolings: Sequence[str]) -> list[Score]:
        """One for each pooling; a failure stays in its own row."""
        return [self._score(pooling) for pooling in poolings]

    def _score(self, pooling: str) -> Score:
        data = None if self.centre is None else self.centre.data
        how = (pooling, self.layer, self.struck, data, models.precision())
        try:
            return Score(pooling, self.member.result(recipes.token_pairs, *how))
        except ValueError as error:
            return Score(pooling, None, str(error))


def picture(view: str, comparisons: Sequence[Comparison], **params: Any) -> Plot:
    """The picture `view` of these comparisons by its recipe, as they are shown.

    Raises
    ------
    ValueError
        There is no such picture; the message gives the reason.
    """
    from analysis.figures.recipes.registry import make

    first = comparisons[0]
    if view not in ("maxsim_margins", "splade_terms"):
        centred = {} if first.centre is None else {"centre": "mean"}
        params = {"layer": first.layer, "precision": models.precision(), **centred, **params}
    if first.struck:
        params["struck"] = [list(span) for span in first.struck]
    subjects = [
        Subject(comparison.entry.first.id, (comparison.member,)) for comparison in comparisons
    ]
    data = None if first.centre is None else first.centre.data
    return make(view, subjects, first.text, first.pair, None, params, data)


def picture_over(
    view: str, entry: Entry, held: PairsOfDataSet, poolings: Sequence[str], **params: Any
) -> Plot:
    """A picture of the scores of one entry over a data set of pairs, by its recipe.

    Raises
    ------
    ValueError
        There is no such picture; the message gives the reason.
    """
    from analysis.figures.recipes.registry import make

    scores = held.scores[entry.id]
    own = tuple(dict.fromkeys(pooling for pooling, _ in scores.keys))
    layers = sorted({layer for pooling, layer in scores.keys if pooling != "head"})
    params = {
        "poolings": [name for name in poolings if name in own],
        "layers": layers or None,
        "precision": models.precision(),
        **params,
    }
    member = Member(entry.first, "", None, _Store(scores))
    return make(view, [Subject(entry.first.id, (member,))], "", None, None, params, held.data)


def offered(members: Sequence[Checkpoint]) -> list[str]:
    """Poolings that at least one checkpoint has, in a fixed order; MaxSim and SPLADE last."""
    from analysis.corpus.embedding import poolings_of
    from analysis.similarities.splade import has_head

    own = {name for member in members for name in poolings_of(member)}
    names = [name for name in TITLES if name in own]
    sparse = any(_try(lambda m=m: has_head(models.classifier(m)), False) for m in members)
    return [*names, MAXSIM, *([SPLADE] if sparse else [])]


def _try(ask: Any, otherwise: Any) -> Any:
    try:
        return ask()
    except ValueError:  # a checkpoint that cannot be loaded says so in its card
        return otherwise
