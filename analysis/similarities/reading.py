"""A sentence's vector as a sum over its tokens, whatever pools them.

``vector == offset + sum over p, t of maps[p] @ (weights[p, t] * values[t])``: P parts (blocks of
the vector, or attention heads), T tokens. Given the winners of a maximum and the attention
weights this is exact for every linear pooling; what follows a pooling is in
:mod:`analysis.similarities.affine`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.corpus.embedding import keys_of
from analysis.reading.winners import Winners
from analysis.text.tokens import Tokens

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.checkpoints.loading import Classifier
    from analysis.heads import Pooled, PoolingHead
    from analysis.reading.trace import Trace
    from analysis.straight_line.layers import Layer


class NoSplit(ValueError):
    """A pooling whose vector is no sum over tokens; the message says why and what to use."""


@dataclass(frozen=True)
class Reading:
    """A pooled text as a weighted sum of token vectors."""

    tokens: Tokens
    vector: np.ndarray  # (D,) the pooled vector
    weights: np.ndarray  # (P, T) or (P, T, d), or (P, K, T) beside values by layer; 0 = not read
    values: np.ndarray  # (T, d), or (K, T, d) where layers are added up
    maps: np.ndarray | None  # (P, D, d); None: the P parts stand side by side in the vector
    offset: np.ndarray  # (D,) what no token gives: biases
    winners: Winners | None  # of a maximum over tokens, or over layers for each token
    layers: tuple[int, ...]  # (K,) absolute indices of the source layers
    parts: tuple[str, ...]  # (P,)
    rules: tuple[str, ...] = ()  # what is held fixed, beyond winners and attention weights
    gap: float = 0.0  # length of (vector - sum) over the vector's; 0 unless a step is not linear

    def __post_init__(self) -> None:
        places = (len(self.tokens),) if self.values.ndim == 2 else (None, len(self.tokens))
        size, d = len(self.vector), self.values.shape[-1]
        require_shape("values", self.values, *places, d)
        of = self.weights if self.weights.ndim == self.values.ndim else self.weights[..., 0]
        require_shape("weights", of, len(self.parts), *self.values.shape[:-1])
        require_shape("offset", self.offset, size)
        if self.maps is not None:
            require_shape("maps", self.maps, len(self.parts), size, d)
        freeze(self)

    def terms(self, centre: np.ndarray | None = None) -> np.ndarray:
        """(T, D) float64: what each token gives; they sum to ``vector - centre``.

        What no token gives (a bias, the centre) goes to the tokens in proportion to their weights,
        as every weighted mean has it: ``sum w_t x_t - c == sum w_t (x_t - c)``.
        """
        held = np.zeros((len(self.tokens), len(self.vector)))
        wide = self.values.astype(np.float64)
        for part in range(len(self.parts)):
            for weights, values in self._whole(part, wide):
                self._add(held, part, weights, weights * values, centre)
        return held

    def sums(self, centre: np.ndarray | None = None) -> np.ndarray:
        """(P, K, D) float64: the same by part and source layer, summed over the tokens."""
        held = np.zeros((len(self.parts), len(self.layers), len(self.vector)))
        wide = self.values.astype(np.float64)
        for part in range(len(self.parts)):
            for place, (weights, values) in enumerate(self._sources(part, wide)):
                moved = (weights * values).sum(axis=0, keepdims=True)
                weights = weights.sum(axis=0, keepdims=True)
                self._add(held[part, place][None], part, weights, moved, centre)
        return held

    def parts_and_layers(self, centre: np.ndarray | None = None) -> np.ndarray:
        """(P, K, T, D) float64: the whole of it."""
        shape = len(self.parts), len(self.layers), len(self.tokens), len(self.vector)
        held = np.zeros(shape)
        wide = self.values.astype(np.float64)
        for part in range(len(self.parts)):
            for place, (weights, values) in enumerate(self._sources(part, wide)):
                self._add(held[part, place], part, weights, weights * values, centre)
        return held

    @cached_property
    def _wide(self) -> np.ndarray:
        """(P, [K,] T, d) float64 weights, or with 1 for d where all dimensions have one."""
        weights = self.weights.astype(np.float64)
        by_dimension = weights.ndim == 3 and self.values.ndim == 2
        return weights if by_dimension else weights[..., None]

    def _whole(self, part: int, values: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """(weights (T, 1) or (T, d), values (T, d)) of a part: of each layer that is added up."""
        if values.ndim == 2:
            return [(self._wide[part], values)]
        return list(zip(self._wide[part], values, strict=True))

    def _sources(self, part: int, values: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights by source layer; of a maximum the weight is 0 where another layer won."""
        whole = self._whole(part, values)
        if len(whole) == len(self.layers):
            return whole
        ((weights, values),) = whole
        assert self.winners is not None  # several layers compete, or are added up
        source = np.broadcast_to(self.winners.layer, values.shape)
        return [(weights * (source == layer), values) for layer in self.layers]

    def _add(
        self,
        held: np.ndarray,
        part: int,
        weights: np.ndarray,
        moved: np.ndarray,
        centre: np.ndarray | None,
    ) -> None:
        """Add to `held` (n, D) what weighted values `moved` (n, d) give through one part.

        `weights` are (n, 1) or (n, d); n is the tokens, or 1 where they were summed.
        """
        if self.maps is None and centre is None and not self.offset.any():
            d = moved.shape[1]
            held[:, part * d : (part + 1) * d] += moved
            return
        rest = self.offset.astype(np.float64) - (0.0 if centre is None else centre)
        if self.maps is not None:
            total = self._wide.mean(axis=-1).sum()
            share = np.broadcast_to(weights, moved.shape).mean(axis=1, keepdims=True) / total
            held += moved @ self.maps[part].astype(np.float64).T
            if rest.any():
                held += share * rest
            return
        d = moved.shape[1]
        block = slice(part * d, (part + 1) * d)
        held[:, block] += moved
        if rest[block].any():
            total = self._wide[part].sum(axis=tuple(range(self._wide.ndim - 2)))
            held[:, block] += weights / np.where(total == 0, 1.0, total) * rest[block]


def read(classifier: Classifier, trace: Trace, pooling: str, layer: int = -1) -> Reading:
    """Reading of a recorded text by `pooling` at `layer` (-1: the last; "head" has its own).

    Raises ``ValueError`` for a pooling or layer that is not there, and :class:`NoSplit` where a
    pooled vector is no sum over tokens.
    """
    import torch

    from analysis.heads.pooling import clean_padding

    if pooling == "none":
        raise NoSplit(
            f"{trace.checkpoint.name}: the pooling 'none' keeps a vector for each token, so there "
            "is no sentence vector to compare. Choose mean or max, or compare token by token: "
            "MaxSim."
        )
    ((pooling, layer),) = keys_of(classifier, (pooling,), (layer,))
    if pooling in _BY_PLACE:
        return _of_places(trace, pooling, layer)
    with torch.no_grad(), clean_padding():  # of a sentence alone there is none
        if pooling == "head":
            return _of_head(classifier, trace)
        hidden = torch.tensor(trace.hidden[layer])[None]
        pooled, parts = _pooled(classifier, hidden, pooling)
    weights = pooled.weights
    assert weights is not None  # every free pooling gives them
    values = trace.hidden[layer]
    return Reading(
        tokens=trace.tokens,
        vector=_array(pooled.vector[0]),
        weights=_array(weights[0]),
        values=values,
        maps=None,
        offset=np.zeros(pooled.vector.shape[1], np.float32),
        winners=_winners(pooled, (layer,)),
        layers=(layer,),
        parts=parts,
    )


def _pooled(classifier: Classifier, hidden: Tensor, pooling: str) -> tuple[Pooled, tuple[str, ...]]:
    """A pooling of one layer (1, T, d), and the names of its parts."""
    import torch

    if pooling == "weighted_mean":  # where its weights are
        head = cast(Any, classifier.model).head.ended_at(0)
        hidden = hidden.to(classifier.device)
    else:
        head = _free_head(pooling, hidden.shape[-1])
    mask = torch.ones(hidden.shape[:2], dtype=torch.long, device=hidden.device)
    return head.read(hidden[None], mask), head.parts


# Poolings whose weights depend on how many tokens there are, and on nothing that they hold.
_BY_PLACE = {
    "mean": ("mean",),
    "cls": ("cls",),
    "last_token": ("last_token",),
    "adaptive_mean": ("first half", "second half"),
}


def _of_places(trace: Trace, pooling: str, layer: int) -> Reading:
    """Reading of a layer by a pooling that weights each token by its place."""
    values, weights = trace.hidden[layer], _weights_of(pooling, len(trace.tokens))
    vector = (weights @ values).ravel()
    return Reading(
        tokens=trace.tokens,
        vector=vector,
        weights=weights,
        values=values,
        maps=None,
        offset=np.zeros(len(vector), np.float32),
        winners=None,
        layers=(layer,),
        parts=_BY_PLACE[pooling],
    )


@lru_cache(maxsize=1024)
def _weights_of(pooling: str, length: int) -> np.ndarray:
    """(P, T) float32 weights of a sentence's T tokens."""
    import torch

    from analysis.heads.pooling import token_weights

    segments = {"segments": 2} if pooling == "adaptive_mean" else {}
    mask = torch.ones((1, length), dtype=torch.long)
    weights = _array(token_weights(pooling, mask, **segments)[0]).copy()
    weights.setflags(write=False)
    return weights


@lru_cache(maxsize=64)
def _free_head(pooling: str, size: int) -> PoolingHead:
    """A pooling head without weights of its own, for one layer."""
    from analysis import heads

    return heads.build(pooling, size, 0)


def _of_head(classifier: Classifier, trace: Trace) -> Reading:
    """The checkpoint's own vector: the head's, a stock model's, or that of declared modules."""
    from analysis.similarities.affine import affine

    head, seen = classifier.head, trace.head
    if head is None or seen.pooled is None:
        raise NoSplit(
            f"{trace.checkpoint.name}: how its own vector is pooled is not known, so there is none "
            "to split. Choose mean, max or [CLS] instead."
        )
    if seen.weights is None or seen.values is None:
        raise NoSplit(
            f"{trace.checkpoint.name}: the pooling head {head.key!r} is not linear in the tokens "
            "it reads, so its vector is no sum over them. Choose mean, max or [CLS] instead."
        )
    weights, values = seen.weights, seen.values
    layers: tuple[int, ...] = (trace.hidden.shape[0] - 1,)
    if seen.winners is not None:
        layers = seen.winners.layers
    if values.ndim == 3:  # layers that are added up
        layers = seen.layers
    maps, offset = _head_maps(head)
    rules: tuple[str, ...] = ()
    gap = 0.0
    steps = _own_steps(trace.checkpoint.id, head)
    if steps:
        spread = weights.astype(np.float64)
        if values.ndim == 3:
            parts = np.einsum("pkt,ktd->pd", spread, values)
        else:
            parts = ((spread if spread.ndim == 3 else spread[:, :, None]) * values).sum(axis=1)
        linear = parts.reshape(-1) if maps is None else np.einsum("pDd,pd->D", maps, parts)
        after = affine(steps, linear + offset)
        if maps is None:
            maps = after.matrix.reshape(len(after.matrix), *parts.shape).transpose(1, 0, 2)
        else:
            maps = np.einsum("ED,pDd->pEd", after.matrix, maps, optimize=True)
        offset = after.matrix @ offset + after.offset
        rules, gap = after.rules, after.gap
    return Reading(
        tokens=trace.tokens,
        vector=seen.pooled,
        weights=weights,
        values=values,
        maps=maps,
        offset=offset,
        winners=seen.winners,
        layers=layers,
        parts=seen.parts,
        rules=rules,
        gap=gap,
    )


_STEPS: WeakKeyDictionary[PoolingHead, tuple[Layer, ...]] = WeakKeyDictionary()


def _own_steps(name: str, head: PoolingHead) -> tuple[Layer, ...]:
    """The layers behind a head's pooled vector; kept as long as the head is."""
    held = _STEPS.get(head)
    if held is None:
        steps = head.steps()
        if steps is None:
            raise NoSplit(
                f"{name}: the pooling head {head.key!r} ends in layers of its own that its steps() "
                "does not describe, so its vector is not split over pairs of tokens. Choose mean, "
                "max or [CLS] instead."
            )
        held = _STEPS[head] = steps
    return held


_MAPS: WeakKeyDictionary[PoolingHead, tuple[np.ndarray | None, np.ndarray]] = WeakKeyDictionary()


def _head_maps(head: PoolingHead) -> tuple[np.ndarray | None, np.ndarray]:
    """(maps (P, D, d) or None for blocks, offset (D,)) of the linear part of a pooling head."""
    import torch

    from analysis.heads import PoolingHead

    held = _MAPS.get(head)
    if held is not None:
        return held
    size = head.read_size
    offset = np.zeros(size, np.float32)
    blocks = type(head).fold is PoolingHead.fold and size == len(head.parts) * head.value_size
    maps = None
    if not blocks:
        where = next((p.device for p in head.parameters()), torch.device("cpu"))
        folded = head.fold(torch.eye(size, device=where), torch.zeros(size, device=where))
        if folded is None:
            raise NoSplit(
                f"the pooling head {head.key!r} does not say how its vector depends on the tokens "
                "(fold gives None), so there is no split. Choose mean, max or [CLS] instead."
            )
        maps = np.ascontiguousarray(_array(folded[0]).transpose(1, 0, 2))
        offset = _array(folded[1])
        joined = maps.transpose(1, 0, 2).reshape(len(maps[0]), -1)
        if joined.shape == (size, size) and np.array_equal(joined, np.eye(size)):
            maps = None  # its parts stand side by side after all
        else:
            maps.setflags(write=False)
    offset.setflags(write=False)
    _MAPS[head] = (maps, offset)
    return maps, offset


def _winners(pooled: Pooled, layers: tuple[int, ...]) -> Winners | None:
    won = pooled.winners
    if won is None:
        return None
    layer = np.full(won.layer[0].shape, layers[0])
    token = None if won.token is None else _array(won.token[0])
    return Winners(layer=layer, token=token, margin=_array(won.margin[0]), layers=layers)


def _array(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().cpu().numpy()
    return array
