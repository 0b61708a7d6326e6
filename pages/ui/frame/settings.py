"""Settings from the app's command line: streamlit run app.py -- --heads FILE --checkpoints DIR."""

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
    shared: bool = False  # served to others: no paths of this machine, each visitor's work apart
    data: Path | None = None  # the folder of data sets that a shared server offers
    hub: tuple[str, ...] = ()  # models of the Hub that a shared server offers
    login: bool = False  # whether everybody logs in first, at Streamlit's OIDC provider
    jobs: bool = True  # whether data sets are run through checkpoints, and heads fitted


def parser(prog: str = "streamlit run app.py --") -> argparse.ArgumentParser:
    """The app's own options, after ``--`` or after the command ``poollens``."""
    options = argparse.ArgumentParser(prog=prog, add_help=False)
    options.add_argument(
        "--heads",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a Python file that registers pooling heads",
    )
    options.add_argument(
        "--checkpoints", type=Path, metavar="DIR", help="the folder of the checkpoints offered"
    )
    options.add_argument(
        "--studies", type=Path, metavar="DIR", help="the folder of the studies shown"
    )
    options.add_argument(
        "--shared",
        action="store_true",
        help="serve others: no paths of this machine, and each visitor's work apart",
    )
    options.add_argument(
        "--data", type=Path, metavar="DIR", help="the folder of GLUE's tasks that --shared offers"
    )
    options.add_argument(
        "--hub",
        action="append",
        default=[],
        type=_names,
        metavar="LIST",
        help="the models of the Hub that --shared offers, with commas between; without it none",
    )
    options.add_argument(
        "--login",
        action="store_true",
        help="everybody logs in first, at the OpenID Connect provider of Streamlit's secrets.toml",
    )
    options.add_argument(
        "--no-jobs",
        action="store_true",
        help="run no data sets, fits and maps: what is typed is answered, and nothing more",
    )
    return options


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


OPEN = (
    "This server answers other machines: whoever opens it can read every folder that it can. "
    "Start it with --shared to serve others."
)


def is_open() -> bool:
    """Whether the server answers other machines than this one."""
    from streamlit import config

    address = str(config.get_option("server.address") or "")
    return address not in ("localhost", "127.0.0.1", "::1")


def tell_if_open() -> None:
    """Say in the terminal what it means that others can open a server that is not shared."""
    if is_open() and not read().shared:
        print(f"PoolLens: {OPEN}", file=sys.stderr, flush=True)


def read() -> Settings:
    """From the arguments after ``--``; unknown ones are left to Streamlit's own messages."""
    options, _ = parser().parse_known_args(sys.argv[1:])
    folder = options.checkpoints or os.environ.get("POOLLENS_CHECKPOINTS") or DEMO_FOLDER
    studies = options.studies or os.environ.get("POOLLENS_STUDIES") or STUDIES
    return Settings(
        checkpoints=Path(folder),
        heads=tuple(options.heads),
        studies=Path(studies),
        shared=options.shared,
        data=options.data,
        hub=tuple(dict.fromkeys(name for names in options.hub for name in names)),
        login=options.login,
        jobs=not options.no_jobs,
    )
