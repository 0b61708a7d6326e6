"""``python -m analysis render VIEW --checkpoint C --text "..."``: a picture without the app."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.commands import options

if TYPE_CHECKING:
    from analysis.figures.plot import Plot


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("view", nargs="?", help="what to draw; --list names all")
    parser.add_argument("--list", action="store_true", help="list the views, and stop")
    parser.add_argument("--text", help="the text that is read")
    parser.add_argument("--pair", help="the second text of a pair")
    parser.add_argument(
        "--target",
        action="append",
        metavar="L",
        help="class to explain, by name or index (default: the predicted one); repeat it to give "
        "each checkpoint its own",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="params",
        help="a parameter of the view, such as quantity=contribution; --list names them",
    )
    unit = parser.add_mutually_exclusive_group()
    unit.add_argument("--words", action="store_true", default=None, help="by words (default)")
    unit.add_argument("--pieces", action="store_false", dest="words", help="by word pieces")
    options.add_folders(parser)
    options.add_data(parser)
    options.add_checkpoints(parser)
    options.add_style(parser)
    options.add_signature(parser)
    out = parser.add_argument_group("files")
    out.add_argument(
        "--format", default="pdf", help="pdf (default), svg, png, ...; or several: pdf,svg,csv"
    )
    out.add_argument("--dpi", type=int, default=300, help="of a png (default: 300)")
    out.add_argument("--output", type=Path, default=Path("."), metavar="DIR")
    out.add_argument("--name", help="file name without ending (default: view and checkpoint)")


def run(arguments: argparse.Namespace) -> int:
    """Draw, write, and print what was written.

    Raises
    ------
    ValueError
        No view is named.
    """
    from analysis.figures.files.export import slug
    from analysis.figures.files.saved import save
    from analysis.figures.files.sidecar import sidecar
    from analysis.figures.style.settings import Style, require_dpi

    if arguments.list:
        _list()
        return 0
    if not arguments.view:
        raise ValueError("name a view, such as `winners`; --list names all")
    style = options.style_of(arguments, Style())
    formats = [part.strip().lower() for part in arguments.format.split(",") if part.strip()]
    _check_formats(formats)
    require_dpi(arguments.dpi)
    plot = _plot(arguments)
    made = sidecar(plot, style, dpi=arguments.dpi, signed=options.signature_of(arguments))
    stem = _stem(arguments.name) or slug(made.plots[0])
    saved = [save(replace(made, format=format), stem) for format in formats]
    # One sidecar: the other formats are rebuilt from it with --format.
    files = [(figure.name, figure.data) for figure in saved] + [(f"{stem}.json", saved[0].sidecar)]
    for path in options.write(arguments.output, files):
        print(path)
    options.tell(*dict.fromkeys(notice for figure in saved for notice in figure.notices))
    if made.left_out:
        options.tell(
            "Left out, so that the files say nothing of who made them: "
            + ", ".join(made.left_out)
            + ". (--author or --project sign a figure.)"
        )
    options.tell(*plot.notes)
    return 0


def _list() -> None:
    """Every view that can be made here, a line each; beside them, those that cannot."""
    from analysis.figures.recipes import folders, registry

    lines = registry.recipes()
    for kind in folders.KINDS:
        for name, line in folders.pictures_of(kind).items():
            taken = ", ".join(["--" + kind + " FOLDER", *folders.options_of(name, kind)])
            lines[name] = f"{lines[name]} [or {taken}]" if name in lines else f"{line} [{taken}]"
    for name, line in sorted(lines.items()):
        print(f"{name:24} {line}")


def _plot(arguments: argparse.Namespace) -> Plot:
    from analysis.figures.recipes import folders, registry

    params = _params(arguments.params)
    for kind in folders.KINDS:
        folder = getattr(arguments, kind)
        if folder is not None and kind not in folders.kinds_of(arguments.view):
            raise ValueError(
                f"{arguments.view} is drawn of a text, not of a {kind}: leave out --{kind}"
            )
        if folder is not None:
            return folders.make_of_folder(arguments.view, kind, folder, params)
    if arguments.view not in registry.recipes():
        if kinds := folders.kinds_of(arguments.view):
            raise ValueError(f"{arguments.view} is drawn of a {kinds[0]}: --{kinds[0]} FOLDER")
        known = {*registry.recipes(), *(v for k in folders.KINDS for v in folders.pictures_of(k))}
        raise registry.UnknownRecipe(
            f"no view is called {arguments.view!r}; known are {', '.join(sorted(known))}"
        )
    text, pair = ("", None) if arguments.data and arguments.text is None else _texts(arguments)
    key = registry.ALIASES.get(arguments.view, (arguments.view, {}))[0]
    if arguments.words is not None:
        options_here = registry.options_of(key)
        if "words" in options_here:
            params.setdefault("words", arguments.words)
        elif "unit" in options_here:
            params.setdefault("unit", "word" if arguments.words else "piece")
    subjects, targets = options.subjects(arguments), _targets(arguments)
    data = options.data_of(arguments, registry.classes_of(key, subjects))
    return registry.make(arguments.view, subjects, text, pair, targets, params, data)


def _stem(name: str | None) -> str:
    if name and ("/" in name or "\\" in name or name.startswith(".")):
        raise ValueError(f"--name is a file name without folder and ending, not {name!r}")
    return name or ""


def _texts(arguments: argparse.Namespace) -> tuple[str, str | None]:
    from analysis.text.tokens import clean

    if not (arguments.text or "").strip():
        raise ValueError('give the text that is read: --text "..."')
    text, notes = clean(arguments.text)
    pair, more = clean(arguments.pair or "")
    options.tell(*notes, *more)
    return text, pair if pair.strip() else None


def _targets(arguments: argparse.Namespace) -> Any:
    if not arguments.target:
        return None
    return arguments.target[0] if len(arguments.target) == 1 else arguments.target


def _params(pairs: list[str]) -> dict[str, Any]:
    """`name=value`, where a value that is JSON (12, true, [1, 2]) is taken as it."""
    params: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"--set takes NAME=VALUE, not {pair!r}")
        try:
            params[name.strip()] = json.loads(value)
        except json.JSONDecodeError:
            params[name.strip()] = value
    return params


def _check_formats(formats: list[str]) -> None:
    from analysis.figures.files.export import MIME

    known = [format for format in MIME if format != "json"]  # the sidecar is always written
    if not formats:
        raise ValueError(f"name a format: {', '.join(known)}")
    for format in formats:
        if format not in known:
            raise ValueError(f"no format is called {format!r}; known are {', '.join(known)}")
