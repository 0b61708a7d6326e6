"""PoolLens as a library: load a checkpoint, record a text, split its logits.

Importing this package loads no torch: names are looked up when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.decomposition import decompose as decompose
    from analysis.loading import load as load
    from analysis.projection import project as project
    from analysis.similarities.maxsim import maxsim as maxsim
    from analysis.similarities.splade import splade as splade
    from analysis.similarities.split import similarity as similarity
    from analysis.trace import record as record

_NAMES = {
    "load": "analysis.loading",
    "record": "analysis.trace",
    "decompose": "analysis.decomposition",
    "attribute": "analysis.attribution",
    "project": "analysis.projection",
    "similarity": "analysis.similarities.split",
    "maxsim": "analysis.similarities.maxsim",
    "splade": "analysis.similarities.splade",
}
_MODULES = (
    "agreement",
    "alignment",
    "attention",
    "attribution",
    "bulk",
    "calibration",
    "checkpoints",
    "corpus",
    "datasets",
    "decomposition",
    "embedding",
    "evaluation",
    "examples",
    "figures",
    "heads",
    "interventions",
    "jobs",
    "layers",
    "map_quality",
    "margins",
    "pooling",
    "predictions",
    "probes",
    "projection",
    "suite",
    "trace",
    "winner_statistics",
)
__all__ = [*_NAMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    if name in _MODULES:
        return import_module(f"analysis.{name}")
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")
