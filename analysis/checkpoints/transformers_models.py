"""The record of a model of Transformers' own classes: a full folder, or an adapter on a base."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.configuration import identity
from analysis.checkpoints.encoders import EncoderLocation, digest_of
from analysis.common.outputs import kind_of


def transformers_checkpoint(
    folder: Path,
    name: str,
    source: str,
    *,
    kind: str,
    encoder: str,
    labels: tuple[str, ...],
    config: dict[str, Any],
    weights: tuple[Path, ...],
    base: EncoderLocation | None = None,
    facts: Mapping[str, Any] | None = None,
    prompt: str = "",
    notes: Sequence[str] = (),
) -> Checkpoint:
    """The record of a classifier or bare encoder, which has no pooling head of this project.

    ``base`` is the model that an adapter changes: the digests then cover both. Empty ``notes`` are
    left out.
    """
    digest = digest_of(weights)
    return Checkpoint(
        id=name,
        folder=folder,
        kind=kind,
        encoder=encoder,
        head=None,
        head_options={},
        labels=labels,
        task=config.get("finetuning_task"),
        pairs=False,
        output=kind_of(config, len(labels)),
        source=source,
        sha256=identity(digest, folder, *([base.sha256] if base else [])),
        weights_sha256=(
            hashlib.sha256((digest + base.sha256).encode()).hexdigest() if base else digest
        ),
        adapter=base is not None,
        facts=dict(facts or {}),
        spec={"prompt": prompt, "problem_type": config.get("problem_type")},
        notes=tuple(note for note in notes if note),
    )
