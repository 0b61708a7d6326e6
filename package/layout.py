"""The layout of the repository's folders in the installed package, and its modules' names.

The repository keeps ``analysis``, ``pages`` and ``training`` apart, names too common to install.
In the wheel they are ``poollens``, ``poollens.app.pages`` and ``poollens.training``; the script of
the app lies in ``poollens/app`` with its pages, since Streamlit puts a script's folder on the path,
where ``poollens/datasets`` or ``poollens/statistics`` would hide packages of the same name.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from analysis.common.alias import INSTALLED_NAMES

PACKAGES = INSTALLED_NAMES  # package in the repository -> package in the wheel
# Path in the repository -> path in the wheel, in the same way.
PATHS = {
    "analysis": "poollens",
    "training": "poollens/training",
    "package/cli.py": "poollens/__main__.py",
    "app.py": "poollens/app/app.py",
    "pages": "poollens/app/pages",
    "checkpoints": "poollens/app/checkpoints",
    "study": "poollens/app/study",
    ".streamlit": "poollens/app/.streamlit",
}
# What people are told to type.
COMMANDS = {
    "python -m analysis": "poollens",
    "python -m training": "poollens train",
    "-m training": "-m poollens.training",
}
PROJECT = ("pyproject.toml", "README.md", "LICENSE")  # beside the package, for its metadata

_DOTTED = re.compile(rf"(?<![\w./-])({'|'.join(PACKAGES)})((?:\.\w+)+)")
_COMMAND = re.compile("|".join(map(re.escape, COMMANDS)))


def files(root: Path, names: Iterable[str] = PATHS) -> Iterator[Path]:
    """The files in some of the repository's folders: all that git tracks; in an sdist, all."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "-z", "--", *names]
        tracked = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode()
        held = (root / name for name in tracked.split("\0") if name)
        yield from (path for path in held if path.is_file())
        return
    for name in names:
        place = root / name
        inside = [place] if place.is_file() else sorted(place.rglob("*"))
        yield from (path for path in inside if path.is_file() and "__pycache__" not in path.parts)


def destination(path: str) -> str:
    """Where a file of the repository lies in the wheel; both from their roots, with ``/``.

    Raises
    ------
    ValueError
        The file is not installed.
    """
    for prefix in sorted(PATHS, key=len, reverse=True):
        if path == prefix or path.startswith(f"{prefix}/"):
            return PATHS[prefix] + path[len(prefix) :]
    raise ValueError(f"{path} is in none of the folders that are installed")


def modules(paths: Iterable[str]) -> frozenset[str]:
    """The dotted names of the Python files among ``paths``, packages included."""
    names: set[str] = set()
    for path in paths:
        if path.endswith(".py"):
            parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
            names.update(".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return frozenset(names)


def rewritten(source: str, known: frozenset[str]) -> str:
    """Python source as it stands in the wheel: imports, and names in texts and comments.

    Parameters
    ----------
    source
        Source of a file of the repository.
    known
        Names of all modules of the repository: ``training.json`` in a text is none of them.
    """
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    tokens = [token for token in tokens if token.type not in (tokenize.NL, tokenize.INDENT)]
    words = [token.string for token in tokens]
    bound = {
        word
        for before, word, after in zip(words, words[1:], words[2:], strict=False)
        if before == "import" and word in PACKAGES
    }
    lines = source.splitlines(keepends=True)
    for index in reversed(range(len(tokens))):
        token = tokens[index]
        if token.type == tokenize.NAME and token.string in PACKAGES:
            before, after = words[index - 1] if index else "", words[index + 1]
            imported = before in ("from", "import")
            if imported or (token.string in bound and before != "." and after == "."):
                _put(lines, token, PACKAGES[token.string])
        elif tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE", "COMMENT"):
            _put(lines, token, _text(_slice(lines, token), known))
    return "".join(lines)


def _text(text: str, known: frozenset[str]) -> str:
    def name(match: re.Match[str]) -> str:
        package, rest = match.groups()
        first = rest.split(".")[1]
        public = package == "analysis" or f"{package}.{first}" in known
        return PACKAGES[package] + rest if public else match[0]

    return _DOTTED.sub(name, _COMMAND.sub(lambda match: COMMANDS[match[0]], text))


def _slice(lines: list[str], token: tokenize.TokenInfo) -> str:
    (first, start), (last, end) = token.start, token.end
    if first == last:
        return lines[first - 1][start:end]
    return "".join([lines[first - 1][start:], *lines[first : last - 1], lines[last - 1][:end]])


def _put(lines: list[str], token: tokenize.TokenInfo, text: str) -> None:
    """Replace a token; the lines before it keep their numbers."""
    (first, start), (last, end) = token.start, token.end
    whole = lines[first - 1][:start] + text + lines[last - 1][end:]
    lines[first - 1 : last] = whole.splitlines(keepends=True)


def lay_out(root: Path, target: Path) -> None:
    """Write the wheel's package ``poollens`` and the files of its metadata into a folder.

    Parameters
    ----------
    root
        The repository, or an unpacked sdist.
    target
        An empty folder.
    """
    paths = [path.relative_to(root).as_posix() for path in files(root)]
    known = modules(paths)
    for path in paths:
        if path == "analysis/__main__.py":  # package/cli.py takes its place
            continue
        place = target / destination(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".py"):
            source = (root / path).read_text(encoding="utf-8")
            place.write_text(rewritten(source, known), encoding="utf-8")
        else:
            shutil.copyfile(root / path, place)
    metadata(root, target)


def metadata(root: Path, target: Path) -> None:
    """Copy what the distribution's metadata is made of."""
    for name in PROJECT:
        shutil.copyfile(root / name, target / name)
