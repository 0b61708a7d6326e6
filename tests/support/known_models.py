"""Classifiers whose attributions are known by hand: linear and polynomial in the embeddings."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.support import tiny, zoo

CLASSES, SIZE = 3, 5


class OfEmbeddings(nn.Module):
    """A model that sees input embeddings and the mask, as a classifier of Transformers would."""

    base_model_prefix = "base"

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        vocabulary = len(tiny.SPECIAL) + len(tiny.WORDS) + len(tiny.PIECES) + len(tiny.MARKS)
        self.words = nn.Embedding(vocabulary, SIZE)
        self.words.weight = nn.Parameter(torch.randn(vocabulary, SIZE, generator=draw))
        # Every place has weights of its own: what moves up is then seen to move.
        self.w = nn.Parameter(torch.randn(CLASSES, 64, SIZE, generator=draw))
        self.v = nn.Parameter(torch.randn(CLASSES, SIZE, generator=draw))
        self.requires_grad_(False)
        self.config = SimpleNamespace(_attn_implementation="eager")

    def get_input_embeddings(self) -> nn.Module:
        return self.words

    def forward(self, inputs_embeds: Any, attention_mask: Any, **other: Any) -> Any:
        seen = inputs_embeds * attention_mask[:, :, None]
        return SimpleNamespace(logits=self.answer(seen))

    def answer(self, seen: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


class Linear(OfEmbeddings):
    """logit[c] = sum over t of w[c, t] . e[t]."""

    def answer(self, seen: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bte,cte->bc", seen, self.w[:, : seen.shape[1]])


class Polynomial(OfEmbeddings):
    """logit[c] = sum over t of (w[c, t] . e[t])**3 + (sum over t of v[c] . e[t])**2."""

    def answer(self, seen: torch.Tensor) -> torch.Tensor:
        cubes = torch.einsum("bte,cte->bct", seen, self.w[:, : seen.shape[1]]) ** 3
        whole = torch.einsum("bte,ce->bc", seen, self.v) ** 2
        return cubes.sum(-1) + whole


def classifier(kind: type[OfEmbeddings]) -> Any:
    """The model as a loaded checkpoint of three classes."""
    return replace(zoo.loaded("bert"), model=kind())


def arrays(known: Any, tokens: Any, fill: str = "pad") -> tuple[np.ndarray, ...]:
    """(embeddings (T, e), those of the baseline, weights w (C, T, e)) in double precision."""
    model = known.model
    table, w = model.words.weight.double().numpy(), model.w.double().numpy()
    filler = {
        "pad": table[known.tokenizer.pad_token_id],
        "mask": table[known.tokenizer.mask_token_id],
        "mean": table.mean(0),
    }[fill]
    inputs = table[tokens.ids]
    return inputs, np.where(tokens.special[:, None], inputs, filler), w[:, : len(tokens)]
