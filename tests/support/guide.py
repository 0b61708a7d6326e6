"""Does what a page of the guide says, as its reader would: ``python guide.py PAGE``.

Blocks of Python share their names, as in a notebook; a block with a file name as its title is saved
under it; blocks of shell have ``poollens`` as their command. All happens in the working directory.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(python|sh)(?: title=\"([\w.]+)\")?\n(.*?)^```$", re.M | re.S)
# The app is not opened, but its options are read as the command reads them.
_COMMAND = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from package import cli
from pages.ui.frame import settings
cli._app = lambda words: settings.parser().parse_args(cli.split_options(words)[1]) and 0
sys.exit(cli.main())
"""


@dataclass(frozen=True)
class Block:
    """One block of code; ``file``: the name under which the reader saves it, else ""."""

    language: str
    file: str
    code: str


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that are Python or shell, in order."""
    return [Block(*parts) for parts in _BLOCK.findall(page.read_text("utf-8"))]


def follow(page: Path) -> None:
    """Run every block; the first that fails ends it.

    Raises
    ------
    subprocess.CalledProcessError
        A command of the shell failed; what Python raises is not caught.
    """
    from analysis.common.alias import both_names

    both_names()
    programs = Path("bin").resolve()
    programs.mkdir()
    (programs / "poollens").write_text(_COMMAND)
    (programs / "poollens").chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    names: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(blocks(page), 1):
        if block.file:
            Path(block.file).write_text(block.code)
        elif block.language == "python":
            exec(compile(block.code, f"{page.name}, block {number}", "exec"), names)
        else:
            command = ["bash", "-euo", "pipefail", "-c", block.code]
            subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    follow(Path(sys.argv[1]).resolve())
