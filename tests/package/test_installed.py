"""The wheel, built and installed apart: its app answers, its commands draw, its library is one."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import analysis
from tests.support.compare_browser import open_at, wait_for_bars

ROOT = Path(__file__).resolve().parents[2]
TEXT = "The plot is thin."
pytestmark = pytest.mark.slow

HEAD = """
from {package} import pooling
from {package}.heads import Pooled, PoolingHead, head


@head("{key}")
class FirstAndLast(PoolingHead):
    def read(self, hidden, attention_mask):
        return Pooled(hidden[-1][:, 0])
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, beside the packages that the tests run with."""

    folder: Path

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, in a folder that holds nothing of the repository."""
        program, *arguments = words
        return subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=self.folder,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            capture_output=True,
            text=True,
            timeout=600,
        )


def _hook(code: str, cwd: Path) -> None:
    """Run a hook of the build backend as a frontend does, in a process of its own."""
    code = f"import sys; sys.path.insert(0, 'package'); import backend; {code}"
    answer = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    answer = subprocess.run(
        [sys.executable, "-m", "pip", *build, str(ROOT)], capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("apart")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    (packages,) = (folder / "lib").glob("python*/site-packages")
    (packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"))
    install = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), *install],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return Installed(folder)


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_one_top_level_package(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in _names(wheel)}
    assert tops == {"poollens", wheel.name.rsplit("-", 3)[0] + ".dist-info"}
    assert "poollens/py.typed" in _names(wheel)
    assert wheel.stat().st_size < 60_000_000


def test_a_wheel_of_the_sdist_holds_the_same_files(wheel: Path, tmp_path: Path) -> None:
    _hook(f"backend.build_sdist({str(tmp_path)!r})", ROOT)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "sources", filter="data")
    (sources,) = (tmp_path / "sources").iterdir()
    _hook(f"backend.build_wheel({str(tmp_path)!r})", sources)
    (again,) = tmp_path.glob("*.whl")
    assert _names(again) == _names(wheel)


def test_the_command_tells_its_version_and_commands(installed: Installed) -> None:
    answer = installed("poollens", "--version")
    assert answer.stdout.startswith("poollens 0."), answer.stderr
    for command in ("render", "train"):
        answer = installed("poollens", command, "--help")
        assert answer.returncode == 0, answer.stderr
        assert f"usage: poollens {command}" in answer.stdout


def test_the_library_is_one_under_its_installed_name(installed: Installed, tmp_path: Path) -> None:
    files = []
    for package in ("poollens", "analysis"):
        files.append(tmp_path / f"heads_of_{package}.py")
        files[-1].write_text(HEAD.format(package=package, key=f"own_{package}"))
    code = f"""
import sys, poollens
assert 'torch' not in sys.modules
assert not [name for name in ('analysis', 'pages', 'training') if name in sys.modules]
from poollens.layers import trajectory
assert trajectory is poollens.layers.trajectory
for file in {[str(file) for file in files]!r}:
    print(*poollens.checkpoints.register_heads(file))
trace = poollens.record(poollens.load('sst2-max_seq_mha'), {TEXT!r})
print(*trace.probabilities.round(6))
"""
    answer = installed("python", "-c", code)
    assert answer.returncode == 0, answer.stderr
    *keys, probabilities = answer.stdout.splitlines()
    assert keys == ["own_poollens", "own_analysis"]
    truth = analysis.record(analysis.load("sst2-max_seq_mha"), TEXT).probabilities
    assert [float(p) for p in probabilities.split()] == pytest.approx(truth, abs=1e-5)


def test_a_figure_is_rendered_and_made_again(installed: Installed, tmp_path: Path) -> None:
    answer = installed(
        *("poollens", "render", "winners", "--checkpoint", "sst2-max_seq_mha"),
        *("--text", TEXT, "--output", str(tmp_path / "figures")),
    )
    assert answer.returncode == 0, answer.stderr
    (sidecar,) = (tmp_path / "figures").glob("*.json")
    answer = installed("poollens", "rebuild", str(sidecar), "--output", str(tmp_path / "again"))
    assert answer.returncode == 0, answer.stderr
    name = f"{sidecar.stem}.pdf"
    made, again = ((tmp_path / folder / name).read_bytes() for folder in ("figures", "again"))
    assert made.startswith(b"%PDF")
    assert made == again


@pytest.mark.browser
def test_the_app_answers_with_a_head_of_the_users(
    installed: Installed, serve: Callable[..., Any], browser_page: Any, tmp_path: Path
) -> None:
    file = tmp_path / "my_heads.py"
    file.write_text(HEAD.format(package="poollens", key="own"))
    server = serve(command=[str(installed.folder / "bin" / "poollens"), "--heads", str(file)])
    browser_page.set_default_timeout(180_000)
    open_at(browser_page, server.url, text=TEXT)
    for name in ("sst2-cls", "sst2-max_seq_mha"):
        truth = analysis.record(analysis.load(name), TEXT)
        shown = [f"{p:.2f}" for p in truth.probabilities]
        numbers = dict(zip(truth.checkpoint.labels, shown, strict=True))
        wait_for_bars(browser_page, {name: numbers})
    browser_page.get_by_role("link", name="Max-pool winners").click()
    browser_page.get_by_role("heading", name="Max-pool winners").wait_for()
