"""Guesses about a user's table: delimiter, header, and the meaning of each column."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from analysis.datasets.labels import match

DELIMITERS = (",", "\t", ";", "|")
TEXTS = (
    "text",
    "sentence",
    "sentence1",
    "question",
    "question1",
    "premise",
    "review",
    "content",
    "#1 string",
    "string1",
    "document",
    "body",
    "comment",
    "tweet",
    "title",
)
PAIRS = (
    "pair",
    "sentence2",
    "text_pair",
    "text2",
    "question2",
    "hypothesis",
    "#2 string",
    "string2",
    "answer",
    "context",
    "second",
)
LABELS = (
    "label",
    "labels",
    "gold_label",
    "class",
    "category",
    "target",
    "sentiment",
    "quality",
    "is_duplicate",
    "coarse_label",
    "score",
    "rating",
    "y",
)
_IDS = ("id", "idx", "index", "row", "guid", "unnamed: 0", "", "#1 id", "#2 id")
ON = frozenset({"1", "1.0", "true", "t", "yes", "y", "x"})  # where a class is given, in any case
SWITCHES = ON | {"0", "0.0", "false", "f", "no", "n", ""}
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
# A first text has its second text under the name of the same kind.
_TOGETHER = {
    "sentence1": "sentence2",
    "premise": "hypothesis",
    "question1": "question2",
    "#1 string": "#2 string",
    "string1": "string2",
    "text1": "text2",
    "question": "sentence",
}


@dataclass(frozen=True)
class Columns:
    """Names of the columns of the text, the second text and the label.

    ``classes`` are columns of 0 and 1, one a class, in the place of a label; or of numbers, where
    a row has several.
    """

    text: str
    pair: str | None = None
    label: str | None = None
    classes: tuple[str, ...] = ()


def delimiter_of(lines: Sequence[str], suffix: str) -> str | None:
    """Delimiter of the fields of these lines; None where each line is one field.

    The one that gives most lines as many fields as the first has, at least two; by the file's
    name where several do as well.
    """
    usual = {"tsv": "\t", "tab": "\t", "csv": ",", "txt": "\t"}.get(suffix)
    order = (
        [usual, *(delimiter for delimiter in DELIMITERS if delimiter != usual)]
        if usual
        else list(DELIMITERS)
    )
    if suffix == "txt":  # commas are those of the sentences
        order = ["\t"]
    scores = []
    for candidate in filter(None, order):
        quoted = candidate != "\t" or is_quoted(lines)
        rows = [line.split(candidate) for line in lines]
        if quoted:  # a quoted field may run over lines
            with suppress(csv.Error):
                plain = (line.replace("\r", " ") for line in lines)
                rows = list(csv.reader(plain, delimiter=candidate))
        widths = [len(row) for row in rows if row] or [0]
        same = sum(width == widths[0] for width in widths) / len(widths)
        scores.append((same if widths[0] > 1 else 0.0, candidate))
    best = max(score for score, _ in scores)
    if best < 0.6 and usual and usual in lines[0]:
        return usual  # most rows are broken; the header says what was meant
    return next((c for score, c in scores if score == best), None) if best >= 0.6 else None


def is_quoted(lines: Sequence[str]) -> bool:
    """Whether tab-separated fields are quoted: one begins with a mark, and read as quoted all
    lines are well formed and have as many fields. GLUE's files, where a mark is a character, do
    not pass."""
    if not any(line.startswith('"') or '\t"' in line for line in lines):
        return False
    reader = csv.reader([f"{line}\n" for line in lines], delimiter="\t", strict=True)
    widths: list[int] = []
    try:
        widths += [len(row) for row in reader if row]
    except csv.Error as error:  # the last record may be cut off by the sample's end
        if "unexpected end" not in str(error) or len(widths) < 0.8 * len(lines):
            return False
    return len(set(widths)) == 1 and widths[0] > 1


def has_header(first: Sequence[str]) -> bool:
    """Whether the first record holds names of columns and not data."""
    names = [name.strip().casefold() for name in first]
    known = {*TEXTS, *PAIRS, *LABELS}
    if any(name in known for name in names):
        return True
    if len(set(names)) < len(names) or any(_NUMBER.fullmatch(name) for name in names):
        return False
    return all(
        len(name) <= 40 and len(name.split()) <= 4 and name[-1:] not in (".", "?", "!")
        for name in names
    ) and any(names)


def column_names(first: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns: those of the header, each made unique and none empty."""
    names: list[str] = []
    for number, name in enumerate(first, 1):
        free = name.strip() or f"column {number}"
        while free in names:
            free = f"{free} ({number})"
        names.append(free)
    return tuple(names)


def guess_columns(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    labels: Sequence[str] | None = None,
    pairs: bool | None = None,
) -> Columns:
    """A guess at the meaning of columns, from their names and some rows.

    ``labels`` are the classes that a label must be one of; ``pairs`` says whether a second text
    is wanted (None: if there is one by name).
    """
    plain = {name: name.strip().casefold() for name in names}
    shown = {name: [_shown(row[i]) for row in rows if i < len(row)] for i, name in enumerate(names)}
    lengths = {name: fmean(map(len, values)) if values else 0.0 for name, values in shown.items()}
    free = [name for name in names if plain[name] not in _IDS] or list(names)
    lists = {
        name
        for place, name in enumerate(names)
        if any(isinstance(row[place], list | tuple) for row in rows if place < len(row))
    }
    named = [name for name in free if name not in lists] or free
    text = _by_name(named, plain, TEXTS)
    if text is not None and _TOGETHER.get("question") == plain[text] and pairs is not False:
        text = _by_name(named, plain, ("question",)) or text  # QNLI: question, sentence
    if text is None:
        text = max(
            (name for name in named if plain[name] not in LABELS) if len(named) > 1 else named,
            key=lambda name: (not _numeric(shown[name]), lengths[name]),
            default=named[0],
        )
    others = [name for name in free if name != text]
    pair = None
    if pairs is not False:
        together = _TOGETHER.get(plain[text])
        seconds = [name for name in others if name not in lists]
        partner = [name for name in seconds if plain[name] == together]
        pair = partner[0] if partner else _by_name(seconds, plain, PAIRS)
        if pair is None and pairs:
            long = [
                name
                for name in seconds
                if plain[name] not in LABELS and not _numeric(shown[name]) and lengths[name] > 12
            ]
            pair = max(long, key=lengths.__getitem__, default=None)
    rest = [name for name in others if name != pair]
    classes = _class_columns(rest, plain, shown, labels)
    if classes:
        return Columns(text, pair, None, classes)
    return Columns(text, pair, _label(rest, plain, shown, labels))


def _class_columns(
    names: Sequence[str],
    plain: Mapping[str, str],
    shown: Mapping[str, Sequence[str]],
    labels: Sequence[str] | None,
) -> tuple[str, ...]:
    """Columns of 0 and 1, one a class, or of numbers under the names of these labels; () where
    there are fewer than two, or a label by name."""
    switches = [
        name for name in names if shown[name] and {v.casefold() for v in shown[name]} <= SWITCHES
    ]
    if labels:
        switches = [name for name in switches if len(match([name], labels)) == 1]
    named = _by_name(names, plain, LABELS) is not None
    if len(switches) > 1 and (labels or not named):
        return tuple(switches)
    if labels and len(labels) > 1 and not named:
        numbers = [n for n in names if _numeric(shown[n]) and len(match([n], labels)) == 1]
        if {match([n], labels)[n] for n in numbers} == set(labels):
            return tuple(numbers)
    return ()


def _by_name(
    names: Sequence[str], plain: Mapping[str, str], candidates: Sequence[str]
) -> str | None:
    for candidate in candidates:
        for name in names:
            if plain[name] == candidate:
                return name
    return None


def _label(
    names: Sequence[str],
    plain: Mapping[str, str],
    shown: Mapping[str, Sequence[str]],
    labels: Sequence[str] | None,
) -> str | None:
    named = _by_name(names, plain, LABELS)
    if named is not None:
        return named
    for name in names:  # a column with nothing but the classes
        distinct = {value for value in shown[name] if value}
        if labels and distinct and len(match(distinct, labels)) == len(distinct):
            return name
    for name in names:
        values = [value for value in shown[name] if value]
        few = len(set(values)) <= max(2, len(values) // 5)
        if _numeric(values) and len(set(values)) == len(values):
            continue  # a number of its own for each row is a name, not a class
        if not labels and values and few and max(map(len, values)) <= 30:
            return name
    return None


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):  # its entries may be as long as texts
        return str([part[:40] if isinstance(part, str) else part for part in value[:20]])
    return "" if value is None else str(value).strip()


def _numeric(values: Sequence[str]) -> bool:
    known = [value for value in values if value]
    return bool(known) and all(_NUMBER.fullmatch(value) for value in known)
