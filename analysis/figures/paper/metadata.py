"""Words inside the file: PDF information, SVG metadata, PNG text. No date, no user, no machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from analysis.figures.picture import Picture
from analysis.figures.style.style import printable

_DUBLIN_CORE = {
    "Creator",
    "Contributor",
    "Coverage",
    "Description",
    "Format",
    "Identifier",
    "Keywords",
    "Language",
    "Publisher",
    "Relation",
    "Rights",
    "Source",
    "Title",
    "Type",
}
NAMESPACE = "https://www.w3.org/ns/poollens#"


def about(plots: tuple[Picture, ...], extra: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata of a figure in any format: title, description, and `extra`."""
    sources = [{"view": plot.view, **plot.provenance} for plot in plots]
    description = json.dumps(sources[0] if len(sources) == 1 else sources, sort_keys=True)
    title = "; ".join(printable(plot.title) for plot in plots)
    return {
        "Title": title,
        "Description": description,
        "Keywords": " ".join(dict.fromkeys(printable(p.view) for p in plots)),
        **(extra or {}),
    }


def for_matplotlib(facts: Mapping[str, str], format: str) -> dict[str, Any]:
    """The part that matplotlib writes itself, under the names it knows; dates are left out."""
    entries: dict[str, Any] = {key: str(value) for key, value in facts.items()}
    if format == "pdf":
        entries["Subject"] = entries.pop("Description", "")
        return {"Creator": "PoolLens", "CreationDate": None, "ModDate": None, **entries}
    if format == "svg":
        known = {key: value for key, value in entries.items() if key in _DUBLIN_CORE}
        return {**known, "Creator": entries.get("Author", "PoolLens"), "Date": None}
    return {"Software": "PoolLens", **entries}


def into_svg(data: bytes, facts: Mapping[str, str]) -> bytes:
    """An SVG with the entries that Dublin Core has no name for, as elements of its metadata."""
    others = {k: v for k, v in facts.items() if k not in _DUBLIN_CORE and k != "Author"}
    if not others:
        return data
    made = "".join(
        f"   <entry xmlns={quoteattr(NAMESPACE)} name={quoteattr(printable(key))}>"
        f"{escape(str(value))}</entry>\n"
        for key, value in others.items()
    )
    head, end, tail = data.partition(b"</metadata>")
    return head + made.encode("utf-8", "replace") + b"  " + end + tail
