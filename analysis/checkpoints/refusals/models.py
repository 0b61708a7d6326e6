"""Models that are not taken: tensors that would be random, states that are no layers of tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from analysis.common.faults import CheckpointError

if TYPE_CHECKING:
    from torch import nn

    from analysis.checkpoints.protocols import EncoderOutput

ENCODER_DECODER = (
    "{name} has an encoder and a decoder, and PoolLens reads the layers of a single encoder. Use "
    "an encoder for the same task, such as RoBERTa or DeBERTa; the encoder of a T5 can be opened "
    "alone (T5EncoderModel)"
)


def refuse_missing(name: str, missing: Iterable[str]) -> None:
    """Raise :class:`CheckpointError` naming the tensors that would be random, if there are any."""
    keys = tuple(missing)
    if keys:
        shown = ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
        raise CheckpointError(
            f"{name}: its file lacks {len(keys)} tensors that the model needs, or holds them in "
            f"another shape ({shown}). They would be random, so it is not loaded; save the whole "
            "model again."
        )


def check_states(name: str, model: nn.Module, output: EncoderOutput, length: int) -> None:
    """The input of every pooling head: hidden states of all layers, one vector for each token.

    Raises :class:`CheckpointError` where the output of `length` tokens has none.
    """
    kind, states = type(model).__name__, getattr(output, "hidden_states", None)
    if not states:
        raise CheckpointError(
            f"{name}: {kind} returns no hidden states of its layers, and every page reads them. "
            "Use an encoder that does, such as BERT, ModernBERT or DeBERTa."
        )
    shapes = {tuple(state.shape[:2]) for state in states}
    sizes = {int(state.shape[-1]) for state in states}
    if shapes != {(1, length)} or len(sizes) > 1:
        seen = ", ".join("×".join(map(str, state.shape[1:])) for state in states[:6])
        raise CheckpointError(
            f"{name}: {kind} changes the length or size of its hidden states between layers (of "
            f"{length} tokens: {seen}), so its layers cannot be compared. Use an encoder whose "
            "layers all hold one vector of the same size for each token."
        )
