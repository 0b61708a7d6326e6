"""The build backend: setuptools, on the tree that ``layout`` makes of the repository."""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from setuptools import build_meta

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from package import layout  # noqa: E402  (the frontend puts only this file's folder on the path)

Settings = dict[str, Any] | None
_SOURCES = (
    *(name for name in layout.PATHS if name != "package/cli.py"),
    *("package", "requirements.txt", "CHANGELOG.md", "CITATION.cff", *layout.PROJECT),
)
_EDITABLE = '''"""The repository's packages, under the names that they have in the wheel."""

import sys

sys.path.append({root!r})
from analysis.common.alias import renamed  # noqa: E402

sys.meta_path.insert(0, renamed({names!r}))
import analysis  # noqa: E402

sys.modules[__name__] = analysis
'''


@contextmanager
def _tree() -> Iterator[Path]:
    """An empty folder, the working directory meanwhile."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="poollens-") as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Nothing but what ``pyproject.toml`` requires of every build."""
    return []


get_requires_for_build_editable = get_requires_for_build_sdist = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Settings = None
) -> str:
    """The metadata alone, without the files of the package."""
    target = os.path.abspath(metadata_directory)
    with _tree() as tree:
        (tree / "poollens").mkdir()
        layout.metadata(ROOT, tree)
        return str(build_meta.prepare_metadata_for_build_wheel(target, config_settings))


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """The wheel: one top-level package, ``poollens``."""
    target = os.path.abspath(wheel_directory)
    with _tree() as tree:
        layout.lay_out(ROOT, tree)
        return str(build_meta.build_wheel(target, config_settings))


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """A wheel whose ``poollens`` is the repository itself, under the names of the package."""
    target = os.path.abspath(wheel_directory)
    names = {new: old for old, new in layout.PACKAGES.items()}
    names |= {"poollens.__main__": "package.cli"}
    with _tree() as tree:
        (tree / "poollens").mkdir()
        source = _EDITABLE.format(root=str(ROOT), names=names)
        (tree / "poollens" / "__init__.py").write_text(source, encoding="utf-8")
        layout.metadata(ROOT, tree)
        return str(build_meta.build_wheel(target, config_settings))


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """The sources as they are in the repository, of which a wheel can be built in the same way."""
    with tempfile.TemporaryDirectory(prefix="poollens-") as folder:
        info = Path(folder) / prepare_metadata_for_build_wheel(folder)
        name, version = info.name.removesuffix(".dist-info").split("-", 1)
        stem = f"{name}-{version}"
        archive = Path(sdist_directory) / f"{stem}.tar.gz"
        with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
            tar.add(info / "METADATA", f"{stem}/PKG-INFO")
            for path in layout.files(ROOT, _SOURCES):
                tar.add(path, f"{stem}/{path.relative_to(ROOT).as_posix()}")
    return archive.name
