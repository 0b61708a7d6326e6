"""Modules under a second name are the same modules."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import analysis
from analysis.common import alias

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def same_modules_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    finders = list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.partition(".")[0] == "poollens"]:
        del sys.modules[name]


def test_poollens_is_this_package_in_the_repository() -> None:
    alias.both_names()
    import poollens
    from poollens import pooling
    from poollens.heads import HEADS

    assert poollens is analysis
    assert pooling is analysis.pooling
    assert HEADS is analysis.heads.HEADS


def test_a_module_keeps_the_name_of_its_own() -> None:
    alias.both_names()
    module = importlib.import_module("poollens.text.tokens")
    assert module.__spec__ is not None
    assert (module.__name__, module.__spec__.name) == ("analysis.text.tokens",) * 2


def test_a_module_that_is_not_there_is_missed_by_its_name() -> None:
    alias.both_names()
    with pytest.raises(ModuleNotFoundError, match="no_such_room"):
        importlib.import_module("poollens.no_such_room")


def test_another_package_called_analysis_keeps_its_name(tmp_path: Path) -> None:
    """Where PoolLens is installed, ``analysis`` may be somebody's own package."""
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "__init__.py").write_text("mine = True\n")
    (tmp_path / "poollens").mkdir()
    (tmp_path / "poollens" / "__init__.py").write_text("")
    (tmp_path / "poollens" / "common").mkdir()
    (tmp_path / "poollens" / "common" / "__init__.py").write_text("")
    source = (ROOT / "analysis" / "common" / "alias.py").read_text("utf-8")
    (tmp_path / "poollens" / "common" / "alias.py").write_text(source)
    code = (
        "from poollens.common.alias import both_names; both_names()\n"
        "import analysis; print(analysis.mine)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={}, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "True", answer.stderr


def test_a_module_is_run_by_its_second_name() -> None:
    code = (
        "import runpy, sys; from analysis.common.alias import both_names; both_names()\n"
        "sys.argv = ['poollens', 'render', '--list']\n"
        "runpy.run_module('poollens', run_name='__main__', alter_sys=True)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "winners" in answer.stdout
