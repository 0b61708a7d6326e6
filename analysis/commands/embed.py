"""``python -m analysis embed``: the vectors of files of any size, by a loop or by Ray Data."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "--input",
        nargs="+",
        required=True,
        type=Path,
        metavar="FILE",
        help="CSV, TSV, JSON lines or Parquet",
    )
    parser.add_argument("--checkpoint", required=True, help="a name, a folder or a Hub id")
    parser.add_argument(
        "--pooling",
        nargs="+",
        default=["mean"],
        metavar="P",
        help="mean, max, cls, last_token, concat, adaptive_mean, head",
    )
    parser.add_argument(
        "--layers",
        nargs="+",
        default=["-1"],
        metavar="L",
        help="numbers from 0, -1 for the last, or `all`",
    )
    parser.add_argument("--text", default="text", metavar="COLUMN", help="default: text")
    parser.add_argument("--pair", metavar="COLUMN", help="the second text of a pair")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--workers", type=int, default=1, help="of Ray: copies of the model")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--device", default="auto", help='"auto" (default), "cpu" or "cuda:0"')


def run(arguments: argparse.Namespace) -> int:
    """Embed, and print where the vectors are.

    Raises
    ------
    ValueError
        `--layers` is no list of numbers.
    """
    from analysis.checkpoints.folder import locate
    from analysis.corpus.bulk import Order, run

    if arguments.layers == ["all"]:
        layers: tuple[int, ...] | str = "all"
    else:
        try:
            layers = tuple(int(layer) for layer in arguments.layers)
        except ValueError:
            raise ValueError("--layers takes numbers, or `all`") from None
    order = Order(
        checkpoint=str(locate(arguments.checkpoint)[0]),
        text=arguments.text,
        pair=arguments.pair,
        poolings=tuple(arguments.pooling),
        layers=layers,
        dtype=arguments.dtype,
        device=arguments.device,
    )

    def report(name: str, rows: int) -> None:
        print(f"{name}: {rows:,} rows", file=sys.stderr, flush=True)

    folder = run(
        arguments.input,
        arguments.output,
        order,
        engine=arguments.engine,
        workers=arguments.workers,
        report=report,
    )
    print(folder)
    return 0
