"""The app's whole tree of packages: pinned by hash (``lock``), and asked about (``audit``).

``python -m package.supply lock`` writes two files anew from ``requirements.txt``:
``requirements.lock`` for every system, and ``requirements-torch.lock`` for PyTorch as PyPI has it,
with the CUDA libraries that it brings on Linux. Whoever takes PyTorch's CPU build leaves the second
out. ``python -m package.supply audit`` looks for known vulnerabilities of what is locked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-torch.lock")
_TORCH = re.compile(r"(torch|triton|nvidia-|cuda-)")
_HEAD = (
    "# Every package of the app with the sha256 of its files; written by `make lock`.\n",
    "# PyTorch of PyPI and its CUDA libraries, with the sha256 of their files; by `make lock`.\n",
)


def entries(text: str) -> list[str]:
    """The requirements of a lock file, each with its hashes."""
    return [entry for entry in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.M) if "==" in entry]


def lock() -> None:
    """Resolve the tree for every system that Python 3.11 runs on and write both files.

    Raises
    ------
    subprocess.CalledProcessError
        The tree cannot be resolved; uv has told why.
    """
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = [re.sub(r"\[.*?\]", "", pin) for pin in chain(*extras["optional-dependencies"].values())]
    words = ["compile", "requirements.txt", "--universal", "--python-version", "3.11"]
    words += ["--generate-hashes", "--no-header", "--quiet", "--no-annotate"]
    with tempfile.TemporaryDirectory() as folder:
        limits = Path(folder) / "pins.txt"  # one version of a package, with or without the extras
        limits.write_text("\n".join(pins), encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", *words, "--constraints", str(limits)]
        answer = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    text = answer.stdout
    for path, head, torch in zip(LOCKS, _HEAD, (False, True), strict=True):
        own = [entry for entry in entries(text) if bool(_TORCH.match(entry)) is torch]
        path.write_text(head + "".join(own), encoding="utf-8")


def audit() -> int:
    """0 where nothing is known against what is locked, or nobody could be asked; else 1."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "5"]
    for path in LOCKS:
        command += ["--requirement", str(path)]
    answer = subprocess.run(command, capture_output=True, text=True)
    try:
        packages = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        reasons = [str(package["skip_reason"]) for package in packages]
        reason = (reasons or answer.stderr.strip().splitlines()[-1:] or ["no answer"])[0]
        print(f"NOT AUDITED: the list of vulnerabilities cannot be reached ({reason[:200]})")
        return 0
    known = [
        f"{package['name']} {package['version']}: {entry['id']}, mended in "
        f"{', '.join(entry['fix_versions']) or 'no version yet'}"
        for package in audited
        for entry in package["vulns"]
    ]
    print(
        *known or [f"Nothing is known against {len(audited)} of {len(packages)} packages"], sep="\n"
    )
    return 1 if known else 0


def main(words: Sequence[str] | None = None) -> int:
    """``lock`` or ``audit``."""
    arguments = list(sys.argv[1:] if words is None else words)
    if arguments == ["lock"]:
        lock()
        return 0
    if arguments == ["audit"]:
        return audit()
    print("usage: python -m package.supply lock | audit", file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
