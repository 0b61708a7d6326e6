"""Names of classes: which name in a file, or of another checkpoint, means which class."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

# What else a class is called in well-known data sets and checkpoints, by its name here.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "negative": ("neg", "bad", "unfavourable", "unfavorable", "-1"),
    "positive": ("pos", "good", "favourable", "favorable", "+1"),
    "different": (
        "not_equivalent",
        "not equivalent",
        "not_paraphrase",
        "not_duplicate",
        "no paraphrase",
    ),
    "paraphrase": ("equivalent", "is_paraphrase", "same"),
    "duplicate": ("is_duplicate", "same"),
    "not_entailment": ("no entailment", "not entailed", "non-entailment"),
    "entailment": ("entailed", "entails"),
    "unacceptable": ("ungrammatical",),
    "acceptable": ("grammatical",),
    "abbreviation": ("abbr",),
    "entity": ("enty",),
    "description": ("desc",),
    "human": ("hum", "person"),
    "location": ("loc",),
    "number": ("num", "numeric", "numeric value"),
}
_NUMBERED = re.compile(r"label[_ -]?(\d+)", re.IGNORECASE)
_WHOLE = re.compile(r"([-+]?\d+)\.0+")  # a whole number as pandas writes it beside a missing one
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


def plain(name: str) -> str:
    """A name without what differs between two spellings of it: case, ``_``, ``-``, spaces, and
    the ``.0`` of a whole number."""
    if number := _WHOLE.fullmatch(name):
        return number[1]
    return re.sub(r"[\s_-]+", " ", name).strip().casefold() if len(name) > 2 else name.casefold()


def match(values: Iterable[str], labels: Sequence[str]) -> dict[str, str]:
    """The values whose class is beyond doubt: value -> label.

    By the name itself, another spelling of it where only one label has that, a well-known
    synonym; by the index of the class where all values are such indices, or ``LABEL_0`` and so on.
    A number is no index among labels that hold numbers of their own (``3``, ``1 star``).
    """
    values = list(values)
    names: dict[str, list[str]] = {}
    for label in dict.fromkeys(labels):
        names.setdefault(plain(label), []).append(label)
    spelled = {name: those[0] for name, those in names.items() if len(those) == 1}
    for label in labels:
        for synonym in _synonyms(label):
            if plain(synonym) not in names:
                spelled.setdefault(plain(synonym), label)
    named = {value: value if value in labels else spelled.get(plain(value)) for value in values}
    matches = {value: label for value, label in named.items() if label is not None}
    if len(matches) < len(named):
        by_place = _by_place(labels)
        placed = {
            value: by_place(place, bool(_NUMBERED.fullmatch(value)))
            for value in values
            if (place := _place(value)) is not None
        }
        if len(placed) == len(named) and None not in placed.values():
            return {value: label for value, label in placed.items() if label is not None}
    return matches


def _by_place(labels: Sequence[str]) -> Callable[[int, bool], str | None]:
    """(number, whether it is an index for sure) -> the label: by the number that each label
    holds, where they hold numbers, else by their order."""
    held = [re.findall(r"\d+", label) for label in labels]
    own: dict[int, str] | None = None
    if any(_NUMBER.fullmatch(label) for label in labels):
        own = {int(float(label)): label for label in labels if _place(label) is not None}
    elif all(len(each) == 1 for each in held) and len({each[0] for each in held}) == len(held):
        own = {int(each[0]): label for each, label in zip(held, labels, strict=True)}

    def label_at(place: int, index: bool) -> str | None:
        if own is not None and not index:
            return own.get(place)
        return labels[place] if place < len(labels) else None

    return label_at


def _synonyms(label: str) -> list[str]:
    """Every name of an entry of :data:`SYNONYMS` that has the label among its names."""
    return [
        name
        for key, others in SYNONYMS.items()
        if plain(label) in {plain(key), *map(plain, others)}
        for name in (key, *others)
    ]


def suggest(values: Iterable[str], labels: Sequence[str]) -> dict[str, str | None]:
    """For every value the label it may mean, or None: those of :func:`match`, then guesses.

    A guess is the only label that begins with the value or that the value begins with, or the
    one label left over for the one value left over.
    """
    values = list(dict.fromkeys(values))
    sure = match(values, labels)
    offered: dict[str, str | None] = {}
    for value in values:
        near = (
            [
                label
                for label in labels
                if plain(label).startswith(plain(value)) or plain(value).startswith(plain(label))
            ]
            if plain(value)
            else []
        )
        offered[value] = sure.get(value, near[0] if len(near) == 1 else None)
    open_values = [value for value, label in offered.items() if label is None]
    free = [label for label in labels if label not in offered.values()]
    if len(open_values) == len(free) == 1:
        offered[open_values[0]] = free[0]
    return offered


def columns_of(labels: Sequence[str], own: Sequence[str]) -> dict[str, int] | None:
    """Index in ``own`` (a checkpoint's classes) of each label; None where they do not fit.

    Names decide, in any spelling. Where a checkpoint has only numbers for names (``LABEL_0``) and
    as many as there are classes, the order decides.
    """
    numbered = [_NUMBERED.fullmatch(name) for name in own]
    if own and all(numbered):
        # A subset of the classes says nothing of their order among all.
        return (
            {name: index for index, name in enumerate(labels)} if len(labels) == len(own) else None
        )
    matches = match(labels, own)
    if set(matches) != set(labels) or len(set(matches.values())) != len(set(labels)):
        return None
    if any(_place(name) is not None for name in labels if name not in own):
        return None  # a class that is called "1" is not the second class of another task
    places = {name: list(own).index(matches[name]) for name in labels}
    return places


def _place(value: str) -> int | None:
    """The index that a value is: ``1``, ``1.0`` (numbers with gaps), ``True``, ``LABEL_1``."""
    numbered = _NUMBERED.fullmatch(value)
    if numbered:
        return int(numbered[1])
    if value.casefold() in ("false", "true"):
        return int(value.casefold() == "true")
    return int(float(value)) if re.fullmatch(r"\d{1,4}(\.0)?", value) else None
