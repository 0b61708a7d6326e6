"""Pooling heads: all hidden states in, one vector out, with everything an explanation needs.

A pooling head is an ``nn.Module``: ``(hidden (L+1, B, T, d), attention_mask (B, T)) -> Pooled``.
It is linear where its vector is ``bias + sum over parts p and tokens t of
matrix[p] @ (weights[p, t] * values[t])``; then :meth:`PoolingHead.readout` folds the classifier
into that, and the logit splits exactly (method, "The exact split of a logit"). Where layers of the
head's own follow that vector, the split runs along a straight line through them.

Importing this package registers the heads that come with it; a head of your own is one class with
``@head("key")``, in a file of yours as well as here.
Sources: `cls`, `max_cls`, `mha`, `max_seq_mha` from MaxPoolBERT (arXiv 2505.15696); where the
paper's summaries are silent (residual, layer norm, tanh pooler) the default is none. The others
name theirs in their docstrings.
"""

from analysis.heads.attending import AttentionPooling
from analysis.heads.base import LayerWinners, Pooled, PoolingHead, head_layers, initialise
from analysis.heads.of_cls import Cls, ClsMlp, ClsTanh, MaxCls
from analysis.heads.of_embedders import LatentAttention, MultiLayer
from analysis.heads.of_layers import MaxSeqMean, WeightedLayers
from analysis.heads.of_modchembert import ModChemBert
from analysis.heads.of_tokens import Concat, LastToken, Max, Mean, MeanSqrtLen, WeightedMean
from analysis.heads.registry import HEADS, attention_for, build, check_options, head, options_of
from analysis.heads.with_attention import (
    AdaPool,
    MaxSeqMha,
    MeanSeqMha,
    Mha,
    QueryAttention,
    SumSeqMha,
)

__all__ = [
    "HEADS",
    "AdaPool",
    "AttentionPooling",
    "Cls",
    "ClsMlp",
    "ClsTanh",
    "Concat",
    "LastToken",
    "LatentAttention",
    "LayerWinners",
    "Max",
    "MaxCls",
    "MaxSeqMean",
    "MaxSeqMha",
    "Mean",
    "MeanSeqMha",
    "MeanSqrtLen",
    "Mha",
    "ModChemBert",
    "MultiLayer",
    "Pooled",
    "PoolingHead",
    "QueryAttention",
    "SumSeqMha",
    "WeightedLayers",
    "WeightedMean",
    "attention_for",
    "build",
    "check_options",
    "head",
    "head_layers",
    "initialise",
    "options_of",
]
