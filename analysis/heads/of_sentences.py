"""Poolings that a sentence-transformers folder declares, side by side, and the layers behind them.

And the model around it: an encoder with a pooling of its own and no classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import SequenceClassifierOutput

from analysis.heads import pooling
from analysis.heads.base import LayerWinners, Pooled, PoolingHead, dense_step, norm_step
from analysis.straight_line import layers
from analysis.straight_line.layers import Activation, Layer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from analysis.checkpoints.protocols import EncoderOutput

_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.Tanh: "tanh", nn.GELU: "gelu", nn.ReLU: "relu", nn.SiLU: "silu", nn.Sigmoid: "sigmoid",
}  # fmt: skip


class UnitLength(nn.Module):
    """Divides each vector by its length."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(x, p=2.0, dim=1)


class Residual(nn.Module):
    """``act(W x + b) + x``, or ``+ R x`` where the sizes differ."""

    def __init__(self, linear: nn.Linear, activation: nn.Module, beside: Tensor | None) -> None:
        super().__init__()
        self.linear, self.activation = linear, activation
        self.beside = None if beside is None else nn.Parameter(beside)

    @property
    def out_features(self) -> int:
        """Size of what it gives."""
        return self.linear.out_features

    def forward(self, x: Tensor) -> Tensor:
        done: Tensor = self.activation(self.linear(x))
        return done + (x if self.beside is None else x @ self.beside.T)


class SentencePooling(PoolingHead):
    """Poolings of the last layer side by side, or a pooling head, and the modules behind them."""

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        modes: Sequence[str] = ("mean",),
        inner: PoolingHead | None = None,
        after: Sequence[nn.Module] = (),
        output_size: int | None = None,
    ) -> None:
        size = hidden_size * (1 if inner is not None else len(modes))
        super().__init__(hidden_size, num_layers, output_size=output_size or size, read_size=size)
        self.modes = tuple(modes)
        self.inner = inner
        self.after = nn.ModuleList(after)
        self.key = "+".join(self.modes) if inner is None else inner.key
        if inner is not None and hasattr(inner, "last_k"):
            self.last_k = inner.last_k

    @property
    def parts(self) -> tuple[str, ...]:
        return self.modes if self.inner is None else self.inner.parts

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        if self.inner is not None:
            return self.inner.read(hidden, attention_mask)
        last, winners = hidden[-1], None
        weights: list[Tensor] = []
        for mode in self.modes:
            if mode == "max":
                best = pooling.max_over_tokens(last, attention_mask)
                tokens = torch.arange(last.shape[1], device=last.device)
                weights.append((best.winner[:, None] == tokens[None, :, None]).float()[:, None])
                layer = torch.full_like(best.winner, len(hidden) - 1)
                winners = LayerWinners(layer, best.winner, best.margin, (len(hidden) - 1,))
            elif mode == "position_weighted_mean":
                place = attention_mask.cumsum(1) * attention_mask
                weights.append((place / place.sum(1, keepdim=True)).float()[:, None])
            else:
                weights.append(pooling.token_weights(mode, attention_mask))
        if winners is None:
            joined = torch.cat(weights, dim=1)
        else:
            whole = (*last.shape[:2], self.hidden_size)
            joined = torch.cat(
                [w if w.dim() == 4 else w[..., None].expand(-1, -1, *whole[1:]) for w in weights], 1
            )
        clean = pooling.without_padding(last, attention_mask)
        if joined.dim() == 3:
            vector = torch.einsum("bpt,btd->bpd", joined, clean)
        else:
            vector = torch.einsum("bptd,btd->bpd", joined, clean)
        return Pooled(vector.flatten(1), winners, weights=joined, values=last)

    def finish(self, vector: Tensor) -> Tensor:
        for module in self.after:
            vector = module(vector)
        return vector

    def steps(self) -> tuple[Layer, ...] | None:
        every = [_steps(module) for module in self.after]
        known = [steps for steps in every if steps is not None]
        return sum(known, ()) if len(known) == len(every) else None

    @property
    def linear(self) -> bool:
        return not len(self.after) and (self.inner is None or self.inner.linear)

    def fold(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        return super().fold(weight, bias) if self.inner is None else self.inner.fold(weight, bias)

    def value_norms(self, weights: Tensor, values: Tensor) -> Tensor:
        if self.inner is None:
            return super().value_norms(weights, values)
        return self.inner.value_norms(weights, values)


def _steps(module: nn.Module) -> tuple[Layer, ...] | None:
    """A module behind the pooling as NumPy; None where it is not known."""
    if isinstance(module, nn.Identity):
        return ()
    if isinstance(module, nn.Linear):
        return (dense_step(module),)
    if isinstance(module, nn.LayerNorm):
        return (norm_step(module),)
    if isinstance(module, UnitLength):
        return (layers.UnitLength(),)
    if isinstance(module, Residual):
        inner = _steps(module.activation)
        beside = None if module.beside is None else module.beside.detach().double().cpu().numpy()
        return (
            None
            if inner is None
            else (layers.Residual((dense_step(module.linear), *inner), beside),)
        )
    name = _ACTIVATIONS.get(type(module))
    return None if name is None else (Activation(name),)


class SentenceEncoder(nn.Module):
    """An encoder, its own pooling and, where there is one, a linear classifier on that vector."""

    base_model_prefix = "encoder"

    def __init__(
        self, encoder: PreTrainedModel, head: PoolingHead, classifier: nn.Linear | None = None
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.classifier = classifier
        self.config = encoder.config

    def get_input_embeddings(self) -> nn.Module:
        return self.encoder.get_input_embeddings()

    def encode(self, **inputs: Tensor | bool) -> EncoderOutput:
        """The encoder's own output, with all hidden states."""
        inputs |= {"output_hidden_states": True, "return_dict": True}
        output: EncoderOutput = self.encoder(**inputs)
        return output

    def pool(
        self,
        hidden_states: Sequence[Tensor],
        attention_mask: Tensor,
        attentions: Sequence[Tensor] | None = None,
    ) -> Pooled:
        """Hidden states of all L+1 layers, (B, T, d) each -> Pooled in float32."""
        pooled: Pooled = self.head(torch.stack(tuple(hidden_states)).float(), attention_mask)
        return pooled

    def forward(self, **inputs: Any) -> Any:
        mask = inputs["attention_mask"]
        output = self.encode(**inputs)
        if self.classifier is None:
            return output
        return SequenceClassifierOutput(
            logits=self.classifier(self.pool(output.hidden_states, mask).vector),
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )
