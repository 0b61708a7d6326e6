"""Command line: ``python -m training fit | finetune | study | demo | refresh``."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from analysis.common.whole import why_not_written
from training.finetune import finetune
from training.folder import refresh
from training.frozen import command as frozen
from training.frozen import tables as frozen_tables
from training.settings import Settings
from training.tasks import MINILM, PAPER_HEADS, Recipe, demo_set, recipe

INTERRUPTED = 130  # the status of a command that was stopped and can be continued


def parser() -> argparse.ArgumentParser:
    """All options; defaults of the recipe are shown as "by task"."""
    top = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)

    frozen.add_parser(commands)
    run = commands.add_parser("finetune", help="train one checkpoint")
    _data_options(run)
    run.add_argument("--head", required=True, help=f"pooling head: {', '.join(PAPER_HEADS)}, ...")
    run.add_argument("--encoder", default=MINILM, help="folder or Hub id (default: %(default)s)")
    run.add_argument("--tuning", choices=("lora", "full"), default="lora")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--output", type=Path, required=True, help="the checkpoint folder to write")
    run.add_argument("--overwrite", action="store_true", help="replace a finished checkpoint")
    run.add_argument(
        "--selection",
        choices=("last", "heldout"),
        default="last",
        help="last epoch, or the best one on a held-out tenth of the training set",
    )
    run.add_argument("--max-train-rows", type=int, help="train on a random part only")
    run.add_argument(
        "--report-every",
        type=float,
        default=15.0,
        metavar="SECONDS",
        help="between two lines of progress (default: %(default)g)",
    )
    run.add_argument(
        "--with-parent",
        action="store_true",
        help="end when standard input is closed, as when the program that started this one ends",
    )
    recipe_options = run.add_argument_group("recipe (default: by task)")
    recipe_options.add_argument("--epochs", type=float)
    recipe_options.add_argument("--batch-size", type=int)
    recipe_options.add_argument("--learning-rate", type=float)
    recipe_options.add_argument("--max-length", type=int, help="in tokens")
    recipe_options.add_argument("--min-steps", type=int)
    recipe_options.add_argument("--lora-rank", type=int)
    recipe_options.add_argument("--lora-targets", nargs="+", metavar="LAYER")
    recipe_options.add_argument("--lora-dropout", type=float)
    recipe_options.add_argument("--weight-decay", type=float)
    recipe_options.add_argument("--warmup", type=float, help="share of the steps")
    recipe_options.add_argument("--dropout", type=float, help="before the classifier")
    head_options = run.add_argument_group("pooling head")
    head_options.add_argument(
        "--heads",
        type=Path,
        metavar="FILE",
        help="a Python file that registers pooling heads of your own",
    )
    head_options.add_argument("--last-k", type=int, help="layers that are pooled")
    head_options.add_argument("--num-heads", type=int, help="attention heads of the pooling head")
    head_options.add_argument("--num-queries", type=int, help="of query_attention")
    head_options.add_argument("--residual", action="store_true")
    head_options.add_argument("--layer-norm", action="store_true")
    head_options.add_argument("--pooler", choices=("none", "tanh"))

    demo = commands.add_parser("demo", help="train the demo checkpoints that are missing")
    demo.add_argument("--data", required=True, help="GLUE folder, or 'hub'")
    demo.add_argument("--text-data", required=True, help="folder that holds trec/, or 'hub'")
    demo.add_argument("--output", type=Path, default=Path("checkpoints"))
    demo.add_argument("--only", nargs="*", metavar="NAME", help="some of the twenty folders")

    many = commands.add_parser(
        "study",
        help="run what is missing of a study",
        description="Run what is missing of a study. Start it again after an interruption, or "
        "several times at once (one process per GPU, or machines on one folder): no run is done "
        "twice. One run on several GPUs: torchrun --nproc-per-node N -m training study ...",
    )
    many.add_argument("config", type=Path, help="the study's YAML, such as study/minilm.yaml")
    many.add_argument("--data", help="GLUE folder, or 'hub'")
    many.add_argument("--text-data", help="folder that holds trec/, or 'hub'")
    many.add_argument("--output", type=Path, default=Path("study/results"))
    many.add_argument("--only", metavar="FAMILY", help="one family of the file")
    many.add_argument("--heads", type=Path, metavar="FILE", help="pooling heads of your own")
    many.add_argument(
        "--encoder-folder",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="where an encoder of the file lies; may be given several times",
    )

    again = commands.add_parser("refresh", help="measure finished folders again")
    again.add_argument("folders", nargs="+", type=Path)
    again.add_argument("--data", required=True, help="GLUE folder, or 'hub'")
    again.add_argument("--text-data", help="folder that holds trec/, or 'hub'")
    return top


def _data_options(run: argparse.ArgumentParser) -> None:
    run.add_argument("--task", required=True, help="sst2, mrpc, trec, ..., or csv for own files")
    run.add_argument("--data", help="GLUE folder, or 'hub'")
    own = run.add_argument_group("own files (--task csv)")
    own.add_argument("--train", type=Path)
    own.add_argument("--dev", type=Path)
    own.add_argument("--text", help="name of the column with the text")
    own.add_argument("--pair", help="name of the column with the second text")
    own.add_argument(
        "--label", help="name of the column with the class, a list of classes, or a number"
    )
    own.add_argument(
        "--label-columns",
        nargs="+",
        default=(),
        metavar="A,B,C",
        help="columns of 0 and 1, one a class",
    )
    own.add_argument("--label-kind", choices=("auto", "classes", "number"), default="auto")


def settings_from(arguments: argparse.Namespace) -> Settings:
    """The parsed command line as the settings of one run."""
    plan = recipe(arguments.task)
    changed = {
        name: value
        for name in Recipe.__dataclass_fields__
        if (value := getattr(arguments, name, None)) is not None
    }
    if arguments.learning_rate is not None and arguments.tuning == "full":
        changed["full_learning_rate"] = changed.pop("learning_rate")
    if arguments.lora_targets is not None:
        changed["lora_targets"] = tuple(arguments.lora_targets)
    options = {
        name: value
        for name in ("last_k", "num_heads", "num_queries", "pooler")
        if (value := getattr(arguments, name)) is not None
    }
    options |= {name: True for name in ("residual", "layer_norm") if getattr(arguments, name)}
    names = (
        "task",
        "head",
        "encoder",
        "output",
        "data",
        "tuning",
        "seed",
        "selection",
        "max_train_rows",
        "train",
        "dev",
        "text",
        "pair",
        "label",
        "label_kind",
    )
    return Settings(
        **{name: getattr(arguments, name) for name in names},
        label_columns=frozen_tables.names_in(arguments.label_columns),
        options=options,
        recipe=replace(plan, **changed),
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; a problem with the input is one sentence on stderr and status 2."""
    arguments = parser().parse_args(words)
    _quiet()
    run = {
        "fit": frozen.run,
        "finetune": _finetune,
        "study": _study,
        "demo": _demo,
        "refresh": _refresh,
    }[arguments.command]
    try:
        return run(arguments)
    except KeyboardInterrupt:
        print("interrupted; the same command continues from the last saved state", file=sys.stderr)
        return INTERRUPTED
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a full or read-only disk; the last whole state is kept
        place = Path(error.filename) if error.filename else Path.cwd()
        print(f"error: {why_not_written(error, place)}", file=sys.stderr)
        return 2


def _quiet() -> None:
    """Our own progress lines instead of the libraries' bars and tables of unused weights."""
    import warnings

    from transformers.utils import logging

    # PEFT asks for a property that Transformers has renamed; nothing a user could act on.
    warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _finetune(arguments: argparse.Namespace) -> int:
    if arguments.heads is not None:
        from analysis.checkpoints.loading import register_heads

        register_heads(arguments.heads)
    if arguments.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = finetune(
        settings_from(arguments),
        overwrite=arguments.overwrite,
        report_every=arguments.report_every,
    )
    print(f"{folder} is ready", flush=True)
    return 0


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(INTERRUPTED)


def _study(arguments: argparse.Namespace) -> int:
    from training.study import study

    if arguments.heads is not None:
        from analysis.checkpoints.loading import register_heads

        register_heads(arguments.heads)
    return study(
        arguments.config,
        arguments.data,
        arguments.text_data,
        arguments.output,
        only=arguments.only,
        encoders=dict(word.split("=", 1) for word in arguments.encoder_folder),
    )


def _demo(arguments: argparse.Namespace) -> int:
    """Train what is missing, in order. One that fails does not stop the others."""
    demos = [demo for demo in demo_set() if not arguments.only or demo.name in arguments.only]
    failed = []
    for number, demo in enumerate(demos, 1):
        output = arguments.output / demo.name
        if (output / "config.json").is_file():
            continue
        print(f"[{number}/{len(demos)}] {demo.name}", flush=True)
        data = arguments.text_data if demo.task == "trec" else arguments.data
        try:
            finetune(
                Settings(
                    demo.task,
                    demo.head,
                    MINILM,
                    output,
                    data,
                    seed=demo.seed,
                    recipe=recipe(demo.task),
                    group=demo.group,
                )
            )
        except Exception as error:  # hours of work: the next checkpoint may well succeed
            failed.append(demo.name)
            print(
                f"{demo.name} failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True
            )
    if failed:
        print(f"not trained: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _refresh(arguments: argparse.Namespace) -> int:
    for folder in arguments.folders:
        facts = refresh(folder, arguments.data, arguments.text_data)
        print(f"{folder}: {facts['metrics']}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
