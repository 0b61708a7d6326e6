"""The encoder whose states are read: any checkpoint's, or a bare one, opened for data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from analysis.checkpoints import CheckpointError
from analysis.checkpoints.encoders import EncoderNotFound, folder_named, resolve_encoder

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

# A loaded checkpoint, or a folder, a checkpoint's name or a Hub id.
Encoder: TypeAlias = "Classifier | str | Path"


@dataclass(frozen=True)
class Source:
    """The encoder of states: its name, digest and size, and where a saved head finds it again."""

    name: str  # Hub id, or the folder's own name: as a card may name it
    reference: str  # Hub id, or the folder's absolute path
    sha256: str  # of its weights: of the checkpoint where it is a checkpoint's own
    hidden_size: int
    layers: int
    config: Mapping[str, Any] = field(repr=False)  # of the encoder, without what is of one machine


def open_encoder(reference: Encoder) -> Classifier:
    """A loaded :class:`analysis.loading.Classifier` for states.

    ``reference`` is one already, or a folder, a checkpoint's name or a Hub id.

    Raises
    ------
    CheckpointError
        Not found (each place looked in is named), or not loadable.
    """
    from analysis.checkpoints.layouts.sentence_transformers import as_encoder
    from analysis.checkpoints.loading import Classifier
    from analysis.corpus import open_for_data

    if isinstance(reference, Classifier):
        return reference
    try:
        opened: Classifier = as_encoder(open_for_data(str(reference)))
        return opened
    except CheckpointError as error:
        try:  # an encoder that an installed package carries has no folder of its name
            location = resolve_encoder(str(reference))
        except EncoderNotFound:
            raise error from None
        if location.source not in ("package", "Hub cache", "Hub"):
            raise
    opened = as_encoder(open_for_data(str(location.path)))
    opened.checkpoint = replace(opened.checkpoint, id=str(reference), source=location.source)
    return opened


def source_of(classifier: Classifier) -> Source:
    """The encoder of a loaded checkpoint, as a record by which it is found again."""
    from analysis.checkpoints.model import portable
    from analysis.corpus.embedding import layer_count

    checkpoint = classifier.checkpoint
    config: Any = classifier.encoder.config
    base = checkpoint.base  # a head on a frozen encoder stands for that encoder
    by_name = checkpoint.source != "folder"
    reference = checkpoint.id if by_name else str(Path(checkpoint.folder).resolve())
    if base is not None:
        reference = checkpoint.encoder
        by_name = folder_named(reference) is None
    return Source(
        name=reference if by_name else Path(reference).name,
        reference=reference,
        sha256=(base or checkpoint).encoder_digest,
        hidden_size=int(config.hidden_size),
        layers=layer_count(classifier),
        config=portable(config),
    )
