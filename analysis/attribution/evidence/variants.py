"""Reruns of one text with some of its units replaced: what every perturbation measure asks.

A unit is replaced as a whole. [CLS] and [SEP] always stay: without them the input is no longer
one that the model knows, and [CLS] is what most pooling heads read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.attribution.problem import output_of
from analysis.attribution.results import Progress, Target
from analysis.attribution.units import check_cover
from analysis.checkpoints.forward import apart, embedded, logits_of
from analysis.text.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.checkpoints.loading import Classifier

REPLACE = {
    "mask": "each piece replaced by [MASK], its place kept",
    "pad": "each piece replaced by the embedding of [PAD], its place kept and still attended to",
    "remove": "taken out, what follows moves up",
}
_TOKENS_A_BATCH = 4096


@dataclass(frozen=True)
class Variants:
    """One output of a checkpoint, asked for variants of one text."""

    classifier: Classifier
    tokens: Tokens
    units: tuple[tuple[int, ...], ...]  # (U,) token positions of the units that can be replaced
    target: Target
    output: str  # "probability", "logit" or "contrast"; a regression gives its value
    replace: str  # a key of REPLACE
    batch_tokens: int = _TOKENS_A_BATCH

    def values(self, kept: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """(n, U) bool, True = the unit stays -> (n,) float64 outputs.

        Equal variants are computed once; batches hold at most `batch_tokens` tokens (one text at
        least), and fewer where the device runs out of memory. `progress` is called between batches
        with the share done; what it raises ends the work, and nothing was changed that would have
        to be put back.

        Raises ``ValueError`` where the output is no finite number, :class:`CheckpointError` where
        the device runs out of memory.
        """
        import torch

        from analysis.common.memory import enough_memory, one_memory_error

        kept = np.asarray(kept, bool).reshape(-1, len(self.units))
        if not len(kept):
            return np.zeros(0)
        rows, places = np.unique(kept, axis=0, return_inverse=True)
        if self.replace == "remove":  # neighbours of like length: little padding
            order = np.argsort(self._lengths(rows), kind="stable")
        else:
            order = np.arange(len(rows))
        outputs = np.empty(len(rows))
        size, start = max(1, self.batch_tokens // len(self.tokens)), 0
        if progress is not None:
            progress(0.0)
        while start < len(rows):
            part = order[start : start + size]
            with (
                enough_memory(self.classifier, f"on variants of {len(self.tokens)} tokens"),
                torch.no_grad(),
            ):
                try:
                    with one_memory_error():
                        outputs[part] = self._run(rows[part])
                    start += size
                except torch.OutOfMemoryError:
                    if size == 1:
                        raise
                    size //= 2
            if progress is not None:
                progress(min(1.0, start / len(rows)))
        if not np.isfinite(outputs).all():
            raise ValueError(
                f"{self.classifier.checkpoint.name}: its output is not finite for a variant of "
                "this text, so there is nothing to measure"
            )
        return np.asarray(outputs[places.reshape(-1)])

    def _lengths(self, rows: np.ndarray) -> np.ndarray:
        sizes = np.array([len(unit) for unit in self.units])
        return np.asarray(len(self.tokens) - (~rows) @ sizes)

    def _run(self, rows: np.ndarray) -> np.ndarray:
        ids, inputs = self._shortened(rows) if self.replace == "remove" else self._replaced(rows)
        # By embeddings: given [PAD] ids, RoBERTa would count the positions anew.
        logits = logits_of(self.classifier, embedded(self.classifier, ids), inputs)
        outputs: np.ndarray = (
            output_of(logits, self.target, self.output, self.classifier.checkpoint.output)
            .double()
            .cpu()
            .numpy()
        )
        return outputs

    def _gone(self, rows: np.ndarray) -> np.ndarray:
        """(n, T) bool: the token belongs to a unit that does not stay."""
        gone = np.zeros((len(rows), len(self.tokens)), bool)
        for index, unit in enumerate(self.units):
            gone[:, list(unit)] = ~rows[:, index, None]
        return gone

    def _replaced(self, rows: np.ndarray) -> tuple[Tensor, dict[str, Tensor]]:
        """(n, T) ids with the filler in the places of what went, and the other inputs."""
        import torch

        from analysis.reading.trace import model_inputs

        inputs = model_inputs(self.classifier, self.tokens)
        ids, inputs = apart(self.classifier, inputs)
        gone = torch.tensor(self._gone(rows), device=ids.device)
        return torch.where(gone, filler(self.classifier, self.replace), ids), inputs

    def _shortened(self, rows: np.ndarray) -> tuple[Tensor, dict[str, Tensor]]:
        """(n, longest) ids without what went, padded at their end, and the other inputs."""
        import torch

        from analysis.reading.trace import model_inputs

        inputs = model_inputs(self.classifier, self.tokens)
        stays = ~self._gone(rows)
        # The tokens that stay first, in their order; then whatever: the mask hides it.
        order = np.argsort(~stays, axis=1, kind="stable")[:, : int(stays.sum(axis=1).max())]
        places = torch.tensor(order, device=self.classifier.device)
        short = {name: tensor[0][places] for name, tensor in inputs.items()}
        short["attention_mask"] = torch.tensor(
            np.take_along_axis(stays, order, axis=1), device=self.classifier.device
        ).to(inputs["attention_mask"].dtype)
        return apart(self.classifier, short)


def variants(
    classifier: Classifier,
    text: str,
    pair: str | None,
    unit_tokens: Sequence[Sequence[int]],
    target: Target,
    *,
    output: str = "probability",
    replace: str = "mask",
    batch_tokens: int = _TOKENS_A_BATCH,
) -> tuple[Variants, np.ndarray]:
    """(what to ask, (U,) places in `unit_tokens` of the units that can be replaced).

    Raises ``ValueError`` for units of another text, a text of special tokens only, an unknown
    `replace`, or a tokenizer without the token that replaces.
    """
    if replace not in REPLACE:
        raise ValueError(f"replace is {replace!r}; known: {', '.join(REPLACE)}")
    if replace != "remove":
        filler(classifier, replace)
    tokens = tokenize(classifier.tokenizer, text, pair, classifier.limit)
    if max((max(unit, default=0) for unit in unit_tokens), default=0) >= len(tokens):
        check_cover(unit_tokens, len(tokens))
    free = [i for i, unit in enumerate(unit_tokens) if not tokens.special[list(unit)].any()]
    if not free:
        raise ValueError("the text has special tokens only: there is nothing to replace in it")
    units = tuple(tuple(int(t) for t in unit_tokens[i]) for i in free)
    measured = Variants(classifier, tokens, units, target, output, replace, batch_tokens)
    return measured, np.array(free)


def filler(classifier: Classifier, replace: str) -> int:
    """Id of the token that takes the place of others; `replace` is "mask" or "pad".

    Raises
    ------
    ValueError
        The tokenizer has no such token.
    """
    index = getattr(classifier.tokenizer, f"{replace}_token_id")
    if index is None:
        others = ", ".join(key for key in REPLACE if key != replace)
        raise ValueError(
            f"{classifier.checkpoint.name}: its tokenizer has no [{replace.upper()}] token; "
            f"choose another replacement ({others})"
        )
    return int(index)
