"""Layouts of other people's checkpoints: one file each, read by their weights alone.

A layout says how a folder is recognised, describes it without loading, and reads its weights into
a model that everything else here knows. To add one, write a file like its neighbours and name it
in ``_FILES``. Nothing in a checkpoint is ever executed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.checkpoints.weights import Loaded

_FILES = ("modchembert", "keys", "sentence_transformers")


@dataclass(frozen=True)
class Layout:
    """One kind of folder: its recognition, its description, its loading."""

    key: str
    recognise: Callable[[Path, dict[str, Any]], bool]  # (folder, its config.json or {})
    describe: Callable[[Path, str, str, dict[str, Any]], Checkpoint]  # folder, id, source, config
    read: Callable[[Checkpoint, str], Loaded]  # as the readers of analysis.checkpoints.weights


def layouts() -> tuple[Layout, ...]:
    """All of them, in the order in which a folder is tried."""
    return tuple(import_module(f"{__name__}.{name}").LAYOUT for name in _FILES)


def layout_of(folder: Path, config: dict[str, Any]) -> Layout | None:
    """The layout of a folder; None where it is one of Transformers or this project's own."""
    return next((layout for layout in layouts() if layout.recognise(folder, config)), None)


def named(key: str) -> Layout:
    """The layout of this key."""
    return next(layout for layout in layouts() if layout.key == key)
