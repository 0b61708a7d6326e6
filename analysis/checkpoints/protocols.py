"""The parts of a loaded model that the library asks for, whichever class it is of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

    from analysis.heads.base import Pooled, PoolingHead


class EncoderOutput(Protocol):
    """Output of an encoder for a batch."""

    @property
    def hidden_states(self) -> tuple[Tensor, ...]:
        """(B, T, d) of the embeddings and of each of the L layers."""
        ...

    @property
    def attentions(self) -> tuple[Tensor, ...] | None:
        """(B, H, T, T) of each of the L layers, where they were asked for and are kept."""
        ...


class PoolingModel(Protocol):
    """An encoder with a pooling head of this project, and a classifier where there are classes."""

    @property
    def head(self) -> PoolingHead: ...

    @property
    def classifier(self) -> nn.Linear | None: ...

    @property
    def encoder(self) -> nn.Module: ...

    def encode(self, **inputs: Tensor | bool) -> EncoderOutput:
        """The encoder's own output, with all hidden states."""
        ...

    def pool(
        self,
        hidden_states: Sequence[Tensor],
        attention_mask: Tensor,
        attentions: Sequence[Tensor] | None = None,
    ) -> Pooled:
        """Hidden states of all L+1 layers, (B, T, d) each -> Pooled."""
        ...


class ModelWithEmbeddings(Protocol):
    """Any model of Transformers, or one of this project around one."""

    def get_input_embeddings(self) -> nn.Embedding: ...
