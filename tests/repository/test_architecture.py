"""The two rules that hold the walls up: who may import what. `make lint` also follows chains."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "captum", "peft", "plotly", "matplotlib", "streamlit")

# Where each package may be imported from: a folder (with "/") or a file, from the repository root.
TORCH_ROOMS = (
    *("analysis/heads/", "analysis/checkpoints/loading", "analysis/checkpoints/weights"),
    *("analysis/checkpoints/probe", "analysis/checkpoints/tokenizers"),
    *("analysis/checkpoints/opening", "analysis/checkpoints/lora"),
    *("analysis/checkpoints/forward", "analysis/checkpoints/model", "analysis/checkpoints/shared"),
    *("analysis/checkpoints/peft_folders", "analysis/checkpoints/layouts/"),
    *(
        "analysis/reading/trace",
        "analysis/reading/reread",
        "analysis/interventions/",
        "analysis/attribution/",
    ),
    *(
        "analysis/families/",
        "analysis/corpus/runs",
        "analysis/corpus/lanes",
        "analysis/corpus/embedding",
        "analysis/common/memory",
        "analysis/common/threads",
    ),
    *("analysis/similarities/", "training/", "benchmarks/"),
)
ALLOWED: dict[str, tuple[str, ...]] = {
    "streamlit": ("app.py", "pages/", "benchmarks/", "package/cli.py"),
    "plotly": (
        "analysis/figures/screen/",
        "benchmarks/figures.py",
    ),  # there it is the peer
    "matplotlib": ("analysis/figures/paper/",),
    "torch": TORCH_ROOMS,
    "captum": TORCH_ROOMS,
    "peft": TORCH_ROOMS,
}


def _sources() -> list[Path]:
    folders = ("analysis", "training", "pages", "benchmarks", "package")
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [*paths, *sorted(ROOT.glob("*.py"))]


class _Imports(ast.NodeVisitor):
    """Top-level names of all imports, also those inside functions, but not for type checkers."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.names.update(alias.name.split(".")[0] for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level == 0 and node.module:
            self.names.add(node.module.split(".")[0])


def _imports(source: str) -> set[str]:
    visitor = _Imports()
    visitor.visit(ast.parse(source))
    return visitor.names


def _may(place: str, rooms: tuple[str, ...]) -> bool:
    """Whether the file ``place`` is one of ``rooms`` or lies in one."""
    return any(
        place.startswith(room)
        if room.endswith("/")
        else place in (room, f"{room}.py") or place.startswith(f"{room}/")
        for room in rooms
    )


def _trespasses(place: str, source: str) -> Iterator[str]:
    for name in sorted(_imports(source) & ALLOWED.keys()):
        if not _may(place, ALLOWED[name]):
            yield f"{place} imports {name}, which is for {', '.join(ALLOWED[name])}"


def test_each_heavy_package_is_imported_only_in_its_own_rooms() -> None:
    trespasses = [
        line
        for path in _sources()
        for line in _trespasses(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
    ]
    assert not trespasses, "\n".join(trespasses)


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("analysis/reading/winners.py", "import torch"),
        ("analysis/text/tokens.py", "def f():\n    from torch.nn import functional"),
        ("analysis/figures/views/compare.py", "import plotly.graph_objects as go"),
        ("analysis/figures/screen/plotly.py", "import matplotlib.pyplot"),
        ("analysis/reading/trace.py", "import streamlit as st"),
        ("training/finetune.py", "import streamlit"),
        ("pages/ui/kit/show.py", "import plotly"),
        ("analysis/modelling.py", "import torch"),
    ],
)
def test_an_import_in_the_wrong_room_is_noticed(place: str, source: str) -> None:
    assert list(_trespasses(place, source))


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("analysis/attribution/methods/gradients.py", "import captum.attr"),
        (
            "analysis/figures/plot.py",
            "if TYPE_CHECKING:\n    from plotly.graph_objects import Figure",
        ),
        ("pages/1_Layers.py", "import streamlit as st"),
    ],
)
def test_an_import_in_its_own_room_is_let_through(place: str, source: str) -> None:
    assert not list(_trespasses(place, source))


def test_pages_do_not_compute():
    """No page imports NumPy or SciPy (but for annotations); pandas only makes a table."""
    calls = []
    for path in sorted((ROOT / "pages").rglob("*.py")):
        place, source = path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
        calls += [f"{place} imports {name}" for name in _imports(source) & {"numpy", "scipy"}]
        calls += [
            f"{place}:{node.lineno} uses pandas.{node.attr}"
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "pd"
            and node.attr != "DataFrame"
        ]
    assert not calls, "\n".join(calls)
