"""What must not stand in a figure that is under double-blind review, and taking it out.

A file's bytes can name its author through a checkpoint's owner on the Hub or through the folder
that a checkpoint lies in. The text that was typed is the figure's subject and is left as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from analysis.figures.plot import Plot
from analysis.figures.store import packed, unpacked

# Any other path: two folders and more from the root, or from a drive.
_ABSOLUTE = re.compile(r"(?<![\w.:/\\\-])(?:~|[A-Za-z]:)?[\\/](?:[^\s\\/]+[\\/]){2,}(?=[^\s\\/])")
_SUBJECT = frozenset({"text", "pair", "variant", "labels"})  # what the user typed


def anonymous(plot: Plot) -> tuple[Plot, tuple[str, ...]]:
    """(the plot without owners and folders of its checkpoints, what was left out).

    "owner/model" becomes "model" wherever the picture says it: series, titles, notes, source.
    """
    names = sorted({name for name in _checkpoints(plot.provenance)}, key=len, reverse=True)
    patterns = [_pattern(_last(name)) for name in names]
    out: dict[str, None] = {}
    data = _without({"plot": packed(plot)}, patterns, _home(), out)["plot"]
    return (unpacked(data) if out else plot), tuple(out)


def _checkpoints(value: Any) -> Iterator[str]:
    """Every id that a provenance names."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "checkpoint" and isinstance(item, str):
                yield item
            else:
                yield from _checkpoints(item)
    elif isinstance(value, list):
        for item in value:
            yield from _checkpoints(item)


def _last(name: str) -> str:
    return re.split(r"[\\/]", name.rstrip("\\/"))[-1]


def _pattern(name: str) -> re.Pattern[str]:
    """An owner or a folder before the name; folders of an absolute path may hold spaces."""
    absolute = r"(?:~|[A-Za-z]:)?[\\/](?:[^\\/\n]+[\\/])*"
    relative = r"[\w.\-]+[\\/](?:[^\\/\s]+[\\/])*"
    return re.compile(rf"(?<![\w.\-\\/])({absolute}|{relative})({re.escape(name)})(?![\w\-])")


def _home() -> tuple[str, ...]:
    found = {os.path.expanduser("~"), os.getcwd()}
    return tuple(sorted((f"{p}{os.sep}" for p in found if len(p) > 1), key=len, reverse=True))


def _without(
    value: Any, patterns: list[re.Pattern[str]], folders: tuple[str, ...], out: dict[str, None]
) -> Any:
    if isinstance(value, str):
        for pattern in patterns:
            for found in pattern.finditer(value):
                out[_told(found[1], found[2])] = None
            value = pattern.sub(r"\2", value)
        for folder in folders:
            if folder in value:
                out["the folder of a file"] = None
                value = value.replace(folder, "")
        if _ABSOLUTE.search(value):
            out["the folder of a file"] = None
            value = _ABSOLUTE.sub("", value)
        return value
    if isinstance(value, dict):
        if "base64" in value:
            return value
        return {
            key: item if key in _SUBJECT else _without(item, patterns, folders, out)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without(item, patterns, folders, out) for item in value]
    return value


def _told(before: str, name: str) -> str:
    """What was left out, without saying it again."""
    local = before.startswith(("/", "\\", "~", ".")) or before[1:2] == ":"
    return f"the folder of {name}" if local else f"the owner of {name}"
