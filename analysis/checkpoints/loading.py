"""load(): three kinds of checkpoint through one door.

The project's own (full, or encoder + LoRA adapter), any ``AutoModelForSequenceClassification``,
and a bare encoder. Safetensors only, never code from a checkpoint, the type always explicit.
"""

from __future__ import annotations

import copy
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from analysis import heads
from analysis.checkpoints import notes
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.folder import describe, locate
from analysis.checkpoints.layouts import sentence_transformers
from analysis.checkpoints.layouts.keys import describe_weights
from analysis.checkpoints.model import float_tensors
from analysis.checkpoints.opening import KeyReport
from analysis.checkpoints.probe import probe
from analysis.checkpoints.shared import hold_once
from analysis.checkpoints.tokenizers import (
    check_vocabulary,
    input_rules,
    load_tokenizer,
    token_limit,
)
from analysis.checkpoints.weights import read
from analysis.common.alias import both_names
from analysis.common.faults import CheckpointError
from analysis.common.memory import one_memory_error
from analysis.common.places import DEMO_FOLDER
from analysis.heads.final_norm import FinalNorm, find_final_norm
from analysis.heads.stock import StockHead, recognise
from analysis.straight_line.layers import HeadLayers
from analysis.text.batches import InputRules
from analysis.text.tokens import set_prompt

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from analysis.checkpoints.protocols import PoolingModel

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(eq=False)
class Classifier:
    """A loaded checkpoint: model in evaluation mode, tokenizer, and what is known of both.

    `lock` guards whatever changes the shared model for a moment (hooks, gradients).
    """

    checkpoint: Checkpoint
    model: nn.Module
    tokenizer: PreTrainedTokenizerFast
    device: torch.device
    dtype: torch.dtype  # of the encoder; the pooling head and the split run in float32
    limit: int  # tokens the model can take, special tokens included
    report: KeyReport
    # The classification layers of a Transformers model as a pooling head, where they are one.
    stock: StockHead | None = None
    # The norm after a pre-norm encoder's last layer, which the states below it lack.
    final_norm: FinalNorm | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    inputs: InputRules = field(default_factory=InputRules)  # how rows become a batch
    unable: Mapping[str, str] = field(default_factory=dict)  # what it cannot give -> why
    causal: bool = False  # whether no token attends to one behind it, as in a decoder

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @cached_property
    def rest(self) -> HeadLayers | None:
        """Layers after the pooled vector, where a pooling head that is not linear declares them."""
        head, layer = self.head, self.output_layer
        return None if head is None or layer is None else heads.head_layers(head, layer)

    @property
    def head(self) -> heads.PoolingHead | None:
        """The pooling head: the project's own, or a stock model's layers, where they are known."""
        model = self.pooling_model
        return self.stock if model is None else model.head

    @property
    def pooling_model(self) -> PoolingModel | None:
        """The model, where it has a pooling head of this project around its encoder."""
        return cast("PoolingModel", self.model) if hasattr(self.model, "pool") else None

    @property
    def output_layer(self) -> nn.Linear | None:
        """The linear layer from the pooling head's vector to the logits, where there is one."""
        owner = self.model if self.stock is None else self.stock
        layer = cast("nn.Linear | None", owner.classifier)
        return layer

    @property
    def encoder(self) -> PreTrainedModel:
        """The encoder inside a classifier, or the model itself where it is a bare encoder."""
        return _encoder(self.model)

    def ended_at(self, states: Sequence[torch.Tensor], layer: int) -> torch.Tensor:
        """Hidden states of all L+1 layers, (B, T, d) each -> those (B, T, d) that the encoder would
        give if it ended there.

        In a pre-norm encoder they have its final norm; in any other they are the layer's own.
        """
        return states[layer] if self.final_norm is None else self.final_norm(states, layer)


def load(
    reference: str | Path,
    *,
    device: str = "auto",
    dtype: str = "float32",
    head: type[heads.PoolingHead] | str | None = None,
    attn_implementation: str = "eager",
    root: Path | str = DEMO_FOLDER,
    encoder: str | Path | None = None,
    keys: Mapping[str, str] | None = None,
    **spec: Any,
) -> Classifier:
    """Load a checkpoint from a folder, a registered name in `root`, or a Hub id.

    The weights of a training script of one's own are one safetensors file: give it as
    `reference` with `encoder` (folder, package or Hub id), `head` (a key), `labels`,
    `head_options` and `keys`, a table from its key names (or their beginnings) to those here
    (``encoder.``, ``head.``, ``classifier.``); or write the same into ``poollens.yaml`` beside
    it.

    `device` is "auto" (CUDA where there is one), "cpu" or "cuda:0"; `dtype` ("float32" or
    "bfloat16") is that of the encoder. `head` is the class of a pooling head of your own that
    the checkpoint names. `attn_implementation` stays "eager" wherever attentions may be asked
    for; "sdpa" is for whole data sets.

    Raises :class:`CheckpointError` (a ``ValueError``) with the reason: not found, broken files,
    tensors missing or of another shape, NaN weights, an unknown pooling head, a device that is
    not there; ``TypeError`` for an argument that it does not have.
    """
    if dtype not in DTYPES:
        raise CheckpointError(f"dtype is {dtype!r}; known: {', '.join(DTYPES)}")
    where = _device(device)
    if encoder is not None or keys is not None:
        arguments = {"encoder": encoder, "keys": keys, "head": head, **spec}
        checkpoint = describe_weights(Path(reference), arguments)
        return _opened(checkpoint, where, dtype, attn_implementation)
    if spec:
        raise TypeError(f"load() has no argument {next(iter(spec))!r} without encoder and keys")
    if isinstance(head, str):
        raise CheckpointError(f"head is {head!r}: give its class, or encoder and keys as well")
    if head is not None and heads.HEADS.get(head.key) is not head:
        # A subclass inherits its parent's key, and the parent would be loaded in its place.
        raise CheckpointError(
            f"{head.__name__} is not registered under a key of its own: decorate it with "
            "@head('its name')"
        )
    folder, name, source = locate(reference, root)
    checkpoint = describe(folder, name, source)
    return _opened(checkpoint, where, dtype, attn_implementation)


def _opened(
    checkpoint: Checkpoint, where: torch.device, dtype: str, attn_implementation: str
) -> Classifier:
    with _reasons(checkpoint.id), _quiet():
        model, report, tokenizer_folder = read(checkpoint, attn_implementation)
        tokenizer = load_tokenizer(tokenizer_folder)
    set_prompt(tokenizer, str(checkpoint.spec.get("prompt", "")))
    _check_finite(checkpoint.id, model)
    check_vocabulary(checkpoint.id, model, tokenizer)
    rules = input_rules(model, tokenizer)
    model.eval().requires_grad_(False)
    final_norm = find_final_norm(_encoder(model), tokenizer)
    stock = recognise(model, tokenizer) if checkpoint.kind == "classifier" else None
    if stock is not None and DTYPES[dtype] != torch.float32:
        stock = copy.deepcopy(stock)  # a pooling head runs in float32, and so does its copy
    _set_types(model, DTYPES[dtype])
    try:
        with one_memory_error():
            model.to(where)
            if stock is not None:
                stock.to(where)
    except torch.OutOfMemoryError as error:
        raise CheckpointError(
            f"{checkpoint.name}: {where} has not enough free memory for this model. Close other "
            "programs that use it, or load with device='cpu'."
        ) from error
    opened = Classifier(
        checkpoint,
        model,
        tokenizer,
        where,
        DTYPES[dtype],
        token_limit(model, tokenizer),
        report,
        stock,
        final_norm,
        inputs=rules,
    )
    deeper = notes.unread_depth(report.unexpected, (name for name, _ in model.named_parameters()))
    if deeper:
        opened.checkpoint = replace(checkpoint, notes=(*checkpoint.notes, deeper))
    if checkpoint.layout == "sentence_transformers":
        sentence_transformers.settle(opened)
    probe(opened)
    frozen = checkpoint if checkpoint.kind == "encoder" else checkpoint.base
    if frozen is not None:
        hold_once(opened.encoder, frozen.encoder_digest)
    return opened


def register_heads(file: str | Path) -> tuple[str, ...]:
    """Execute a Python file of the user's that registers pooling heads.

    The file may import from ``analysis`` and from ``poollens``: both are this package.

    Returns
    -------
    tuple of str
        The keys that it registered.

    Raises
    ------
    ValueError
        The file cannot be imported; with its name and the reason.
    """
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise ValueError(f"{file}: there is no such file (it should register pooling heads)")
    both_names()
    name = f"poollens_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path.name}: it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    before = set(heads.HEADS)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise ValueError(f"{path.name}: {type(error).__name__}: {error}") from error
    return tuple(sorted(set(heads.HEADS) - before))


def device_name() -> str:
    """The device that "auto" takes, in words: the GPU's name, or the CPU and its threads."""
    if torch.cuda.is_available():
        return f"cuda:0 {torch.cuda.get_device_name(0)}"
    return f"CPU, {torch.get_num_threads()} of {os.cpu_count()} cores"


def _encoder(model: nn.Module) -> PreTrainedModel:
    return cast("PreTrainedModel", getattr(model, str(model.base_model_prefix), model))


def _device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        where = torch.device(device)
    except RuntimeError as error:
        raise CheckpointError(f"device is {device!r}; give 'auto', 'cpu' or 'cuda:0'") from error
    if where.type == "cuda" and not torch.cuda.is_available():
        raise CheckpointError(f"device is {device!r}, and PyTorch sees no CUDA device here")
    return where


def _check_finite(name: str, model: nn.Module) -> None:
    for key, tensor in float_tensors(model):
        # A sum is NaN or infinite as soon as one entry is, and needs no mask of its own size.
        if not torch.isfinite(tensor.double().sum() if tensor.numel() < 4096 else tensor.sum()):
            raise CheckpointError(
                f"{name}: {key} holds NaN or infinite weights, so every answer would be NaN. The "
                "training probably diverged; use an earlier checkpoint."
            )


def _set_types(model: nn.Module, dtype: torch.dtype) -> None:
    if hasattr(model, "pool"):
        parts = cast("PoolingModel", model)
        parts.head.float()
        if parts.classifier is not None:
            parts.classifier.float()
        parts.encoder.to(dtype)
    else:
        model.to(dtype)


@contextmanager
def _reasons(name: str) -> Iterator[None]:
    """Turn whatever a loader raises into a CheckpointError with a first line people can read."""
    try:
        yield
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{name}: {error}") from error
    except (OSError, RuntimeError, KeyError, TypeError, AttributeError, ImportError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()
        detail = " ".join(line.strip() for line in first[:3])[:400]
        raise CheckpointError(
            f"{name}: it cannot be loaded ({type(error).__name__}: {detail})."
        ) from error
    except Exception as error:  # safetensors raises its own type, not an OSError
        raise CheckpointError(f"{name}: it cannot be loaded ({error}).") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no key table on the console: the report is in the result."""
    from transformers.utils import logging as untyped

    logging: Any = untyped
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
