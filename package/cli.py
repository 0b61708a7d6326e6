"""The command ``poollens``: the app, the commands of the library, and training."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from analysis import commands
from analysis.common import places
from pages.ui.frame import settings

_HELP = """usage: poollens [app] [option ...]
       poollens COMMAND [option ...]

Without a command the app opens in the browser, with the demo checkpoints.

commands:
{commands}

options:
  --version, --help

options of the app:
{app}
  --server.port N, --server.address A and Streamlit's other options are passed on
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; see the library's and training's for what they return.

    Parameters
    ----------
    words
        What was typed after ``poollens``; those of this process by default.

    Returns
    -------
    int
        The exit status: 0 done, 1 not done, 2 a mistake in the words.
    """
    arguments = list(sys.argv[1:] if words is None else words)
    first = arguments[0] if arguments else "app"
    if first in commands.COMMANDS:
        return commands.main(arguments)
    if first == "train":
        return _train(arguments[1:])
    if first in ("--version", "-V"):
        print(f"poollens {places.version()}")
        return 0
    if first in ("--help", "-h"):
        print(_help(), end="")
        return 0
    if first != "app" and not first.startswith("-"):
        names = ", ".join(("app", *commands.COMMANDS, "train"))
        print(f"poollens: there is no command {first!r}; there are {names}", file=sys.stderr)
        return 2
    return _app(arguments[1:] if first == "app" and arguments else arguments)


def _help() -> str:
    rows = {"app": "open the app in the browser"}
    rows |= {name: about for name, (_, about) in commands.COMMANDS.items()}
    rows |= {"train": "train pooling heads and studies (needs the extra: poollens[train])"}
    return _HELP.format(
        commands="\n".join(f"  {name:10} {about}" for name, about in rows.items()),
        app=settings.parser().format_help().partition("options:\n")[2].rstrip(),
    )


def _train(words: list[str]) -> int:
    try:
        from training.__main__ import main as train
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("accelerate", "yaml"):
            print(
                f"poollens train: {error.name} is not installed. Install the extra: "
                "pip install 'poollens[train]'",
                file=sys.stderr,
            )
            return 1
        raise
    return train(words)


def _app(words: list[str]) -> int:
    """Hand the app to Streamlit, which serves it until it is stopped."""
    server, own = split_options(words)
    options = settings.parser(prog="poollens").parse_args(own)  # a mistake ends with the usage
    address = _value("--server.address", server)
    if not options.shared and address not in (None, "localhost", "127.0.0.1", "::1"):
        print(f"PoolLens: {settings.OPEN}", file=sys.stderr)
    from streamlit.web import cli

    status = cli.main(
        ["run", str(places.APP), *server, "--", *own], prog_name="poollens", standalone_mode=False
    )
    return int(status or 0)


def _value(name: str, words: Sequence[str]) -> str | None:
    """The value of an option that is given as ``NAME VALUE`` or ``NAME=VALUE``."""
    for place, word in enumerate(words):
        if word == name and place + 1 < len(words):
            return words[place + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def split_options(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(Streamlit's options, the app's): Streamlit's have a dot, as in ``--server.port 8600``."""
    server: list[str] = []
    own: list[str] = []
    place = own
    for word in words:
        if word.startswith("-"):
            place = server if "." in word.partition("=")[0] else own
        place.append(word)
    return server, own


if __name__ == "__main__":
    raise SystemExit(main())
