"""The packages of `analysis/` form no circle, imports inside functions counted in."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class _Imports(ast.NodeVisitor):
    """Modules of `analysis` that are imported anywhere, but not for type checkers alone."""

    def __init__(self) -> None:
        self.modules: list[str] = []

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.modules.extend(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level == 0 and node.module == "analysis":
            self.modules.extend(f"analysis.{alias.name}" for alias in node.names)
        elif node.level == 0 and node.module:
            self.modules.append(node.module)


def _edges() -> dict[tuple[str, str], list[str]]:
    """(package, package it imports) -> the files that do."""
    packages = {path.name for path in (ROOT / "analysis").iterdir() if path.is_dir()}
    edges: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted((ROOT / "analysis").rglob("*.py")):
        place = path.relative_to(ROOT)
        if len(place.parts) < 3:
            continue  # analysis/__init__.py names everything, and is imported by nothing
        visitor = _Imports()
        visitor.visit(ast.parse(path.read_text("utf-8")))
        for module in visitor.modules:
            parts = module.split(".")
            if parts[0] == "analysis" and len(parts) > 1 and parts[1] in packages:
                edges[place.parts[1], parts[1]].append(str(place))
    return {edge: files for edge, files in edges.items() if edge[0] != edge[1]}


def _circle(edges: Iterator[tuple[str, str]]) -> list[str]:
    """The packages on one circle, or none."""
    after = defaultdict(set)
    for start, end in edges:
        after[start].add(end)
    done: set[str] = set()

    def search(package: str, way: list[str]) -> list[str]:
        if package in way:
            return [*way[way.index(package) :], package]
        for following in sorted(after[package] - done):
            if circle := search(following, [*way, package]):
                return circle
        done.add(package)
        return []

    return next(filter(None, (search(package, []) for package in sorted(after))), [])


def test_packages_form_no_circle() -> None:
    edges = _edges()
    circle = _circle(iter(edges))
    told = [
        f"{start} -> {end}: {', '.join(sorted(set(edges[start, end])))}"
        for start, end in pairwise(circle)
    ]
    assert not circle, "\n".join(told)


@pytest.mark.parametrize(
    ("edges", "circle"),
    [
        ([("a", "b"), ("b", "c"), ("a", "c")], []),
        ([("a", "b"), ("b", "c"), ("c", "b")], ["b", "c", "b"]),
    ],
)
def test_a_circle_is_noticed(edges: list[tuple[str, str]], circle: list[str]) -> None:
    assert _circle(iter(edges)) == circle
