"""``python -m analysis rebuild figure.json --output DIR``: a saved figure once more."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.commands import options

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.figures.recipes.rebuild import Known


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("sidecars", nargs="+", type=Path, metavar="figure.json")
    parser.add_argument("--output", type=Path, default=Path("."), metavar="DIR")
    parser.add_argument("--format", help="another format than the saved one")
    parser.add_argument("--dpi", type=int, help="of a png")
    numbers = parser.add_mutually_exclusive_group()
    numbers.add_argument(
        "--recompute",
        action="store_true",
        help="draw what the checkpoint gives now, not the stored numbers",
    )
    numbers.add_argument(
        "--from-data",
        action="store_true",
        help="draw the stored numbers and look for no checkpoint",
    )
    parser.add_argument(
        "--force", action="store_true", help="go on where a checkpoint has other weights"
    )
    options.add_folders(parser)
    options.add_data(parser)
    options.add_checkpoints(parser)
    options.add_style(parser)


def run(arguments: argparse.Namespace) -> int:
    """Rebuild every sidecar; one that fails does not stop the others."""
    from analysis.figures.recipes.rebuild import known_checkpoints

    known = None
    if not arguments.from_data:
        known = known_checkpoints(arguments.checkpoints, arguments.checkpoint)
    loaded: dict[Path, Classifier] = {}

    def load(checkpoint: Checkpoint) -> Classifier:
        if checkpoint.folder not in loaded:
            loaded[checkpoint.folder] = options.load(checkpoint.folder, arguments)
        return loaded[checkpoint.folder]

    failed = 0
    taken: set[str] = set()
    for path in arguments.sidecars:
        stem, again = path.stem, 2
        while stem in taken:  # sidecars of one name from several folders
            stem, again = f"{path.stem}-{again}", again + 1
        taken.add(stem)
        try:
            _rebuilt(path, stem, arguments, known, load)
        except (ValueError, OSError) as error:
            options.tell(f"{path}: {error}")
            failed += 1
    return 1 if failed else 0


def _rebuilt(
    path: Path, stem: str, arguments: argparse.Namespace, known: Known | None, load: object
) -> None:
    from analysis.figures.files.export import MIME
    from analysis.figures.files.sidecar import LARGEST, BadSidecar, read
    from analysis.figures.recipes.rebuild import OtherCheckpoint, rebuild

    if path.is_dir():
        raise ValueError("this is a folder: give the .json that was saved with a figure")
    if not path.is_file():
        raise ValueError("there is no such file: give the .json that was saved with a figure")
    if path.stat().st_size > LARGEST:
        raise BadSidecar(f"it is larger than {LARGEST // 2**20} MB, more than any saved figure")
    saved = read(path.read_bytes())
    format = (arguments.format or saved.format).lower()
    if format not in MIME:
        raise ValueError(f"no format is called {format!r}; known are {', '.join(MIME)}")
    style = options.style_of(arguments, saved.style)
    dpi = arguments.dpi or saved.dpi
    card = replace(saved, style=style, format=format, dpi=dpi)
    changed = (style, format, dpi) != (saved.style, saved.format, saved.dpi)
    try:
        made = rebuild(
            card,
            stem,
            known,
            load,  # type: ignore[arg-type]
            arguments.recompute,
            arguments.force,
            changed,
            partial(options.data_of, arguments),
            options.folders_of(arguments),
        )
    except OtherCheckpoint as error:
        raise ValueError(
            f"{error}. Stopped: draw the stored numbers with --from-data, or go on with --force."
        ) from None
    for file in options.write(
        arguments.output, [(made.saved.name, made.saved.data), (f"{stem}.json", made.saved.sidecar)]
    ):
        print(file)
    if made.same:
        options.tell(f"{path.name}: the bytes are those that were saved.")
    options.tell(*(f"{path.name}: {line}" for line in made.sentences))
