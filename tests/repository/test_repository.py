"""The repository itself: what is tracked, what the README promises, what is pinned."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000
# Folders of one person's or one machine's disk; "somebody" is nobody's name, for samples in tests.
MACHINE_PATH = re.compile(
    r"(?<![\w.:~-])/(?:root|work|workspace|mnt|(?:home|Users)/(?!somebody/)\w+)/[\w.]"
)
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[\w,]+\])?==(?P<version>[\w.+!-]+)(?:; .+)?$")


def _tracked() -> list[Path]:
    answer = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if answer.returncode != 0:
        pytest.skip("not a git checkout, so nothing is tracked")
    paths = [ROOT / name for name in answer.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


def test_no_tracked_file_is_larger_than_5_megabytes() -> None:
    large = [path.relative_to(ROOT) for path in _tracked() if path.stat().st_size > 5 * MEGABYTE]
    assert not large


def test_the_demo_checkpoints_fit_their_budget() -> None:
    sizes: dict[str, int] = {}
    for path in _tracked():
        parts = path.relative_to(ROOT).parts
        if parts[0] == "checkpoints" and len(parts) > 2:
            sizes[parts[1]] = sizes.get(parts[1], 0) + path.stat().st_size
    assert not {name: size for name, size in sizes.items() if size > 4 * MEGABYTE}
    assert sum(sizes.values()) <= 45 * MEGABYTE


def test_no_tracked_file_names_a_folder_of_one_machine() -> None:
    places = [
        f"{path.relative_to(ROOT)}: {match.group(0)}"
        for path in _tracked()
        for match in MACHINE_PATH.finditer(_text(path) or "")
    ]
    assert not places, "\n".join(places)


def test_the_readme_shows_only_files_that_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", readme)
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert not [link for link in local if not (ROOT / link).exists()]


def test_the_citation_names_the_project_and_the_paper_of_the_pooling_heads() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] == "PoolLens"
    (paper,) = citation["references"]
    assert paper["title"].startswith("MaxPoolBERT")
    assert [author["family-names"] for author in paper["authors"]] == [
        "Behrendt",
        "Wagner",
        "Harmeling",
    ]
    assert "arXiv:2505.15696" in [entry["value"] for entry in paper["identifiers"]]


def test_the_changelog_has_a_section_for_what_is_not_released() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert changelog.startswith("# Changelog")
    assert re.search(r"^## \[Unreleased\]$", changelog, re.MULTILINE)


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text


def test_the_package_asks_for_ranges_that_hold_the_pins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = {pin.name: pin for pin in map(Requirement, _pins())}
    ranges = {
        requirement.name: requirement for requirement in map(Requirement, project["dependencies"])
    }
    assert pins.keys() == ranges.keys()
    for name, requirement in ranges.items():
        (version,) = (clause.version for clause in pins[name].specifier)
        assert requirement.specifier.contains(version), (
            f"{requirement} leaves out the tested {version}"
        )


def test_every_package_that_is_imported_is_listed() -> None:
    """numba is umap-learn's, whose compiled code is kept."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {canonicalize_name(Requirement(line).name) for lines in listed for line in lines}
    distributions = metadata.packages_distributions()
    imported = {
        name
        for folder in ("analysis", "pages", "training", "package")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in _modules(node)
    }
    own = {"analysis", "pages", "training", "package", "numba"}
    missing = {
        name
        for name in imported - own - set(sys.stdlib_module_names)
        if not names
        & {canonicalize_name(distribution) for distribution in distributions.get(name, [name])}
    }
    assert not missing


def _modules(node: ast.AST) -> list[str]:
    """Top-level names of the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module.partition(".")[0]]
    return []


def _pins() -> list[str]:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    return sorted({*_pins(), *extras["train"], *extras["dev"], *extras["docs"]})


@pytest.mark.parametrize("requirement", _requirements())
def test_each_requirement_is_pinned_to_the_version_under_test(requirement: str) -> None:
    pin = PIN.match(requirement)
    assert pin, f"{requirement} is not pinned with =="
    installed = metadata.version(pin["name"])
    # A local label (2.13.0+cpu) names a build of the same version.
    assert installed.split("+")[0] == pin["version"]


def test_the_app_sends_no_telemetry_and_shows_no_traceback() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"
    assert config["server"]["maxUploadSize"] <= 200
    assert "://" not in (ROOT / ".streamlit" / "config.toml").read_text("utf-8")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["textColor", "linkColor"])
@pytest.mark.parametrize("paper", ["backgroundColor", "secondaryBackgroundColor"])
def test_text_of_both_themes_is_readable(theme: str, ink: str, paper: str) -> None:
    """Contrast by WCAG 2.2: at least 4.5 : 1 for text."""
    colours = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]

    def luminance(colour: str) -> float:
        linear = []
        for start in (1, 3, 5):
            level = int(colour[start : start + 2], 16) / 255
            linear.append(level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4)
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lights = sorted((luminance(colours[theme][ink]), luminance(colours[theme][paper])))
    assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5
