"""Packages of `analysis/` and modules of the house form no circle, lazy imports counted in."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ("analysis", "training", "pages")


class _Imports(ast.NodeVisitor):
    """Modules of the house that are imported anywhere, but not for type checkers alone."""

    def __init__(self, modules: Mapping[str, Path]) -> None:
        self.known = modules
        self.imported: set[str] = set()

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.imported |= {alias.name for alias in node.names} & self.known.keys()

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            names = (f"{node.module}.{alias.name}", node.module)
            self.imported |= {next((name for name in names if name in self.known), "")} - {""}


def _graph() -> dict[str, set[str]]:
    """Module -> the modules of the house that it imports."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for room in HOUSE
        for path in sorted((ROOT / room).rglob("*.py"))
    }
    graph = {}
    for name, path in modules.items():
        visitor = _Imports(modules)
        visitor.visit(ast.parse(path.read_text("utf-8")))
        graph[name] = visitor.imported - {name}
    return graph


def _circle(graph: Mapping[str, set[str]]) -> list[str]:
    """The nodes on one circle, or none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _package(module: str) -> str:
    """Of `analysis.figures.plot`: `figures`; of modules that lie in no package: nothing."""
    room, *path = module.split(".")
    return path[0] if room == "analysis" and path and (ROOT / room / path[0]).is_dir() else ""


def test_packages_form_no_circle() -> None:
    packages: dict[str, set[str]] = defaultdict(set)
    for module, imported in _graph().items():
        packages[_package(module)] |= {_package(name) for name in imported}
    del packages[""]
    graph = {start: ends - {start, ""} for start, ends in packages.items()}
    assert not _circle(graph)


def test_modules_form_no_circle() -> None:
    assert not _circle(_graph())


@pytest.mark.parametrize(
    ("graph", "circle"),
    [
        ({"a": {"b", "c"}, "b": {"c"}}, set()),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, {"b", "c"}),
    ],
)
def test_a_circle_is_noticed(graph: dict[str, set[str]], circle: set[str]) -> None:
    assert set(_circle(graph)) == circle
