"""Words of a text: decided by its characters alone, the same for every tokenizer.

White space separates words; a punctuation mark is a word of its own, and so is a character of a
script that is written without spaces (Chinese characters, kana). These are the rules by which
BERT's tokenizer splits a text before it looks at its vocabulary.
"""

from __future__ import annotations

import unicodedata

import numpy as np

# First and last code points: Han and its extensions, compatibility ideographs, kana.
_ONE_BY_ONE = (
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x323AF),
)


def is_mark(character: str) -> bool:
    """Whether a character is punctuation; ASCII symbols such as $ and + count as such."""
    code = ord(character)
    if code < 128:
        return not character.isalnum() and not character.isspace() and code > 32 and code != 127
    return unicodedata.category(character).startswith("P")


def is_word_alone(character: str) -> bool:
    """Whether a character is a word by itself: a mark, a Chinese character, a kana."""
    code = ord(character)
    if code < 0x3040:
        return is_mark(character)
    return any(low <= code <= high for low, high in _ONE_BY_ONE) or is_mark(character)


def words_of(text: str) -> np.ndarray:
    """(n,) int, n characters: number of the word that each character belongs to, -1 for white
    space.
    """
    numbers = np.full(len(text), -1, dtype=np.int64)
    word, inside = -1, False
    for place, character in enumerate(text):
        if character.isspace():
            inside = False
            continue
        alone = is_word_alone(character)
        if alone or not inside:
            word += 1
        inside = not alone
        numbers[place] = word
    return numbers
