"""Base of the pooling heads with attention: one attention layer over the tokens (or layers)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from analysis.heads import pooling
from analysis.heads.base import LayerWinners, Pooled, PoolingHead


class AttentionPooling(PoolingHead):
    """Queries attend over the tokens with one attention layer; what they read stays traceable."""

    projection_biases = True

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
        self.attention = nn.MultiheadAttention(
            hidden_size, num_heads, batch_first=True, bias=self.projection_biases
        )

    @property
    def parts(self) -> tuple[str, ...]:
        names = tuple(f"attention head {index}" for index in range(self.num_heads))
        return (*names, "residual") if self.residual else names

    def attend(
        self, query: Tensor, values: Tensor, attention_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, m, d), (B, T, d) -> output (B, m, d), attention (B, m, H, T); padding gets 0.

        Queries that are alike for all rows come as (1, m, d). Equal to ``nn.MultiheadAttention``,
        whose parameters it reads, with one product with W_K a query and none a token:
        q . (W_K x + b_K) is (W_K^T q) . x plus a number that is alike for all tokens, which a
        softmax does not see. W_V likewise comes after the sum over tokens, because the weights of
        an attention head sum to 1.
        """
        values = pooling.without_padding(values, attention_mask)
        layer, d, h = self.attention, self.hidden_size, self.num_heads
        size = d // h  # of one attention head
        query_weight, key_weight, value_weight = self.projections()
        query_bias, _, value_bias = self._projection_bias().reshape(3, d).unbind()
        same, m = query.shape[:2]  # B, or 1
        queries = (through(query_weight, query.reshape(same * m, d)) + query_bias) * size**-0.5
        by_head = queries.reshape(same * m, h, size).transpose(0, 1)
        folded = (by_head @ key_weight.reshape(h, size, d)).transpose(0, 1)  # (same m, H, d)
        scores = folded.reshape(same, m * h, d) @ values.transpose(1, 2)
        scores = scores.masked_fill((attention_mask == 0)[:, None], -torch.inf)
        attention = scores.softmax(-1)  # (B, m H, T)
        rows = len(values)
        mixed = (attention @ values).reshape(rows * m, h, d).transpose(0, 1)
        read = through(value_weight.reshape(h, size, d), mixed).transpose(0, 1)
        output = through(layer.out_proj.weight, read.reshape(rows * m, d) + value_bias)
        if layer.out_proj.bias is not None:
            output = output + layer.out_proj.bias
        return output.reshape(rows, m, d), attention.reshape(rows, m, h, -1)

    def from_cls(
        self, values: Tensor, attention_mask: Tensor, winners: LayerWinners | None
    ) -> Pooled:
        """[CLS] of `values` (B, T, d) as the only query over all real tokens of `values`;
        `attention_mask` is (B, T).
        """
        own = pooling.token_weights("cls", attention_mask)
        query = pooling.take_token(values, pooling.first_token(attention_mask))
        return self.from_query(query, own, values, attention_mask, winners)

    def from_query(
        self,
        query: Tensor,
        own: Tensor,
        values: Tensor,
        attention_mask: Tensor,
        winners: LayerWinners | None = None,
    ) -> Pooled:
        """(B, d) query over all real tokens of `values`; `own` (B, 1, T) says what it is made of.

        With the residual option the query's own value is one more part, read with those weights.
        """
        output, attention = self.attend(query[:, None], values, attention_mask)
        vector, weights = output[:, 0], attention[:, 0]
        if self.residual:
            vector = vector + query
            weights = torch.cat([weights, own.to(weights.dtype)], dim=1)
        return Pooled(vector, winners, attention[:, 0], weights, values)

    def fold(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        """W_O folded into the classifier: its `weight` (C, d) and `bias` (C,) as read at the
        attention heads' values, (C, P, d) and (C,).
        """
        folded, constant = self._through_attention(weight)
        if self.residual:
            folded = torch.cat([folded, weight[:, None]], dim=1)
        return folded, bias + constant

    def value_norms(self, weights: Tensor, values: Tensor) -> Tensor:
        """(P, T) norms of what each token adds, from `weights` (P, T) and `values` (T, d).

        Several queries read the same values, the residual part as they are.
        """
        queries = (len(weights) - self.residual) // self.num_heads
        norms = self._moved_norms(values.expand(self.num_heads, -1, -1)).repeat(queries, 1)
        if self.residual:
            norms = torch.cat([norms, torch.linalg.vector_norm(values, dim=-1)[None]])
        weighted: Tensor = weights.abs() * norms
        return weighted

    def _moved_norms(self, values: Tensor) -> Tensor:
        """(..., H, T, d) what each attention head reads -> (..., H, T) length after W_V and W_O."""
        layer, d = self.attention, self.hidden_size
        value_weight = self.projections()[2].reshape(self.num_heads, -1, d)
        value_bias = self._projection_bias()[2 * d :].reshape(self.num_heads, 1, -1)
        value = torch.einsum("...htd,hed->...hte", values, value_weight) + value_bias
        output = layer.out_proj.weight.reshape(d, self.num_heads, -1)
        norms: Tensor = torch.linalg.vector_norm(
            torch.einsum("...hte,ohe->...hto", value, output), dim=-1
        )
        return norms

    def _one_value_changed(
        self, values: Tensor, mask: Tensor, tokens: Tensor, changed: Tensor
    ) -> Tensor:
        """(T, d), (T,), (n,), (n, d) -> (n, d): as if token tokens[i] alone had value changed[i].

        The query and the other tokens' keys stay, so one key and one value are projected a
        variant, and not T. Of [CLS], whose value is the query too, this would not be true.
        """
        layer, d = self.attention, self.hidden_size
        weights, biases = self.projections(), self._projection_bias().reshape(3, d)

        def projected(vectors: Tensor, which: int) -> Tensor:  # -> (..., H, e)
            mapped: Tensor = vectors @ weights[which].T + biases[which]
            return mapped.reshape(*vectors.shape[:-1], self.num_heads, -1)

        values = values.masked_fill((mask == 0)[:, None], 0.0)
        index = int(pooling.first_token(mask[None])[0])
        query = projected(values[index], 0) * (d // self.num_heads) ** -0.5
        scores = torch.einsum("he,the->ht", query, projected(values, 1))
        scores = scores.masked_fill(mask == 0, -torch.inf).repeat(len(tokens), 1, 1)
        rows = torch.arange(len(tokens), device=values.device)
        scores[rows, :, tokens] = torch.einsum("he,nhe->nh", query, projected(changed, 1))
        attention = scores.softmax(-1)  # (n, H, T)
        read = projected(values, 2)
        mixed = torch.einsum("nht,the->nhe", attention, read)
        mixed += attention[rows, :, tokens][:, :, None] * (projected(changed, 2) - read[tokens])
        output: Tensor = layer.out_proj(mixed.flatten(1))
        return output + values[index] if self.residual else output

    def _through_attention(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """(C, d) -> W W_O[:, h] W_V[h] as (C, H, d), and W b_O + sum_h W W_O[:, h] b_V[h]."""
        layer, d = self.attention, self.hidden_size
        value_weight = self.projections()[2].reshape(self.num_heads, -1, d)
        value_bias = self._projection_bias()[2 * d :].reshape(self.num_heads, -1)
        output_weight = layer.out_proj.weight.reshape(d, self.num_heads, -1)
        # c class, o output dimension, h attention head, e dimension within it, d input dimension
        through = torch.einsum("co,ohe->che", weight, output_weight)
        readout = torch.einsum("che,hed->chd", through, value_weight)
        constant = torch.einsum("che,he->c", through, value_bias)
        if layer.out_proj.bias is not None:
            constant = constant + weight @ layer.out_proj.bias
        return readout, constant

    def projections(self) -> tuple[Tensor, Tensor, Tensor]:
        """W_Q, W_K and W_V, (d, d) each; ``nn.MultiheadAttention`` keeps them as one or apart."""
        layer: Any = self.attention
        d = self.hidden_size
        if layer.q_proj_weight is not None:
            return layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight
        query, key, value = layer.in_proj_weight.reshape(3, d, d).unbind()
        return query, key, value

    def _projection_bias(self) -> Tensor:
        """(3d,) biases of queries, keys and values; zeros where there are none."""
        bias: Tensor | None = self.attention.in_proj_bias
        if bias is not None:
            return bias
        return self.attention.in_proj_weight.new_zeros(3 * self.hidden_size)


def through(weight: Tensor, vectors: Tensor) -> Tensor:
    """``vectors @ weight.T``: (..., e, d) and (..., n, d) -> (..., n, e).

    Where gradients are wanted, the factors stand in the order that gives a weight's gradient the
    weight's own layout: many seeds that are fitted together need not copy theirs in each step.
    """
    if torch.is_grad_enabled():
        return (weight @ vectors.transpose(-1, -2)).transpose(-1, -2)
    return vectors @ weight.transpose(-1, -2)
