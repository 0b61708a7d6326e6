"""Similarity of the layers of two checkpoints over the same sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.corpus.embedding import embed
from analysis.reading.layer_similarity import MOST, LayerCka, check_fewest, unit_similarities

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

_WINDOW = 64  # sentences between two reports of progress


def layer_cka(
    first: Classifier,
    second: Classifier,
    texts: Sequence[str],
    pairs: Sequence[str | None] | None = None,
    of: str = "cls",
    progress: Callable[[float], None] | None = None,
) -> LayerCka:
    """CKA between every layer of one checkpoint and every layer of another.

    `of` is "cls" (the first token) or "mean" (over all tokens of a text). [CLS] is the same in
    every text before the first layer, so its row and column 0 hold NaN.

    Raises ``ValueError`` as :func:`cka` does, and above 1000 sentences, for it holds n x n
    similarities of every layer; equal texts count once.
    """
    if of not in ("cls", "mean"):
        raise ValueError(f"of is {of!r}; known: 'cls', 'mean'")
    seconds = [None] * len(texts) if pairs is None else list(pairs)
    rows = list(dict.fromkeys(zip(texts, seconds, strict=True)))
    check_fewest(len(rows))
    if len(rows) > MOST:
        raise ValueError(
            f"{len(rows)} sentences would hold {len(rows)} x {len(rows)} similarities "
            f"of every layer: give at most {MOST}"
        )
    own = _similarities(first, rows, of, progress, (0.0, 0.5))
    second_matrices = (
        own if first is second else _similarities(second, rows, of, progress, (0.5, 1.0))
    )
    values = np.array(
        [
            [np.nan if a is None or b is None else float((a * b).sum()) for b in second_matrices]
            for a in own
        ]
    )
    return LayerCka((first.checkpoint, second.checkpoint), values, len(rows), of)


def _similarities(
    classifier: Classifier,
    rows: Sequence[tuple[str, str | None]],
    of: str,
    progress: Callable[[float], None] | None,
    span: tuple[float, float],
) -> list[np.ndarray | None]:
    layers: dict[int, list[np.ndarray]] = {}
    for start in range(0, len(rows), _WINDOW):
        some = rows[start : start + _WINDOW]
        pairs = [pair for _, pair in some]
        vectors_by_key = embed(
            classifier,
            [text for text, _ in some],
            pairs if any(pairs) else None,
            pooling=(of,),
            layers="all",
            dtype="loaded",
        )
        for (_, layer), vectors in vectors_by_key.items():
            layers.setdefault(layer, []).append(vectors)
        if progress is not None:
            done = (start + len(some)) / len(rows)
            progress(span[0] + (span[1] - span[0]) * done)
    by_layer = [np.concatenate(layers[layer]) for layer in sorted(layers)]
    return [unit_similarities(layer) for layer in by_layer]
