"""Cases of the behaviour suite, made from templates: the same each time, and none twice.

In the spirit of CheckList (Ribeiro et al. 2020, "Beyond Accuracy", ACL): a test of minimum
functionality (MFT) has a label that any reader gives; an invariance test (INV) changes its
original in a way that must not change the answer; a directional test (DIR) changes it in a way
that must not move the probability of a class the wrong way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import Literal, TypeVar

T = TypeVar("T")
Kind = Literal["MFT", "INV", "DIR"]
KINDS: dict[str, str] = {
    "MFT": "minimum functionality: the answer is the label",
    "INV": "invariance: the answer is that to the original",
    "DIR": "direction: the probability moves as it should",
}


@dataclass(frozen=True)
class Case:
    """One sentence (or pair) of the suite, with the label that any reader would give it.

    ``original`` is the id of the case that an INV or DIR case was made from. The probability of
    class ``toward`` must not be lower in a DIR case than in its original.
    """

    id: str  # "sst2/negation/007"
    task: str
    capability: str
    template: str
    kind: Kind
    text: str
    pair: str | None
    label: str
    original: str | None = None
    toward: str | None = None

    @property
    def expectation(self) -> str:
        """Expectation of a checkpoint's answer, in words."""
        if self.kind == "INV":
            return "the same answer as to the original"
        if self.kind == "DIR":
            return f"{self.toward} no less probable than in the original"
        return self.label


Change = Callable[[Case], "str | tuple[str, str]"]


def swap(old: str, new: str) -> Change:
    """The change that puts ``new`` where ``old`` first stands in the text."""
    return lambda case: case.text.replace(old, new, 1)


class Maker:
    """Collects the cases of one task; a text (or pair) that is there already is refused."""

    def __init__(self, task: str) -> None:
        self.task = task
        self.cases: list[Case] = []
        self._seen: set[tuple[str, str | None]] = set()
        self._count: dict[str, int] = {}

    def mft(
        self,
        capability: str,
        pattern: str | tuple[str, str],
        label: str,
        most: int | None = None,
        **slots: Sequence[str],
    ) -> list[Case]:
        """One case for each filling of the pattern's slots, or ``most`` evenly chosen ones.

        ``{a adjective}`` puts the article that the filling needs. A pair of patterns makes pairs.
        """
        patterns = (pattern,) if isinstance(pattern, str) else pattern
        shown = " / ".join(patterns)
        made = []
        for values in evenly(list(product(*slots.values())), most):
            filled = [_fill(pattern, dict(zip(slots, values, strict=True))) for pattern in patterns]
            made.append(self._add(capability, shown, "MFT", filled, label))
        return made

    def inv(
        self, capability: str, template: str, originals: Iterable[Case], change: Change
    ) -> list[Case]:
        """A changed version of each original, to which the answer must be the same."""
        return [
            self._add(capability, template, "INV", change(case), case.label, case.id)
            for case in originals
        ]

    def dir(
        self,
        capability: str,
        template: str,
        originals: Iterable[Case],
        change: Change,
        toward: str | None = None,
        label: str | None = None,
    ) -> list[Case]:
        """A changed version of each original that must not make ``toward`` less probable.

        ``toward`` defaults to the original's label, ``label`` (of the changed text) to ``toward``.
        """
        return [
            self._add(
                capability,
                template,
                "DIR",
                change(case),
                label or toward or case.label,
                case.id,
                toward or case.label,
            )
            for case in originals
        ]

    def _add(
        self,
        capability: str,
        template: str,
        kind: Kind,
        texts: str | Sequence[str],
        label: str,
        original: str | None = None,
        toward: str | None = None,
    ) -> Case:
        first, *rest = (texts,) if isinstance(texts, str) else texts
        pair = rest[0] if rest else None
        if (first, pair) in self._seen:
            raise ValueError(f"the suite has {first!r} twice (template {template!r})")
        self._seen.add((first, pair))
        number = self._count[capability] = self._count.get(capability, 0) + 1
        name = f"{self.task}/{capability.replace(' ', '-')}/{number:03d}"
        case = Case(
            name, self.task, capability, template, kind, first, pair, label, original, toward
        )
        self.cases.append(case)
        return case


def evenly(items: Sequence[T], most: int | None) -> list[T]:
    """At most ``most`` of the items, spread over all of them, in an order that mixes the slots."""
    if most is None or most >= len(items):
        return list(items)
    stride = max(round(len(items) * 0.618), 1)  # far apart, and every item is met once
    while gcd(stride, len(items)) != 1:
        stride += 1
    return [items[(number * stride) % len(items)] for number in range(most)]


def _fill(pattern: str, values: dict[str, str]) -> str:
    """``{slot}`` by its value, ``{a slot}`` with its article; a capital at the start."""

    def value(match: re.Match[str]) -> str:
        word = values[match["slot"]]
        return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word}" if match["a"] else word

    text = re.sub(r"\{(?P<a>a )?(?P<slot>\w+)\}", value, pattern)
    return text[0].upper() + text[1:]
