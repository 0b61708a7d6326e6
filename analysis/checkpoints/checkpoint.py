"""Description of a checkpoint, without its weights."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.common.faults import CheckpointError
from analysis.common.outputs import is_number, note_of
from analysis.common.phrases import name_without_folder

_SEED = re.compile(r"(?P<group>.+)-s(?P<seed>\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """Description of a checkpoint, without its weights."""

    id: str  # folder name, path or Hub id, as shown and as written into the address
    folder: Path
    kind: str  # "pooling" (this project's), "classifier" (any Transformers one), "encoder" (bare)
    encoder: str  # name of the encoder, or the architecture of a foreign model
    head: str | None  # key of the pooling head; None for a foreign model
    head_options: dict[str, Any]
    labels: tuple[str, ...]  # class names in order; one name for a regression; () for an encoder
    task: str | None
    pairs: bool  # whether it was trained on sentence pairs
    output: str  # what its logits mean: one of analysis.common.outputs.KINDS
    source: str  # "folder" or "Hub"
    sha256: str  # of the weights, and of the encoder's where they are separate
    seed: int | None = None
    adapter: bool = False
    base: Checkpoint | None = None  # of a pooling head on a frozen encoder: whose encoder that is
    facts: dict[str, Any] = field(default_factory=dict)  # training.json: score, command, ...
    layout: str = ""  # of other people's: a key of analysis.checkpoints.layouts
    notes: tuple[str, ...] = ()  # what is to be said of it, a sentence each
    spec: dict[str, Any] = field(default_factory=dict)  # what a layout has to know when it reads
    weights_sha256: str = ""  # of the encoder's files alone, where `sha256` is of more

    def __post_init__(self) -> None:
        # A page sorts and shows these: what a file holds in their place stops here.
        for name, kind in (("task", str), ("seed", int), ("head", str), ("encoder", str)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
                raise CheckpointError(
                    f"{self.id}: {name} in its configuration is {_short(value)}, and should be "
                    f"{'a text' if kind is str else 'a whole number'}. Correct config.json."
                )

    @property
    def name(self) -> str:
        """Name in a sentence or on a card: of a path its last part."""
        return name_without_folder(self.id)

    @property
    def encoder_kind(self) -> str:
        """Name of an encoder without a classifier: by its own pooling, where it declares one."""
        if not self.head:
            return "bare encoder"
        return f"sentence encoder with {self.head.replace('+', ' + ')} pooling"

    @property
    def regression(self) -> bool:
        """Whether it answers with numbers, not with probabilities of classes."""
        return is_number(self.output)

    @property
    def encoder_digest(self) -> str:
        """Digest of the encoder, which a pooling head on it is bound to."""
        return self.weights_sha256 or self.sha256

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on a card beside the answer: the meaning of the output, the layout."""
        declared = bool(self.spec.get("problem_type"))
        kind = "" if self.kind == "encoder" else note_of(self.output, len(self.labels), declared)
        return (*([kind] if kind else []), *self.notes)

    @property
    def group(self) -> str | None:
        """Name shared by runs that differ in their seed only: `trec-cls` of `trec-cls-s0`."""
        match = _SEED.fullmatch(self.id)
        return match["group"] if match else None


@dataclass(frozen=True)
class Broken:
    """A folder that looks like a checkpoint and is none, with the reason in words."""

    id: str
    folder: Path
    reason: str

    @property
    def name(self) -> str:
        """Name in a list: of a path its last part."""
        return name_without_folder(self.id)


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."
