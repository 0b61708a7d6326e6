"""``python -m analysis doctor``: what is installed, and what is missing, in words."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Hashable, Iterator
from importlib import metadata, util
from pathlib import Path

from analysis.checkpoints.folder import discover
from analysis.common.places import DEMO_FOLDER

# Import name -> what needs it. Without one of the first group nothing can be computed or drawn.
NEEDED = {
    "numpy": "everything",
    "torch": "every model",
    "transformers": "every model",
    "safetensors": "every model",
    "peft": "checkpoints with an adapter",
    "matplotlib": "figures for papers",
    "pandas": "tables",
}
USEFUL = {
    "streamlit": "the app",
    "plotly": "the app's charts",
    "captum": "attributions",
    "sklearn": "maps and probes",
    "umap": "UMAP maps",
    "pyarrow": "data sets",
}
_DISTRIBUTION = {"sklearn": "scikit-learn", "umap": "umap-learn"}
TEX = ("xelatex", "pdflatex")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        default=DEMO_FOLDER,
        help="the folder of checkpoints that are verified (default: the demo ones)",
    )
    parser.add_argument(
        "--load", action="store_true", help="load each checkpoint, too (seconds each)"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 where everything that is needed is there and all checkpoints verify, else 1."""
    failed = 0
    for section, lines in (
        ("Packages", _packages()),
        ("Device", _device()),
        ("Figures", _figures()),
        ("Checkpoints", _checkpoints(arguments.checkpoints, arguments.load)),
    ):
        print(section)
        for good, line in lines:
            print(f"  {'ok' if good else '--' if good is None else 'NO':3} {line}")
            failed += good is False
    return 1 if failed else 0


Line = tuple[bool | None, str]  # True: fine; False: has to be mended; None: can be done without


def _packages() -> Iterator[Line]:
    from analysis.figures.files.sidecar import versions

    yield sys.version_info >= (3, 11), f"Python {sys.version.split()[0]} (3.11 or newer)"
    yield True, f"PoolLens {versions()['poollens']}"
    for needed, table in ((True, NEEDED), (False, USEFUL)):
        for name, purpose in table.items():
            if util.find_spec(name) is None:
                yield (False if needed else None), f"{name} is missing: needed for {purpose}"
                continue
            try:
                yield True, f"{name} {metadata.version(_DISTRIBUTION.get(name, name))}"
            except metadata.PackageNotFoundError:
                yield True, name


def _device() -> Iterator[Line]:
    if util.find_spec("torch") is None:
        yield None, "unknown without torch"
        return
    from analysis.checkpoints.loading import device_name

    yield True, device_name()


def _figures() -> Iterator[Line]:
    yield True, "no browser is needed: PDF, SVG and PNG are drawn by matplotlib"
    if util.find_spec("matplotlib") is not None:
        from analysis.figures.files.scripts import install_of
        from analysis.figures.paper import fonts
        from analysis.figures.style.settings import FONTS

        for kind in FONTS:
            families, _ = fonts.families(set("Aa"), kind, "times")
            yield True, f"{kind} font: {families[0]}"
        for script, sample in (
            ("Chinese and Japanese", "汉字かな"),
            ("Korean", "한국어"),
            ("Arabic", "مرحبا"),
            ("Hebrew", "שלום"),
            ("Devanagari", "नमस्ते"),
            ("Thai", "สวัสดี"),
            ("emoji", "😀"),
        ):
            _, notices = fonts.families(set(sample), "sans", "times")
            yield (
                (True if not notices else None),
                (
                    f"glyphs of {script}"
                    if not notices
                    else f"no TrueType font with {script}. Install {install_of(map(ord, sample))}"
                ),
            )
    compilers = [name for name in TEX if shutil.which(name)]
    yield (
        (bool(compilers) or None),
        (
            f"TeX: {', '.join(compilers)}"
            if compilers
            else "no TeX here: figures need none; the format pgf needs xelatex "
            "(package texlive-xetex)"
        ),
    )


def _checkpoints(root: Path, load: bool) -> Iterator[Line]:
    if not root.is_dir():
        yield False, f"there is no folder {root.name}: name another with --checkpoints"
        return
    usable, broken = discover(root)
    if not usable and not broken:
        yield None, f"none in {root.name}"
    held: dict[Hashable, int] = {}
    for checkpoint in usable:
        what = f"pooling head {checkpoint.head}" if checkpoint.head else checkpoint.kind
        line = f"{checkpoint.id}: {what}, {len(checkpoint.labels)} classes, "
        line += f"sha256 {checkpoint.sha256[:12]}"
        if not load:
            yield True, line
            continue
        from analysis.checkpoints.loading import load as loaded
        from analysis.checkpoints.shared import weights_of

        try:
            classifier = loaded(checkpoint.folder)
        except ValueError as error:
            yield False, f"{checkpoint.id}: {error}"
            continue
        parts = weights_of(classifier)
        held |= parts
        yield (
            True,
            f"{line}, {classifier.parameters:,} parameters, {sum(parts.values()) / 1e6:,.0f} MB",
        )
    if held:
        total = sum(held.values()) / 1e6
        yield True, f"in memory together: {total:,.0f} MB, the weights of one encoder once"
    for one_broken in broken:
        yield False, f"{one_broken.id}: {one_broken.reason}"
