"""What the command line of the app says: streamlit run app.py -- --heads FILE --checkpoints DIR."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from analysis.common.places import DEMO_FOLDER, STUDIES


@dataclass(frozen=True)
class Settings:
    """Options of the running app."""

    checkpoints: Path  # the folder whose subfolders are offered
    heads: tuple[Path, ...]  # files of the user's own that register pooling heads
    studies: Path  # the folder whose studies are shown


def read() -> Settings:
    """From the arguments after ``--``; unknown ones are left to Streamlit's own messages."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--heads", action="append", default=[], type=Path)
    parser.add_argument("--checkpoints", type=Path)
    parser.add_argument("--studies", type=Path)
    given, _ = parser.parse_known_args(sys.argv[1:])
    folder = given.checkpoints or os.environ.get("POOLLENS_CHECKPOINTS") or DEMO_FOLDER
    studies = given.studies or os.environ.get("POOLLENS_STUDIES") or STUDIES
    return Settings(Path(folder), tuple(given.heads), Path(studies))
