"""``families``: print the table of architectures, each tried on a tiny random model."""

from __future__ import annotations

import argparse
import sys

from analysis.families.markdown import table
from analysis.families.table import FAMILIES


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("--only", nargs="*", metavar="FAMILY", help="some of the families")


def run(arguments: argparse.Namespace) -> int:
    """Print the table in Markdown, and below it the reason of each refusal.

    Raises ``ValueError`` for a family that is not in the table.
    """
    from analysis.families.checks import check

    names = arguments.only or list(FAMILIES)
    unknown = [name for name in names if name not in FAMILIES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no family of the table: {', '.join(FAMILIES)}")
    rows = []
    for number, name in enumerate(names, 1):
        print(f"{number} of {len(names)}: {name}", file=sys.stderr, flush=True)
        rows.append((name, check(name)))
    print(table(rows))
    return 0
