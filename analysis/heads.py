"""Pooling heads: all hidden states in, one vector out, with everything an explanation needs.

A pooling head is an ``nn.Module``: ``(hidden (L+1, B, T, d), attention_mask (B, T)) -> Pooled``.
It is linear where its vector is ``bias + sum over parts p and tokens t of
matrix[p] @ (weights[p, t] * values[t])``; then :meth:`PoolingHead.readout` folds the classifier
into that, and the logit splits exactly (method, "The exact split of a logit").

To add one, write a class with ``@head("key")``; a file of your own does as well as this one.
Sources: `cls`, `max_cls`, `mha`, `max_seq_mha` from MaxPoolBERT (arXiv 2505.15696); where the
paper's summaries are silent (residual, layer norm, tanh pooler) the default is none.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from analysis import pooling


@dataclass(frozen=True)
class LayerWinners:
    """Winners of a max-pool for a batch, with absolute layer indices (0 = embeddings)."""

    layer: Tensor  # (B, d) or (B, T, d) int64
    token: Tensor | None  # (B, d) int64 where the maximum runs over tokens
    margin: Tensor  # like `layer`
    layers: tuple[int, ...]  # the layers that competed


@dataclass(frozen=True)
class Pooled:
    """What a pooling head returns. Only `vector` is required of a head of your own."""

    vector: Tensor  # (B, D)
    winners: LayerWinners | None = None
    attention: Tensor | None = None  # (B, P, T): rows sum to 1 over the real tokens
    weights: Tensor | None = None  # (B, P, T) or (B, P, T, d): the linear weights, if there are any
    values: Tensor | None = None  # (B, T, d): the vectors that are weighted


class PoolingHead(nn.Module):
    """Base of every pooling head.

    Subclasses name their options as keyword arguments of ``__init__`` and implement
    :meth:`read`. `layer_norm` and `pooler="tanh"` (the stock BERT pooler: dense layer, then tanh)
    follow the pooled vector; both are non-linear, so no exact split exists with them.
    """

    key = ""  # set by @head

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        *,
        output_size: int | None = None,
        layer_norm: bool = False,
        pooler: str = "none",
    ) -> None:
        super().__init__()
        if pooler not in ("none", "tanh"):
            raise ValueError(f"pooler is {pooler!r}; known: 'none', 'tanh'")
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.output_size = output_size or hidden_size
        size = self.output_size
        self.norm: nn.Module | None = nn.LayerNorm(size) if layer_norm else None
        self.pooler: nn.Module | None = nn.Linear(size, size) if pooler == "tanh" else None

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        """(L+1, B, T, d), (B, T) -> Pooled, before layer norm and tanh pooler."""
        raise NotImplementedError(f"{type(self).__name__} does not implement read()")

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        self._check(hidden, attention_mask)
        pooled = self.read(hidden, attention_mask)
        if self.norm is None and self.pooler is None:
            return pooled
        vector = pooled.vector if self.norm is None else self.norm(pooled.vector)
        if self.pooler is not None:
            vector = torch.tanh(self.pooler(vector))
        return Pooled(vector, pooled.winners, pooled.attention, pooled.weights, pooled.values)

    @property
    def linear(self) -> bool:
        """Whether the vector is linear in the values, given weights and winners."""
        return self.norm is None and self.pooler is None

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the P parts a linear pooling head sums over."""
        return (self.key,)

    def readout(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        """Fold the classifier ``weight (C, D)``, ``bias (C,)`` into the pooling head.

        Returns readout (C, P, d) and constant (C,) with
        ``logit = constant + sum over p, t of readout[:, p] @ (weights[p, t] * values[t])``,
        or None where the pooling head is not linear. The default fits every head whose vector
        is its P parts side by side.
        """
        if not self.linear or self.output_size != len(self.parts) * self.hidden_size:
            return None
        return weight.reshape(len(weight), len(self.parts), self.hidden_size), bias

    @property
    def pool_layers(self) -> tuple[int, ...]:
        """Absolute indices of the layers whose maximum is taken; () where one layer is read."""
        last_k = getattr(self, "last_k", None)
        if last_k is None:
            return ()
        return tuple(range(self.num_layers - last_k + 1, self.num_layers + 1))

    def with_last_k(self, last_k: int) -> PoolingHead:
        """The same weights, not copied, with a maximum over another number of last layers.

        Raises ``ValueError`` where no maximum over layers is taken, or `last_k` is impossible.
        """
        if not self.pool_layers:
            raise ValueError(
                f"the pooling head {self.key!r} reads one layer and takes no maximum over layers: "
                "there is no last_k to change. Choose max_cls or max_seq_mha."
            )
        other: Any = copy.copy(self)
        other.last_k = _check_last_k(last_k, self.num_layers)
        return cast(PoolingHead, other)

    def ended_at(self, layer: int) -> PoolingHead:
        """The same weights, not copied, for an encoder that ends at `layer` (0 = embeddings).

        It takes hidden states (layer + 1, B, T, d). A maximum runs over as many of the last k
        layers as there are; at layer 0 it reads the embeddings alone.
        """
        if not 0 <= layer <= self.num_layers:
            raise ValueError(
                f"layer is {layer}; the encoder has layers 0 (embeddings) to {self.num_layers}"
            )
        other: Any = copy.copy(self)
        other.num_layers = layer
        if self.pool_layers:
            other.last_k = min(len(self.pool_layers), max(layer, 1))
        return cast(PoolingHead, other)

    def value_norms(self, weights: Tensor, values: Tensor) -> Tensor:
        """(P, T) or (P, T, d), (T, d) -> (P, T): length of what each token adds to each part.

        ``norm(alpha f(x))`` of Kobayashi et al. 2020, where f is what a part makes of a value
        before it is weighted: nothing at all, unless a subclass says otherwise.
        """
        weighted = weights if weights.dim() == 3 else weights[:, :, None]
        norms: Tensor = torch.linalg.vector_norm(weighted * values, dim=-1)
        return norms

    def reset_parameters(self) -> None:
        """Initialise anew: Xavier-uniform projections, zero biases (MaxPoolBERT)."""
        for module in self.modules():
            initialise(module)

    def _check(self, hidden: Tensor, attention_mask: Tensor) -> None:
        expected = (self.num_layers + 1, None, None, self.hidden_size)
        fits = hidden.dim() == 4 and all(
            want is None or want == have for have, want in zip(hidden.shape, expected, strict=True)
        )
        if not fits or hidden.shape[1:3] != attention_mask.shape:
            raise ValueError(
                f"hidden has shape {tuple(hidden.shape)} and attention_mask "
                f"{tuple(attention_mask.shape)}; expected ({self.num_layers + 1}, B, T, "
                f"{self.hidden_size}) and (B, T)"
            )


def initialise(module: nn.Module) -> None:
    """Initialise one module of a pooling head, its submodules excepted."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.MultiheadAttention):
        module._reset_parameters()  # Xavier-uniform on the joint q, k, v projection
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    elif isinstance(module, nn.LayerNorm | nn.RMSNorm):
        module.reset_parameters()


HeadClass = TypeVar("HeadClass", bound=type[PoolingHead])
HEADS: dict[str, type[PoolingHead]] = {}


def head(key: str) -> Callable[[HeadClass], HeadClass]:
    """Register a pooling head under `key`; the same class may be registered again, another not."""

    def register(cls: HeadClass) -> HeadClass:
        known = HEADS.get(key)
        # A user's file is executed again on every reload: same file and name is the same head.
        if known is not None and _origin(known) != _origin(cls):
            raise ValueError(
                f"a pooling head {key!r} exists already ({known.__name__}); choose another key"
            )
        cls.key = key
        HEADS[key] = cls
        return cls

    return register


def _origin(cls: type) -> tuple[str, str]:
    try:
        return inspect.getfile(cls), cls.__qualname__
    except (OSError, TypeError):  # a notebook's or a console's own class has no file
        return cls.__module__, cls.__qualname__


def options_of(cls: type[PoolingHead]) -> dict[str, Any]:
    """Names and defaults of a pooling head's options, its base class's included."""
    names: dict[str, Any] = {}
    for owner in reversed(cls.__mro__):
        init = owner.__dict__.get("__init__")
        if init is None or not issubclass(owner, PoolingHead):
            continue
        for name, parameter in inspect.signature(init).parameters.items():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name != "output_size":
                names[name] = parameter.default
    return names


def check_options(key: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that pooling head `key` takes, out of `options`.

    An option of another pooling head is left out (one set of options can describe a comparison);
    one that no pooling head knows raises ``ValueError``, as does an unknown key.
    """
    if key not in HEADS:
        raise ValueError(f"unknown pooling head {key!r}; known: {', '.join(sorted(HEADS))}")
    own = options_of(HEADS[key])
    family = set().union(*(options_of(cls) for cls in HEADS.values()))
    unknown = sorted(set(options) - family)
    if unknown:
        raise ValueError(
            f"unknown option {', '.join(unknown)} for pooling head {key!r}; "
            f"known: {', '.join(sorted(own)) or 'none'}"
        )
    return {name: value for name, value in options.items() if name in own}


def build(key: str, hidden_size: int, num_layers: int, **options: Any) -> PoolingHead:
    """A new pooling head, freshly initialised (set the torch seed before).

    Raises ``ValueError`` for an unknown key or option, and for impossible ones: `last_k` above
    the number of layers, `num_heads` that does not divide `hidden_size`.
    """
    own = check_options(key, options)
    module = HEADS[key](hidden_size, num_layers, **own)
    module.reset_parameters()
    return module


def _check_last_k(last_k: int, num_layers: int) -> int:
    if not 1 <= last_k <= num_layers:
        raise ValueError(
            f"last_k is {last_k}, and the encoder has {num_layers} layers: "
            f"choose last_k from 1 to {num_layers}"
        )
    return last_k


def _pool_last_layers(hidden: Tensor, last_k: int) -> tuple[Tensor, LayerWinners]:
    """(L+1, ..., d) -> maxima over the last k layers, with winners as absolute layer indices."""
    first = hidden.shape[0] - last_k
    best = pooling.max_over_layers(hidden[first:])
    layers = tuple(range(first, hidden.shape[0]))
    return best.vector, LayerWinners(best.winner + first, None, best.margin, layers)


@head("cls")
class Cls(PoolingHead):
    """[CLS] of the last layer: the baseline."""

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        weights = pooling.token_weights("cls", attention_mask)
        vector = pooling.take_token(hidden[-1], pooling.first_token(attention_mask))
        return Pooled(vector, weights=weights, values=hidden[-1])


@head("max_cls")
class MaxCls(PoolingHead):
    """Element-wise maximum of [CLS] over the last k layers."""

    def __init__(self, hidden_size: int, num_layers: int, *, last_k: int = 3, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.last_k = _check_last_k(last_k, num_layers)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        index = pooling.first_token(attention_mask)
        cls = torch.stack([pooling.take_token(layer, index) for layer in hidden])
        vector, winners = _pool_last_layers(cls, self.last_k)
        weights = pooling.token_weights("cls", attention_mask)
        # Only [CLS] is pooled, so only its row of the values exists; the other weights are 0.
        values = weights[:, 0, :, None] * vector[:, None]
        return Pooled(vector, winners, weights=weights, values=values)


class _AttentionHead(PoolingHead):
    """Shared by the heads in which queries attend over the tokens with one attention layer."""

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        *,
        num_heads: int = 4,
        residual: bool = False,
        **base: Any,
    ) -> None:
        super().__init__(hidden_size, num_layers, **base)
        if num_heads < 1 or hidden_size % num_heads:
            raise ValueError(
                f"num_heads is {num_heads} and does not divide the hidden size {hidden_size}: "
                "choose a divisor"
            )
        self.num_heads = num_heads
        self.residual = residual
        self.attention = nn.MultiheadAttention(hidden_size, num_heads, batch_first=True)

    @property
    def parts(self) -> tuple[str, ...]:
        names = tuple(f"attention head {index}" for index in range(self.num_heads))
        return (*names, "residual") if self.residual else names

    def attend(
        self, query: Tensor, values: Tensor, attention_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, m, d), (B, T, d) -> output (B, m, d), attention (B, m, H, T); padding gets 0."""
        # Padding may hold anything, and 0 times an infinity is NaN; a copy, never in place.
        values = values.masked_fill((attention_mask == 0)[:, :, None], 0.0)
        output, attention = self.attention(
            query,
            values,
            values,
            key_padding_mask=attention_mask == 0,
            need_weights=True,
            average_attn_weights=False,
        )
        return output, attention.transpose(1, 2)

    def from_cls(
        self, values: Tensor, attention_mask: Tensor, winners: LayerWinners | None
    ) -> Pooled:
        """[CLS] of `values` as the only query over all real tokens of `values`."""
        index = pooling.first_token(attention_mask)
        query = pooling.take_token(values, index)
        output, attention = self.attend(query[:, None], values, attention_mask)
        vector, weights = output[:, 0], attention[:, 0]
        if self.residual:  # the query's own value is one more part, read from [CLS] alone
            vector = vector + query
            own = pooling.token_weights("cls", attention_mask).to(weights.dtype)
            weights = torch.cat([weights, own], dim=1)
        return Pooled(vector, winners, attention[:, 0], weights, values)

    def readout(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        if not self.linear:
            return None
        readout, constant = self._through_attention(weight)
        if self.residual:
            readout = torch.cat([readout, weight[:, None]], dim=1)
        return readout, bias + constant

    def value_norms(self, weights: Tensor, values: Tensor) -> Tensor:
        layer, d = self.attention, self.hidden_size
        value = (values @ layer.in_proj_weight[2 * d :].T + layer.in_proj_bias[2 * d :]).reshape(
            len(values), self.num_heads, -1
        )
        output = layer.out_proj.weight.reshape(d, self.num_heads, -1)
        moved = torch.einsum("the,ohe->hto", value, output)
        norms: Tensor = torch.linalg.vector_norm(moved, dim=-1)
        # Several queries read the same values; the residual part adds the query as it is.
        queries = (len(weights) - self.residual) // self.num_heads
        norms = norms.repeat(queries, 1)
        if self.residual:
            norms = torch.cat([norms, torch.linalg.vector_norm(values, dim=-1)[None]])
        weighted: Tensor = weights.abs() * norms
        return weighted

    def _through_attention(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """(C, d) -> W W_O[:, h] W_V[h] as (C, H, d), and W b_O + sum_h W W_O[:, h] b_V[h]."""
        layer, d = self.attention, self.hidden_size
        value_weight = layer.in_proj_weight[2 * d :].reshape(self.num_heads, -1, d)
        value_bias = layer.in_proj_bias[2 * d :].reshape(self.num_heads, -1)
        output_weight = layer.out_proj.weight.reshape(d, self.num_heads, -1)
        # c class, o output dimension, h attention head, e dimension within it, d input dimension
        through = torch.einsum("co,ohe->che", weight, output_weight)
        readout = torch.einsum("che,hed->chd", through, value_weight)
        constant = weight @ layer.out_proj.bias + torch.einsum("che,he->c", through, value_bias)
        return readout, constant


@head("mha")
class Mha(_AttentionHead):
    """[CLS] of the last layer as the only query over all real tokens of the last layer."""

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        return self.from_cls(hidden[-1], attention_mask, None)


@head("max_seq_mha")
class MaxSeqMha(_AttentionHead):
    """Maximum over the last k layers for every token, then [CLS] of that attends over it."""

    def __init__(self, hidden_size: int, num_layers: int, *, last_k: int = 3, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.last_k = _check_last_k(last_k, num_layers)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        values, winners = _pool_last_layers(hidden, self.last_k)
        return self.from_cls(values, attention_mask, winners)


@head("mean")
class Mean(PoolingHead):
    """Mean of the real tokens of the last layer."""

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        weights = pooling.token_weights("mean", attention_mask)
        vector = pooling.pool("mean", hidden[-1], attention_mask)
        return Pooled(vector, weights=weights, values=hidden[-1])


def _max_tokens(hidden: Tensor, attention_mask: Tensor) -> tuple[pooling.MaxPooled, Tensor]:
    best = pooling.max_over_tokens(hidden[-1], attention_mask)
    tokens = torch.arange(hidden.shape[2], device=hidden.device)
    return best, (best.winner[:, None] == tokens[None, :, None]).float()  # (B, T, d) one-hot


@head("max")
class Max(PoolingHead):
    """Element-wise maximum over the real tokens of the last layer."""

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        best, weights = _max_tokens(hidden, attention_mask)
        last = hidden.shape[0] - 1
        layer = torch.full_like(best.winner, last)
        winners = LayerWinners(layer, best.winner, best.margin, (last,))
        return Pooled(best.vector, winners, weights=weights[:, None], values=hidden[-1])


@head("concat")
class Concat(PoolingHead):
    """[cls; mean; max] of the last layer, side by side (3d)."""

    def __init__(self, hidden_size: int, num_layers: int, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, output_size=3 * hidden_size, **base)

    @property
    def parts(self) -> tuple[str, ...]:
        return ("cls", "mean", "max")

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        _, of_max = _max_tokens(hidden, attention_mask)
        linear = [pooling.token_weights(part, attention_mask) for part in ("cls", "mean")]
        weights = torch.cat(linear, dim=1)[..., None].expand(-1, -1, -1, hidden.shape[3])
        weights = torch.cat([weights, of_max[:, None]], dim=1)
        vector = pooling.pool("concat", hidden[-1], attention_mask)
        return Pooled(vector, weights=weights, values=hidden[-1])


@head("weighted_mean")
class WeightedMean(PoolingHead):
    """A learned score per token, softmax over the real tokens, weighted sum."""

    def __init__(self, hidden_size: int, num_layers: int, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.score = nn.Linear(hidden_size, 1)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        values = hidden[-1]
        scores = self.score(values)[:, :, 0]
        weights = pooling.token_weights("weighted_mean", attention_mask, scores=scores)
        vector = pooling.weighted_sum(weights, values, attention_mask)[:, 0]
        return Pooled(vector, attention=weights, weights=weights, values=values)


@head("query_attention")
class QueryAttention(_AttentionHead):
    """m learned queries attend over the tokens of the last layer; outputs side by side (m d)."""

    def __init__(
        self, hidden_size: int, num_layers: int, *, num_queries: int = 2, **base: Any
    ) -> None:
        if num_queries < 1:
            raise ValueError(f"num_queries is {num_queries}; at least 1 is needed")
        if base.get("residual"):
            raise ValueError("query_attention has no residual option: its queries are no tokens")
        super().__init__(
            hidden_size, num_layers, output_size=num_queries * hidden_size, **base
        )
        self.num_queries = num_queries
        self.queries = nn.Embedding(num_queries, hidden_size)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(
            f"query {query}, attention head {index}"
            for query in range(self.num_queries)
            for index in range(self.num_heads)
        )

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        values = hidden[-1]
        pooling.real_tokens(attention_mask)  # a row without tokens would be NaN, not an error
        queries = self.queries.weight.to(values.dtype).expand(len(attention_mask), -1, -1)
        output, attention = self.attend(queries, values, attention_mask)
        weights = attention.flatten(1, 2)
        return Pooled(output.flatten(1), attention=weights, weights=weights, values=values)

    def readout(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        if not self.linear:
            return None
        blocks = weight.reshape(len(weight), self.num_queries, self.hidden_size).unbind(1)
        through = [self._through_attention(block) for block in blocks]
        readout = torch.cat([readout for readout, _ in through], dim=1)
        return readout, bias + torch.stack([constant for _, constant in through]).sum(0)


@head("cls_mlp")
class ClsMlp(PoolingHead):
    """A control with exactly as many parameters as `mha` (4 d² + 4 d), reading [CLS] alone."""

    def __init__(self, hidden_size: int, num_layers: int, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        # The norm's d weights make the count equal to that of an attention layer with biases.
        self.mlp = nn.Sequential(
            nn.RMSNorm(hidden_size),
            nn.Linear(hidden_size, 2 * hidden_size),
            nn.GELU(),
            nn.Linear(2 * hidden_size, hidden_size),
        )

    @property
    def linear(self) -> bool:
        return False

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        return Pooled(self.mlp(pooling.take_token(hidden[-1], pooling.first_token(attention_mask))))
