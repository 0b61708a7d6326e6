"""fastText's files: in each line ``__label__`` words, before or behind the text."""

from __future__ import annotations

from collections.abc import Sequence

_MARK = "__label__"


def is_fasttext(lines: Sequence[str]) -> bool:
    """Whether most of these lines begin or end with a label of fastText's."""
    words = [line.split() for line in lines]
    marked = [any(part.startswith(_MARK) for part in (line[:1] + line[-1:])) for line in words]
    return sum(marked) >= 0.6 * max(len(marked), 1)


def row_of(line: str) -> list[object]:
    """[label, text]: one label as a word, several as a list, none as nothing."""
    text = line.strip()
    labels: list[str] = []
    while text.startswith(_MARK):
        word, _, text = text.partition(" ")
        labels.append(word[len(_MARK) :].strip(","))
        text = text.strip()
    if labels and text.startswith(","):  # as written where the file was a CSV before
        text = text[1:].strip()
    if not labels:
        while (word := text.rpartition(" ")[2]).startswith(_MARK):
            labels.insert(0, word[len(_MARK) :])
            text = text[: -len(word)].strip()
    return [labels[0] if len(labels) == 1 else labels or None, text]
