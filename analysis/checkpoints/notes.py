"""Notes on folders that open, but not as a reader of their files may expect. No torch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_NUMBER = re.compile(r"(?<=\.)(\d+)(?=\.)")


def without_pooling(folder: Path) -> str:
    """Note on a folder of sentence-transformers whose modules pool nothing."""
    if not (folder / "modules.json").is_file():
        return ""
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    return (
        f"Its modules.json declares {', '.join(kinds) or 'no modules'} and no Pooling, so it has "
        "no sentence vector of its own: it opens as its Transformer alone, and you choose a "
        "pooling."
    )


def blocks(config: dict[str, Any]) -> str:
    """In a sentence that attention in blocks is not used; "" where it is not declared."""
    if config.get("attention_type") != "block_sparse":
        return ""
    size, random = config.get("block_size", 64), config.get("num_random_blocks", 3)
    return (
        "Every token attends to every other here, as Transformers does for texts of up to "
        f"{(5 + 2 * random) * size} tokens; in longer ones its own attention would be in blocks."
    )


def unread_layer(config: dict[str, Any], outputs: int | None) -> str:
    """A sentence where a classification layer lies unread beside an encoder; "" where none does."""
    named = (config.get("architectures") or [""])[0]
    if outputs is None or not named.endswith("Model"):
        return ""
    meant = f"{named.removesuffix('Model')}ForSequenceClassification"
    return (
        f"Its weights hold a classification layer of {outputs} outputs, and its config.json "
        f"declares a {named}, which has none: it is not read. If it is meant, write architectures: "
        f'["{meant}"] into config.json.'
    )


def unread_depth(unread: Iterable[str], read: Iterable[str]) -> str:
    """In a sentence that the weights hold more layers than the configuration counts; "" otherwise.

    `unread` are names of tensors of the file that the model has no place for, `read` its own.
    """
    own = {_NUMBER.sub("#", name, count=1) for name in read}
    beyond = {
        match[1]
        for name in unread
        if (match := _NUMBER.search(name)) and _NUMBER.sub("#", name, count=1) in own
    }
    if not beyond:
        return ""
    shown = (
        f"layer {', '.join(sorted(beyond, key=int))}"
        if len(beyond) < 4
        else f"{len(beyond)} layers"
    )
    return (
        f"Its weights hold {shown} (counted from 0) beyond the number in its config.json "
        "(num_hidden_layers): not read. Correct the number if they are meant."
    )
