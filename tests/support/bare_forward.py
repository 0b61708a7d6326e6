"""What a tiny checkpoint answers, computed from its files by Transformers and plain loops.

Nothing here imports `analysis`: the pages are held against these numbers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.support import oracles


@dataclass(frozen=True)
class Truth:
    """One text through one checkpoint's files."""

    labels: tuple[str, ...]
    logits: np.ndarray  # (C,)
    by_token: np.ndarray | None = None  # (C, T): the exact split, reference zero
    by_layer: np.ndarray | None = None  # (C, K)
    wins: np.ndarray | None = None  # (K,) shares in percent

    @property
    def probabilities(self) -> np.ndarray:
        return oracles.softmax(self.logits)

    @property
    def predicted(self) -> int:
        return int(self.logits.argmax())

    @property
    def label(self) -> str:
        return self.labels[self.predicted]

    def gap(self, target: int) -> float:
        return float(self.probabilities[target] - np.delete(self.probabilities, target).max())


def pooling(folder: Path, text: str, pair: str | None = None) -> Truth:
    """Truth of a whole (not adapter) checkpoint with one of the paper's four pooling heads."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModel

    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    sizes = dict(config["encoder"])
    encoder = AutoModel.from_config(AutoConfig.for_model(sizes.pop("model_type"), **sizes)).eval()
    own = {k.removeprefix("encoder."): v for k, v in tensors.items() if k.startswith("encoder.")}
    encoder.load_state_dict(own, strict=False)
    with torch.no_grad():
        states = encoder(**_encode(folder, text, pair), output_hidden_states=True).hidden_states
    hidden = np.stack([state[0].double().numpy() for state in states])
    rest = {k: v.double().numpy() for k, v in tensors.items() if k not in own}
    labels = tuple(config["id2label"][key] for key in sorted(config["id2label"], key=int))
    return _answer(config, hidden, rest, labels)


def _answer(
    config: dict[str, Any], hidden: np.ndarray, rest: dict[str, np.ndarray], labels: tuple[str, ...]
) -> Truth:
    head, last_k = config["head"], config["head_options"].get("last_k", 3)
    w, b = rest["classifier.weight"], rest["classifier.bias"]
    last = len(hidden) - 1
    values, source, layers = hidden[-1], np.full(hidden[-1].shape, last), (last,)
    if head.startswith("max"):
        values, source, _ = oracles.max_layers(hidden, last_k)
        layers = tuple(range(last - last_k + 1, last + 1))
    zero = np.zeros(values.shape[1])
    if head in ("mha", "max_seq_mha"):
        name = "head.attention."
        weights = {k.removeprefix(name): v for k, v in rest.items() if k.startswith(name)}
        mask = np.ones(len(values))
        vector, alpha = oracles.attend(values[0], values, mask, weights, 4)
        split, _ = oracles.split_attention(values, source, alpha, layers, weights, w, b, zero)
        by_token, by_layer, competing = split.sum((1, 3)), split.sum((1, 2)), source
    else:
        vector = values[0]
        by_layer, _ = oracles.split_cls(values[0], source[0], layers, w, b, zero)
        by_token = np.zeros((len(w), len(values)))
        by_token[:, 0] = by_layer.sum(1)
        competing = source[0]
    wins = np.array([100 * (competing == layer).mean() for layer in layers])
    return Truth(labels, w @ vector + b, by_token, by_layer, wins)


def foreign(folder: Path, text: str) -> Truth:
    """Truth of a stock sequence classifier: its own forward."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        logits = model(**_encode(folder, text, None)).logits[0].double().numpy()
    names = model.config.id2label
    return Truth(tuple(names[index] for index in sorted(names)), logits)


def _encode(folder: Path, text: str, pair: str | None) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return tokenizer(text, pair, padding=False, truncation=False, return_tensors="pt")
