"""Faithfulness: does the output follow the units that an attribution ranks first?

Comprehensiveness and sufficiency (DeYoung et al. 2020, "ERASER", section 4), deletion and
insertion curves (Petsiuk, Das and Saenko 2018, "RISE", section 4), and the same for random
rankings of the same units, without which none of these numbers can be read.

The ranking is by signed score, the largest (most in favour of what is explained) first; equal
scores keep the order of the text. What replaces a unit is no neutral choice: a method that
perturbs in the same way is favoured by construction (:data:`analysis.attribution.FAVOURED`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from analysis.attribution.evidence.variants import REPLACE, Variants, variants
from analysis.attribution.results import Attribution, Progress, Target
from analysis.attribution.units import check_cover
from analysis.common.records import freeze, require_shape

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

__all__ = [
    "MEASURES",
    "REPLACE",
    "SHARES",
    "Control",
    "Faithfulness",
    "Measure",
    "faithfulness",
    "random_control",
    "ranking",
]

SHARES = (0.01, 0.05, 0.10, 0.20, 0.50)
REPEATS = 20
POINTS = 10  # steps of a curve; fewer where a text has fewer units
# key -> (name, whether a larger value is the better one)
MEASURES = {
    "comprehensiveness": ("comprehensiveness (AOPC)", True),
    "sufficiency": ("sufficiency (AOPC)", False),
    "deletion": ("area under deletion", False),
    "insertion": ("area under insertion", True),
}


class RankedUnits(Protocol):
    """Units of a text with what they are ranked for; an attribution is one."""

    @property
    def unit_tokens(self) -> tuple[tuple[int, ...], ...]: ...

    @property
    def target(self) -> Target: ...


@dataclass(frozen=True)
class Measure:
    """One measure of one ranking beside the same measure of random rankings."""

    value: float  # in units of the explained output
    random: float  # mean over the random rankings
    band: tuple[float, float]  # their middle 95 %
    spread: float  # their standard deviation; 0 where they do not differ beyond rounding
    normalised: float  # (value - random) / their standard deviation, turned so that larger is
    # better for every measure; NaN where `spread` is 0


@dataclass(frozen=True)
class Control:
    """R random rankings of the U units of one text, through the same measures."""

    comprehensiveness: np.ndarray  # (R, S)
    sufficiency: np.ndarray  # (R, S)
    deletion: np.ndarray  # (R, P)
    insertion: np.ndarray  # (R, P)
    seed: int
    units: tuple[tuple[int, ...], ...]  # (U,) token positions
    settings: tuple[Any, ...]  # checkpoint, token ids, target, output, replace, shares

    def __post_init__(self) -> None:
        repeats = len(self.comprehensiveness)
        require_shape("sufficiency", self.sufficiency, *self.comprehensiveness.shape)
        require_shape("deletion", self.deletion, repeats, None)
        require_shape("insertion", self.insertion, *self.deletion.shape)
        freeze(self)

    @property
    def repeats(self) -> int:
        return len(self.comprehensiveness)


@dataclass(frozen=True)
class Faithfulness:
    """A checkpoint's output as the units of a ranking are removed, or kept alone."""

    method: str
    target: Target  # as of the attribution
    output: str  # "probability", "logit" or "contrast"; a regression's is its value
    replace: str  # a key of REPLACE
    units: tuple[tuple[int, ...], ...]  # (U,) ranked units; special tokens always stay
    order: np.ndarray  # (U,) int: indices into `units`, the most in favour first
    value: float  # output at the text
    empty: float  # output with every unit replaced
    shares: np.ndarray  # (S,) of the units
    counts: np.ndarray  # (S,) int: units that a share stands for, at least one
    comprehensiveness: np.ndarray  # (S,) output minus that without the first units
    sufficiency: np.ndarray  # (S,) output minus that with the first units only
    fractions: np.ndarray  # (P,) 0 .. 1: share of the units that went, or came
    deletion: np.ndarray  # (P,) output with the first units replaced
    insertion: np.ndarray  # (P,) output with only the first units in place
    control: Control
    seconds: float

    def __post_init__(self) -> None:
        for name in ("counts", "comprehensiveness", "sufficiency"):
            require_shape(name, getattr(self, name), len(self.shares))
        for name in ("deletion", "insertion"):
            require_shape(name, getattr(self, name), len(self.fractions))
        require_shape("order", self.order, len(self.units))
        freeze(self)

    def measure(self, key: str) -> Measure:
        """A measure of MEASURES: mean over the shares (AOPC), or area under a curve.

        The normalised value is a standard score among random rankings of the same units: 0 = no
        better than chance, whatever the checkpoint's confidence. It is oriented so that larger is
        better for all four.

        Raises
        ------
        ValueError
            There is no such measure.
        """
        if key not in MEASURES:
            raise ValueError(f"measure is {key!r}; known: {', '.join(MEASURES)}")
        value = float(self._reduce(key, getattr(self, key)))
        drawn = self._reduce(key, getattr(self.control, key))
        mean, spread = float(drawn.mean()), float(drawn.std(ddof=1)) if len(drawn) > 1 else 0.0
        low, high = np.quantile(drawn, [0.025, 0.975])
        sign = 1 if MEASURES[key][1] else -1
        # Rounding of one forward: below it random rankings do not differ at all.
        spread = spread if spread > 1e-6 * max(1.0, abs(self.value)) else 0.0
        normalised = sign * (value - mean) / spread if spread else float("nan")
        return Measure(value, mean, (float(low), float(high)), spread, normalised)

    def measures(self) -> dict[str, Measure]:
        """All of MEASURES."""
        return {key: self.measure(key) for key in MEASURES}

    def band(self, curve: str) -> tuple[np.ndarray, np.ndarray]:
        """(P,) mean and (P, 2) middle 95 % of the random rankings' "deletion" or "insertion".

        Raises
        ------
        ValueError
            There is no such curve.
        """
        if curve not in ("deletion", "insertion"):
            raise ValueError(f"curve is {curve!r}; known: deletion, insertion")
        drawn = getattr(self.control, curve)
        return drawn.mean(axis=0), np.quantile(drawn, [0.025, 0.975], axis=0).T

    @property
    def shares_note(self) -> str:
        """Number of units of each share, in words."""
        named = [f"{_percent(s)} = {c}" for s, c in zip(self.shares, self.counts, strict=True)]
        unit = "unit" if len(self.units) == 1 else "units"
        return f"Of {len(self.units)} {unit}, at least one: {', '.join(named)}."

    def _reduce(self, key: str, values: np.ndarray) -> np.ndarray:
        if key in ("deletion", "insertion"):
            return np.asarray(np.trapezoid(values, self.fractions, axis=-1))
        return np.asarray(values.mean(axis=-1))


def faithfulness(
    classifier: Classifier,
    text: str,
    attribution: Attribution,
    pair: str | None = None,
    *,
    replace: str = "mask",
    shares: Sequence[float] = SHARES,
    repeats: int = REPEATS,
    seed: int = 0,
    output: str = "probability",
    control: Control | None = None,
    batch_tokens: int = 4096,
    progress: Progress | None = None,
) -> Faithfulness:
    """Measure an attribution by what the checkpoint does without the units it ranks first.

    `shares` are of the text's units, each rounded up: 1 % of a short text is one unit, and so may
    be 5 %. `output` is the probability of the explained class as in the source, or "logit" or
    "contrast"; a regression gives its value. `replace` is a key of REPLACE. `control` takes the
    random rankings of an earlier call for the same text, units, target and settings (methods of
    one table are then held against the same ones, at no cost); otherwise `repeats` are drawn by
    `seed`. AOPC is the mean over the shares, as the source's released scorer has it.

    `progress` is called between batches; what it raises ends the work.

    Raises ``ValueError`` for shares outside of 0 .. 1, fewer than 2 repeats, scores that are NaN
    or all the same (the exact split of a pooling head that reads [CLS] only), an attribution or
    control of another text, and as :meth:`Variants.values`.
    """
    started = time.perf_counter()
    if not np.isfinite(attribution.scores).all():
        raise ValueError("the attribution has scores that are no finite number: it has no ranking")
    measured, places = variants(
        classifier,
        text,
        pair,
        attribution.unit_tokens,
        attribution.target,
        output=output,
        replace=replace,
        batch_tokens=batch_tokens,
    )
    check_cover(attribution.unit_tokens, len(measured.tokens))
    plan = _Plan.of(len(measured.units), shares)
    scores = np.asarray(attribution.scores)[places]
    if len(scores) > 1 and np.ptp(scores) == 0:
        raise ValueError(
            f"{attribution.method} gives every unit of the text the same score, special tokens "
            "aside: there is no ranking to measure"
        )
    order = ranking(scores)
    share_done = 0.0 if control is not None else 0.9
    if control is None:
        control = _drawn(measured, plan, repeats, seed, _scaled(progress, 0.0, share_done))
    elif (control.units, control.settings) != (measured.units, _settings(measured, plan)):
        raise ValueError("the random control was drawn for another text or with other settings")
    deletion, insertion = plan.curves(measured, order[None], _scaled(progress, share_done, 1.0))
    value, empty = float(deletion[0, 0]), float(deletion[0, -1])
    return Faithfulness(
        method=attribution.method,
        target=attribution.target,
        output="value" if classifier.checkpoint.regression else output,
        replace=replace,
        units=measured.units,
        order=order,
        value=value,
        empty=empty,
        shares=np.array(plan.shares),
        counts=plan.counts,
        comprehensiveness=plan.at_shares(value - deletion)[0],
        sufficiency=plan.at_shares(value - insertion)[0],
        fractions=plan.fractions,
        deletion=plan.on_curve(deletion)[0],
        insertion=plan.on_curve(insertion)[0],
        control=control,
        seconds=time.perf_counter() - started,
    )


def random_control(
    classifier: Classifier,
    text: str,
    attribution: RankedUnits,
    pair: str | None = None,
    *,
    replace: str = "mask",
    shares: Sequence[float] = SHARES,
    repeats: int = REPEATS,
    seed: int = 0,
    output: str = "probability",
    batch_tokens: int = 4096,
    progress: Progress | None = None,
) -> Control:
    """Random rankings of the attribution's units, for all attributions with these units.

    Its scores are not looked at. Arguments and errors as in :func:`faithfulness`.
    """
    measured, _ = variants(
        classifier,
        text,
        pair,
        attribution.unit_tokens,
        attribution.target,
        output=output,
        replace=replace,
        batch_tokens=batch_tokens,
    )
    check_cover(attribution.unit_tokens, len(measured.tokens))
    return _drawn(measured, _Plan.of(len(measured.units), shares), repeats, seed, progress)


def ranking(scores: np.ndarray) -> np.ndarray:
    """(U,) scores -> (U,) places, the largest first; equal scores in the order of the text."""
    return np.argsort(-np.asarray(scores, float), kind="stable")


@dataclass(frozen=True)
class _Plan:
    """Numbers of units to measure: those of the shares and those of the curves."""

    shares: tuple[float, ...]  # (S,)
    counts: np.ndarray  # (S,) units of each share
    steps: np.ndarray  # (P,) units of each point of a curve, 0 .. U
    every: np.ndarray  # (K,) all numbers asked for, ascending

    @staticmethod
    def of(units: int, shares: Sequence[float]) -> _Plan:
        chosen = tuple(float(share) for share in shares)
        if not chosen or not all(0 < share <= 1 for share in chosen):
            raise ValueError(f"shares are {chosen}; each is above 0 and at most 1")
        counts = np.array([int(np.ceil(share * units - 1e-9)) for share in chosen])
        steps = np.unique(np.round(np.linspace(0, units, min(POINTS, units) + 1)).astype(int))
        return _Plan(chosen, counts, steps, np.union1d(counts, steps))

    @property
    def fractions(self) -> np.ndarray:
        return np.asarray(self.steps / self.steps[-1])

    def at_shares(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values[:, np.searchsorted(self.every, self.counts)])

    def on_curve(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values[:, np.searchsorted(self.every, self.steps)])

    def curves(
        self, measured: Variants, orders: np.ndarray, progress: Progress | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(R, U) rankings -> (R, K) outputs without the first units, and with them alone."""
        rank = np.argsort(orders, axis=1)  # (R, U) the place of each unit in its ranking
        first = rank[:, None, :] < self.every[:, None]  # (R, K, U)
        both = measured.values(np.concatenate([~first, first]).reshape(-1, rank.shape[1]), progress)
        without, alone = both.reshape(2, len(orders), len(self.every))
        return without, alone


def _drawn(
    measured: Variants, plan: _Plan, repeats: int, seed: int, progress: Progress | None
) -> Control:
    if repeats < 2:
        raise ValueError(f"repeats is {repeats}; at least 2 random rankings are needed")
    random = np.random.default_rng(seed)
    orders = np.array([random.permutation(len(measured.units)) for _ in range(repeats)])
    deletion, insertion = plan.curves(measured, orders, progress)
    value = deletion[:, :1]
    return Control(
        comprehensiveness=plan.at_shares(value - deletion),
        sufficiency=plan.at_shares(value - insertion),
        deletion=plan.on_curve(deletion),
        insertion=plan.on_curve(insertion),
        seed=seed,
        units=measured.units,
        settings=_settings(measured, plan),
    )


def _settings(measured: Variants, plan: _Plan) -> tuple[Any, ...]:
    checkpoint = measured.classifier.checkpoint
    return (
        checkpoint.id,
        checkpoint.sha256,
        measured.tokens.ids.tobytes(),
        measured.target,
        measured.output,
        measured.replace,
        plan.shares,
    )


def _scaled(progress: Progress | None, low: float, high: float) -> Progress | None:
    if progress is None:
        return None
    whole = progress
    return lambda share: whole(low + (high - low) * share)


def _percent(share: float) -> str:
    return f"{100 * float(share):.3g} %"
