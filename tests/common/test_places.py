"""Where PoolLens's own files are looked for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import analysis
from analysis.common import places

ROOT = Path(__file__).resolve().parents[2]


def test_the_repositorys_checkpoints_studies_and_app_are_those_beside_the_package() -> None:
    assert places.DEMO_FOLDER == ROOT / "checkpoints"
    assert (places.STUDIES / "minilm" / "study.json").is_file()
    assert places.APP == ROOT / "app.py"
    assert len(analysis.checkpoints.discover()[0]) > 0


def test_the_version_is_that_of_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert places.version() == project["version"]
    assert analysis.__version__ == project["version"]
