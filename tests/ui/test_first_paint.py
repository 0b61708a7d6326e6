"""A page stands before anything heavy is imported: its first paint waits for no model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "captum", "umap", "sklearn", "matplotlib")


def test_no_page_imports_what_is_heavy_before_it_is_drawn():
    """In a process of its own; what pages need later is imported after the first paint."""
    modules = [f"pages.ui.{path.parent.name}.page" for path in ROOT.glob("pages/ui/*/page.py")]
    assert len(modules) >= 10
    code = (
        "import importlib, sys\n"
        f"for name in {sorted(modules)!r}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = [part for part in {HEAVY!r} if part in sys.modules]\n"
        "    assert not heavy, f'{name} imports {heavy}'\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
