"""Scores of two sentences by every pooling on the page: those that recipes draw, and who fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.figures.plot import Plot
from analysis.figures.recipes import similarity_results as results
from analysis.figures.recipes.request import Data
from analysis.figures.views.similarity import TITLES, limits_of
from analysis.similarities.pair_edits import Put, Span
from analysis.similarities.token_pairs import MAXSIM, NOT_POOLED, SPLADE, TokenPairs
from pages.ui.engine import models
from pages.ui.engine.results import STORE, member_of, picture, subject_of
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.similarities.pair_scores import PairScores


@dataclass(frozen=True)
class Score:
    """One pooling on the two sentences as they are shown, or why it has no score."""

    pooling: str
    pairs: TokenPairs | None
    problem: str = ""

    @property
    def title(self) -> str:
        """Title of the pooling."""
        return TITLES.get(self.pooling, self.pooling)


@dataclass(frozen=True)
class Shown:
    """Content of one card."""

    entry: Entry
    scores: list[Score]

    @property
    def known(self) -> list[Score]:
        """The poolings that have a score."""
        return [score for score in self.scores if score.pairs is not None]


@dataclass(frozen=True)
class PairsOfDataSet:
    """A data set of pairs that was computed in this session: the scores of each checkpoint."""

    data: Data
    scores: dict[str, PairScores]  # by the id of a checkpoint
    poolings: tuple[str, ...]  # that were asked for
    layers: tuple[int, ...] | str
    precision: str
    key: str  # the job that computed it
    failed: tuple[tuple[str, str], ...] = ()  # entry, why it has no scores

    def has(self, entry: Entry) -> bool:
        """Whether every seed of an entry was computed."""
        return all(member.id in self.scores for member in entry.members)

    def has_mean(self, entry: Entry, pooling: str, layer: int) -> bool:
        """Whether the mean of a pooling at a layer is known for every seed of an entry."""
        return self.has(entry) and all(
            any(
                name == pooling and (pooling == "head" or layer in (-1, number))
                for name, number in self.scores[member.id].keys
            )
            for member in entry.members
        )

    def of(self, entry: Entry) -> PairScores:
        """The scores of an entry; of a seed group the mean over its seeds."""
        from analysis.seed_groups.similarities import mean_scores

        return mean_scores([self.scores[member.id] for member in entry.members], entry.id)

    def picture(self, view: str, entry: Entry, choice: Choice, **params: Any) -> Plot:
        """The picture `view` of these scores.

        Raises
        ------
        ValueError
            There is no such picture; the message gives the reason.
        """
        layers = None if isinstance(self.layers, str) else list(self.layers)
        params = {
            "poolings": list(self._own(entry.first)),
            "layers": layers,
            "precision": self.precision,
            **params,
        }
        return picture(view, [entry], choice, data=self.data, **params)

    def _own(self, member: Checkpoint) -> tuple[str, ...]:
        from analysis.corpus.embedding import poolings_of

        return tuple(name for name in self.poolings if name in poolings_of(member))

    def keep(self, entries: Sequence[Entry]) -> None:
        """Put what was computed where pictures look for it, so that none computes it again."""
        for member in (member for entry in entries for member in entry.members):
            scores = self.scores.get(member.id)
            if scores is None:
                continue
            place = member_of(member, "", None)
            question = (self.data, self._own(member), self.layers, self.precision)
            STORE.keep(place, results.pair_scores, question, scores)
            for (pooling, layer), mean in zip(scores.keys, scores.means, strict=True):
                of_mean = (self.data, pooling, layer, self.precision)
                STORE.keep(place, results.mean_over, of_mean, mean.astype("float64"))


@dataclass(frozen=True)
class Comparison:
    """Settings of the comparison of the page's two sentences, for all checkpoints and poolings."""

    choice: Choice
    layer: int
    count: int
    struck: tuple[Span, ...] = ()
    put: tuple[Put, ...] = ()
    centre: PairsOfDataSet | None = None  # None: vectors are measured from zero

    @property
    def data(self) -> Data | None:
        """The data set from whose mean vectors are measured."""
        return None if self.centre is None else self.centre.data

    def scores(self, entry: Entry, poolings: Sequence[str]) -> list[Score]:
        """One for each pooling; a failure stays in its own row."""
        return [self._score(entry, pooling) for pooling in poolings]

    def _score(self, entry: Entry, pooling: str) -> Score:
        centre = None if pooling in NOT_POOLED else self.centre
        if centre is not None and not centre.has_mean(entry, pooling, self.layer):
            return Score(
                pooling,
                None,
                f"The mean of {centre.data.name} is not known for this pooling and layer: compare "
                "its pairs below with them, or measure from zero.",
            )
        question = results.PairQuestion(
            pooling, self.layer, self.struck, self.put, self.data, models.precision()
        )
        subject = subject_of(entry, self.choice.text, self.choice.pair)
        try:
            return Score(pooling, results.pairs_of_subject(subject, question))
        except ValueError as error:
            return Score(pooling, None, str(error))

    def limits(self, scores: Sequence[Score]) -> dict[str, float]:
        """Value of the widest band of each pooling, common to all checkpoints."""
        known = [score.pairs for score in scores if score.pairs is not None]
        return limits_of(known, self.choice.words)

    def picture(self, view: str, entries: Sequence[Entry], **params: Any) -> Plot:
        """The picture `view` of these entries, as the page compares the sentences.

        Raises
        ------
        ValueError
            There is no such picture; the message gives the reason.
        """
        from analysis.figures.recipes.registry import options_of

        whole = {
            "layer": self.layer,
            "words": self.choice.words,
            "count": self.count,
            "struck": [list(span) for span in self.struck] or None,
            "put": [list(edit) for edit in self.put] or None,
            "centre": "zero" if self.centre is None else "mean",
            "precision": models.precision(),
        }
        known = options_of(view)
        own = {name: value for name, value in whole.items() if name in known}
        return picture(view, entries, self.choice, data=self.data, **{**own, **params})


def offered(members: Sequence[Checkpoint]) -> list[str]:
    """Poolings that at least one checkpoint has, in a fixed order; MaxSim and SPLADE last."""
    from analysis.corpus.embedding import poolings_of
    from analysis.similarities.splade import has_head

    own = {name for member in members for name in poolings_of(member)}
    names = [name for name in TITLES if name in own]
    sparse = any(_holds(member, has_head) for member in members)
    return [*names, MAXSIM, *([SPLADE] if sparse else [])]


def usual(members: Sequence[Checkpoint]) -> list[str]:
    """Poolings that are compared before anybody chooses: mean, maximum, the token that sees the
    whole text ([CLS], in a decoder the last), and what a folder declares as its own."""
    decoder = any(_holds(member, lambda model: model.causal) for member in members)
    declared = any(member.kind == "encoder" and member.head for member in members)
    return ["mean", "max", "last_token" if decoder else "cls", *(["head"] if declared else [])]


def _holds(member: Checkpoint, condition: Callable[[Classifier], bool]) -> bool:
    try:
        return condition(models.classifier(member))
    except ValueError:  # a checkpoint that cannot be loaded says so in its card
        return False
