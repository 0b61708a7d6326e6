"""What mkdocs is told when it builds the site: a page of reference for each room of the library.

The pages are made of the modules that are there, so that a new module is in the reference and a
moved one is not missed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
# Room -> what its page is called. What the app alone uses (common, commands) has no page.
ROOMS = {
    "analysis/checkpoints": "Checkpoints",
    "analysis/heads": "Pooling heads",
    "analysis/text": "Text and tokens",
    "analysis/reading": "Reading a forward pass",
    "analysis/interventions": "Interventions",
    "analysis/attribution": "Attribution",
    "analysis/similarities": "Similarity",
    "analysis/datasets": "Data sets",
    "analysis/corpus": "A data set through a checkpoint",
    "analysis/maps": "Maps",
    "analysis/evaluation": "Scores",
    "analysis/statistics": "Tests",
    "analysis/study": "Studies",
    "analysis/suite": "Behaviour suite",
    "analysis/figures": "Figures",
    "training": "Training",
}
_HEAD = """# {title}

Names are those of a checkout; where PoolLens is installed `analysis` is `poollens`, and `training`
is `poollens.training`.

"""


def modules(room: str) -> Iterator[str]:
    """The dotted names of a room's public modules, its own first; of the figures the outer ones."""
    folder = ROOT / room
    paths = folder.glob("*.py") if room.endswith("figures") else folder.rglob("*.py")
    for path in sorted(paths):
        if not path.name.startswith("_") and _documented(path):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _documented(path: Path) -> bool:
    """Whether a module defines something public: a page of nothing is left out."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    body = ast.parse(path.read_text("utf-8")).body
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in body)


def page(room: str) -> str:
    """The source of a room's page."""
    names = "\n\n".join(f"::: {name}" for name in modules(room))
    return f"{_HEAD.format(title=ROOMS[room])}{names}\n"


def _path(room: str) -> str:
    return f"reference/{room.rpartition('/')[2]}.md"


def on_config(config: Any) -> Any:
    """Add the pages to the navigation."""
    config.nav.append({"Reference": [{title: _path(room)} for room, title in ROOMS.items()]})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages themselves."""
    for room in ROOMS:
        files.append(File.generated(config, _path(room), content=page(room)))
    return files
