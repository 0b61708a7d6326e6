"""METHODS: what can be computed, with the options that a page draws its controls from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

OptionValue: TypeAlias = str | int | float | bool | None
FAMILIES = ("gradient", "perturbation", "sampling", "attention")


@dataclass(frozen=True)
class Option:
    """One option of a method. A default of None means that the method chooses by itself."""

    name: str
    default: Any  # an OptionValue of its kind
    kind: str  # "int", "float", "choice" or "bool"
    help: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    def check(self, value: Any) -> OptionValue:
        """The value in its own type; ``ValueError`` with what is allowed otherwise."""
        if value is None and self.default is None:
            return None
        if self.kind == "choice":
            if value not in self.choices:
                raise ValueError(f"{self.name} is {value!r}; known: {', '.join(self.choices)}")
            return str(value)
        if self.kind == "bool":
            return bool(value)
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"{self.name} is {value!r}; a number is needed") from None
        if not math.isfinite(number) or (self.kind == "int" and number != int(number)):
            raise ValueError(
                f"{self.name} is {value!r}; a {'whole ' * (self.kind == 'int')}number is needed"
            )
        if self.low is not None and number < self.low:
            raise ValueError(f"{self.name} is {value}; at least {self.low:g} is needed")
        if self.high is not None and number > self.high:
            raise ValueError(f"{self.name} is {value}; at most {self.high:g} is possible")
        return int(number) if self.kind == "int" else number


@dataclass(frozen=True)
class Result:
    """Result of a method: (U,) scores, and facts about them."""

    scores: np.ndarray
    delta: float | None = None  # what the scores should sum to, where theory promises it
    options: dict[str, OptionValue] = field(default_factory=dict)  # as used, where they were chosen
    interval: np.ndarray | None = None  # (U, 2)
    baseline: str | None = None  # in words, where it is not the baseline that was asked for
    layer: str = "input embeddings"
    layer_scores: np.ndarray | None = None  # (U, K)
    layers: tuple[int, ...] = ()
    stopped: bool = False
    converged: bool | None = None  # the tolerance was reached; None without one


Run = Callable[..., Result]
Cost = Callable[[int, dict[str, Any]], int]  # (units, options) -> passes over the text


@dataclass(frozen=True)
class Method:
    """An attribution method: its function, its options, where it comes from and what it costs."""

    key: str
    title: str
    citation: str
    options: dict[str, Option]
    family: str  # "gradient", "perturbation", "sampling" or "attention"
    complete: bool  # whether theory promises that the scores sum to `delta`
    cost: Cost  # at the least
    note: str  # what it measures and what favours it, for a person who chooses
    needs: tuple[str, ...]  # of "baseline", "backward", "attentions"
    run: Run
    why_not: Callable[[Classifier], str]  # "" or why this checkpoint cannot have it
    most: Cost | None = None  # where it stops by itself; None: as `cost`
    stock: tuple[Cost, Cost] | None = None  # (cost, most) of a stock model, where they differ

    def passes(self, units: int, options: dict[str, Any], kind: str = "pooling") -> tuple[int, int]:
        """(fewest, most) passes over the text by a checkpoint of this kind."""
        cost, most = self.cost, self.most or self.cost
        if kind != "pooling" and self.stock is not None:
            cost, most = self.stock
        return cost(units, options), most(units, options)

    def compares(self, options: dict[str, Any]) -> bool:
        """Whether it compares the text with a baseline, with these options."""
        return "baseline" in self.needs and options.get("absent", "baseline") == "baseline"

    @property
    def reads_embeddings(self) -> bool:
        """Whether it gives the model input embeddings: all do but those that need no pass."""
        return self.family != "attention" or "backward" in self.needs

    @property
    def perturbs(self) -> bool:
        """Whether a unit is perturbed as a whole, so that pieces do not sum to words."""
        return self.family in ("perturbation", "sampling") and "backward" not in self.needs

    @property
    def defaults(self) -> dict[str, OptionValue]:
        """Names and defaults of the options."""
        return {name: option.default for name, option in self.options.items()}

    def checked(self, options: Mapping[str, object]) -> dict[str, OptionValue]:
        """Defaults, and `options` over them; ``ValueError`` for an unknown or impossible one."""
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            raise ValueError(
                f"{self.key} has no option {', '.join(unknown)}; "
                f"known: {', '.join(self.options) or 'none'}"
            )
        return self.defaults | {
            name: self.options[name].check(value) for name, value in options.items()
        }


METHODS: dict[str, Method] = {}


def method(
    key: str,
    title: str,
    citation: str,
    *,
    family: str,
    cost: Cost,
    note: str,
    options: tuple[Option, ...] = (),
    complete: bool = False,
    needs: tuple[str, ...] = (),
    why_not: Callable[[Classifier], str] = lambda classifier: "",
    most: Cost | None = None,
    stock: tuple[Cost, Cost] | None = None,
) -> Callable[[Run], Run]:
    """Register an attribution method; a second one under the same key is refused."""

    def register(function: Run) -> Run:
        if key in METHODS:
            raise ValueError(f"an attribution method {key!r} exists already")
        if family not in FAMILIES:
            raise ValueError(f"family is {family!r}; known: {', '.join(FAMILIES)}")
        METHODS[key] = Method(
            key,
            title,
            citation,
            {option.name: option for option in options},
            family,
            complete,
            cost,
            note,
            needs,
            function,
            why_not,
            most,
            stock,
        )
        return function

    return register
