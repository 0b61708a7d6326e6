"""The request of a picture: subjects (checkpoints and seed groups), a text, a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from analysis.checkpoints import profiles
from analysis.datasets.sentences import SentenceSet, spread
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.results import ComputedResults, Member
from analysis.figures.views.comparisons import together
from analysis.reading.decomposition import NoExactSplit, decompose
from analysis.seed_groups import averages

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.checkpoints.loading import Classifier
    from analysis.checkpoints.profiles import Profile
    from analysis.datasets.table import Table
    from analysis.reading.decomposition import Decomposition
    from analysis.reading.trace import Trace

T = TypeVar("T")
ABOUT_THE_SUITE = (
    "The sentences are made from templates: they show how a checkpoint treats these, and its "
    "numbers are no scores on natural text."
)
Target = int | tuple[int, int]  # a class, or one class against another
GivenTarget = int | str | tuple[int | str, int | str] | None  # by index or name; None: predicted
AGAINST = " against "  # between the names of two classes


@dataclass(frozen=True)
class Subject:
    """A checkpoint or a seed group, by the name that pictures give it."""

    name: str
    members: tuple[Member, ...]

    def reads(self, text: str, pair: str | None) -> Subject:
        """The subject with another text."""
        return replace(self, members=tuple(m.reads(text, pair) for m in self.members))

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint, or a description of the whole group."""
        return averages.mean_checkpoint([m.checkpoint for m in self.members], self.name)

    @property
    def is_group(self) -> bool:
        """Whether it is several seeds."""
        return len(self.members) > 1

    def each(self, compute: Callable[..., T], *arguments: Any) -> tuple[T, ...]:
        """The result of every member."""
        return tuple(member.result(compute, *arguments) for member in self.members)

    def traces(self, attentions: bool = False) -> tuple[Trace, ...]:
        """One forward a member."""
        return self.each(results.whole_trace if attentions else results.trace)

    def mean_trace(self, attentions: bool = False) -> Trace:
        """The first member's trace with the members' mean hidden states and attentions."""
        return averages.mean_trace(self.traces(attentions), self.name)

    def splits(self, reference: str | Sequence[str] | None = None) -> list[Decomposition]:
        """The members' exact splits, from the corpus mean where a profile has one, else zero.

        Or from the reference ("zero", "corpus") that a saved picture names, once or a seed.
        """
        if reference is not None and not isinstance(reference, str):
            reference = reference[0] if reference else None
        known_reference(reference)
        return [exact_split(trace, reference) for trace in self.traces()]

    def profiles(self) -> list[Profile | None]:
        """Every member's profile over its corpus."""
        return [profiles.read(member.checkpoint.folder) for member in self.members]

    def only(self, view: str) -> Member:
        """The one member; ``ValueError`` for a group."""
        if self.is_group:
            raise ValueError(
                f"{view} is drawn of one checkpoint: name one of "
                + ", ".join(m.checkpoint.id for m in self.members)
            )
        return self.members[0]

    def target(self, target: GivenTarget) -> Target:
        """Index of the class (or of one class and the other): by name or index, else predicted."""
        labels = self.members[0].checkpoint.labels
        if isinstance(target, str) and target not in labels and AGAINST in target:
            name, _, contrast = target.partition(AGAINST)
            return self._index(name), self._index(contrast)
        if isinstance(target, tuple):
            return self._index(target[0]), self._index(target[1])
        return self._index(target)

    def class_index(self, target: GivenTarget) -> int:
        """Index of one class; ``ValueError`` where a class is asked for against another."""
        index = self.target(target)
        if isinstance(index, tuple):
            raise ValueError("this picture explains one class, not one against another")
        return index

    def _index(self, target: int | str | None) -> int:
        labels = self.members[0].checkpoint.labels
        if isinstance(target, str):
            if target in labels:
                return labels.index(target)
            if not target.lstrip("-").isdigit():
                known = ", ".join(labels) or "none"
                raise ValueError(f"{self.name} has no class {target!r}; it has {known}")
            target = int(target)
        if target is None:
            if self.traces()[0].logits is None:
                kind = self.members[0].checkpoint.encoder_kind
                raise ValueError(f"{self.name} is a {kind} and predicts nothing")
            return int(np.mean([t.probabilities for t in self.traces()], axis=0).argmax())
        if not 0 <= target < max(len(labels), 1):
            raise ValueError(
                f"class {target} does not exist: {self.name} has {len(labels)}, counted from 0"
            )
        return target


def loaded(name: str, classifiers: Sequence[Classifier]) -> Subject:
    """A subject of loaded checkpoints, without a text yet."""
    store = ComputedResults(classifiers)
    return Subject(name, tuple(Member(c.checkpoint, "", None, store) for c in classifiers))


@dataclass(frozen=True, eq=False)
class Data:
    """A data set that a picture is drawn over."""

    table: Table
    name: str = ""  # in words
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)  # further ones, by name

    @property
    def identity(self) -> tuple[str, str]:
        """Digests of its texts and of its labels."""
        return self.table.digest, self.table.label_digest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Data) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def written(self) -> dict[str, Any]:
        """Its identity as plain JSON values, without its texts."""
        table = self.table
        facts = {"name": self.name, "rows": len(table), "sha256": table.digest}
        facts |= {"labels": table.label_digest}
        return facts | ({"suite": table.task} if table.split == "suite" else {})


def of_suite(task: str) -> Data:
    """The sentences of the behaviour suite for a task. Raises ``ValueError`` where it has none."""
    from analysis import suite

    cases = suite.sentences(task)
    columns = {
        name: tuple(str(getattr(case, name)) for case in cases)
        for name in ("template", "capability", "kind")
    }
    return Data(suite.table(task), f"behaviour suite, {task}", columns)


def columns_at(
    columns: Mapping[str, Sequence[str]], rows: Sequence[int] | np.ndarray
) -> dict[str, list[str]]:
    """The further columns of some `rows` (n,) of a data set, as words."""
    places = [int(row) for row in rows]
    return {name: [str(values[row]) for row in places] for name, values in columns.items()}


@dataclass(frozen=True)
class Request:
    """The input of a recipe."""

    subjects: tuple[Subject, ...]
    text: str
    pair: str | None
    targets: tuple[GivenTarget, ...]  # one a subject
    data: Data | None = None  # where the picture is one over a data set

    def __iter__(self) -> Iterator[tuple[Subject, GivenTarget]]:
        return iter(zip(self.subjects, self.targets, strict=True))

    @property
    def table(self) -> Table:
        """The data set. Raises ``ValueError`` where none was given."""
        if self.data is None:
            raise ValueError("this picture is drawn over a data set: give one (--data FILE)")
        return self.data.table

    def sentences(self, most: int, first: int | None = None) -> SentenceSet:
        """`most` different sentences of the data set, spread evenly; of these the `first` ones."""
        chosen = spread(self.table, self.data.name if self.data else "", most)
        if first is None or first >= len(chosen.rows):
            return chosen
        classes = None if chosen.classes is None else chosen.classes[:first]
        return replace(chosen, rows=chosen.rows[:first], classes=classes)

    @property
    def names(self) -> list[str]:
        """Names of the subjects."""
        return [subject.name for subject in self.subjects]

    def only(self, view: str) -> tuple[Subject, GivenTarget]:
        """The only subject; ``ValueError`` where there are several."""
        if len(self.subjects) > 1:
            raise ValueError(f"{view} is drawn of one checkpoint at a time: name one")
        return self.subjects[0], self.targets[0]

    def each(self, draw: Callable[[Subject, GivenTarget], Plot], columns: int = 1) -> Plot:
        """One picture, or those of several checkpoints side by side on one scale."""
        plots = [draw(subject, target) for subject, target in self]
        return plots[0] if len(plots) == 1 else together(plots, self.names, columns)


def exact_split(trace: Trace, reference: str | None = None) -> Decomposition:
    """The exact split, relative to `reference`, by default the corpus mean; without profile, zero.

    Raises `NoExactSplit` with the reason where the pooling head has none, and ``ValueError`` for a
    reference that is not known or not there.
    """
    try:
        return decompose(trace, reference)
    except NoExactSplit:
        raise
    except ValueError:
        if reference is not None:  # what was asked for by name is not replaced in silence
            raise
        return decompose(trace, "zero")


def known_reference(reference: str | Sequence[str] | None) -> None:
    """Raises ``ValueError`` for a reference that no split can be measured from."""
    for name in [reference] if isinstance(reference, str) else reference or ():
        if name not in ("zero", "corpus"):
            raise ValueError(f"reference is {name!r}; known here: zero, corpus")


def within(name: str, value: int | None, low: int, high: int) -> None:
    """Raises ``ValueError`` where a place is asked for that is not there."""
    if value is not None and not low <= value <= high:
        raise ValueError(f"{name} {value} is not there: choose {low} to {high}")
