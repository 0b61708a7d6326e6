"""A checkpoint that adds up its words: every attribution and every curve is known on paper.

The logit of class 1 is the sum of one number a token; that of class 0 is its negative, or there
is no class 0 (a regression). No position, no attention: what is replaced by [PAD] or [MASK] adds
their numbers, which are 0 and `MASK`.
"""

from __future__ import annotations

import threading
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from tests.support import zoo

TEXT = "the plot is thin but not dull"
# in the order of the text: the, plot, is, thin, but, not, dull
WEIGHTS = {
    "the": 0.0,
    "plot": 0.25,
    "is": -0.125,
    "thin": -1.0,
    "but": 0.5,
    "not": 2.0,
    "dull": -2.5,
    "[MASK]": 0.0625,
}
MASK = WEIGHTS["[MASK]"]


class Adds(nn.Module):
    """(n, T) ids or (n, T, 2) embeddings -> logits; the embedding is (number, 1)."""

    def __init__(self, vocabulary: int, numbers: dict[int, float], classes: int) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(vocabulary, 2)
        self.classes = classes
        with torch.no_grad():
            self.embeddings.weight.zero_()
            self.embeddings.weight[:, 1] = 1.0
            for index, number in numbers.items():
                self.embeddings.weight[index, 0] = number
        self.classifier = nn.Linear(2, classes, bias=False)
        with torch.no_grad():
            rows = [[1.0, 0.0]] if classes == 1 else [[-1.0, 0.0], [1.0, 0.0]]
            self.classifier.weight.copy_(torch.tensor(rows))
        self.rows = 0
        self.calls = 0

    def get_input_embeddings(self) -> nn.Module:
        return self.embeddings

    def forward(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        inputs_embeds: Any = None,
        **_: Any,
    ) -> Any:
        embedded = self.embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        self.rows += len(embedded)
        self.calls += 1
        summed = (embedded * attention_mask[..., None]).sum(dim=1)
        return SimpleNamespace(logits=self.classifier(summed))


@cache
def adds(classes: int = 2) -> Any:
    """The checkpoint as the library takes it, with the tokenizer of the tiny ones."""
    from analysis.checkpoints.loading import Classifier

    tokenizer = zoo.loaded("bert").tokenizer
    numbers = {tokenizer.convert_tokens_to_ids(word): n for word, n in WEIGHTS.items()}
    model = Adds(len(tokenizer), numbers, classes).eval().requires_grad_(False)
    labels = ("negative", "positive") if classes == 2 else ()
    checkpoint: Any = SimpleNamespace(
        id="adds",
        labels=labels,
        regression=classes == 1,
        output="value" if classes == 1 else "softmax",
        kind="classifier",
        head=None,
        sha256=f"{classes}" * 64,
        task=None,
        group=None,
        seed=None,
    )
    report: Any = None
    return Classifier(
        checkpoint,
        model,
        tokenizer,
        torch.device("cpu"),
        torch.float32,
        64,
        report,
        threading.RLock(),
    )
