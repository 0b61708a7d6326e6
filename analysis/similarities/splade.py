"""SPLADE: a sparse vector over the vocabulary, each term won by one token of the text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import torch

from analysis.checkpoints import CheckpointError, masked_lm
from analysis.common.memory import enough_memory
from analysis.common.records import freeze, require_shape
from analysis.reading.trace import model_inputs
from analysis.text.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from analysis.checkpoints.loading import Classifier


@dataclass(frozen=True)
class Splade:
    """The active terms of a text, heaviest first.

    =======  =====  =======================================================================
    ids      (N,)   vocabulary ids of the terms whose weight is above 0
    weight   (N,)   ``max over tokens of log(1 + ReLU(logit))``, or the sum where declared
    winner   (N,)   int, position of the token with the largest value; ties go to the earliest
    margin   (N,)   its value minus the runner-up's; 0 = tie, inf = the text has one token
    =======  =====  =======================================================================

    Source: SPLADE v2 (Formal et al. 2021).
    """

    ids: np.ndarray
    weight: np.ndarray
    winner: np.ndarray
    margin: np.ndarray
    terms: tuple[str, ...]  # (N,) as the vocabulary spells them
    tokens: Tokens
    checkpoint: str
    strategy: str  # "max" or "sum"

    def __post_init__(self) -> None:
        for name in ("ids", "weight", "winner", "margin"):
            require_shape(name, getattr(self, name), len(self.terms))
        freeze(self)

    @property
    def ties(self) -> int:
        """Number of terms that two tokens win alike."""
        return int((self.margin == 0).sum())


@dataclass(frozen=True)
class SharedTerms:
    """Why two sparse vectors are similar: ``contribution.sum() == score``, their dot product."""

    score: float
    ids: np.ndarray  # (N,) terms active in both, largest contribution first
    contribution: np.ndarray  # (N,) weight in a times weight in b
    terms: tuple[str, ...]
    winners: np.ndarray  # (N, 2) int: the winning token in each text
    a: Splade
    b: Splade

    def __post_init__(self) -> None:
        require_shape("winners", self.winners, len(self.terms), 2)
        freeze(self)

    @property
    def contributions(self) -> np.ndarray:
        """(Ta, Tb): the same by pair of winning tokens; it sums to the score."""
        held = np.zeros((len(self.a.tokens), len(self.b.tokens)))
        np.add.at(held, (self.winners[:, 0], self.winners[:, 1]), self.contribution)
        return held


def splade(model: Classifier | str | Path, text: str) -> Splade:
    """The sparse vector of a text by a masked language model's head.

    `model` is a loaded checkpoint, or what :func:`analysis.load` takes, whose folder holds the
    head (an architecture ``*ForMaskedLM``). A SpladePooling beside it is followed: its strategy
    ("max" or "sum") and its activation ("relu" or "log1p_relu").

    Raises ``ValueError`` for a blank text; :class:`CheckpointError` for a checkpoint without the
    head, or a device that runs out of memory.
    """
    classifier = _opened(model)
    network, strategy, activation = _head(classifier)
    tokens = tokenize(classifier.tokenizer, text, limit=classifier.limit)
    inputs = model_inputs(classifier, tokens)
    with enough_memory(classifier, f"at {len(tokens)} tokens"), torch.no_grad():
        logits = network(**inputs).logits[0].float()
        values = logits.relu_().log1p_()
        if activation == "log1p_relu":
            values = values.log1p_()
        return _active(values.cpu().numpy(), tokens, classifier, strategy)


def shared_terms(a: Splade, b: Splade) -> SharedTerms:
    """The dot product of two sparse vectors of one checkpoint, split over the terms they share."""
    ids, mine, theirs = np.intersect1d(a.ids, b.ids, assume_unique=True, return_indices=True)
    product = a.weight[mine].astype(np.float64) * b.weight[theirs]
    order = np.argsort(-product, kind="stable")
    return SharedTerms(
        score=float(product.sum()),
        ids=ids[order],
        contribution=product[order],
        terms=tuple(a.terms[place] for place in mine[order].tolist()),
        winners=np.stack([a.winner[mine], b.winner[theirs]], axis=1)[order],
        a=a,
        b=b,
    )


def has_head(classifier: Classifier) -> bool:
    """Whether the folder of a checkpoint holds a masked language model's head."""
    return masked_lm.has_head(classifier.checkpoint.folder)


def _active(values: np.ndarray, tokens: Tokens, classifier: Classifier, strategy: str) -> Splade:
    """(T, V) values of each token for each term -> the active terms."""
    winner = values.argmax(axis=0)
    every = np.arange(values.shape[1])
    best = values[winner, every]
    weight = best if strategy == "max" else values.sum(axis=0)
    ids = np.flatnonzero(weight > 0)
    ids = ids[np.argsort(-weight[ids], kind="stable")]
    held = values[:, ids].copy()
    held[winner[ids], np.arange(len(ids))] = -np.inf
    return Splade(
        ids=ids,
        weight=weight[ids],
        winner=winner[ids],
        margin=best[ids] - held.max(axis=0),
        terms=tuple(classifier.tokenizer.convert_ids_to_tokens(ids.tolist())),
        tokens=tokens,
        checkpoint=classifier.checkpoint.id,
        strategy=strategy,
    )


# The model with its vocabulary head, pooling strategy, activation; or why there is none.
_HEADS: WeakKeyDictionary[nn.Module, tuple[PreTrainedModel, str, str] | str] = WeakKeyDictionary()


def _opened(model: Classifier | str | Path) -> Classifier:
    if isinstance(model, str | Path):
        from analysis.checkpoints.loading import load

        return load(model)
    return model


def _head(classifier: Classifier) -> tuple[PreTrainedModel, str, str]:
    """(model with its vocabulary head, pooling strategy, activation); kept while it is loaded."""
    held = _HEADS.get(classifier.model)
    if held is None:
        network = masked_lm.head_of(classifier)
        held = _HEADS[classifier.model] = (
            (network, *_pooling(classifier))
            if network is not None
            else f"{classifier.checkpoint.name} has no masked language model's head, so it weights "
            "no terms of its vocabulary. Open a SPLADE checkpoint, or any *ForMaskedLM."
        )
    if isinstance(held, str):
        raise CheckpointError(held)
    return held


def _pooling(classifier: Classifier) -> tuple[str, str]:
    """(strategy, activation) that a SpladePooling of the folder declares; SPLADE v2 otherwise."""
    folder = classifier.checkpoint.folder
    file = folder / "modules.json"
    modules = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    for module in modules:
        if str(module.get("type", "")).endswith("SpladePooling"):
            config = folder / str(module.get("path", "")) / "config.json"
            declared = json.loads(config.read_text(encoding="utf-8"))
            return declared.get("pooling_strategy", "max"), declared.get(
                "activation_function", "relu"
            )
    return "max", "relu"
