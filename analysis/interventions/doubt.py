"""A word in doubt: what each pooling head's logit margin loses when it leaves the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.phrases import listed
from analysis.common.records import freeze, require_shape
from analysis.interventions.edits import Span, edited, replacement, word_spans
from analysis.reading.decomposition import Decomposition, contrast_of

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
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
        """Change of the margin in logits; below 0 it falls."""
        return self.after - self.before


@dataclass(frozen=True)
class WordEffects:
    """The margin of one class without each word in turn, of one checkpoint or seed group."""

    name: str
    label: str  # of the class
    spans: np.ndarray  # (U, 3) int: segment, first character, behind the last
    before: float  # logit of the class minus the mean of the others, with every word
    after: np.ndarray  # (U,) the same without one word; NaN where nothing would stay

    def __post_init__(self) -> None:
        require_shape("spans", self.spans, len(self.after), 3)
        freeze(self)

    @property
    def changes(self) -> np.ndarray:
        """(U,) what the margin gains, in logits; below 0 it loses."""
        return np.asarray(self.after - self.before)

    @property
    def ranking(self) -> np.ndarray:
        """(U,) places of the words, the largest change of either sign first; NaN last."""
        return np.argsort(-np.abs(self.changes), kind="stable")


def doubt(
    name: str,
    before: Sequence[Trace],
    after: Sequence[Trace],
    target: int,
    split: Decomposition | None = None,
    span: Span = (0, 0, 0),
) -> Doubt:
    """Effect of a word on a checkpoint, or on the mean of a group's seeds.

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
    labels = before[0].checkpoint.labels
    return Doubt(
        name=name,
        label=labels[target] if labels else "the value",
        before=first,
        after=last,
        layer=layer,
        read=read,
        flips=bool(means[0].argmax() != means[1].argmax()),
    )


def _read(split: Decomposition, tokens: Tokens, target: int, span: Span) -> np.ndarray:
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


def word_logits(
    classifier: Classifier,
    text: str,
    pair: str | None = None,
    instead: str = "",
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Logits of a text, and of it without each of its words in turn, read anew.

    Parameters
    ----------
    classifier
        A loaded checkpoint.
    text, pair
        What it reads; words are those of `edits.word_spans`.
    instead
        What takes a word's place; empty: it is struck out.
    progress
        Called with the share that is done.

    Returns
    -------
    ndarray
        (1 + U, C): as typed, then without the first word, the second and so on; NaN where nothing
        would stay.

    Raises
    ------
    ValueError
        The tokenizer has no mask token to put in.
    CheckpointError
        The checkpoint is a bare encoder.
    """
    from analysis.corpus.runs import logits_of

    spans, substitute = word_spans(text, pair), replacement(classifier, instead)
    texts = [(text, pair)]
    places = [0]
    for place, span in enumerate(spans, 1):
        try:
            texts.append(edited(text, pair, [span], substitute))
        except ValueError:  # the only word of its text
            continue
        places.append(place)
    read = logits_of(classifier, texts, progress)
    logits = np.full((1 + len(spans), read.shape[1]), np.nan)
    logits[places] = read
    return logits


def word_effects(
    name: str, label: str, target: int, spans: Sequence[Span], logits: Sequence[np.ndarray]
) -> WordEffects:
    """The effect of each word on a class's margin, from the logits of every member.

    Parameters
    ----------
    name, label
        Of the checkpoint or group, and of the class.
    target
        Index of the class.
    spans
        The words, U of them.
    logits
        (1 + U, C) of each member, as `word_logits` gives them; several are averaged.
    """
    mean = np.mean(logits, axis=0, dtype=float)
    margins = contrast_of(mean.T, target)
    places = np.array(spans, dtype=np.int64).reshape(-1, 3)
    return WordEffects(name, label, places, float(margins[0]), np.array(margins[1:]))


def in_words(doubts: Sequence[Doubt], word: str, instead: str = "") -> str:
    """The pooling head that loses most without the word, and the layers that it read it from."""
    how = f"With “{instead}” in place of “{word}”" if instead.strip() else f"Without “{word}”"
    least = min(doubts, key=lambda doubt: doubt.change)
    if least.change >= 0:
        most = max(doubts, key=lambda doubt: doubt.change)
        sentence = f"{how} no margin gets smaller; {most.name} gains most ({most.change:+.2f})"
    else:
        sentence = (
            f"{how} {least.name} loses most: its logit margin of {least.label} changes by "
            f"{least.change:+.2f}"
        )
        if least.layer is not None:
            sentence += f"; it read the word from layer {least.layer}"
        elif least.read is not None:
            sentence += "; it pools [CLS] only, so the word reaches it through the encoder"
    flipped = [doubt.name for doubt in doubts if doubt.flips]
    if flipped:
        verb = "then predicts" if len(flipped) == 1 else "then predict"
        sentence += f". {listed(flipped)} {verb} another class"
    return f"{sentence}."
