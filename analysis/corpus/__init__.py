"""A data set through a checkpoint: Arrow batch in, Arrow batch out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.common.lazy import lazy

if TYPE_CHECKING:
    from analysis.corpus.embedding import FREE as FREE
    from analysis.corpus.embedding import TITLES as TITLES
    from analysis.corpus.embedding import Embeddings as Embeddings
    from analysis.corpus.embedding import Key as Key
    from analysis.corpus.embedding import PoolingReader as PoolingReader
    from analysis.corpus.embedding import embed as embed
    from analysis.corpus.embedding import keys_of as keys_of
    from analysis.corpus.embedding import layer_count as layer_count
    from analysis.corpus.embedding import matrix as matrix
    from analysis.corpus.embedding import poolings_of as poolings_of
    from analysis.corpus.embedding import precision_for as precision_for
    from analysis.corpus.embedding import readers_of as readers_of
    from analysis.corpus.embedding import stored as stored
    from analysis.corpus.runs import BATCH_TOKENS as BATCH_TOKENS
    from analysis.corpus.runs import MOST_ROWS as MOST_ROWS
    from analysis.corpus.runs import WINDOW as WINDOW
    from analysis.corpus.runs import Report as Report
    from analysis.corpus.runs import compute as compute
    from analysis.corpus.runs import forward as forward
    from analysis.corpus.runs import open_for_data as open_for_data
    from analysis.corpus.runs import precision_of as precision_of
    from analysis.corpus.runs import predict_batch as predict_batch
    from analysis.corpus.runs import run as run

_MODULES = {
    "analysis.corpus.runs": (
        "BATCH_TOKENS",
        "MOST_ROWS",
        "Report",
        "WINDOW",
        "compute",
        "forward",
        "open_for_data",
        "precision_of",
        "predict_batch",
        "run",
    ),
    "analysis.corpus.embedding": (
        "Embeddings",
        "FREE",
        "Key",
        "PoolingReader",
        "TITLES",
        "embed",
        "keys_of",
        "layer_count",
        "matrix",
        "poolings_of",
        "precision_for",
        "readers_of",
        "stored",
    ),
}
__all__ = sorted(name for names in _MODULES.values() for name in names)
__getattr__ = lazy(__name__, _MODULES)
