"""The commands of ``python -m analysis``, a module each."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

from analysis.common.threads import wait_passively

# name -> (module with `configure(parser)` and `run(arguments) -> int`, what it does)
COMMANDS = {
    "render": ("analysis.commands.render", "draw a picture of a text for a paper"),
    "rebuild": ("analysis.commands.rebuild", "make a saved figure again from its sidecar"),
    "embed": ("analysis.commands.embed", "the vectors of files of any size"),
    "families": (
        "analysis.commands.families",
        "which architectures work, tried on tiny random models",
    ),
    "doctor": ("analysis.commands.doctor", "what is installed here, and what is missing"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0: done; 1: it could not be done, the reason is on stderr; 2: usage."""
    wait_passively()
    words = list(sys.argv[1:] if arguments is None else arguments)
    top = argparse.ArgumentParser(
        prog="python -m analysis", description="PoolLens without its app."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # Only the command that is asked for is imported, so that --help and mistakes answer at once.
    command = next((word for word in words if not word.startswith("-")), "")
    for name, (module, about) in COMMANDS.items():
        sentence = f"{about[:1].upper()}{about[1:]}."
        parser = commands.add_parser(name, help=about, description=sentence)
        if name == command:
            import_module(module).configure(parser)
    options = top.parse_args(words)
    if not sys.warnoptions:  # warnings of libraries are for their developers, not for users
        warnings.filterwarnings("ignore", category=FutureWarning)
    run = import_module(COMMANDS[options.command][0]).run
    try:
        return int(run(options))
    except (ValueError, OSError) as error:
        print(f"python -m analysis {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing is half written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # a closed pipe: end without a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
