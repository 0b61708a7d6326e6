"""Labels of a file as classes: whose classes, which label means which, and what stays unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.datasets.files import DataError
from analysis.datasets.labels import match, suggest
from analysis.datasets.numerals import numbers_of
from analysis.datasets.table import Kind, own_classes

MOST_CLASSES = 1000
Met = Mapping[str, tuple[int, int]]  # label as it stands in the file -> (count, first row)


@dataclass(frozen=True)
class Unknown:
    """A label of the file that is none of the classes: how often, first where, and what it may
    mean (None: no idea)."""

    value: str
    count: int
    row: int
    suggestion: str | None


def classes_of(
    name: str,
    column: str,
    met: Met,
    labels: Sequence[str] | None,
    kind: Kind,
    hub: Sequence[str] = (),
) -> tuple[str, ...]:
    """The classes of a column; () where its labels are numbers.

    Raises
    ------
    DataError
        More different labels than classes can be.
    """
    if labels is not None:
        return tuple(labels)
    if hub and kind != "number":
        return tuple(hub)
    classes = own_classes(met, kind)
    rows = sum(count for count, _ in met.values())
    if classes and len(classes) > min(max(20, rows // 2), MOST_CLASSES):
        raise DataError(
            f"{name}: column {column!r} has {len(classes):,} different values in {rows:,} rows, "
            "too many for classes. Choose the column with the class, or no label."
        )
    return classes


def resolve(
    met: Met,
    classes: Sequence[str],
    mapping: Mapping[str, str | None] | None,
    hub: Sequence[str] = (),
) -> tuple[dict[str, float], dict[str, str], tuple[Unknown, ...]]:
    """For each label met: its class index (or its number; NaN where it has none), the label it
    was read as, and those that stay unknown with a suggestion.

    Raises
    ------
    DataError
        The mapping names a class that does not exist.
    """
    targets = dict(mapping or {})
    if not classes:
        read_as = {value: targets.get(value) or value for value in met}
        known = numbers_of(read_as.values())
        numbers = {value: known[text] for value, text in read_as.items()}
        odd = [value for value, number in numbers.items() if number is None]
        unknown = [Unknown(value, *met[value], None) for value in odd if value not in targets]
        nan = float("nan")
        return (
            {value: nan if number is None else number for value, number in numbers.items()},
            {},
            tuple(unknown),
        )
    for value, label in targets.items():
        if label is not None and label not in classes:
            raise DataError(
                f"The label {value!r} is mapped to {label!r}, which is none of the classes "
                f"{', '.join(classes)}."
            )
    named = {value: _of_hub(value, hub) for value in met}
    sure = match([named[value] for value in met if value not in targets], classes)
    read = {value: targets.get(value, sure.get(named[value])) for value in met}
    offered = suggest([named[value] for value in met], classes)
    unknown = [
        Unknown(value, *met[value], offered.get(named[value]))
        for value, label in read.items()
        if label is None and value not in targets
    ]
    places = {label: index for index, label in enumerate(classes)}
    codes = {
        value: float("nan") if label is None else float(places[label])
        for value, label in read.items()
    }
    return codes, {v: label for v, label in read.items() if label is not None}, tuple(unknown)


def _of_hub(value: str, hub: Sequence[str]) -> str:
    """The name of a class that a file of the Hub gives by its index."""
    place = int(value) if value.isascii() and value.isdigit() else len(hub)
    return hub[place] if place < len(hub) else value
