"""Every pooling head once more, by its formula, in loops over NumPy floats; see `oracles`.

A head is ``(hidden (L+1, T, d), mask (T,), options, state) -> vector``, `state` its weights by
name. Nothing here imports `analysis` or torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.support import oracles

Options = dict[str, Any]
State = dict[str, np.ndarray]
Definition = Callable[[np.ndarray, np.ndarray, Options, State], np.ndarray]
DEFINITIONS: dict[str, Definition] = {}


def definition(key: str) -> Callable[[Definition], Definition]:
    def register(function: Definition) -> Definition:
        DEFINITIONS[key] = function
        return function

    return register


def gelu(x: float) -> float:
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def dense(x: np.ndarray, state: State, name: str) -> np.ndarray:
    return state[f"{name}.weight"] @ x + state[f"{name}.bias"]


def two_layers(x: np.ndarray, state: State) -> np.ndarray:
    inner = np.array([gelu(number) for number in dense(x, state, "mlp.0")])
    return dense(inner, state, "mlp.2")


def attention_of(state: State) -> State:
    layer = {k.removeprefix("attention."): v for k, v in state.items() if "attention." in k}
    d = layer["in_proj_weight"].shape[1]
    layer.setdefault("in_proj_bias", np.zeros(3 * d))
    layer.setdefault("out_proj.bias", np.zeros(d))
    return layer


def attend(query: np.ndarray, tokens: np.ndarray, mask: np.ndarray, o: Options, state: State):
    return oracles.attend(query, tokens, mask, attention_of(state), o.get("num_heads", 4))[0]


def cls_of(tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return tokens[oracles.real_positions(mask)[0]]


for _name in ("cls", "last_token", "mean", "max", "concat"):
    DEFINITIONS[_name] = lambda hidden, mask, o, state, name=_name: oracles.pool_row(
        name, hidden[-1], mask
    )


@definition("cls_tanh")
def cls_tanh(hidden, mask, o, state):
    return np.tanh(dense(cls_of(hidden[-1], mask), state, "pooler"))


@definition("cls_mlp")
def cls_mlp(hidden, mask, o, state):
    x = cls_of(hidden[-1], mask)
    x = x / np.sqrt(np.mean(x**2) + np.finfo(np.float32).eps) * state["mlp.0.weight"]
    inner = np.array([gelu(number) for number in dense(x, state, "mlp.1")])
    return dense(inner, state, "mlp.3")


@definition("max_cls")
def max_cls(hidden, mask, o, state):
    return cls_of(oracles.max_layers(hidden, o.get("last_k", 3))[0], mask)


@definition("mean_sqrt_len")
def mean_sqrt_len(hidden, mask, o, state):
    real = oracles.real_positions(mask)
    total = np.zeros(hidden.shape[2])
    for t in real:
        total += hidden[-1][t]
    return total / math.sqrt(len(real))


@definition("weighted_mean")
def weighted_mean(hidden, mask, o, state):
    scores = [float(state["score.weight"][0] @ t + state["score.bias"][0]) for t in hidden[-1]]
    return oracles.pool_row("weighted_mean", hidden[-1], mask, scores=scores)


@definition("weighted_layers")
def weighted_layers(hidden, mask, o, state):
    layers = range(o.get("first_layer", 1), len(hidden))
    share = oracles.softmax(state["scores.weight"][:, 0])
    pooled = np.zeros(hidden.shape[2])
    for layer, s in zip(layers, share, strict=True):
        pooled += s * oracles.pool_row("mean", hidden[layer], mask)
    return pooled


@definition("max_seq_mean")
def max_seq_mean(hidden, mask, o, state):
    return oracles.pool_row("mean", oracles.max_layers(hidden, o.get("last_k", 3))[0], mask)


def _from_cls(tokens, mask, o, state):
    query = cls_of(tokens, mask)
    return attend(query, tokens, mask, o, state) + (query if o.get("residual") else 0)


@definition("mha")
def mha(hidden, mask, o, state):
    return _from_cls(hidden[-1], mask, o, state)


@definition("max_seq_mha")
def max_seq_mha(hidden, mask, o, state):
    return _from_cls(oracles.max_layers(hidden, o.get("last_k", 3))[0], mask, o, state)


def _added(hidden, k):
    total = np.zeros(hidden.shape[1:])
    for layer in hidden[len(hidden) - k :]:
        total = total + layer
    return total


@definition("mean_seq_mha")
def mean_seq_mha(hidden, mask, o, state):
    k = o.get("last_k", 3)
    return _from_cls(_added(hidden, k) / k, mask, o, state)


@definition("sum_seq_mha")
def sum_seq_mha(hidden, mask, o, state):
    return _from_cls(_added(hidden, o.get("last_k", 3)), mask, o, state)


@definition("adapool")
def adapool(hidden, mask, o, state):
    pooling = {"first": "cls", "last": "last_token", "mean": "mean"}[o.get("query", "first")]
    query = oracles.pool_row(pooling, hidden[-1], mask)
    moved = attend(query, hidden[-1], mask, o, state)
    return moved + (query if o.get("residual", True) else 0)


@definition("query_attention")
def query_attention(hidden, mask, o, state):
    queries = state["queries.weight"]
    return np.concatenate([attend(q, hidden[-1], mask, o, state) for q in queries])


@definition("latent_attention")
def latent_attention(hidden, mask, o, state):
    latents = state["latents.weight"]
    real = oracles.real_positions(mask)
    total = np.zeros(hidden.shape[2])
    for t in real:
        read = attend(hidden[-1][t], latents, np.ones(len(latents)), o, state)
        total += two_layers(read, state)
    return total / len(real)


@definition("multi_layer")
def multi_layer(hidden, mask, o, state):
    pooling = {"mean": "mean", "first": "cls", "last": "last_token"}[o.get("tokens", "mean")]
    rows = [
        oracles.pool_row(pooling, hidden[k], mask) + state["layer_embeddings.weight"][k - 1]
        for k in range(1, len(hidden))
    ]
    outputs = [
        two_layers(attend(q, np.array(rows), np.ones(len(rows)), o, state), state)
        for q in state["queries.weight"]
    ]
    return np.mean(outputs, axis=0)
