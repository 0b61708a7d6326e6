"""Helpers of the layouts: read tensors of files, fill models, name every missing key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.model import PoolingClassifier, PoolingConfig
from analysis.checkpoints.refusals.models import refuse_missing

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def tensors(files: Iterable[Path]) -> dict[str, Tensor]:
    """All tensors (...) of safetensors files, by key; numbers in half precision as float32."""
    from safetensors.torch import load_file

    state: dict[str, Tensor] = {}
    for file in files:
        for key, tensor in load_file(file).items():
            state[key] = tensor.float() if tensor.is_floating_point() else tensor
    return state


def unwrapped(state: Mapping[str, Tensor], beginnings: Iterable[str]) -> dict[str, Tensor]:
    """Tensors (...) without a prefix that a wrapper of the training script left before
    every name, if there is one: behind it some names begin with each of `beginnings`."""
    prefixes = tuple(beginnings)
    if not any(key.startswith(prefixes) for key in state):
        for key in state:
            prefix = key.partition(".")[0] + "."
            if all(any(name.startswith(prefix + own) for name in state) for own in prefixes):
                return {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return dict(state)


def fill(name: str, module: nn.Module, state: Mapping[str, Tensor], shown: str) -> tuple[str, ...]:
    """Load `state`, tensors (...) by key, into a module; returns the keys that it did not use,
    under `shown`.

    Raises :class:`CheckpointError` naming the tensors that are missing or of another shape.
    """
    own = dict(module.state_dict())
    there = {key for key, t in own.items() if key in state and state[key].shape == t.shape}
    # Tied tensors are one: a file holds it under one of its names.
    ties: dict[str, str] = getattr(module, "all_tied_weights_keys", None) or {}
    tied = {key for pair in ties.items() if there.intersection(pair) for key in pair}
    held = {own[key].data_ptr() for key in there}
    refuse_missing(
        name,
        [
            f"{shown}{key}"
            for key, t in own.items()
            if key not in there
            and (key in state or not t.numel() or not (key in tied or t.data_ptr() in held))
        ],
    )
    # What the file holds under one name is loaded under all of them.
    partners = {key: partner for pair in ties.items() for key, partner in (pair, pair[::-1])}
    state_there = {key: state[key] for key in there}
    state_there |= {key: state[partners[key]] for key in tied - there if partners[key] in there}
    module.load_state_dict(state_there, strict=False)
    return tuple(sorted(f"{shown}{key}" for key in set(state) - set(own)))


def assemble(checkpoint: Checkpoint, encoder: PreTrainedModel) -> PoolingClassifier:
    """A classifier of this project around a loaded encoder, with the checkpoint's pooling head."""
    from analysis import heads
    from analysis.checkpoints.opening import size_of

    names = {name: index for index, name in enumerate(checkpoint.labels)}
    config = PoolingConfig(
        encoder=encoder.config.to_dict(),
        encoder_name=checkpoint.encoder,
        head=str(checkpoint.head),
        head_options=checkpoint.head_options,
        id2label={index: name for name, index in names.items()},
        label2id=names,
    )
    with torch.device("meta"):  # the encoder is replaced at once
        model = PoolingClassifier(config)
    model.encoder = encoder
    model.head = heads.build(config.head, **size_of(encoder.config), **checkpoint.head_options)
    model.classifier = nn.Linear(model.head.output_size, len(names))
    return model
