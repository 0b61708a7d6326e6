"""Removal of names and folders from a figure that is under double-blind review.

A file's bytes can name its author through the owner of a checkpoint or of a data set on the Hub,
or through the folder that it lies in. The text that was typed is the figure's subject and is left
as it is; a caption is not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from analysis.figures.files.store import packed, unpacked
from analysis.figures.picture import Picture

# Any other path: two folders and more from the root, or from a drive.
_ABSOLUTE = re.compile(r"(?<![\w.:/\\\-])(?:~|[A-Za-z]:)?[\\/](?:[^\s\\/{}]+[\\/]){2,}(?=[^\s\\/])")
# What names a data set in words, in which an owner may stand: "dev, vectors of owner/model".
_OWNED = re.compile(r"(?<![\w.:/\\-])(?=[^\s/]*[A-Za-z])[\w.-]+/(?=[^\s/]*[A-Za-z])[\w.-]*\w")
_SUBJECT = frozenset({"text", "pair", "variant", "labels"})  # what the user typed


def anonymous(plot: Picture) -> tuple[Picture, tuple[str, ...]]:
    """(the plot without owners and folders of its checkpoints, what was left out).

    "owner/model" becomes "model" wherever the picture says it: series, titles, notes, source.
    """
    out: dict[str, None] = {}
    data = _without({"plot": packed(plot)}, _patterns([plot]), _home(), out)["plot"]
    return (unpacked(data) if out else plot), tuple(out)


def anonymous_words(words: str, plots: Sequence[Picture]) -> tuple[str, tuple[str, ...]]:
    """(what a person wrote about these pictures without owners and folders of their checkpoints
    and of this machine, what was left out). Any other path was meant to be read and stays."""
    out: dict[str, None] = {}
    return str(_without(words, _patterns(plots), _home(), out, paths=False)), tuple(out)


def _patterns(plots: Sequence[Picture]) -> list[re.Pattern[str]]:
    names = {name for plot in plots for name in _named(plot.provenance)}
    return [_pattern(_last(name)) for name in sorted(names, key=lambda name: (-len(name), name))]


def _named(value: Any, key: str = "") -> Iterator[str]:
    """Every checkpoint and data set that a provenance names."""
    if isinstance(value, str):
        if key == "checkpoint":
            yield value
        elif key == "data":
            yield from _OWNED.findall(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _named(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, key)


def _last(name: str) -> str:
    return re.split(r"[\\/]", name.rstrip("\\/"))[-1]


def _pattern(name: str) -> re.Pattern[str]:
    """An owner or a folder before the name; folders of an absolute path may hold spaces."""
    absolute = r"(?:~|[A-Za-z]:)?[\\/](?:[^\\/\n]+[\\/])*"
    relative = r"[\w.\-]+[\\/](?:[^\\/\s]+[\\/])*"
    return re.compile(rf"(?<![\w.\-\\/])({absolute}|{relative})({re.escape(name)})(?![\w\-])")


def _home() -> tuple[str, ...]:
    folders = {os.path.expanduser("~"), os.getcwd()}
    return tuple(sorted((f"{p}{os.sep}" for p in folders if len(p) > 1), key=len, reverse=True))


def _without(
    value: Any,
    patterns: list[re.Pattern[str]],
    folders: tuple[str, ...],
    out: dict[str, None],
    paths: bool = True,
) -> Any:
    if isinstance(value, str):
        for pattern in patterns:
            for match in pattern.finditer(value):
                out[_omission(match[1], match[2])] = None
            value = pattern.sub(r"\2", value)
        for folder in folders:
            if folder in value:
                out["the folder of a file"] = None
                value = value.replace(folder, "")
        if paths and _ABSOLUTE.search(value):
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


def _omission(before: str, name: str) -> str:
    """A description of what was left out, which does not repeat it."""
    local = before.startswith(("/", "\\", "~", ".")) or before[1:2] == ":"
    return f"the folder of {name}" if local else f"the owner of {name}"
