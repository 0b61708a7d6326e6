"""A sentence on the words that carry a similarity, and where poolings differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.common.phrases import listed
from analysis.text.tokens import Tokens


@dataclass(frozen=True)
class LeadingPair:
    """One pooling's score and its strongest pair of words (special tokens aside)."""

    title: str
    score: float
    words: tuple[str, str] | None  # None: a single pair of tokens is the whole score
    share: float  # contribution of that pair


def carried(
    title: str, score: float, values: np.ndarray, first: Sequence[str], second: Sequence[str],
    special: tuple[Sequence[bool], Sequence[bool]],
) -> LeadingPair:  # fmt: skip
    """The strongest pair of units in (Ua, Ub) contributions, special tokens aside."""
    held = np.where(np.array(special[0], bool)[:, None] | np.array(special[1], bool), 0.0, values)
    if not np.any(held):
        return LeadingPair(title, score, None, score)
    i, j = map(int, np.unravel_index(int(np.abs(held).argmax()), held.shape))
    # Some tokenizers keep the space before a word: it is the same word without it.
    return LeadingPair(title, score, (first[i].strip(), second[j].strip()), float(held[i, j]))


def in_words(leading_pairs: Sequence[LeadingPair]) -> str:
    """Each pooling's score with the pair of words that carries most of it, and who agrees."""
    sentences = []
    for leading in leading_pairs:
        if leading.words is None:
            sentences.append(f"{leading.title} {_score(leading)} compares one pair of vectors")
        else:
            pair = f"“{leading.words[0]}”–“{leading.words[1]}”"
            sentences.append(
                f"{leading.title} {_score(leading)}, most by {pair} {_number(leading.share)}"
            )
    pairs = [leading.words for leading in leading_pairs if leading.words is not None]
    agree = ""
    if len(pairs) > 1:
        same = len(set(pairs)) == 1
        agree = " The same pair leads in all." if same else " Poolings differ in the leading pair."
    return "; ".join(sentences) + "." + agree if sentences else ""


def beside(first: Sequence[LeadingPair], others: Sequence[Sequence[LeadingPair]]) -> str:
    """Whether other checkpoints name the same pairs of words as the first one, in words."""
    own = {leading.title: leading.words for leading in first if leading.words is not None}
    if not own or not others:
        return ""
    alike = sum(
        own == {leading.title: leading.words for leading in pairs if leading.words is not None}
        for pairs in others
    )
    if len(others) == 1:
        return "The other checkpoint names " + ("the same." if alike else "other pairs.")
    if alike == len(others):
        return f"All {len(others)} other checkpoints name the same."
    if not alike:
        return f"None of the {len(others)} other checkpoints names the same."
    return f"The same pairs lead in {alike} of the {len(others)} other checkpoints."


def ends(first: Tokens, second: Tokens) -> str:
    """Whether a text was cut, in words; "" where none was."""
    cut = [
        f"{tokens.dropped} tokens of the {which} sentence"
        for which, tokens in (("first", first), ("second", second))
        if tokens.dropped
    ]
    return f"Beyond the model's limit, and not read: {listed(cut)}." if cut else ""


def _score(leading: LeadingPair) -> str:
    return f"{leading.score:.2f}".replace("-", "\N{MINUS SIGN}")


def _number(value: float) -> str:
    size = abs(value)
    places = 2 if size >= 0.1 else 3 if size >= 0.0005 else 4
    shown = f"{value:.{places}f}" if size >= 0.00005 else f"{value:.0e}"
    return shown.replace("-", "\N{MINUS SIGN}")
