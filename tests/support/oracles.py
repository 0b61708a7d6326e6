"""The method once more, in loops over NumPy floats: slow, plain, and independent of the library.

Nothing here imports `analysis` or torch. Everything runs in float64.
"""

from __future__ import annotations

import math

import numpy as np


def softmax(scores: np.ndarray) -> np.ndarray:
    shifted = np.exp(np.asarray(scores, dtype=np.float64) - np.max(scores))
    return shifted / shifted.sum()


def real_positions(mask: np.ndarray) -> list[int]:
    """Positions of the real tokens of one row."""
    return [t for t in range(len(mask)) if mask[t] != 0]


def pool_row(name: str, tokens: np.ndarray, mask: np.ndarray, **options) -> np.ndarray:
    """One row: (T, d), (T,) -> pooled vector. Reads real positions only."""
    real = real_positions(mask)
    d = tokens.shape[1]
    if name == "cls":
        return tokens[real[0]].copy()
    if name == "last_token":
        return tokens[real[-1]].copy()
    if name == "mean":
        return _mean([tokens[t] for t in real])
    if name == "mean_sqrt_len":
        return _mean([tokens[t] for t in real]) * math.sqrt(len(real))
    if name == "max":
        return max_tokens(tokens, mask)[0]
    if name == "concat":
        return np.concatenate([pool_row(part, tokens, mask) for part in ("cls", "mean", "max")])
    if name == "weighted_mean":
        return _weighted([tokens[t] for t in real], softmax([options["scores"][t] for t in real]))
    if name == "concat_tokens":
        out = np.zeros(options["n"] * d)
        for slot, t in enumerate(real[: options["n"]]):
            out[slot * d : (slot + 1) * d] = tokens[t]
        return out
    if name == "adaptive_mean":
        parts = []
        for s in range(options["segments"]):
            first = math.floor(s * len(real) / options["segments"])
            stop = math.ceil((s + 1) * len(real) / options["segments"])
            parts.append(_mean([tokens[t] for t in real[first:stop]]))
        return np.concatenate(parts)
    if name == "query_attention":
        parts = []
        for query in options["queries"]:
            scores = [float(np.dot(query, tokens[t])) / math.sqrt(d) for t in real]
            parts.append(_weighted([tokens[t] for t in real], softmax(scores)))
        return np.concatenate(parts)
    raise KeyError(name)


def _mean(vectors: list[np.ndarray]) -> np.ndarray:
    return _weighted(vectors, np.full(len(vectors), 1 / len(vectors)))


def _weighted(vectors: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    out = np.zeros(len(vectors[0]))
    for vector, weight in zip(vectors, weights, strict=True):
        for j in range(len(out)):
            out[j] += weight * vector[j]
    return out


def _best(values: list[float]) -> tuple[float, int, float]:
    """Maximum, index of the earliest one that holds it, and its margin over the runner-up."""
    winner = 0
    for index, value in enumerate(values):
        if value > values[winner]:
            winner = index
    others = [value for index, value in enumerate(values) if index != winner]
    return values[winner], winner, values[winner] - max(others) if others else math.inf


def max_tokens(tokens: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(T, d), (T,) -> maxima, winning positions and margins, each (d,)."""
    real = real_positions(mask)
    best = [_best([tokens[t, j] for t in real]) for j in range(tokens.shape[1])]
    vector, index, margin = (np.array(column) for column in zip(*best, strict=True))
    return vector, np.array([real[i] for i in index]), margin


def max_layers(hidden: np.ndarray, last_k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(L+1, T, d) -> maxima over the last k layers, absolute layer indices, margins; (T, d)."""
    layers = list(range(len(hidden) - last_k, len(hidden)))
    _, length, d = hidden.shape
    vector, winner, margin = (np.zeros((length, d)) for _ in range(3))
    for t in range(length):
        for j in range(d):
            best = _best([hidden[layer, t, j] for layer in layers])
            vector[t, j], winner[t, j], margin[t, j] = best[0], layers[best[1]], best[2]
    return vector, winner.astype(int), margin


def attend(
    query: np.ndarray,
    tokens: np.ndarray,
    mask: np.ndarray,
    layer: dict[str, np.ndarray],
    heads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Multi-head attention of one query (d,) over real tokens: output (d,), weights (heads, T).

    `layer` holds in_proj_weight (3d, d), in_proj_bias, out_proj.weight (d, d), out_proj.bias.
    """
    d = len(query)
    size = d // heads
    w_q, w_k, w_v = layer["in_proj_weight"].reshape(3, d, d)
    b_q, b_k, b_v = layer["in_proj_bias"].reshape(3, d)
    weights = np.zeros((heads, len(tokens)))
    together = np.zeros(d)
    real = real_positions(mask)
    for h in range(heads):
        rows = slice(h * size, (h + 1) * size)
        q = w_q[rows] @ query + b_q[rows]
        keys = [w_k[rows] @ tokens[t] + b_k[rows] for t in real]
        scores = [float(np.dot(q, key)) / math.sqrt(size) for key in keys]
        for t, alpha in zip(real, softmax(scores), strict=True):
            weights[h, t] = alpha
            together[rows] += alpha * (w_v[rows] @ tokens[t] + b_v[rows])
    return layer["out_proj.weight"] @ together + layer["out_proj.bias"], weights


def split_attention(
    values: np.ndarray,
    source: np.ndarray,
    alpha: np.ndarray,
    layers: tuple[int, ...],
    layer: dict[str, np.ndarray],
    w_cls: np.ndarray,
    b_cls: np.ndarray,
    mu: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The method's formulas for an attention head: contributions (C, H, T, K), constant (C,).

    `values` (T, d) are attended over, `source` (T, d) says which layer each came from, `alpha`
    (H, T) are the attention weights. Brute force over (c, h, t, j) from the weight matrices.
    """
    heads, length = alpha.shape
    d = values.shape[1]
    size = d // heads
    w_v, b_v = layer["in_proj_weight"][2 * d :], layer["in_proj_bias"][2 * d :]
    w_o, b_o = layer["out_proj.weight"], layer["out_proj.bias"]
    contributions = np.zeros((len(w_cls), heads, length, len(layers)))
    constant = b_cls + w_cls @ b_o
    for c in range(len(w_cls)):
        for h in range(heads):
            rows = slice(h * size, (h + 1) * size)
            to_head = w_cls[c] @ w_o[:, rows]  # (size,)
            u = to_head @ w_v[rows]  # (d,)
            constant[c] += float(to_head @ b_v[rows]) + float(u @ mu)
            for t in range(length):
                for j in range(d):
                    share = alpha[h, t] * u[j] * (values[t, j] - mu[j])
                    contributions[c, h, t, layers.index(int(source[t, j]))] += share
    return contributions, constant


def split_cls(
    values: np.ndarray,
    source: np.ndarray,
    layers: tuple[int, ...],
    w_cls: np.ndarray,
    b_cls: np.ndarray,
    mu: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The method's formulas for `cls` and `max_cls`: contributions (C, K) and constant (C,)."""
    contributions = np.zeros((len(w_cls), len(layers)))
    for c in range(len(w_cls)):
        for j in range(len(values)):
            share = w_cls[c, j] * (values[j] - mu[j])
            contributions[c, layers.index(int(source[j]))] += share
    return contributions, b_cls + w_cls @ mu


def contrast(values: np.ndarray, target: int) -> np.ndarray:
    """Target minus the mean of the other classes, along the first axis."""
    if len(values) == 1:
        return values[0]
    total = sum(values[c] for c in range(len(values)) if c != target)
    return values[target] - total / (len(values) - 1)
