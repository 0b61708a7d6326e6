"""The edits of a text as HTML."""

from __future__ import annotations

import difflib
import re

from pages.ui.kit import cards


def difference(old: str, new: str) -> str:
    """HTML of the new text with what was added, and struck through what was left out."""
    before, after = re.findall(r"\w+|\s+|[^\w\s]", old), re.findall(r"\w+|\s+|[^\w\s]", new)
    parts = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        removed, added = cards.text("".join(before[a:b])), cards.text("".join(after[c:d]))
        if kind == "equal":
            parts.append(added)
            continue
        parts.append(f"<del>{removed}</del>" if removed.strip() else "")
        parts.append(f"<ins>{added}</ins>" if added.strip() else added)
    return "".join(parts)
