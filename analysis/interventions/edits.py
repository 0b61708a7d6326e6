"""Edits of words: a text with words struck out or replaced, and the logits of many such texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.text.word_spans import words_of

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

Span = tuple[int, int, int]  # (segment, first character, behind the last)
MASK = "[MASK]"  # in place of a word: the mask token of each checkpoint's own tokenizer
_BATCH = 64  # texts between two calls of `progress`


def word_spans(text: str, pair: str | None = None) -> tuple[Span, ...]:
    """Where the words of a text (and of its pair) stand, in reading order; marks are words."""
    spans: list[Span] = []
    for segment, part in enumerate((text, pair or "")):
        numbers = words_of(part)
        for word in range(int(numbers.max(initial=-1)) + 1):
            places = np.flatnonzero(numbers == word)
            spans.append((segment, int(places[0]), int(places[-1]) + 1))
    return tuple(spans)


def word_at(text: str, pair: str | None, span: Span) -> str:
    """The characters that a span covers."""
    segment, start, end = span
    return ((pair or "") if segment else text)[start:end]


def without(text: str, start: int, end: int, instead: str = "") -> str:
    """The text with the characters from `start` to `end` struck out, or replaced.

    Of the white space on both sides of what is struck out one side goes with it.
    """
    before, after = text[:start], text[end:]
    if instead.strip():
        return before + instead + after
    if not before.strip():
        return after.lstrip()
    if not after.strip():
        return before.rstrip()
    if before[-1].isspace() and after[0].isspace():
        after = after[1:]
    return before + after


def edited(
    text: str, pair: str | None, spans: Sequence[Span], instead: str = ""
) -> tuple[str, str | None]:
    """Text and pair with all of these spans struck out, or each replaced by `instead`.

    Raises
    ------
    ValueError
        Nothing stays of the text or of its pair.
    """
    parts = [text, pair or ""]
    for segment, start, end in sorted(spans, reverse=True):  # from behind: places stay true
        parts[segment] = without(parts[segment], start, end, instead)
    if not parts[0].strip() or (pair is not None and not parts[1].strip()):
        which = "text" if pair is None else "text or of its pair"
        raise ValueError(f"nothing would stay of the {which}: leave at least one word")
    return parts[0], None if pair is None else parts[1]


def replacement(classifier: Classifier, instead: str) -> str:
    """What is put in a word's place for this checkpoint: its own mask token for `MASK`.

    Raises
    ------
    ValueError
        The tokenizer has no mask token.
    """
    if instead != MASK:
        return instead
    token = classifier.tokenizer.mask_token
    if not token:
        raise ValueError(
            f"{classifier.checkpoint.id}: its tokenizer has no mask token to put in a word's "
            "place; type a word, or strike it out"
        )
    return str(token)


def logits_of(
    classifier: Classifier,
    texts: Sequence[tuple[str, str | None]],
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """(N, C) float64 logits of N texts (each with its pair or None), read in batches.

    Parameters
    ----------
    classifier
        A loaded checkpoint.
    texts
        What it reads; all with a pair or none.
    progress
        Called with the share that is done, after every batch.

    Raises
    ------
    ValueError
        A text is blank.
    CheckpointError
        The checkpoint is a bare encoder, or a single text does not fit into memory.
    """
    import pyarrow as pa

    from analysis.corpus.runs import predict_batch

    parts = []
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        columns = {"row": list(range(len(batch))), "text": [text for text, _ in batch]}
        if any(pair is not None for _, pair in batch):
            columns["pair"] = [pair or "" for _, pair in batch]
        read = predict_batch(classifier, pa.RecordBatch.from_pydict(columns))
        logits = read["logits"].flatten().to_numpy(zero_copy_only=False)
        parts.append(logits.reshape(len(batch), -1).astype(np.float64))
        if progress is not None:
            progress((start + len(batch)) / len(texts))
    classes = max(len(classifier.checkpoint.labels), 1)
    return np.concatenate(parts) if parts else np.zeros((0, classes))
