"""Folders of PoolLens's own files: in the repository, or in the installed package.

The repository holds ``app.py``, ``pages/``, ``checkpoints/`` and ``study/`` beside this package;
the wheel holds them in its folder ``app``.
"""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "app"
HOME = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
APP = HOME / "app.py"
DEMO_FOLDER = HOME / "checkpoints"
STUDIES = HOME / "study" / "results"


def typed_folder(name: str | Path) -> Path:
    """A folder that somebody typed, ``~`` resolved; whether it is there is not looked at.

    Raises
    ------
    ValueError
        No folder can be called that, or it may not be looked into.
    """
    try:
        folder = Path(name).expanduser()
        folder.is_dir()  # too long a name is refused here, before anything is made of it
        return folder
    except (OSError, RuntimeError, ValueError) as error:
        shown = str(name) if len(str(name)) <= 80 else f"{str(name)[:79]}…"
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise ValueError(f"{shown} cannot be read as a folder: {reason}. Name another.") from None


def version() -> str:
    """The version of PoolLens, as ``pyproject.toml`` has it; "unknown" in a folder without it."""
    project = HOME / "pyproject.toml"
    if HOME != _INSTALLED and project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    try:
        return metadata.version("poollens")
    except metadata.PackageNotFoundError:
        return "unknown"
