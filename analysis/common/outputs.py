"""Kinds of output: the meaning of a checkpoint's logits, decided from its configuration.

``softmax``: one class of several. ``sigmoid``: each class for itself (multi-label; a cross-encoder
with one label). ``value``: one number. ``values``: several numbers. The rule is that of the text
classification pipeline of Transformers and of sentence-transformers' ``CrossEncoder``. No torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

KINDS = ("softmax", "sigmoid", "value", "values")
THRESHOLD = 0.5  # above it a class of its own is predicted


def kind_of(config: dict[str, Any], outputs: int) -> str:
    """One of KINDS for a classifier's config.json with so many outputs.

    ``problem_type`` decides. Without one a single output is a score between 0 and 1, unless
    sentence-transformers wrote into the configuration that it is taken as it is, or it was
    fine-tuned on STS-B, whose labels are numbers.
    """
    problem = config.get("problem_type")
    if problem is None and outputs == 1 and config.get("finetuning_task") in ("stsb", "sts-b"):
        problem = "regression"
    if problem == "regression":
        return "value" if outputs == 1 else "values"
    if problem == "multi_label_classification":
        return "sigmoid"
    if problem is None:
        activation = _activation(config)
        # Of several outputs it is what every cross-encoder of several classes stores by default.
        if "Identity" in activation and outputs == 1:
            return "value"
        if "Sigmoid" in activation:
            return "sigmoid"
    return "sigmoid" if outputs == 1 else "softmax"


def _activation(config: dict[str, Any]) -> str:
    """The activation that sentence-transformers stored, in its present or its earlier place."""
    stored = config.get("sentence_transformers")
    now = stored.get("activation_fn") if isinstance(stored, dict) else None
    return str(now or config.get("sbert_ce_default_activation_function") or "")


def note_of(kind: str, outputs: int, declared: bool = False) -> str:
    """Meaning of the output in one sentence; "" where nothing about it is unusual.

    `declared`: a ``problem_type`` says so, and it was not guessed from the number of outputs.
    """
    if kind == "sigmoid" and outputs == 1 and declared:
        return f"Its one class has a sigmoid: it is predicted above {THRESHOLD}."
    if kind == "sigmoid" and outputs == 1:
        return (
            "One output, read as a score from 0 to 1 by a sigmoid, as a cross-encoder's is. If it "
            "was trained on numbers, write problem_type: regression into poollens.yaml in its "
            "folder."
        )
    if kind == "sigmoid":
        return "Each class has its own sigmoid: several may be true at once, or none."
    if kind == "values":
        return f"{outputs} numbers, read as they are."
    return ""


def is_number(kind: str) -> bool:
    """Whether the outputs are numbers and no probabilities."""
    return kind in ("value", "values")


def probabilities(kind: str, logits: np.ndarray) -> np.ndarray:
    """(..., C) -> (..., C) float64: softmax, sigmoid of each class, or the values themselves."""
    from scipy.special import expit, softmax

    exact = np.asarray(logits, dtype=np.float64)
    if is_number(kind):
        return exact
    return np.asarray(expit(exact) if kind == "sigmoid" else softmax(exact, axis=-1))


def class_gap(kind: str, shares: np.ndarray, target: np.ndarray | int | None = None) -> np.ndarray:
    """(..., C) probabilities -> (...): how far a class (default: the likeliest) is ahead.

    Of the best other class; for classes of their own, of the threshold. 0 for numbers.
    """
    shares = np.asarray(shares, dtype=np.float64)
    if is_number(kind) or (kind == "softmax" and shares.shape[-1] < 2):
        return np.zeros(shares.shape[:-1])
    index = np.asarray(shares.argmax(axis=-1) if target is None else target)
    index = np.broadcast_to(index, shares.shape[:-1])[..., None]
    own = np.take_along_axis(shares, index, axis=-1)[..., 0]
    if kind == "sigmoid":
        return np.asarray(own - THRESHOLD)
    others = shares.copy()
    np.put_along_axis(others, index, -np.inf, axis=-1)
    return np.asarray(own - others.max(axis=-1))
