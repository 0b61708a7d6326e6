"""The sidecar of a figure, `figure.json`: all that is needed to make it again, years later.

It holds the numbers themselves, so the figure can be drawn without the checkpoint; and how they
were made, so that they can be computed anew and compared. The figure's own file carries the same
without the numbers, in its metadata.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import metadata
from typing import Any

from analysis.common import places
from analysis.common.faults import FileError
from analysis.common.strict_json import read_json
from analysis.figures.files.anonymity import anonymous, anonymous_words
from analysis.figures.files.store import BadPlot, jsonable, packed, unpacked
from analysis.figures.picture import Picture
from analysis.figures.style.settings import COARSEST, FINEST, Style, require_dpi

VERSION = 1
MOST = 100  # pictures in one figure
LARGEST = 64 * 2**20  # bytes of a sidecar that is read: far above any figure's
# What decides the bytes of a figure, then what decides its numbers.
PACKAGES = ("matplotlib", "numpy", "pandas", "pillow", "torch", "transformers", "peft", "captum")


class BadSidecar(FileError):
    """A sidecar that cannot be read; the message says why."""


@dataclass(frozen=True)
class Signature:
    """Author of a figure; written only where signing is switched on."""

    author: str = ""
    project: str = ""

    def __bool__(self) -> bool:
        return bool(self.author or self.project)

    def as_dict(self) -> dict[str, str]:
        """The signature as plain values."""
        return {k: v for k, v in (("author", self.author), ("project", self.project)) if v}


@dataclass(frozen=True)
class Sidecar:
    """A figure, of one picture or of several on a grid, with everything that decides its bytes."""

    plots: tuple[Picture, ...]
    style: Style = field(default_factory=Style)
    format: str = "pdf"
    dpi: int = 300
    columns: int = 1
    caption: str = ""
    signed: Signature = field(default_factory=Signature)
    versions: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)  # name -> sha256 of its bytes

    def description(self) -> str:
        """JSON for the metadata of the figure's own file: all but the numbers."""
        each = [
            {"view": plot.view, **plot.provenance, "params": plot.params} for plot in self.plots
        ]
        shared = {
            "style": self.style.as_dict(),
            "versions": dict(self.versions),
            **self.signed.as_dict(),
        }
        facts = {**each[0], **shared} if len(each) == 1 else {"panels": each, **shared}
        return json.dumps(jsonable(facts), sort_keys=True, allow_nan=False)

    def metadata(self) -> dict[str, str]:
        """Entries for the metadata of a PDF, SVG or PNG."""
        entries = {"Description": self.description()}
        if self.signed.author:
            entries["Author"] = self.signed.author
        return entries

    def to_json(self) -> str:
        """The whole sidecar, a line for each thing that a person may want to read."""
        facts: dict[str, Any] = {"poollens": "figure", "version": VERSION, "caption": self.caption}
        panels = [_panel(plot) for plot in self.plots]
        facts |= panels[0] if len(panels) == 1 else {"panels": panels, "columns": self.columns}
        facts |= {
            "style": self.style.as_dict(),
            "format": self.format,
            "dpi": self.dpi,
            **({"signed": self.signed.as_dict()} if self.signed else {}),
            "left_out": list(self.left_out),
            "versions": dict(self.versions),
            "files": dict(self.files),
            "data": [packed(plot) for plot in self.plots],
        }
        lines = [
            f"  {json.dumps(key)}: {json.dumps(jsonable(value), allow_nan=False)}"
            for key, value in facts.items()
        ]
        return "{\n" + ",\n".join(lines) + "\n}\n"


def _panel(plot: Picture) -> dict[str, Any]:
    source = plot.provenance
    return {
        "view": plot.view,
        "title": plot.title,
        "text": source.get("text"),
        "pair": source.get("pair"),
        "checkpoints": checkpoints_of(plot),
        "seed": source.get("seed"),
        "params": plot.params,
        "recipe": plot.recipe or None,
    }


def sidecar(
    plots: Picture | Sequence[Picture],
    style: Style | None = None,
    format: str = "pdf",
    dpi: int = 300,
    columns: int = 1,
    caption: str = "",
    signed: Signature | None = None,
) -> Sidecar:
    """The sidecar of a figure. Unless it is `signed`, owners and folders are left out of it.

    Raises
    ------
    ValueError
        There is no picture.
    """
    pictures = [plots] if isinstance(plots, Picture) else list(plots)
    if not pictures:
        raise ValueError("a figure needs at least one picture")
    require_dpi(dpi)
    left_out: dict[str, None] = {}
    if not signed:
        caption, hidden = anonymous_words(caption, pictures)
        left_out |= dict.fromkeys(hidden)
        for index, plot in enumerate(pictures):
            pictures[index], hidden = anonymous(plot)
            left_out |= dict.fromkeys(hidden)
    return Sidecar(
        tuple(pictures),
        style or Style(),
        format,
        dpi,
        columns,
        caption or pictures[0].caption,
        signed or Signature(),
        versions(),
        tuple(left_out),
    )


def read(text: str | bytes) -> Sidecar:
    """A sidecar that was written here or by a stranger. Raises `BadSidecar` with the reason."""
    if len(text) > LARGEST:
        raise BadSidecar(f"it is larger than {LARGEST // 2**20} MB, more than any saved figure")
    try:
        data = read_json(text)
    except ValueError as error:
        raise BadSidecar(str(error)) from None
    if not isinstance(data, dict) or data.get("poollens") != "figure":
        raise BadSidecar('it is not a figure of PoolLens (no "poollens": "figure" in it)')
    if data.get("version") != VERSION:
        raise BadSidecar(f"its format is version {data.get('version')!r}; known is {VERSION}")
    try:
        signed = _strings(data.get("signed") or {}, "signed")
        style = data.get("style") or {}
        if not isinstance(style, dict):
            raise BadSidecar("its style is not a JSON object")
        return Sidecar(
            plots=_with_recipes(_plots(data.get("data")), data),
            columns=_whole(data.get("columns", 1), "columns", 1, 26),
            caption=_text(data.get("caption", ""), "caption"),
            style=Style.from_dict(style),
            format=_text(data.get("format", "pdf"), "format"),
            dpi=_whole(data.get("dpi", 300), "dpi", COARSEST, FINEST),
            signed=Signature(signed.get("author", ""), signed.get("project", "")),
            versions=_strings(data.get("versions") or {}, "versions"),
            left_out=tuple(str(line) for line in data.get("left_out") or ()),
            files=_strings(data.get("files") or {}, "files"),
        )
    except BadSidecar:
        raise
    except (BadPlot, ValueError, TypeError) as error:
        raise BadSidecar(str(error)) from None


def _plots(data: Any) -> tuple[Picture, ...]:
    if not isinstance(data, list) or not 1 <= len(data) <= MOST:
        raise BadSidecar(f"its data are not a list of 1 to {MOST} pictures")
    return tuple(unpacked(plot) for plot in data)


def _with_recipes(plots: tuple[Picture, ...], data: Mapping[str, Any]) -> tuple[Picture, ...]:
    """A sidecar of before pictures carried their recipes holds them beside the pictures."""
    panels = data.get("panels") if len(plots) > 1 else [data]
    if not isinstance(panels, list) or len(panels) != len(plots):
        return plots
    recipes = [panel.get("recipe") if isinstance(panel, dict) else None for panel in panels]
    return tuple(
        plot if plot.recipe or not isinstance(recipe, dict) else replace(plot, recipe=recipe)
        for plot, recipe in zip(plots, recipes, strict=True)
    )


def _whole(value: Any, name: str, low: int, high: int) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise BadSidecar(f"its {name} is {value!r}: expected a whole number from {low} to {high}")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadSidecar(f"its {name} is not text")
    return value


def _strings(value: Any, name: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise BadSidecar(f"its {name!r} are not names with texts")
    return value


# --- how the numbers were made ----------------------------------------------------------------


def checkpoints_of(plot: Picture) -> list[dict[str, Any]]:
    """Every checkpoint behind a picture with its sha256; a seed group names its `members`."""
    source = plot.provenance
    checkpoints = source.get("checkpoints")
    if not isinstance(checkpoints, list):
        checkpoints = [source] if "checkpoint" in source else []
    return [
        {k: checkpoint[k] for k in ("checkpoint", "sha256", "members", "target") if k in checkpoint}
        for checkpoint in checkpoints
        if isinstance(checkpoint, dict)
    ]


# --- versions ---------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of PoolLens, Python and the packages that decide a figure's bytes and numbers."""
    packages = {"poollens": places.version(), "python": platform.python_version()}
    for name in PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return packages


def other_versions(card: Sidecar) -> list[str]:
    """Versions that differ from those the figure was made with, in words; empty where none does."""
    here = versions()
    return [
        f"{name} {version} (here {here.get(name, 'not installed')})"
        for name, version in card.versions.items()
        if here.get(name) != version
    ]
