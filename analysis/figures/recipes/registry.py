"""Recipes: how a picture is made from checkpoints, a text and a few parameters.

The command line, a saved figure and a notebook make pictures here; what a recipe computes is in
the library already, and what it draws are the views. Nothing is loaded by importing this module.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from analysis.checkpoints import profiles
from analysis.figures.plot import Plot
from analysis.figures.recipes.typed import require
from analysis.figures.views.comparisons import together
from analysis.reading import groups
from analysis.reading.decomposition import NoExactSplit, decompose

if TYPE_CHECKING:
    from analysis.checkpoints.folder import Checkpoint
    from analysis.checkpoints.loading import Classifier
    from analysis.reading.decomposition import Decomposition
    from analysis.reading.trace import Trace


class UnknownRecipe(ValueError):
    """No picture can be made under this name."""


@dataclass
class Subject:
    """A checkpoint, or the seeds of one recipe; what was computed of the text is kept."""

    name: str
    members: tuple[Classifier, ...]
    text: str = ""
    pair: str | None = None
    _traces: dict[bool, tuple[Trace, ...]] = field(default_factory=dict)

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint, or a description of the whole group."""
        return groups.mean_checkpoint([m.checkpoint for m in self.members], self.name)

    @property
    def is_group(self) -> bool:
        """Whether it is several seeds."""
        return len(self.members) > 1

    def traces(self, attentions: bool = False) -> tuple[Trace, ...]:
        """One forward a member."""
        from analysis.reading.trace import record

        if attentions not in self._traces:
            self._traces[attentions] = tuple(
                record(member, self.text, self.pair, attentions=attentions)
                for member in self.members
            )
        return self._traces[attentions]

    def mean_trace(self, attentions: bool = False) -> Trace:
        """The first member's trace with the members' mean hidden states and attentions."""
        traces = self.traces(attentions)
        if len(traces) == 1:
            return traces[0]
        rows = [trace.attentions for trace in traces if trace.attentions is not None]
        return replace(
            traces[0],
            checkpoint=self.checkpoint,
            hidden=np.mean([trace.hidden for trace in traces], axis=0),
            between=None,
            attentions=np.mean(rows, axis=0) if rows else None,
        )

    def splits(self, reference: str | Sequence[str] | None = None) -> list[Decomposition]:
        """The members' exact splits, from the corpus mean where a profile has one, else zero.

        Or from the reference ("zero", "corpus") that a saved picture names, once or a seed.
        """
        if reference is not None and not isinstance(reference, str):
            reference = reference[0] if reference else None
        known_reference(reference)
        return [exact_split(trace, reference) for trace in self.traces()]

    def only(self, view: str) -> Classifier:
        """The one member; ``ValueError`` for a group."""
        if self.is_group:
            raise ValueError(
                f"{view} is drawn of one checkpoint: name one of "
                + ", ".join(m.checkpoint.id for m in self.members)
            )
        return self.members[0]

    def target(self, given: int | str | None) -> int:
        """Index of the class: as given by name or index, else the predicted one.

        Raises
        ------
        ValueError
            There is no such class, or the checkpoint predicts nothing.
        """
        labels = self.members[0].checkpoint.labels
        if isinstance(given, str):
            if given in labels:
                return labels.index(given)
            if not given.lstrip("-").isdigit():
                known = ", ".join(labels) or "none"
                raise ValueError(f"{self.name} has no class {given!r}; it has {known}")
            given = int(given)
        if given is None:
            if self.traces()[0].logits is None:
                raise ValueError(f"{self.name} is a bare encoder and predicts nothing")
            return int(np.mean([t.probabilities for t in self.traces()], axis=0).argmax())
        if not 0 <= given < max(len(labels), 1):
            raise ValueError(
                f"class {given} does not exist: {self.name} has {len(labels)}, counted from 0"
            )
        return given


@dataclass(frozen=True)
class Asked:
    """What a recipe is made from."""

    subjects: tuple[Subject, ...]
    text: str
    pair: str | None
    targets: tuple[int | str | None, ...]  # one a subject

    def __iter__(self) -> Iterator[tuple[Subject, int | str | None]]:
        return iter(zip(self.subjects, self.targets, strict=True))

    def one(self, view: str) -> tuple[Subject, int | str | None]:
        """The only subject; ``ValueError`` where there are several."""
        if len(self.subjects) > 1:
            raise ValueError(f"{view} is drawn of one checkpoint at a time: name one")
        return self.subjects[0], self.targets[0]

    def each(self, draw: Callable[[Subject, int | str | None], Plot], columns: int = 1) -> Plot:
        """One picture, or those of several checkpoints side by side on one scale."""
        plots = [draw(subject, target) for subject, target in self]
        if len(plots) == 1:
            return plots[0]
        return together(plots, [subject.name for subject in self.subjects], columns)


Recipe = Callable[..., Plot]
F = TypeVar("F", bound=Recipe)
_RECIPES: dict[str, Recipe] = {}
_WHOLE: set[str] = set()
# Names that say what is meant, with the view they stand for.
ALIASES: dict[str, tuple[str, dict[str, Any]]] = {
    "attention": ("pooling_attention", {}),
    "layers": ("depth", {}),
    "drop_effects": ("winners", {"quantity": "drop effect"}),
}


def recipe(key: str, whole: bool = False) -> Callable[[F], F]:
    """Register how the view `key` is made; its keyword arguments are its parameters.

    `whole`: the view itself does not record all of them, so the recipe's picture does; and only
    a picture that has all of them can be made again.
    """

    def register(function: F) -> F:
        if key in _RECIPES:
            raise ValueError(f"the recipe {key!r} is already registered: choose another key")
        _RECIPES[key] = function
        if whole:
            _WHOLE.add(key)
        return function

    return register


def _known() -> dict[str, Recipe]:
    from analysis.figures.recipes import (  # noqa: F401 (they register)
        attribution,
        encoder,
        head,
        similarity,
    )

    return _RECIPES


def recipes() -> dict[str, str]:
    """Every name with one line: what it draws, and of what parameters."""
    told = {}
    for key, function in _known().items():
        options = ", ".join(options_of(key))
        line = (function.__doc__ or "").strip().partition("\n")[0]
        told[key] = f"{line} [{options}]" if options else line
    for name, (key, params) in ALIASES.items():
        given = "".join(f", {k} = {v}" for k, v in params.items())
        told[name] = f"The same as {key}{given}."
    return dict(sorted(told.items()))


def can_make(view: str, params: Mapping[str, Any] | None = None) -> bool:
    """Whether a picture of this view can be made from checkpoints and a text; given `params`,
    whether these are all that it takes."""
    known = _known()
    if view not in known:
        return False
    return params is None or view not in _WHOLE or set(options_of(view)) <= set(params)


def options_of(key: str) -> dict[str, Any]:
    """Parameters of a recipe with their defaults."""
    signature = inspect.signature(_known()[key])
    return {name: p.default for name, p in list(signature.parameters.items())[1:]}


def make(
    name: str,
    subjects: Sequence[Subject | Classifier],
    text: str,
    pair: str | None = None,
    target: int | str | Sequence[int | str | None] | None = None,
    params: Mapping[str, Any] | None = None,
) -> Plot:
    """The picture `name` of these checkpoints (or seed groups) and this text.

    `target` is a class's name or index, one for all or one for each; default: the predicted
    class of each. Raises `UnknownRecipe`, or ``ValueError`` with the reason.
    """
    known = _known()
    key, given = ALIASES.get(name, (name, {}))
    if key not in known:
        raise UnknownRecipe(
            f"no picture is called {name!r}; known are {', '.join(sorted({*known, *ALIASES}))}"
        )
    if not subjects:
        raise ValueError(f"{name} needs a checkpoint: name at least one")
    given = {**given, **(params or {})}
    options = options_of(key)
    if wrong := sorted(set(given) - set(options)):
        has = ", ".join(options) or "no parameters"
        raise ValueError(f"{name} has no parameter {', '.join(wrong)}; it has {has}")
    require(known[key], given, f"{name}: ")
    for option, value in given.items():
        if option == "limit" and value is not None and not value > 0:
            raise ValueError(f"{name}: limit is {value:g}: a number above 0 ends a scale")
    one_each: list[Any] = (
        list(target) if isinstance(target, list | tuple) else [target] * len(subjects)
    )
    if len(one_each) != len(subjects):
        raise ValueError(f"{len(one_each)} classes for {len(subjects)} checkpoints")
    asked = Asked(
        tuple(_subject(subject, text, pair) for subject in subjects), text, pair, tuple(one_each)
    )
    made = known[key](asked, **given)
    if key not in _WHOLE:
        return made
    index = [subject.target(one) for subject, one in asked]
    whole = {
        **made.params,
        **options,
        **given,
        "target": index if len(index) > 1 else index[0],
        "names": [subject.name for subject in asked.subjects],
    }
    return replace(made, params=whole)


def _subject(given: Subject | Classifier, text: str, pair: str | None) -> Subject:
    if isinstance(given, Subject):
        return replace(given, text=text, pair=pair, _traces={})
    return Subject(given.checkpoint.id, (given,), text, pair)


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
    for one in [reference] if isinstance(reference, str) else reference or ():
        if one not in ("zero", "corpus"):
            raise ValueError(f"reference is {one!r}; known here: zero, corpus")


def within(name: str, value: int | None, low: int, high: int) -> None:
    """Raises ``ValueError`` where a place is asked for that is not there."""
    if value is not None and not low <= value <= high:
        raise ValueError(f"{name} {value} is not there: choose {low} to {high}")


def profile_of(subject: Subject) -> profiles.Profile | None:
    """The first member's profile over its corpus."""
    return profiles.read(subject.members[0].checkpoint.folder)
