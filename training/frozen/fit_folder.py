"""The output folder of ``fit``: its record, a record for each finished head, and a summary."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.common.whole import why_broken, write_whole

if TYPE_CHECKING:
    from training.frozen.results import Fitted

RECORD, HEADS = "fit.json", "_heads"  # no checkpoint's name begins with _


_SUMMARY = ("scores", "learning_rate", "parameters", "seconds")
_LONGEST = 100  # letters of a name, to which a pooling head's key and a seed are added


def check_name(name: str | None) -> None:
    """Raise ``ValueError`` for a name that no checkpoint's folder can begin with."""
    if not name:
        return
    if not name.isprintable() or set(name) & set("/\\") or name[0] in "._ " or len(name) > _LONGEST:
        raise ValueError(
            f"--name is {name[:40]!r}, and folders are called by it: begin with a letter or digit, "
            f"use no slash and no line end, and at most {_LONGEST} characters."
        )


def name_from(task: str) -> str:
    """The first part of checkpoints' names from the name of a data file."""
    return re.sub(r"[^\w.()+-]+", "-", task).strip("._-")[:_LONGEST] or "data"


def is_kept(record: Path) -> bool:
    """Whether a head is fitted and kept: its record is whole and holds its scores."""
    if why_broken(record):
        return False
    known = json.loads(record.read_text(encoding="utf-8"))
    return isinstance(known, dict) and all(name in known for name in _SUMMARY)


def refuse_other_content(output: Path) -> None:
    """Raise ``ValueError`` for a file, or a folder with other content than a fit."""
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file. Give a folder as --output.")
    if output.is_dir() and not (output / RECORD).is_file():
        others = [path.name for path in output.iterdir() if not path.name.startswith(".")]
        if others:
            raise ValueError(
                f"{output} is not empty ({others[0]} ...) and holds no fit. Give another --output."
            )


def begin_or_resume(output: Path, facts: dict[str, Any]) -> None:
    """Write the record of a new fit. Raises ``ValueError`` where the folder holds another one."""
    record = output / RECORD
    if record.is_file():
        if why := why_broken(record):
            raise ValueError(
                f"{output}: {why}, so nobody can tell which fit it holds. Give another --output."
            )
        then = json.loads(record.read_text(encoding="utf-8"))
        if not isinstance(then, dict):
            raise ValueError(f"{output}: {RECORD} is no record of a fit. Give another --output.")
        changed = [name for name in facts if then.get(name) != facts[name]]
        if changed:
            raise ValueError(
                f"{output} holds a fit with another {', '.join(changed)}. Give another --output, "
                "or repeat the earlier command to go on with it."
            )
        return
    _write(record, facts)


def keep(
    arguments: argparse.Namespace, fitted: Fitted, record: Path, name: str, words: str
) -> bool:
    """Save a head's checkpoints and then its record, which says that it is whole."""
    import training

    head = fitted.heads[0]
    if not head.complete:
        return False
    for seed in head.seeds:  # of a fit that was killed while it saved: there is no record of it
        shutil.rmtree(arguments.output / f"{name}-{head.name}-s{seed}", ignore_errors=True)
    seeds = head.seeds[: arguments.save_seeds] if arguments.save_seeds else None
    training.save(fitted, arguments.output, seeds=seeds, name=name, command=words)
    _write(
        record,
        {
            "head": head.key,
            "options": dict(head.options),
            "seeds": list(head.seeds),
            "learning_rate": head.learning_rate,
            "rates": {f"{rate:g}": loss for rate, loss in head.rates.items() if loss == loss},
            "parameters": head.parameters,
            "epochs": head.epochs,
            "seconds": round(head.seconds, 2),
            "rows": dict(fitted.rows),
            "scores": {metric: values.tolist() for metric, values in head.scores.items()},
            "notes": list(fitted.notes),
        },
    )
    return True


def summary(output: Path) -> str:
    """The heads of an output folder as a table: mean and standard deviation over seeds."""
    rows: list[list[str]] = []
    for path in filter(is_kept, sorted((output / HEADS).glob("*.json"))):
        record = json.loads(path.read_text(encoding="utf-8"))
        if not rows:
            rows.append(["head", *record["scores"], "rate", "parameters", "seconds"])
        cells = [
            f"{np.mean(v):.4f}" + (f" ± {np.std(v, ddof=1):.4f}" if len(v) > 1 else "")
            for v in record["scores"].values()
        ]
        rate, count = f"{record['learning_rate']:g}", f"{record['parameters']:,}"
        rows.append([path.stem, *cells, rate, count, f"{record['seconds']:.1f}"])
    if not rows:
        return "no head is fitted"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def unusable(output: Path) -> list[str]:
    """Why saved heads cannot be opened: their encoder went away meanwhile."""
    from analysis.checkpoints import discover

    return [broken.reason for broken in discover(output)[1]][:1]


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
