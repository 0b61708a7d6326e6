"""A pooling head on a frozen encoder: the layout that holds the head alone. No torch.

``config.json`` is that of a pooling classifier, ``head.safetensors`` holds pooling head and
classifier (their tensors are called as in a whole checkpoint), and the encoder is named by
``encoder_name``: a bare encoder, or any checkpoint, whose encoder is taken as it was fine-tuned.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from analysis.checkpoints.encoders import EncoderNotFound, folder_named, resolve_encoder

HEAD_FILE = "head.safetensors"
Described = TypeVar("Described")


def is_frozen(folder: Path) -> bool:
    """Whether a checkpoint's folder holds a head without its encoder."""
    return (folder / HEAD_FILE).is_file() and not (folder / "model.safetensors").is_file()


def encoder_of(
    folder: Path,
    name: str,
    sha256: str,
    describe: Callable[[Path], Described],
    digest: Callable[[Described], str],
) -> Described:
    """The encoder's checkpoint, described, with the very weights that the head was fitted on.

    Looked for by its name, then beside the head's own folder: the two may have been moved
    together.

    Raises
    ------
    ValueError
        Not found (each place looked in is named), or found with other weights only.
    """
    beside = folder.resolve().parent / Path(name).name
    looked, digest_there = [], ""
    for place in (folder_named(name), beside, name):
        if place is None:
            continue
        if isinstance(place, str):
            try:
                place = resolve_encoder(place).path
            except EncoderNotFound as error:
                looked.append(str(error))
                continue
        if not (place / "config.json").is_file():
            looked.append(f"folder {str(place)!r}")
            continue
        described = describe(place)
        if digest(described) == sha256:
            return described
        digest_there = digest(described)[:12]
    if digest_there:
        raise ValueError(
            f"the encoder {name!r} has other weights (sha256 {digest_there}) than the pooling head "
            f"was fitted on ({sha256[:12]}). Put the encoder back, or fit the head again."
        )
    raise ValueError(
        f"its encoder {name!r} was not found ({'; '.join(dict.fromkeys(looked))}). The folder "
        "holds a pooling head alone: put the encoder back, or beside it."
    )
