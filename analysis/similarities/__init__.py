"""Similarity of two sentences: the cosine of pooled vectors split over pairs of tokens.

:func:`analysis.similarity`, :func:`analysis.maxsim` and :func:`analysis.splade` are its public
faces; the package has another name than the first of them, which must stay callable. Names are
looked up when they are first used: importing it loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.similarities.edits import effects as effects
    from analysis.similarities.edits import leave_out as leave_out
    from analysis.similarities.edits import put_in as put_in
    from analysis.similarities.neighbours import nearest as nearest
    from analysis.similarities.pair_scores import over_pairs as over_pairs
    from analysis.similarities.splade import shared_terms as shared_terms
    from analysis.similarities.split import compare as compare

_NAMES = {
    "compare": "split",
    "effects": "edits",
    "leave_out": "edits",
    "nearest": "neighbours",
    "over_pairs": "pair_scores",
    "put_in": "edits",
    "shared_terms": "splade",
}
__all__ = list(_NAMES)


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f"analysis.similarities.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'analysis.similarities' has no attribute {name!r}")
