"""The folder of results that outlives the app."""

from __future__ import annotations

import os
from pathlib import Path

from pages.ui.engine import visitor


def folder() -> Path:
    """Where results are kept between two starts of the app; on a shared server a visitor's own."""
    named = os.environ.get("POOLLENS_RESULTS")
    return visitor.folder(Path(named) if named else Path.home() / ".cache" / "poollens" / "results")
