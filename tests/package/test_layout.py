"""The tree of the wheel: one top-level package, whose imports lead nowhere else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from package import layout

ROOT = Path(__file__).resolve().parents[2]
KNOWN = frozenset(
    {"analysis", "analysis.heads", "training", "training.card", "pages", "pages.ui", "pages.ui.kit"}
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    layout.lay_out(ROOT, folder)
    return folder


def _imports(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module or "")
    return names


def test_one_top_level_package_is_installed(tree: Path) -> None:
    assert {path.name for path in tree.iterdir()} == {"poollens", *layout.PROJECT}


def test_no_module_imports_a_folder_of_the_repository(tree: Path) -> None:
    folders = {*layout.PACKAGES, "package", "tests", "benchmarks"}
    wrong = [
        f"{path.relative_to(tree)}: {name}"
        for path in tree.rglob("*.py")
        for name in _imports(path.read_text("utf-8"))
        if name.partition(".")[0] in folders
    ]
    assert not wrong, "\n".join(wrong)


def test_each_import_within_the_package_leads_to_a_file(tree: Path) -> None:
    import analysis

    modules = layout.modules(path.relative_to(tree).as_posix() for path in tree.rglob("*.py"))
    public = {f"poollens.{name}" for name in analysis.__all__}
    lost = [
        f"{path.relative_to(tree)}: {name}"
        for path in tree.rglob("*.py")
        for name in _imports(path.read_text("utf-8"))
        if name.partition(".")[0] == "poollens" and name not in modules | public
    ]
    assert not lost, "\n".join(lost)


def test_no_text_names_a_module_of_the_repository_or_tells_to_run_one(tree: Path) -> None:
    names = "|".join(layout.PACKAGES)
    wrong = re.compile(rf"-m[\"', ]+(?:{names})\b|[\"'](?:{names})\.[a-z_.]+[\"']")
    files = {"training.json"}  # a file of a checkpoint, no module
    left = [
        f"{path.relative_to(tree)}: {match[0]}"
        for path in tree.rglob("*.py")
        for match in wrong.finditer(path.read_text("utf-8"))
        if match[0].strip("\"'") not in files
    ]
    assert not left, "\n".join(left)


def test_the_app_lies_beside_its_pages_and_its_settings(tree: Path) -> None:
    app = tree / "poollens" / "app"
    assert (app / "app.py").is_file()
    assert (app / ".streamlit" / "config.toml").is_file()
    pages = {path.name for path in (ROOT / "pages").glob("*.py")}
    assert {path.name for path in (app / "pages").glob("*.py")} == pages
    assert (app / "checkpoints" / "sst2-cls" / "config.json").is_file()


def test_a_file_of_the_repository_keeps_its_lines(tree: Path) -> None:
    for path in ("analysis/__init__.py", "pages/ui/frame/frame.py", "training/__main__.py"):
        before = (ROOT / path).read_text("utf-8").splitlines()
        assert len((tree / layout.destination(path)).read_text("utf-8").splitlines()) == len(before)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from analysis import heads\n", "from poollens import heads\n"),
        ("from analysis.heads import head\n", "from poollens.heads import head\n"),
        ("import analysis\nanalysis.load(x)\n", "import poollens\npoollens.load(x)\n"),
        ("from pages.ui.kit import css\n", "from poollens.app.pages.ui.kit import css\n"),
        (
            "def f():\n    from training.card import (\n        text,\n    )\n",
            "def f():\n    from poollens.training.card import (\n        text,\n    )\n",
        ),
        ('name = "analysis.heads."\n', 'name = "poollens.heads."\n'),
        (
            'import analysis\nx = f"{analysis.heads.HEADS} of analysis.heads"\n',
            'import poollens\nx = f"{poollens.heads.HEADS} of poollens.heads"\n',
        ),
        ('"""See :mod:`analysis.heads`."""\n', '"""See :mod:`poollens.heads`."""\n'),
        ("# training.card writes it\n", "# poollens.training.card writes it\n"),
        ("'python -m training study'\n", "'poollens train study'\n"),
        ("'torchrun -m training study'\n", "'torchrun -m poollens.training study'\n"),
    ],
)
def test_names_of_modules_are_those_of_the_wheel(source: str, expected: str) -> None:
    assert layout.rewritten(source, KNOWN) == expected


@pytest.mark.parametrize(
    "source",
    [
        'facts = folder / "training.json"\n',
        "analysis = run()\nanalysis.scores\n",
        "training = plan.training\ntraining.epochs\n",
        "self.pages.ui\n",
        'open("pages/ui/kit/cards.js")\n',
        "# the analysis. Then training. Nothing else.\n",
        "from somewhere.analysis import x\n",
    ],
)
def test_what_is_no_module_is_left_alone(source: str) -> None:
    assert layout.rewritten(source, KNOWN) == source


def test_a_file_outside_the_installed_folders_has_no_place() -> None:
    with pytest.raises(ValueError, match="is in none of the folders"):
        layout.destination("tests/conftest.py")
