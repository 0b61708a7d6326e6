"""PoolLens as a library: load a checkpoint, record a text, split its logits.

Importing this package loads no torch: names are looked up when they are first used. Its public
modules are reached from here, wherever their rooms are: ``analysis.layers.trajectory`` and
``from analysis.layers import trajectory`` both work.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from analysis.common.alias import Alias

if TYPE_CHECKING:
    from analysis.attribution import attribute as attribute
    from analysis.checkpoints.loading import load as load
    from analysis.maps.projection import project as project
    from analysis.reading.decomposition import decompose as decompose
    from analysis.reading.trace import record as record
    from analysis.similarities.maxsim import maxsim as maxsim
    from analysis.similarities.splade import splade as splade
    from analysis.similarities.split import similarity as similarity

_NAMES = {
    "load": "checkpoints.loading",
    "record": "reading.trace",
    "decompose": "reading.decomposition",
    "attribute": "attribution",
    "project": "maps.projection",
    "similarity": "similarities.split",
    "maxsim": "similarities.maxsim",
    "splade": "similarities.splade",
}
# Public modules inside a package; what stands here under its own name is a package itself.
_MODULES = {
    "agreement": "evaluation.agreement",
    "alignment": "maps.alignment",
    "attention": "reading.attention",
    "bulk": "corpus.bulk",
    "calibration": "evaluation.calibration",
    "decomposition": "reading.decomposition",
    "embedding": "corpus.embedding",
    "examples": "evaluation.examples",
    "encoders": "checkpoints.encoders",
    "jobs": "common.jobs",
    "layers": "reading.layers",
    "loading": "checkpoints.loading",
    "map_quality": "maps.quality",
    "margins": "reading.margins",
    "model": "checkpoints.model",
    "pooling": "heads.pooling",
    "predictions": "corpus.predictions",
    "probes": "maps.probes",
    "projection": "maps.projection",
    "token_types": "text.token_types",
    "tokens": "text.tokens",
    "trace": "reading.trace",
    "winner_statistics": "reading.winner_statistics",
    "words": "text.words",
}
_PACKAGES = (
    "attribution",
    "checkpoints",
    "corpus",
    "datasets",
    "evaluation",
    "figures",
    "heads",
    "interventions",
    "similarities",
    "statistics",
    "study",
    "suite",
)
__all__ = [*_NAMES, *_MODULES, *_PACKAGES]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module(f"{__name__}.common.places").version()
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{_MODULES[name]}")
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _public(fullname: str) -> str | None:
    """The room of ``analysis.layers`` and its like."""
    package, _, name = fullname.rpartition(".")
    return f"{__name__}.{_MODULES[name]}" if package == __name__ and name in _MODULES else None


sys.meta_path.append(Alias(_public))
