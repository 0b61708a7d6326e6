"""Names and docstrings begin with nouns: no participle, no pronoun, no headless clause."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ("analysis", "training", "package", "pages", "benchmarks")
ROOMS = (*HOUSE, "study", "tests")
SAY_NOTHING = frozenset(("found", "one", "said", "told", "asked", "given", "wanted"))


def _names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of variables, parameters, attributes, functions and records that are made."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Store(), id=name) | ast.Attribute(ctx=ast.Store(), attr=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name


def _that_say_nothing(source: str) -> list[tuple[int, str]]:
    return [
        (line, name)
        for line, name in _names(ast.parse(source))
        if name.strip("_").lower() in SAY_NOTHING
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_a_name_says_what_is_held(room: str) -> None:
    empty = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, name in _that_say_nothing(path.read_text("utf-8"))
    ]
    assert not empty, "give these a noun that says what is held:\n" + "\n".join(empty)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("found = embed(texts)", ["found"]),
        ("def ahead(one, rival): pass", ["one"]),
        ("total = sum(one.score for one in texts)", ["one"]),
        ("class Line:\n    told: str", ["told"]),
        ("self._asked = settings", ["_asked"]),
        ("def _one(row): pass", ["_one"]),
        ("for (a, *given), b in rows: pass", ["given"]),
        ("vectors = found_in(folder)\nrequest(asked=True)\nprint(line.told)", []),
    ],
)
def test_a_name_that_says_nothing_is_noticed(source: str, names: list[str]) -> None:
    assert [name for _, name in _that_say_nothing(source)] == names


# A clause without its noun: "What a folder says of itself" for "The record of a folder".
HEADLESS = re.compile(r"(What|Which|Who|Whose|How|Those|The same)\b")


@pytest.mark.parametrize("room", HOUSE)
def test_a_docstring_begins_with_its_noun_or_verb(room: str) -> None:
    headless = [
        f"{path.relative_to(ROOT)}: {first}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for first in (ast.get_docstring(node) or "").splitlines()[:1]
        if HEADLESS.match(first)
    ]
    assert not headless, "begin with the noun that is meant:\n" + "\n".join(headless)
