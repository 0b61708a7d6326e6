"""What a docstring tells: the shapes of arrays, and what is raised."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = sorted(path.name for path in (ROOT / "analysis").iterdir() if path.is_dir())
ARRAY = re.compile(r"\b(ndarray|NDArray|Tensor|Floats|Ints|Bools)\b")
BRACKETS = re.compile(r"\(([^()]*)\)")
AXIS = re.compile(r"(\.\.\.|\w+(\s*[+*/-]\s*\w+)*)?")
SIZE = re.compile(r"\.\.\.|[A-Z]\w?|[a-z]|\d+")  # of one axis at least, as T, Ta, d or 2
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Public:
    """A public function or method with what it says of itself."""

    name: str
    node: Function
    words: str

    @property
    def arrays(self) -> bool:
        """Whether it takes or gives arrays."""
        arguments = [*self.node.args.posonlyargs, *self.node.args.args, *self.node.args.kwonlyargs]
        hints = [argument.annotation for argument in arguments] + [self.node.returns]
        return any(ARRAY.search(ast.unparse(hint)) for hint in hints if hint is not None)

    @property
    def raised(self) -> set[str]:
        """Names of the exceptions that its own body raises."""
        return {
            name
            for node in _own(self.node)
            if isinstance(node, ast.Raise) and (name := _exception(node)) is not None
        }


def names_a_shape(words: str) -> bool:
    """Whether brackets hold sizes: (N,), (L+1, T, d), (..., 2), or (...) for any; no sentence."""
    for inside in BRACKETS.findall(words):
        axes = [axis.strip() for axis in inside.split(",")]
        listed = "," in inside or inside == "..."
        firsts = [re.split(r"[ +*/-]", axis)[0] for axis in axes]
        if listed and all(map(AXIS.fullmatch, axes)) and any(map(SIZE.fullmatch, firsts)):
            return True
    return False


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions and classes inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(
            child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
        ):
            yield child
            yield from _own(child)


def _exception(node: ast.Raise) -> str | None:
    """The class that is raised; None for one that is passed on, or made elsewhere."""
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    name = ast.unparse(raised).rpartition(".")[2] if raised is not None else ""
    return name if name[:1].isupper() else None


def public(room: str) -> Iterator[Public]:
    """The public functions and methods of a room, with the words of their docstrings.

    The words of a method are also those of its class. A method without any, in a class with bases,
    takes the place of one that has them.
    """
    for path in sorted((ROOT / "analysis" / room).rglob("*.py")):
        module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, Function) and not node.name.startswith("_"):
                yield Public(f"{module}.{node.name}", node, ast.get_docstring(node) or "")
            elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                own = ast.get_docstring(node) or ""
                for member in node.body:
                    if isinstance(member, Function) and not member.name.startswith("_"):
                        if node.bases and not ast.get_docstring(member):
                            continue
                        words = f"{own}\n{ast.get_docstring(member) or ''}"
                        yield Public(f"{module}.{node.name}.{member.name}", member, words)


@pytest.mark.parametrize("room", ROOMS)
def test_a_function_of_arrays_names_their_shapes(room: str) -> None:
    silent = [each.name for each in public(room) if each.arrays and not names_a_shape(each.words)]
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("room", ROOMS)
def test_a_function_says_what_it_raises(room: str) -> None:
    silent = [
        f"{each.name}: {name}"
        for each in public(room)
        for name in sorted(each.raised)
        if name not in each.words and name != "NotImplementedError"
    ]
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("(N,) rows", True),
        ("hidden (L+1, B, T, d)", True),
        ("(..., 2) and more", True),
        ("of any shape (...)", True),
        ("(C, parts, T, layers)", True),
        ("the mean (of all)", False),
        ("(mean, spread)", False),
        ("the class (such as, say, this)", False),
        ("nothing", False),
    ],
)
def test_sizes_in_brackets_are_told_from_words(words: str, expected: bool) -> None:
    assert names_a_shape(words) is expected


@pytest.mark.parametrize("folder", ["analysis", "training", "pages", "package"])
def test_docstrings_are_of_one_dialect(folder: str) -> None:
    """NumPy's: a section has a line below its name, and no colon behind it."""
    other = re.compile(r"^\s+(Args|Arguments|Raises|Returns|Yields|Attributes):\s*$", re.M)
    wrong = [
        f"{path.relative_to(ROOT)}: {match[1]}:"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for match in other.finditer(path.read_text("utf-8"))
    ]
    assert not wrong, "\n".join(wrong)
