"""A sentence's vector as a sum over its tokens, whatever pools them.

``vector == offset + sum over p, t of maps[p] @ (weights[p, t] * values[t])``: P parts (blocks of
the vector, or attention heads), T tokens. Given the winners of a maximum and the attention
weights this is exact for every linear pooling; what follows a pooling is in
:mod:`analysis.similarities.affine`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import lru_cache
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


class NoSplit(ValueError):
    """A pooling whose vector is no sum over tokens; the message says why and what to use."""


@dataclass(frozen=True)
class Reading:
    """A pooled text as a weighted sum of token vectors."""

    tokens: Tokens
    vector: np.ndarray  # (D,) the pooled vector
    weights: np.ndarray  # (P, T) or (P, T, d); 0 = not read
    values: np.ndarray  # (T, d)
    maps: np.ndarray | None  # (P, D, d); None: the P parts stand side by side in the vector
    offset: np.ndarray  # (D,) what no token gives: biases
    winners: Winners | None  # of a maximum over tokens, or over layers for each token
    layers: tuple[int, ...]  # (K,) absolute indices of the source layers
    parts: tuple[str, ...]  # (P,)
    rules: tuple[str, ...] = ()  # what is held fixed, beyond winners and attention weights
    gap: float = 0.0  # length of (vector - sum) over the vector's; 0 unless a step is not linear
    shares: np.ndarray | None = None  # (K,) of layers that are added up to `values`; they sum to 1
    added: np.ndarray | None = None  # (K, T, d) the values of each such layer

    def __post_init__(self) -> None:
        tokens, (size, d) = len(self.tokens), (len(self.vector), self.values.shape[1])
        require_shape("values", self.values, tokens, d)
        require_shape(
            "weights", self.weights.reshape(*self.weights.shape[:2], -1), len(self.parts), tokens,
            None,
        )  # fmt: skip
        require_shape("offset", self.offset, size)
        if self.maps is not None:
            require_shape("maps", self.maps, len(self.parts), size, d)
        freeze(self)

    def terms(self, centre: np.ndarray | None = None) -> np.ndarray:
        """(T, D) float64: what each token gives; they sum to ``vector - centre``.

        What no token gives (a bias, the centre) goes to the tokens in proportion to their weights,
        as every weighted mean has it: ``sum w_t x_t - c == sum w_t (x_t - c)``.
        """
        weights = self._weights()
        return np.asarray(sum(self._through(part, weights, centre) for part in self._numbers))

    def sums(self, centre: np.ndarray | None = None) -> np.ndarray:
        """(P, K, D) float64: the same by part and source layer, summed over the tokens."""
        whole = self._weights()
        return np.stack(
            [
                [self._through(part, whole, centre, *of).sum(axis=0) for of in self._sources()]
                for part in self._numbers
            ]
        )

    def parts_and_layers(self, centre: np.ndarray | None = None) -> np.ndarray:
        """(P, K, T, D) float64: the whole of it."""
        whole = self._weights()
        return np.stack(
            [
                [self._through(part, whole, centre, *of) for of in self._sources()]
                for part in self._numbers
            ]
        )

    @property
    def _numbers(self) -> range:
        return range(len(self.parts))

    def _weights(self) -> np.ndarray:
        """(P, T, d), or (P, T, 1) where a token has one weight for all its dimensions."""
        weights = self.weights.astype(np.float64)
        return weights if weights.ndim == 3 else weights[:, :, None]

    def _sources(self) -> list[tuple[np.ndarray | float, np.ndarray]]:
        """For each source layer, its share of the weights and (T, d) values.

        Of a maximum the share is 1 where the layer holds the value and 0 elsewhere.
        """
        if len(self.layers) == 1:
            return [(1.0, self.values)]
        if self.added is not None and self.shares is not None:
            return [(float(s), v) for s, v in zip(self.shares, self.added, strict=True)]
        assert self.winners is not None  # several layers compete, or are added up
        source = np.broadcast_to(self.winners.layer, self.values.shape)
        return [(source == layer, self.values) for layer in self.layers]

    def _through(
        self,
        part: int,
        whole: np.ndarray,
        centre: np.ndarray | None,
        held: np.ndarray | float = 1.0,
        values: np.ndarray | None = None,
    ) -> np.ndarray:
        """(T, D): what each token gives through one part, of the share `held` and its values."""
        weights = whole[part] * held
        moved = weights * (self.values if values is None else values).astype(np.float64)
        rest = self.offset.astype(np.float64) - (0.0 if centre is None else centre)
        if self.maps is not None:
            mean = np.broadcast_to(whole, (*whole.shape[:2], moved.shape[1])).mean(axis=2).sum()
            share = np.broadcast_to(weights, moved.shape).mean(axis=1, keepdims=True) / mean
            return np.asarray(moved @ self.maps[part].astype(np.float64).T + share * rest)
        d = moved.shape[1]
        block = slice(part * d, (part + 1) * d)
        total = whole[part].sum(axis=0)
        spread = np.zeros((len(moved), len(self.vector)))
        spread[:, block] = moved + weights / np.where(total == 0, 1.0, total) * rest[block]
        return spread


def read(classifier: Classifier, trace: Trace, pooling: str, layer: int = -1) -> Reading:
    """How `pooling` reads a recorded text at `layer` (-1: the last; "head" has its own).

    Raises ``ValueError`` for a pooling or layer that is not there, and :class:`NoSplit` where a
    pooled vector is no sum over tokens.
    """
    import torch

    if pooling == "none":
        raise NoSplit(
            f"{trace.checkpoint.id}: the pooling 'none' keeps a vector for each token, so there is "
            "no sentence vector to compare. Choose mean or max, or compare token by token: MaxSim."
        )
    ((pooling, layer),) = keys_of(classifier, (pooling,), (layer,))
    with torch.no_grad():
        if pooling == "head":
            return _of_head(classifier, trace)
        hidden = torch.tensor(trace.hidden[layer])[None]
        pooled, parts = _pooled(classifier, hidden, pooling)
    weights, values = pooled.weights, pooled.values
    assert weights is not None  # every free pooling gives both
    assert values is not None
    d = values.shape[-1]
    return Reading(
        tokens=trace.tokens,
        vector=_array(pooled.vector[0]),
        weights=_array(weights[0]),
        values=_array(values[0]),
        maps=None,
        offset=np.zeros(len(parts) * d, np.float32),
        winners=_winners(pooled, (layer,)),
        layers=(layer,),
        parts=parts,
    )


def _pooled(classifier: Classifier, hidden: Tensor, pooling: str) -> tuple[Pooled, tuple[str, ...]]:
    """A pooling of one layer (1, T, d), and the names of its parts."""
    import torch

    from analysis import heads
    from analysis.heads import pooling as functions

    mask = torch.ones(hidden.shape[:2], dtype=torch.long)
    if pooling in heads.HEADS:
        if pooling == "weighted_mean":
            head = cast(Any, classifier.model).head.ended_at(0).cpu()
        else:
            head = _free_head(pooling, hidden.shape[-1])
        return head.read(hidden[None], mask), head.parts
    segments = {"segments": 2} if pooling == "adaptive_mean" else {}
    weights = functions.token_weights(pooling, mask, **segments)
    vector = functions.pool(pooling, hidden, mask, **segments)
    names = (pooling,) if weights.shape[1] == 1 else ("first half", "second half")
    return heads.Pooled(vector, weights=weights, values=hidden), names


@lru_cache(maxsize=64)
def _free_head(pooling: str, size: int) -> PoolingHead:
    """A pooling head without weights of its own, for one layer."""
    from analysis import heads

    return heads.build(pooling, size, 0)


def _of_head(classifier: Classifier, trace: Trace) -> Reading:
    """The pooling head's own vector, with what follows its linear part."""
    import torch

    from analysis.heads import PoolingHead
    from analysis.similarities.affine import identity

    head: PoolingHead = cast(Any, classifier.model).head
    seen = trace.head
    if seen.weights is None or seen.values is None or seen.pooled is None:
        raise NoSplit(
            f"{trace.checkpoint.id}: the pooling head {head.key!r} is not linear in the tokens it "
            "reads, so its vector is no sum over them. Choose mean, max or [CLS] instead."
        )
    if type(head).finish is not PoolingHead.finish:
        raise NoSplit(
            f"{trace.checkpoint.id}: the pooling head {head.key!r} ends in layers of its own, and "
            "its vector is not split over pairs of tokens. Choose mean, max or [CLS] instead."
        )
    weights, values = seen.weights, seen.values
    layers: tuple[int, ...] = (trace.hidden.shape[0] - 1,)
    shares = added = None
    if seen.winners is not None:
        layers = seen.winners.layers
    if values.ndim == 3:  # layers that are added up, each with one share for all tokens
        layers, added, by_layer = seen.layers, values, weights.astype(np.float64)
        weights = by_layer.sum(axis=1)
        shares = by_layer.sum(axis=(0, 2)) / by_layer.sum()
        values = np.einsum("k,ktd->td", shares, added)
    maps, offset = _head_maps(head)
    rules: tuple[str, ...] = ()
    gap = 0.0
    if not head.linear:
        spread = weights if weights.ndim == 3 else weights[:, :, None]
        read_parts = (spread * values).sum(axis=1)  # (P, d)
        matrix = _blocks(len(seen.parts), head.hidden_size) if maps is None else maps
        linear = np.einsum("pDd,pd->D", matrix, read_parts) + offset
        chain = identity(torch.tensor(linear, dtype=torch.float64))
        if head.norm is not None:
            chain = chain.then(copy.deepcopy(head.norm).cpu().double())
        if head.pooler is not None:
            dense = copy.deepcopy(head.pooler).cpu().double()
            chain = chain.then(dense).then(torch.tanh)
        through = chain.matrix.numpy()
        maps = np.einsum("ED,pDd->pEd", through, matrix)
        offset = through @ offset + chain.offset.numpy()
        rules = chain.rules
        gap = chain.gap / max(float(np.linalg.norm(seen.pooled)), 1e-30)
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
        shares=shares,
        added=added,
    )


_MAPS: WeakKeyDictionary[Any, tuple[np.ndarray | None, np.ndarray]] = WeakKeyDictionary()


def _head_maps(head: PoolingHead) -> tuple[np.ndarray | None, np.ndarray]:
    """(maps (P, D, d) or None for blocks, offset (D,)) of the linear part of a pooling head."""
    import torch

    from analysis.heads import PoolingHead

    held = _MAPS.get(head)
    if held is not None:
        return held
    size = head.read_size
    offset = np.zeros(size, np.float32)
    blocks = type(head).fold is PoolingHead.fold and size == len(head.parts) * head.hidden_size
    maps = None
    if not blocks:
        where = next(head.parameters()).device
        folded = head.fold(torch.eye(size, device=where), torch.zeros(size, device=where))
        if folded is None:
            raise NoSplit(
                f"the pooling head {head.key!r} does not say how its vector depends on the tokens "
                "(fold gives None), so there is no split. Choose mean, max or [CLS] instead."
            )
        maps = np.ascontiguousarray(_array(folded[0]).transpose(1, 0, 2))
        maps.setflags(write=False)
        offset = _array(folded[1])
    offset.setflags(write=False)
    _MAPS[head] = (maps, offset)
    return maps, offset


def _blocks(parts: int, d: int) -> np.ndarray:
    return np.stack([np.eye(parts * d)[:, part * d : (part + 1) * d] for part in range(parts)])


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
