"""Where results are kept between two starts of the app."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path:
    """Where results are kept between two starts of the app."""
    named = os.environ.get("POOLLENS_RESULTS")
    return Path(named) if named else Path.home() / ".cache" / "poollens" / "results"
