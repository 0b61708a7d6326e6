"""Keys of components: names of people's own cannot break them."""

from __future__ import annotations

import hashlib

# Streamlit puts "__" between a component's key and an event, and refuses it inside a key.
_DELIMITER, LONGEST = "__", 400


def component_key(key: str) -> str:
    """A key that a component takes: `key` itself where it is plain, else its digest."""
    if _DELIMITER not in key and len(key) <= LONGEST and key.isprintable():
        return key
    return f"key-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:20]}"
