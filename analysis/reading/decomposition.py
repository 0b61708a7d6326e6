"""The exact split of a logit over (class, part of the pooling head, token, source layer)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.checkpoints import profiles
from analysis.common.records import freeze, require_shape

if TYPE_CHECKING:
    from analysis.reading.trace import Trace


class NoExactSplit(ValueError):
    """The pooling head has a non-linear step (or belongs to a foreign model): nothing to split."""


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

    It is exact given the source layers and the attention weights, relative to `reference`.
    """

    contributions: np.ndarray  # (C, P, T, K) class, part of the pooling head, token, source layer
    constant: np.ndarray  # (C,) what no token contributes: biases and the reference's own value
    logits: np.ndarray  # (C,) of the forward pass
    layers: tuple[int, ...]  # (K,) absolute indices of the source layers
    parts: tuple[str, ...]  # (P,) names of the parts: attention heads, learned queries, blocks
    reference: str  # what the values are measured from: "zero", "corpus", "custom"

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
    def error(self) -> float:
        """Largest |sum - logit| over sum |contribution|, over the classes."""
        gap = np.abs(self.contributions.sum((1, 2, 3)) + self.constant - self.logits)
        scale = np.abs(self.contributions).sum((1, 2, 3))
        # Where nothing contributes (a text equal to its reference) only the gap itself is left.
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


# Above this the "split" of a user's own pooling head is not one: its weights and values do not
# make its vector. Rounding in float32 stays near 1e-7.
_NOT_A_SPLIT = 1e-3


def decompose(trace: Trace, reference: str | np.ndarray | None = None) -> Decomposition:
    """Split every logit exactly over (part of the pooling head, token, source layer).

    `reference` is what values are measured from: "zero", "corpus" (the mean over the corpus of
    the checkpoint's profile), or a vector (d,) of your own. Any is equally exact, and signs depend
    on it, so say which. The default is the corpus where the checkpoint has a profile, else zero.
    Source: method, "The exact split of a logit"; compare direct logit attribution
    (TransformerLens) and DecompX (ACL 2023).

    Raises :class:`NoExactSplit` where a non-linear step (layer norm, tanh pooler, MLP, a foreign
    model) stands between the values and the logits, and ``ValueError`` for a reference that does
    not exist or has another shape.
    """
    head = trace.head
    if trace.logits is None or head.readout is None:
        raise NoExactSplit(_why_not(trace))
    # HeadTrace holds these three whenever it holds a readout.
    assert head.weights is not None
    assert head.values is not None
    assert head.constant is not None
    mu, named = reference_vector(trace, reference)
    readout = head.readout.astype(np.float64)  # (C, P, d)
    weights = head.weights.astype(np.float64)  # (P, T) or (P, T, d)
    centred = head.values.astype(np.float64) - mu  # (T, d)
    total = weights.sum(axis=1)  # (P,) or (P, d): what a shift by mu is multiplied with
    shifted = np.einsum(
        "cpj,pj->c",
        readout,
        np.broadcast_to(total[:, None] if total.ndim == 1 else total, readout.shape[1:]) * mu,
    )
    layers, source = _source_layers(trace)
    per_layer = []
    for layer in layers:
        won = np.where(source == layer, centred, 0.0)
        if weights.ndim == 2:
            per_layer.append(np.einsum("pt,cpt->cpt", weights, readout @ won.T))
        else:
            per_layer.append(np.einsum("ptj,cpj,tj->cpt", weights, readout, won))
    result = Decomposition(
        contributions=np.stack(per_layer, axis=-1),
        constant=head.constant.astype(np.float64) + shifted,
        logits=trace.logits.astype(np.float64),
        layers=layers,
        parts=head.parts,
        reference=named,
    )
    if result.error > _NOT_A_SPLIT:
        raise NoExactSplit(
            f"{trace.checkpoint.id}: the weights and values that the pooling head reports do not "
            f"add up to its logits (error {result.error:.1e}), so there is no exact split."
        )
    return result


def _source_layers(trace: Trace) -> tuple[tuple[int, ...], np.ndarray]:
    """The competing layers, and for each (token, dimension) the one its value came from."""
    winners = trace.head.winners
    assert trace.head.values is not None
    if winners is None:
        last = trace.hidden.shape[0] - 1
        return (last,), np.full(trace.head.values.shape, last)
    return winners.layers, np.broadcast_to(winners.layer, trace.head.values.shape)


def reference_vector(trace: Trace, reference: str | np.ndarray | None) -> tuple[np.ndarray, str]:
    assert trace.head.values is not None
    size = trace.head.values.shape[1]
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
            f"{trace.checkpoint.id} has no corpus profile ({profiles.FILE}); use reference='zero'"
        )
    require_shape(f"{trace.checkpoint.id}: value_mean of its profile", profile.value_mean, size)
    return profile.value_mean.astype(np.float64), "corpus"


def _why_not(trace: Trace) -> str:
    checkpoint = trace.checkpoint
    if checkpoint.kind == "encoder":
        return f"{checkpoint.id} is a bare encoder: there is no logit to split."
    if checkpoint.kind == "classifier":
        return (
            f"{checkpoint.id} classifies with its own non-linear layers, so there is no exact "
            "split of its logits."
        )
    step = (
        "a tanh pooler"
        if checkpoint.head_options.get("pooler") == "tanh"
        else "a layer norm"
        if checkpoint.head_options.get("layer_norm")
        else f"the pooling head {checkpoint.head}"
    )
    return f"{checkpoint.id}: {step} is not linear, so there is no exact split of its logits."
