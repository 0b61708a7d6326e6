"""A word in doubt: what each pooling head's logit margin loses when it leaves the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.phrases import listed
from analysis.reading.decomposition import Decomposition, contrast_of

if TYPE_CHECKING:
    from analysis.reading.trace import Trace
    from analysis.text.tokens import Tokens


@dataclass(frozen=True)
class Doubt:
    """The margin of one class with and without a word, of one checkpoint or seed group."""

    name: str
    label: str  # of the class
    before: float  # logit of the class minus the mean of the others, with the word
    after: float  # the same without it
    layer: int | None = None  # the source layer from which most was read of the word
    read: float | None = None  # what was read of the word itself; None where there is no split
    flips: bool = False  # whether the predicted class is another one afterwards

    @property
    def change(self) -> float:
        """What the margin gains, in logits; below 0 it loses."""
        return self.after - self.before


def without(text: str, start: int, end: int, instead: str = "") -> str:
    """The text with the characters from `start` to `end` struck out, or replaced."""
    changed = text[:start] + instead + text[end:]
    return changed if instead.strip() else " ".join(changed.split())


def doubt(
    name: str,
    before: Sequence[Trace],
    after: Sequence[Trace],
    target: int,
    split: Decomposition | None = None,
    span: tuple[int, int, int] = (0, 0, 0),
) -> Doubt:
    """What a checkpoint, or the seeds of a group by their mean, loses with a word.

    Parameters
    ----------
    name
        Of the checkpoint or group.
    before, after
        Traces of the text with and without the word, one a member.
    target
        Index of the class.
    split
        The split of the logits with the word, which says from where it was read.
    span
        (segment, start, end) of the word's characters.

    Returns
    -------
    Doubt
        Margins in logits: the class minus the mean of the others.

    Raises
    ------
    ValueError
        Where a trace has no logits.
    """
    means = []
    for traces in (before, after):
        logits = [trace.logits for trace in traces if trace.logits is not None]
        if not logits:
            raise ValueError(f"{name} predicts nothing, so no margin can change")
        means.append(np.mean(logits, axis=0, dtype=float))
    first, last = (float(contrast_of(mean, target)) for mean in means)
    layer = read = None
    if split is not None:
        by_layer = _read(split, before[0].tokens, target, span)
        read = float(by_layer.sum())
        layer = split.layers[int(np.abs(by_layer).argmax())] if by_layer.any() else None
    flips = bool(means[0].argmax() != means[1].argmax())
    return Doubt(name, before[0].checkpoint.labels[target], first, last, layer, read, flips)


def _read(
    split: Decomposition, tokens: Tokens, target: int, span: tuple[int, int, int]
) -> np.ndarray:
    """(K,) what each source layer gave of the tokens that touch the span."""
    segment, start, end = span
    by_token = split.contrast(target).sum(axis=0)  # (T, K)
    touched = [
        position
        for position, (first, last) in enumerate(np.asarray(tokens.offsets).tolist())
        if not tokens.special[position]
        and tokens.segment[position] == segment
        and first < end
        and start < last
    ]
    return np.asarray(by_token[touched].sum(axis=0))


def in_words(doubts: Sequence[Doubt], word: str, instead: str = "") -> str:
    """Which pooling head loses most without the word, by how much, and from where it read it."""
    how = f"With “{instead}” in place of “{word}”" if instead.strip() else f"Without “{word}”"
    least = min(doubts, key=lambda one: one.change)
    if least.change >= 0:
        most = max(doubts, key=lambda one: one.change)
        sentence = f"{how} no margin gets smaller; {most.name} gains most ({most.change:+.2f})"
    else:
        sentence = (
            f"{how} {least.name} loses most: its logit margin of {least.label} changes by "
            f"{least.change:+.2f}"
        )
        if least.layer is not None:
            sentence += f"; it read the word from layer {least.layer}"
        elif least.read is not None:
            sentence += "; it does not read the word itself, only what [CLS] made of it"
    flipped = [one.name for one in doubts if one.flips]
    if flipped:
        verb = "then predicts" if len(flipped) == 1 else "then predict"
        sentence += f". {listed(flipped)} {verb} another class"
    return f"{sentence}."
