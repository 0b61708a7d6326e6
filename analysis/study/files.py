"""The files of a study's folder, read with suspicion: what is wrong is said, and in which file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.common.strict_json import read_json as parse

if TYPE_CHECKING:
    from analysis.study.results import Cell, Family

DECLARATION = "study.json"
RUNS = "runs"
_AGAIN = "Remove the file and run the study again."
# What a record must hold, beside its own name, and as which kind of value.
_PARTS = {"metrics": dict, "predictions": dict, "seconds": dict, "data": dict, "machine": dict}


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises
    ------
    ValueError
        Not there, no JSON, or something else than an object.
    """
    try:
        value = parse(path.read_bytes())
    except OSError as error:
        raise ValueError(
            f"{path}: {error.strerror}. Name a folder that 'python -m training study' wrote."
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}. Remove it and run again.") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds no record. {_AGAIN}")
    return value


def read_records(path: Path, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """The finished runs that a file holds: one, or one a seed, whose scores are lists there.

    Raises
    ------
    ValueError
        As :func:`read_record`, or the seeds are not those that were declared.
    """
    whole = read_json(path)
    if "seeds" not in whole:
        return [read_record(path)]
    try:
        if list(whole["seeds"]) != list(seeds):
            raise ValueError("seeds")
        records = [
            {
                **{name: value for name, value in whole.items() if name != "seeds"},
                "seed": seed,
                "metrics": {
                    split: {name: values[place] for name, values in scores.items()}
                    for split, scores in whole["metrics"].items()
                },
                "seconds": {name: value / len(seeds) for name, value in whole["seconds"].items()},
            }
            for place, seed in enumerate(seeds)
        ]
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path} is no record of seeds {seeds[0]} to {seeds[-1]} ({error}). {_AGAIN}"
        ) from None
    for record in records:
        check_record(path, record)
    return records


def read_record(path: Path) -> dict[str, Any]:
    """A finished run; every part that is used later is there and of its kind.

    Raises
    ------
    ValueError
        It is not; the sentence names the file and the part.
    """
    record = read_json(path)
    check_record(path, record)
    return record


def check_record(path: Path, record: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` where a part that is used later is not there or of another kind."""
    lacking = [name for name in ("hash", *_PARTS) if name not in record]
    if lacking or record["hash"] != path.stem:
        raise ValueError(
            f"{path} is no record of run {path.stem} (missing: {', '.join(lacking) or 'none'}). "
            f"{_AGAIN}"
        )
    odd = next((name for name, kind in _PARTS.items() if not isinstance(record[name], kind)), None)
    if odd is None and not _number(record["seconds"].get("training")):
        odd = "seconds"
    if odd is None and not all(
        isinstance(scores, dict) and all(map(_number, scores.values()))
        for scores in record["metrics"].values()
    ):
        odd = "metrics"
    if odd is not None:
        raise ValueError(f"{path}: {odd!r} is not what a run writes there. {_AGAIN}")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def check_families(path: Path, families: Sequence[Family]) -> None:
    """Raise ``ValueError`` where a family would count something twice, or tests nothing."""
    for family in families:
        lists: dict[str, Sequence[object]] = {
            "pooling head": family.heads,
            "seed": family.seeds,
            "task at one share": [(stratum.task, stratum.share) for stratum in family.strata],
        }
        for what, entries in lists.items():
            if not entries or len(set(entries)) < len(entries):
                wrong = "twice" if entries else "not at all"
                raise ValueError(f"{path}: family {family.name!r} names a {what} {wrong}.")
        if family.against in family.heads:
            raise ValueError(f"{path}: family {family.name!r} tests {family.against} on itself.")


def check_scores(
    folder: Path, families: Sequence[Family], records: Mapping[Cell, Mapping[str, Any]]
) -> None:
    """Raise ``ValueError`` where a finished run lacks the score that its family declares."""
    for family in families:
        variants = {family.against, *family.heads}
        declared = {(stratum.task, stratum.share): stratum for stratum in family.strata}
        for cell, record in records.items():
            stratum = declared.get((cell.task, cell.share))
            if stratum is None or cell.variant not in variants or cell.seed not in family.seeds:
                continue
            if stratum.metric not in record["metrics"].get(stratum.split, {}):
                raise ValueError(
                    f"{folder / RUNS / record['hash']}.json has no {stratum.metric} on "
                    f"{stratum.split!r}, which family {family.name!r} declares. {_AGAIN}"
                )


def check_alike(folder: Path, records: Mapping[Cell, Mapping[str, Any]]) -> None:
    """Raise ``ValueError`` where runs that are compared had other rows or another encoder.

    Rows that are scored must be the same for a task, rows that were trained on for a task and
    share (and seed, where it is a part), the weights for an encoder's name. Older records do not
    say what they trained on.
    """
    seen: dict[object, tuple[str, str]] = {}
    for cell, record in records.items():
        config = record.get("config")
        name = config.get("encoder") if isinstance(config, dict) else None
        facts: list[tuple[object, object, str]] = [
            (
                (cell.task, split),
                digest,
                f"of task {cell.task} were scored on different rows of {split!r}",
            )
            for split, digest in record["data"].items()
        ]
        drawn = cell.seed if cell.share != 1 else None  # the whole set is the same for every seed
        facts.append(
            (
                (cell.task, cell.share, drawn),
                record.get("train_data"),
                f"of task {cell.task} were trained on different rows",
            )
        )
        facts.append(
            (
                (name,),
                record.get("encoder_sha256") if name else None,
                f"began from different weights under the name {name}",
            )
        )
        for key, digest, what in facts:
            if digest is None:
                continue
            first, where = seen.setdefault(key, (str(digest), record["hash"]))
            if first != str(digest):
                raise ValueError(
                    f"{folder}: runs {where} and {record['hash']} {what}. Remove one kind and run "
                    "the study again."
                )
