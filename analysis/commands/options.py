"""Options that several commands share: style on paper, checkpoints, where files go."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.checkpoints.folder import discover
from analysis.common.faults import CheckpointError
from analysis.common.places import DEMO_FOLDER
from analysis.common.whole import why_not_written, write_whole
from analysis.figures.files.sidecar import Signature
from analysis.figures.style.settings import FONTS, Style

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.figures.recipes.request import Data, Subject

_STYLE = (
    "venue",
    "width",
    "height",
    "font",
    "font_size",
    "palette",
    "greyscale",
    "title",
    "letters",
)


def add_style(parser: argparse.ArgumentParser) -> None:
    """Venue, size, type and colours; whatever is not given keeps what it was."""
    from analysis.figures.style.palettes import PALETTES
    from analysis.figures.style.venues import VENUES

    group = parser.add_argument_group("style")
    group.add_argument("--venue", help=f"one of {', '.join(VENUES)}")
    group.add_argument("--width", type=_width, help="column, full, or a number of inches")
    group.add_argument("--height", type=float, help="inches (default: what the picture needs)")
    group.add_argument("--font", choices=FONTS)
    group.add_argument("--font-size", type=float, help="points (default: the venue's)")
    group.add_argument("--palette", help=f"one of {', '.join(PALETTES)}")
    for name, about in (
        ("greyscale", "no colours"),
        ("title", "write the title above the picture"),
        ("letters", "letters (a), (b), ... on panels"),
    ):
        group.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=about)


def _width(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def style_of(arguments: argparse.Namespace, base: Style) -> Style:
    """The style with what was asked for. Raises ``ValueError`` naming what is known."""
    settings = {
        name: getattr(arguments, name) for name in _STYLE if getattr(arguments, name) is not None
    }
    venue = settings.get("venue", base.venue)
    if venue != base.venue and not isinstance(base.width, str):
        # inches of one's own belong to the venue they were chosen for
        settings = {"width": base.inches if venue == "custom" else "column", **settings}
    return replace(base, **settings)


def add_signature(parser: argparse.ArgumentParser) -> None:
    """Figures are anonymous unless they are signed."""
    group = parser.add_argument_group(
        "signature", "Files say nothing of who made them, unless one of these is given."
    )
    group.add_argument("--author", default="", help="written into the file's metadata")
    group.add_argument("--project", default="", help="written into the file's metadata")


def signature_of(arguments: argparse.Namespace) -> Signature:
    """The signature of the figure's files."""
    return Signature(arguments.author.strip(), arguments.project.strip())


def add_checkpoints(parser: argparse.ArgumentParser) -> None:
    """Where checkpoints are, and what is needed to load them."""
    group = parser.add_argument_group("checkpoints")
    group.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="C",
        help="a name in the folder of checkpoints, a seed group, a folder, or a Hub id; repeat it "
        "for several",
    )
    group.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        default=Path(os.environ.get("POOLLENS_CHECKPOINTS") or DEMO_FOLDER),
        help="the folder of checkpoints (default: the demo ones)",
    )
    group.add_argument(
        "--heads",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a Python file that registers pooling heads of your own",
    )
    group.add_argument("--device", default="auto", help='"auto" (default), "cpu" or "cuda:0"')


def add_data(parser: argparse.ArgumentParser) -> None:
    """The data set of pictures over one."""
    group = parser.add_argument_group("data set, for pictures over one")
    group.add_argument(
        "--data",
        metavar="FILE",
        help="CSV, TSV, JSON lines, Parquet or plain lines; or suite:TASK, the behaviour suite",
    )
    for name, what in (("text", "text"), ("pair", "second text"), ("label", "label")):
        group.add_argument(
            f"--{name}-column", metavar="NAME", help=f"column of the {what} (default: guessed)"
        )


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Folders of results, for pictures that are made of one."""
    group = parser.add_argument_group(
        "results, for pictures of a folder of them: these take no text and no checkpoint"
    )
    for name, what in (
        ("study", "the results of a study"),
        ("fit", "a fit of pooling heads"),
        ("vectors", "a folder of vectors that `embed` has written, or a .npy or .parquet file"),
    ):
        group.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=what)


def folders_of(arguments: argparse.Namespace) -> dict[str, Path]:
    """The folders of results that are named, by their kind."""
    from analysis.figures.recipes.folders import KINDS

    return {
        kind: getattr(arguments, kind) for kind in KINDS if getattr(arguments, kind) is not None
    }


def data_of(arguments: argparse.Namespace, labels: tuple[str, ...] | None = None) -> Data | None:
    """The data set that is named, read; with `labels` its labels must be these classes.

    Raises
    ------
    ValueError
        There is no such file, or it cannot be read.
    """
    from analysis.datasets.upload import peek, read_upload
    from analysis.figures.recipes.request import Data, of_suite

    if not arguments.data:
        return None
    if arguments.data.startswith("suite:"):
        return of_suite(arguments.data.partition(":")[2])
    path = Path(arguments.data)
    if not path.is_file():
        raise ValueError(f"--data: there is no file {path.name}")
    first = peek(path, path.name, labels=labels)
    columns = first.columns
    named = {
        name: getattr(arguments, f"{name}_column")
        for name in ("text", "pair", "label")
        if getattr(arguments, f"{name}_column")
    }
    columns = replace(columns, **named)
    own = (columns.text, columns.pair, columns.label)
    more = [name for name in first.names if name not in own]
    reading = read_upload(path, path.name, columns=columns, labels=labels, more=more)
    return Data(reading.table, path.name, reading.more)


def load(reference: Path | str, arguments: argparse.Namespace) -> Classifier:
    """A loaded checkpoint, after the user's own pooling heads."""
    from analysis.checkpoints import loading

    for file in arguments.heads:
        loading.register_heads(file)
    arguments.heads = []
    return loading.load(reference, device=arguments.device, root=arguments.checkpoints)


def subjects(arguments: argparse.Namespace) -> list[Subject]:
    """The named checkpoints and seed groups, loaded.

    Raises
    ------
    ValueError
        No checkpoint is named.
    """
    from analysis.figures.recipes.request import loaded

    if not arguments.checkpoint:
        names = (
            ", ".join(checkpoint.id for checkpoint in discover(arguments.checkpoints)[0]) or "none"
        )
        raise ValueError(
            f"name a checkpoint: --checkpoint C. In {arguments.checkpoints.name}/ there are: "
            f"{names}"
        )
    named = []
    for name in arguments.checkpoint:
        members = _members(name, arguments.checkpoints)
        classifiers = [load(member, arguments) for member in members or [name]]
        named.append(loaded(name if members else classifiers[0].checkpoint.id, classifiers))
    return named


def _members(name: str, root: Path) -> list[str]:
    """Ids of the seeds of a group, where the name is one and no checkpoint's."""
    if (root / name).is_dir() or Path(name).expanduser().is_dir():
        return []
    return [checkpoint.id for checkpoint in discover(root)[0] if checkpoint.group == name]


def write(folder: Path, files: Sequence[tuple[str, bytes]]) -> list[Path]:
    """Write files so that none is ever there by half; returns their paths.

    Raises
    ------
    ValueError
        The folder is none, or cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"{folder} is not a folder: give another --output") from None
    except PermissionError:
        raise ValueError(f"{folder} cannot be written to: give another --output") from None
    written = []
    for name, data in files:
        try:
            write_whole(folder / name, data)
        except OSError as error:
            raise ValueError(why_not_written(error, folder / name)) from None
        written.append(folder / name)
    return written


def tell(*lines: str) -> None:
    """Say something beside the output."""
    for line in lines:
        print(line, file=sys.stderr)


__all__ = [
    "CheckpointError",
    "add_checkpoints",
    "add_signature",
    "add_style",
    "load",
    "signature_of",
    "style_of",
    "subjects",
    "tell",
    "write",
]
