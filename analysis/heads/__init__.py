"""Pooling heads: all hidden states in, one vector out, with everything an explanation needs.

Importing this package registers the heads that come with it; a head of your own is one class with
``@head("key")``.
"""

from analysis.heads.attending import AttentionPooling
from analysis.heads.base import (
    HEADS,
    LayerWinners,
    Pooled,
    PoolingHead,
    build,
    check_options,
    head,
    initialise,
    options_of,
)
from analysis.heads.builtin import (
    Cls,
    ClsMlp,
    Concat,
    Max,
    MaxCls,
    MaxSeqMha,
    Mean,
    Mha,
    QueryAttention,
    WeightedMean,
)

__all__ = [
    "HEADS",
    "AttentionPooling",
    "Cls",
    "ClsMlp",
    "Concat",
    "LayerWinners",
    "Max",
    "MaxCls",
    "MaxSeqMha",
    "Mean",
    "Mha",
    "Pooled",
    "PoolingHead",
    "QueryAttention",
    "WeightedMean",
    "build",
    "check_options",
    "head",
    "initialise",
    "options_of",
]
