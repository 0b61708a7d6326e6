"""How the tests of uploaded files read what was found."""

from __future__ import annotations

SENTIMENT = ("negative", "positive")
CSV = b"text,label\nA fine film.,positive\nA dull film.,negative\n"
