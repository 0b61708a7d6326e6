"""Figures that the tests save and bring back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from analysis.figures import Grid, view
from tests.support.known_results import checkpoint, split, tokens_of

ROOT = Path(__file__).resolve().parents[2]
TEXT = "The plots thinned, not dully."


def run(*arguments, cwd, **env):
    """The command line in a process of its own, as somebody else, in another folder."""
    return subprocess.run(
        [sys.executable, "-m", "analysis", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **env},
    )


def of_reading(name="sst2-cls"):
    tokens = tokens_of(TEXT)
    return view("reading", split(tokens), tokens, 1, checkpoint(name))


def panels(plot):
    return plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
