"""Checkpoints: find, verify, describe and load them. Importing this loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.common.lazy import lazy

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Broken as Broken
    from analysis.checkpoints.checkpoint import Checkpoint as Checkpoint
    from analysis.checkpoints.configuration import POOLING_MODEL_TYPE as POOLING_MODEL_TYPE
    from analysis.checkpoints.folder import (
        describe as describe,
    )
    from analysis.checkpoints.folder import (
        discover as discover,
    )
    from analysis.checkpoints.folder import (
        locate as locate,
    )
    from analysis.checkpoints.loading import (
        DTYPES as DTYPES,
    )
    from analysis.checkpoints.loading import (
        Classifier as Classifier,
    )
    from analysis.checkpoints.loading import (
        device_name as device_name,
    )
    from analysis.checkpoints.loading import (
        load as load,
    )
    from analysis.checkpoints.loading import (
        register_heads as register_heads,
    )
    from analysis.checkpoints.tokenizers import load_tokenizer as load_tokenizer
    from analysis.common.faults import CheckpointError as CheckpointError
    from analysis.common.places import DEMO_FOLDER as DEMO_FOLDER

_MODULES = {
    "analysis.common.places": ("DEMO_FOLDER",),
    "analysis.checkpoints.checkpoint": ("Broken", "Checkpoint"),
    "analysis.common.faults": ("CheckpointError",),
    "analysis.checkpoints.configuration": ("POOLING_MODEL_TYPE",),
    "analysis.checkpoints.folder": (
        "describe",
        "discover",
        "locate",
    ),
    "analysis.checkpoints.loading": (
        "Classifier",
        "DTYPES",
        "device_name",
        "load",
        "register_heads",
    ),
    "analysis.checkpoints.tokenizers": ("load_tokenizer",),
}
__all__ = sorted(name for names in _MODULES.values() for name in names)
__getattr__ = lazy(__name__, _MODULES)
