"""Small results with known numbers for the tests of pictures; no model is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from analysis.reading.decomposition import Decomposition
from analysis.reading.winners import Winners
from analysis.text.tokens import Tokens

SENTENCE = "The plot is thin, but the acting is anything but dull."
LONG = (
    "Despite a screenplay that occasionally mistakes solemnity for depth, the unexpectedly "
    "tender performances, the unhurried cinematography and an almost mischievous score make "
    "this overlong adaptation of a half-forgotten novel anything but a chore to sit through."
)
HOSTILE = (
    "<script>alert(1)</script>",
    "$x^2$",
    "\\input{/etc/passwd}",
    "100%",
    "a_b^{c}",
    "a & b",
    "😀👩‍🔬",
    "שלום עולם",
    "مرحبا",
    "你好世界",
    "x" * 10_000,
    "\x00\x1b[0m\u202e",
    "\ud800",
    "'\" onmouseover=alert(1)",
    "é\u0301\u200b",
    "",
)
TREC = ("abbreviation", "description", "entity", "human", "location", "numeric")


def tokens_of(text: str, pair: str | None = None, size: int = 7) -> Tokens:
    """[CLS] text [SEP] (pair [SEP]): words and punctuation, long words cut into pieces."""
    rows: list[tuple[str, int, tuple[int, int], bool, int]] = [("[CLS]", -1, (0, 0), True, 0)]
    word = 0
    for segment, part in enumerate([text] if pair is None else [text, pair]):
        for match in re.finditer(r"\w+|[^\w\s]+", part):
            for start in range(match.start(), match.end(), size):
                end = min(start + size, match.end())
                piece = ("##" if start > match.start() else "") + part[start:end].lower()
                rows.append((piece, word, (start, end), False, segment))
            word += 1
        rows.append(("[SEP]", -1, (0, 0), True, segment))
    pieces, words, offsets, special, segments = zip(*rows, strict=True)
    return Tokens(
        text=text,
        pair=pair,
        ids=np.arange(len(rows)),
        pieces=pieces,
        words=np.array(words),
        offsets=np.array(offsets),
        special=np.array(special),
        segment=np.array(segments),
        dropped=0,
    )


def checkpoint(
    name: str = "sst2-cls",
    labels: tuple[str, ...] = ("negative", "positive"),
    group: str | None = None,
    seed: int | None = None,
) -> Any:
    return SimpleNamespace(
        id=name,
        labels=labels,
        sha256="0123456789abcdef" * 4,
        group=group,
        seed=seed,
        folder=f"/home/somebody/secret/{name}",
        task="sst2",
    )


def trace(probabilities: Any, tokens: Tokens | None = None, **of: Any) -> Any:
    values = np.asarray(probabilities, float)
    return SimpleNamespace(
        checkpoint=checkpoint(**of),
        tokens=tokens or tokens_of(SENTENCE),
        logits=np.log(values),
        probabilities=values,
        predicted=int(values.argmax()),
    )


def split(
    tokens: Tokens,
    classes: int = 2,
    layers: tuple[int, ...] = (4, 5, 6),
    seed: int = 0,
    parts: int = 4,
) -> Decomposition:
    random = np.random.default_rng(seed)
    size = (classes, parts, len(tokens), len(layers))
    contributions = random.normal(size=size) * random.gamma(0.5, size=(1, 1, len(tokens), 1)) / 9
    constant = random.normal(size=classes)
    return Decomposition(
        contributions=contributions,
        constant=constant,
        layers=layers,
        logits=contributions.sum((1, 2, 3)) + constant,
        parts=tuple(f"attention head {p}" for p in range(parts)),
        reference="corpus",
    )


def winners(tokens: Tokens, layers: tuple[int, ...] = (4, 5, 6), seed: int = 0) -> Winners:
    random = np.random.default_rng(seed)
    layer = random.choice(layers, p=(0.3, 0.17, 0.53), size=(len(tokens), 384))
    return Winners(layer=layer, token=None, margin=random.random(layer.shape), layers=layers)


@dataclass
class Attributed:
    """Looks as an `Attribution` looks to a view."""

    scores: np.ndarray
    unit_tokens: tuple[tuple[int, ...], ...]
    target: int = 1
    method: str = "integrated gradients"
    unit: str = "token"
    output: str = "contrast"
    baseline: str = "[PAD]"
    completeness_gap: float | None = 0.0103
    seed: int | None = None
    interval: Any = None
    options: dict[str, Any] = field(default_factory=lambda: {"n_steps": 50})


def attributed(tokens: Tokens, seed: int = 0, **of: Any) -> Attributed:
    random = np.random.default_rng(seed)
    scores = random.normal(size=len(tokens)) * random.gamma(0.4, size=len(tokens))
    return Attributed(scores, tuple((p,) for p in range(len(tokens))), **of)
