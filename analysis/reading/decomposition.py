"""The split of a logit over (class, part of the pooling head, token, source layer)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.checkpoints import profiles
from analysis.common.phrases import listed
from analysis.common.records import freeze, require_shape

if TYPE_CHECKING:
    from analysis.reading.trace import HeadTrace, Trace


class NoExactSplit(ValueError):
    """Not known is what the pooling head read, or how that became the logits: nothing to split."""


# How a split was made, in words: of a linear head, and of one with layers of its own.
EXACT = "exact"
STRAIGHT_LINE = "along a straight line through the head's own layers"


def contrast_of(values: np.ndarray, target: int) -> np.ndarray:
    """Target class minus the mean of the other classes, along the first axis.

    (C, ...) -> (...). A shift common to all classes changes no probability and cancels here.
    With one output (regression) the output itself is returned.
    """
    if values.shape[0] == 1:
        return np.asarray(values[0])
    others = np.delete(values, target, axis=0).mean(axis=0)
    return np.asarray(values[target] - others)


@dataclass(frozen=True)
class Decomposition:
    """contributions.sum((1, 2, 3)) + constant == logits, for every reference.

    It holds given the source layers and the attention weights, relative to `reference`. For a
    linear head it is exact. Where layers of the head's own follow the pooled vector it runs along
    the straight line from the reference through them, and `gap` is the error of that integral.
    """

    contributions: np.ndarray  # (C, P, T, K) class, part of the pooling head, token, source layer
    constant: np.ndarray  # (C,) what no token contributes: biases and the reference's own value
    logits: np.ndarray  # (C,) of the forward pass
    layers: tuple[int, ...]  # (K,) absolute indices of the source layers
    parts: tuple[str, ...]  # (P,) names of the parts: attention heads, learned queries, blocks
    reference: str  # what the values are measured from: "zero", "corpus", "custom"
    rule: str = EXACT  # or STRAIGHT_LINE
    points: int = 0  # of the line's integral; 0 where there is none

    def __post_init__(self) -> None:
        require_shape(
            "contributions",
            self.contributions,
            len(self.logits),
            len(self.parts),
            None,
            len(self.layers),
        )
        require_shape("constant", self.constant, len(self.logits))
        freeze(self)

    @property
    def exact(self) -> bool:
        """Whether the head is linear, so that the split needs no line."""
        return self.rule == EXACT

    @property
    def gap(self) -> float:
        """Completeness gap in logits: the largest |sum - logit| over the classes."""
        return float(np.abs(self.contributions.sum((1, 2, 3)) + self.constant - self.logits).max())

    @property
    def error(self) -> float:
        """Largest |sum - logit| over the sum of all |addends|, over the classes.

        The constant is an addend like the contributions: what is rounded off it does not shrink
        where a text contributes next to nothing.
        """
        gap = np.abs(self.contributions.sum((1, 2, 3)) + self.constant - self.logits)
        scale = np.abs(self.contributions).sum((1, 2, 3)) + np.abs(self.constant)
        # Where nothing is added up only the gap itself is left.
        return float((gap / np.where(scale > 0, scale, 1.0)).max())

    def contrast(self, target: int) -> np.ndarray:
        """(P, T, K) contributions to the target logit minus the mean of the other logits."""
        return contrast_of(self.contributions, target)

    def by_token(self, target: int) -> np.ndarray:
        """(T,) what the pooling head reads from each position, for the contrast of `target`."""
        return np.asarray(self.contrast(target).sum((0, 2)))

    def by_layer(self, target: int) -> np.ndarray:
        """(K,) what each source layer contributes to the contrast of `target`."""
        return np.asarray(self.contrast(target).sum((0, 1)))


_REFERENCES = {"corpus": "the corpus mean", "custom": "a reference of your own"}


def references(splits: Sequence[Decomposition]) -> str:
    """The reference of the values, in words."""
    return listed(dict.fromkeys(_REFERENCES.get(s.reference, s.reference) for s in splits))


def described(splits: Sequence[Decomposition], fixed: str) -> str:
    """Rule and measured error of the splits of one kind of head, in words."""
    relative = f"given {fixed}, relative to {references(splits)}"
    if all(split.exact for split in splits):
        return f"exact {relative}; measured error {max(split.error for split in splits):.0e}"
    points = max(split.points for split in splits)
    gap = max(split.gap for split in splits)
    return f"split {STRAIGHT_LINE}, {relative}; completeness gap {gap:.0e} logits ({points} points)"


# Above this the "split" of a user's own pooling head is not one: its weights and values do not
# make its vector. Rounding in float32 stays near 1e-7.
_NOT_A_SPLIT = 1e-3


def decompose(trace: Trace, reference: str | np.ndarray | None = None) -> Decomposition:
    """Split every logit over (part of the pooling head, token, source layer).

    Parameters
    ----------
    trace
        A recorded text.
    reference
        What values are measured from: "zero", "corpus" (the mean over the corpus of the
        checkpoint's profile), or a vector (d,) of your own. Any is equally exact, and signs depend
        on it, so say which. The default is the corpus where the checkpoint has a profile, else
        zero.

    Returns
    -------
    Decomposition
        Exact for a linear head. Where layers of the head's own (dense and tanh or GELU, a norm)
        follow the pooled vector, their average slope along the straight line from the reference
        takes the place of weights (Aumann and Shapley 1974; integrated gradients of the head
        alone), and `rule`, `gap` and `points` say so.

    Raises
    ------
    NoExactSplit
        Where it is not known what the head read or what followed it, or a bare encoder has no
        logits.
    ValueError
        For a reference that does not exist or has another shape.

    Source: method, "The exact split of a logit" and "Reading a head that is not linear"; compare
    direct logit attribution (TransformerLens) and DecompX (ACL 2023).
    """
    head = trace.head
    if trace.logits is None or not head.splits:
        raise NoExactSplit(_why_not(trace))
    # HeadTrace holds these whenever it can be split.
    assert head.weights is not None
    assert head.values is not None
    mu, named = reference_vector(trace, reference)
    weights = head.weights.astype(np.float64)  # (P, T), (P, T, d) or (P, K, T)
    values = head.values.astype(np.float64)  # (T, d) or (K, T, d)
    readout, constant, points = _slopes(head, weights, values, mu)
    layers, contributions = _contributions(trace, readout, weights, values - mu)
    result = Decomposition(
        contributions=contributions,
        constant=constant,
        logits=trace.logits.astype(np.float64),
        layers=layers,
        parts=head.parts,
        reference=named,
        rule=STRAIGHT_LINE if points else EXACT,
        points=points,
    )
    # Where almost nothing is contributed (a norm from zero) rounding alone is a large share of it.
    if result.error > _NOT_A_SPLIT and result.gap > _NOT_A_SPLIT * np.abs(trace.logits).max():
        raise NoExactSplit(
            f"{trace.checkpoint.name}: the weights and values that the pooling head reports do not "
            f"add up to its logits (error {result.error:.1e}), so there is no split."
        )
    return result


def slopes(trace: Trace, reference: str | np.ndarray | None = None) -> np.ndarray:
    """(C, P, d) what one unit of each part's weighted value adds to each logit.

    For a linear head its weights; with layers of its own their average slope from the reference.
    Raises as :func:`decompose` does.

    Raises
    ------
    NoExactSplit
        The head has no split; with the reason.
    """
    head = trace.head
    if head.weights is None or head.values is None or not head.splits:
        raise NoExactSplit(_why_not(trace))
    mu, _ = reference_vector(trace, reference)
    return _slopes(head, head.weights.astype(np.float64), head.values.astype(np.float64), mu)[0]


def _slopes(
    head: HeadTrace, weights: np.ndarray, values: np.ndarray, mu: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """(C, P, d) what a weighted value adds to each logit, (C,) the logits at mu, and points."""
    start = _sums(weights, np.broadcast_to(mu, values.shape))  # (P, d)
    if head.rest is None:
        assert head.readout is not None
        assert head.constant is not None
        readout = head.readout.astype(np.float64)
        constant = head.constant.astype(np.float64) + np.einsum("cpj,pj->c", readout, start)
        return readout, constant, 0
    first, last = head.rest.vector(start), head.rest.vector(_sums(weights, values))
    average, points = head.rest.average_slope(first, last)
    return head.rest.to_values(average, len(weights)), head.rest.logits(first[None])[0], points


def _sums(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(P, d) each part's weighted sum of values over tokens (and layers)."""
    if values.ndim == 3:
        return np.asarray(np.einsum("pkt,ktj->pj", weights, values))
    of_tokens = "pt,tj->pj" if weights.ndim == 2 else "ptj,tj->pj"
    return np.asarray(np.einsum(of_tokens, weights, values))


def _contributions(
    trace: Trace, readout: np.ndarray, weights: np.ndarray, centred: np.ndarray
) -> tuple[tuple[int, ...], np.ndarray]:
    """The source layers, and (C, P, T, K) contributions of values measured from the reference."""
    if centred.ndim == 3:  # each layer has values of its own
        by_layer = np.einsum("pkt,cpj,ktj->cptk", weights, readout, centred, optimize=True)
        return trace.head.layers, by_layer
    layers, source = _source_layers(trace)
    per_layer = []
    for layer in layers:
        won = np.where(source == layer, centred, 0.0)
        if weights.ndim == 2:
            per_layer.append(np.einsum("pt,cpt->cpt", weights, readout @ won.T))
        else:
            per_layer.append(np.einsum("ptj,cpj,tj->cpt", weights, readout, won))
    return layers, np.stack(per_layer, axis=-1)


def _source_layers(trace: Trace) -> tuple[tuple[int, ...], np.ndarray]:
    """The competing layers, and for each (token, dimension) the one its value came from."""
    winners = trace.head.winners
    assert trace.head.values is not None
    if winners is None:
        last = trace.hidden.shape[0] - 1
        return (last,), np.full(trace.head.values.shape, last)
    return winners.layers, np.broadcast_to(winners.layer, trace.head.values.shape)


def reference_vector(trace: Trace, reference: str | np.ndarray | None) -> tuple[np.ndarray, str]:
    """The vector (d,) that a split is measured from, and its name in words.

    Raises
    ------
    ValueError
        `reference` is none of 'zero', 'corpus' and a vector (d,), or the checkpoint has no
        corpus profile.
    """
    assert trace.head.values is not None
    size = trace.head.values.shape[-1]
    if reference is not None and not isinstance(reference, str):
        mu = np.asarray(reference, dtype=np.float64)
        require_shape("reference", mu, size)
        return mu, "custom"
    profile = None if reference == "zero" else profiles.read(trace.checkpoint.folder)
    if reference == "zero" or (reference is None and profile is None):
        return np.zeros(size), "zero"
    if reference not in (None, "corpus"):
        raise ValueError(f"reference is {reference!r}; known: 'zero', 'corpus', or a vector (d,)")
    if profile is None:
        raise ValueError(
            f"{trace.checkpoint.name} has no corpus profile ({profiles.FILE}); use reference='zero'"
        )
    require_shape(f"{trace.checkpoint.name}: value_mean of its profile", profile.value_mean, size)
    return profile.value_mean.astype(np.float64), "corpus"


def _why_not(trace: Trace) -> str:
    checkpoint = trace.checkpoint
    if checkpoint.kind == "encoder":
        return f"{checkpoint.name} is a {checkpoint.encoder_kind}: there is no logit to split."
    if checkpoint.kind == "classifier":
        return (
            f"{checkpoint.name}: what its classification layers read is not known, so its logits "
            "cannot be split."
        )
    if trace.head.weights is None:
        return (
            f"{checkpoint.name}: its pooling head {checkpoint.head} reports no weights and values, "
            "so its logits cannot be split. Return them in Pooled."
        )
    return (
        f"{checkpoint.name}: its pooling head {checkpoint.head} ends in layers of its own that it "
        "does not describe, so its logits cannot be split. Override steps() beside finish()."
    )
