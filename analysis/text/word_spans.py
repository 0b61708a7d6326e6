"""Words of a text: decided by its characters alone, the same for every tokenizer.

White space separates words; a punctuation mark is a word of its own. In scripts that are written
without spaces (Chinese characters and kana; Thai, Lao, Khmer, Burmese and their kin) each character
as a reader sees it is a word, with the vowels and tones that are written on it; so is each emoji,
with its skin tone, its flag's two letters and whatever else is joined to it. Where no space tells,
a division into dictionary words would be a guess of its own for each language.

Characters as a reader sees them are the extended grapheme clusters of Unicode (UAX 29), scripts
without spaces are its line-breaking class SA (UAX 14); marks and Chinese characters are divided as
BERT's tokenizer divides them before it looks at its vocabulary.
"""

from __future__ import annotations

import unicodedata

import numpy as np
import regex  # type: ignore[import-untyped]

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
_CLUSTER = regex.compile(r"\X")
_ALONE = regex.compile(  # South East Asian scripts, emoji, the letters of flags, keycaps
    r"[\p{Line_Break=SA}\p{Extended_Pictographic}\p{Regional_Indicator}]|.\uFE0F?\u20E3"
)


def is_mark(character: str) -> bool:
    """Whether a character is punctuation; ASCII symbols such as $ and + count as such."""
    code = ord(character)
    if code < 128:
        return not character.isalnum() and not character.isspace() and code > 32 and code != 127
    return unicodedata.category(character).startswith("P")


def is_word_alone(cluster: str) -> bool:
    """Whether one character, with what is joined to it, is a word by itself: a mark, a Chinese
    character, a kana, a Thai letter, an emoji."""
    code = ord(cluster[0])
    if code < 128 and len(cluster) == 1:
        return is_mark(cluster)
    return (
        any(low <= code <= high for low, high in _ONE_BY_ONE)
        or is_mark(cluster[0])
        or _ALONE.match(cluster) is not None
    )


def words_of(text: str) -> np.ndarray:
    """(n,) int, n characters: number of the word that each character belongs to, -1 for white
    space.
    """
    numbers = np.full(len(text), -1, dtype=np.int64)
    word, inside, follows = -1, False, False
    for match in _CLUSTER.finditer(text):
        start, cluster = match.start(), match.group()
        if cluster[0].isspace():
            # An accent may stand on a space: it is no white space, and begins a word.
            inside = follows = False
            start += len(cluster) - len(cluster.lstrip())
            cluster = cluster.lstrip()
            if not cluster:
                continue
        # Burmese has vowels and tones that Unicode counts as characters apart.
        if not (follows and unicodedata.category(cluster[0]).startswith("M")):
            alone = is_word_alone(cluster)
            if alone or not inside:
                word += 1
            inside = not alone
        follows = True
        numbers[start : match.end()] = word
    return numbers
