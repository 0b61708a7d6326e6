"""``python -m training fit``: pooling heads on a frozen encoder, from a file to checkpoints.

Every head is saved as soon as it is fitted. ``fit.json`` in the output folder says what the fit is,
``_heads/NAME.json`` that a head is whole: the same command goes on after any interruption, and
another one is refused.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.datasets import Table
from training.frozen.fit_folder import (
    HEADS,
    begin_or_resume,
    check_name,
    is_kept,
    keep,
    name_from,
    refuse_other_content,
    summary,
    unusable,
)
from training.frozen.tables import tables
from training.tasks import MINILM

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from training.frozen.progress import Progress
    from training.frozen.states import States
    from training.frozen.train import Recipe as FitRecipe

_OPTIONS = ("last_k", "num_heads", "num_queries")
_RECIPE = (
    "epochs", "batch_size", "learning_rate", "rates", "min_steps", "weight_decay", "dropout",
)  # fmt: skip


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of ``fit``."""
    run = commands.add_parser(
        "fit",
        help="fit pooling heads on a frozen encoder, in seconds to minutes",
        description="Fit pooling heads on a frozen encoder. Start it again after an interruption: "
        "it goes on where it was.",
    )
    run.add_argument("--encoder", default=MINILM, help="folder, checkpoint or Hub id (%(default)s)")
    run.add_argument("--data", required=True, help="a file with texts and labels; or, with --task,"
                     " a GLUE folder or 'hub'")  # fmt: skip
    run.add_argument("--task", help="a known task (sst2, mrpc, trec, ...) in place of columns")
    run.add_argument("--dev", type=Path, help="a file to score on (default: a fifth of --data)")
    run.add_argument("--text", help="name of the column with the text")
    run.add_argument("--pair", help="name of the column with the second text")
    run.add_argument("--label", help="name of the column with the class, number or labels")
    run.add_argument("--label-kind", choices=("auto", "classes", "number"), default="auto")
    run.add_argument(
        "--label-separator", help="several labels a row, with this between them, such as '|'"
    )
    run.add_argument(
        "--label-columns", nargs="+", metavar="A,B,C", help="several labels a row, each in a "
        "column of 0 and 1",
    )  # fmt: skip
    run.add_argument("--heads", nargs="+", default=["all"], metavar="KEY", help="default: all")
    run.add_argument("--heads-file", type=Path, help="a Python file that registers your own")
    run.add_argument("--seeds", type=int, default=5)
    run.add_argument("--output", type=Path, required=True, help="the folder for the checkpoints")
    run.add_argument("--name", help="first part of their names (default: the task or the file)")
    run.add_argument("--save-seeds", type=_count, help="checkpoints a head (default: every seed)")
    run.add_argument(
        "--max-train-rows", type=_count, help="a random part of the training rows only"
    )
    run.add_argument("--limit", type=int, help="tokens a row (default: the encoder's own)")
    run.add_argument("--precision", choices=("float16", "float32"), default="float16")
    run.add_argument("--states", type=Path, help="folder for the encoder's states")
    run.add_argument("--class-weights", choices=("balanced",))
    recipe = run.add_argument_group("recipe (the same for every head)")
    recipe.add_argument("--epochs", type=int)
    recipe.add_argument("--batch-size", type=int)
    recipe.add_argument("--learning-rate", type=float, help="default: chosen among --rates")
    recipe.add_argument("--rates", type=float, nargs="+")
    recipe.add_argument("--min-steps", type=int)
    recipe.add_argument("--weight-decay", type=float)
    recipe.add_argument("--dropout", type=float)
    head = run.add_argument_group("pooling heads")
    head.add_argument("--last-k", type=_count)
    head.add_argument("--num-heads", type=int)
    head.add_argument("--num-queries", type=int)


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number from 1 on")
    return int(word)


def run(arguments: argparse.Namespace) -> int:
    """Fit what is missing; 0, or 1 where a head could not be fitted.

    Raises
    ------
    ValueError
        Data, encoder or options that cannot be, or an output folder of another fit.
    """
    from filelock import FileLock, Timeout

    import training
    from training.frozen.specs import specs_of
    from training.frozen.train import Recipe

    if arguments.heads_file is not None:
        from analysis.checkpoints.loading import register_heads

        register_heads(arguments.heads_file)
    refuse_other_content(arguments.output)
    check_name(arguments.name)
    train_table, dev_table, notes = tables(arguments)
    changes: dict[str, Any] = {
        name: tuple(value) if name == "rates" else value
        for name in _RECIPE
        if (value := getattr(arguments, name)) is not None
    }
    recipe = replace(Recipe(), **changes)
    options = {name: v for name in _OPTIONS if (v := getattr(arguments, name)) is not None}
    keys = "all" if arguments.heads == ["all"] else arguments.heads
    for note in notes:
        print(note, flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    lock = FileLock(arguments.output / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"another fit writes to {arguments.output}: waiting for it to end", flush=True)
        lock.acquire()
    try:
        train, dev = _states(arguments, train_table, dev_table)
        specs = specs_of(keys, train.source, options)
        facts = _facts(arguments, train, dev, recipe)
        begin_or_resume(arguments.output, facts)
        words = _command(arguments)
        failed = []
        for place, spec in enumerate(specs, 1):
            record = arguments.output / HEADS / f"{spec.name}.json"
            if is_kept(record):
                continue
            printer = _Printer(place, len(specs))
            fitted = training.fit(
                train,
                [(spec.key, spec.options)],
                names=[spec.name],
                dev=dev,
                seeds=arguments.seeds,
                recipe=recipe,
                class_weights=arguments.class_weights,
                progress=printer,
            )
            if place == 1:
                for note in fitted.notes:
                    print(note, flush=True)
            if not keep(arguments, fitted, record, facts["name"], words):
                failed.append(f"{spec.name}: {fitted.heads[0].reason}")
        print(summary(arguments.output), flush=True)
    finally:
        lock.release()
    for line in (*failed, *unusable(arguments.output)):
        print(line, file=sys.stderr)
    return 1 if failed else 0


def _states(
    arguments: argparse.Namespace, train: Table, dev: Table | None
) -> tuple[States, States | None]:
    import training
    from training.frozen.encoder import open_encoder

    encoder = open_encoder(arguments.encoder)

    def computed(table: Table) -> States:
        last = [0.0]

        def progress(done: int, total: int, left: float) -> None:
            if time.monotonic() - last[0] > 2 or done == total:
                last[0] = time.monotonic()
                print(f"states  {done:,}/{total:,} rows  {_clock(left)} left", flush=True)

        return training.states(
            encoder,
            table,
            _last_k(arguments, encoder),
            folder=arguments.states,
            precision=arguments.precision,
            limit=arguments.limit,
            progress=progress,
        )

    return computed(train), None if dev is None else computed(dev)


def _last_k(arguments: argparse.Namespace, encoder: Classifier) -> int:
    from training.frozen.encoder import source_of

    return min(arguments.last_k or 3, source_of(encoder).layers)


class _Printer:
    """A line of progress every two seconds, and one when a head is done."""

    def __init__(self, place: int, heads: int) -> None:
        self.place, self.heads, self.last = place, heads, 0.0

    def __call__(self, news: Progress) -> None:
        if news.phase == "done" or time.monotonic() - self.last > 2:
            self.last = time.monotonic()
            print(replace(news, place=self.place, heads=self.heads).sentence(), flush=True)


def _facts(
    arguments: argparse.Namespace, train: States, dev: States | None, recipe: FitRecipe
) -> dict[str, Any]:
    """Facts that must be equal for a fit to go on in the same folder."""
    facts = {
        "name": arguments.name or name_from(train.table.task),
        "encoder": train.source.sha256,
        "data": train.table.digest + train.table.label_digest,
        "dev": None if dev is None else dev.table.digest + dev.table.label_digest,
        "limit": train.limit,
        "precision": train.precision,
        "seeds": arguments.seeds,
        "save_seeds": arguments.save_seeds,
        "class_weights": arguments.class_weights,
        "recipe": asdict(recipe),
        "options": {name: getattr(arguments, name) for name in _OPTIONS},
    }
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return plain


def _command(arguments: argparse.Namespace) -> str:
    """The command that repeats the fit, files and encoder by their last names."""
    encoder = str(arguments.encoder)
    words = ["python -m training fit"]
    shown = Path(encoder).name if Path(encoder).is_dir() else encoder
    words.append(f"--encoder {shlex.quote(shown)}")
    for name, value in vars(arguments).items():
        standard = name in ("command", "encoder", "output", "states", "heads_file")
        if standard or value is None or (name, value) in (
            ("label_kind", "auto"), ("precision", "float16"), ("heads", ["all"]),
        ):  # fmt: skip
            continue
        if name in ("data", "dev") and value != "hub":
            value = Path(value).name
        shown = shlex.join(map(str, value if isinstance(value, list) else [value]))
        words.append(f"--{name.replace('_', '-')} {shown}")
    return " ".join([*words, f"--output {shlex.quote(arguments.output.name)}"])


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
