"""Where a picture's numbers come from: checkpoints, text, target; never where files lie."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any


def as_list(value: Any, size: int | None = None) -> list[Any]:
    """A list as it is; one value alone, or repeated to `size`."""
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value] * (1 if size is None else size)


def _checkpoint_source(checkpoint: Any) -> dict[str, Any]:
    """What identifies a checkpoint on another machine: never where it lies on this one."""
    if checkpoint is None:
        return {}
    name = str(checkpoint.id)
    if os.path.isabs(name) or "\\" in name or name.startswith(("~", ".")):
        name = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    digest = getattr(checkpoint, "sha256", None)
    return {"checkpoint": name} | ({"sha256": str(digest)[:12]} if digest else {})


def provenance_of(checkpoints: Sequence[Any], tokens: Any = None, **more: Any) -> dict[str, Any]:
    """Provenance: checkpoints, the text, and whatever else is known (None is left out)."""
    named = [c for c in map(_checkpoint_source, checkpoints) if c]
    source: dict[str, Any] = named[0] if len(named) == 1 else {"checkpoints": named}
    if tokens is not None:
        source |= {"text": tokens.text, "pair": tokens.pair}
    return {k: v for k, v in (source | more).items() if v is not None and v != []}


def target_label(checkpoint: Any, target: int) -> str:
    labels = tuple(getattr(checkpoint, "labels", ()) or ())
    return str(labels[target]) if target < len(labels) else f"class {target}"


def name_of(checkpoint: Any, index: int) -> str:
    return str(_checkpoint_source(checkpoint).get("checkpoint", f"checkpoint {index + 1}"))


def cut_note(tokens: Sequence[Any]) -> tuple[str, ...]:
    dropped = max((int(getattr(t, "dropped", 0)) for t in tokens), default=0)
    return (f"{dropped} tokens beyond the model's limit are not shown.",) if dropped else ()


def names_of(checkpoints: Sequence[Any]) -> list[str]:
    """A name each; two folders of the same name are told apart by a number."""
    names: list[str] = []
    for index, checkpoint in enumerate(checkpoints):
        name, again = name_of(checkpoint, index), 2
        while name in names:
            name, again = f"{name_of(checkpoint, index)} ({again})", again + 1
        names.append(name)
    return names
