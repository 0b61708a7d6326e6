"""The facts of a sentence, whatever its other words are."""

from __future__ import annotations

import re


def in_order(text: str, *facts: str) -> bool:
    """Whether the facts (names, numbers, key words) stand in the text in this order, each whole.

    "0.5" does not stand in "0.55", in "10.5" or in "0.5.1", and "cls" not in "max_cls"; a "-"
    before a word or number belongs to it.
    """
    place = 0
    for fact in facts:
        before = r"(?<![\w\-−])(?<!\d\.)" if re.match(r"[\w]", fact) else ""
        after = r"(?!\w|\.\d)" if re.search(r"\w$", fact) else ""
        match = re.compile(before + re.escape(fact) + after).search(text, place)
        if match is None:
            return False
        place = match.end()
    return True
