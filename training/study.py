"""Run a study: every run once, whoever runs it, however often it is interrupted.

A finished run is one file, ``<output>/<name>/runs/<hash>.json``, that appears by one rename. A
run is taken by a lock that the operating system frees when its process dies, so several
processes, on one machine or on a shared folder, share a study without doing a run twice.
Under ``torchrun`` or ``accelerate launch`` the processes of one launch do each run together: the
first of them holds the lock and writes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from analysis.common.whole import NOT_WRITTEN, is_whole, tidy, write_whole
from analysis.study.results import DECLARATION, RUNS, read_study
from training import study_frozen
from training.study_plan import Plan, PlannedRun, encoder_name, read_plan
from training.study_progress import progress, table
from training.study_run import Sources, execute, settings_of

WORK = ".work"  # locks, and what the Trainer writes during a run
WAIT_SECONDS = 5.0

Execute = Callable[[PlannedRun, Sources, Path], dict[str, Any]]


def study(
    config: str | Path,
    data: str | None,
    text_data: str | None,
    output: str | Path,
    *,
    only: str | None = None,
    encoders: Mapping[str, str] | None = None,
    do: Execute | None = None,
) -> int:
    """Do what is missing of a study. Returns 0, or 1 where a run failed.

    ``data`` is a GLUE folder or ``"hub"``, ``text_data`` the folder that holds ``trec/``.
    ``only`` names one family, ``encoders`` says in which folder one of the file's encoders is. A
    run that fails is reported and does not stop the others; the
    same command tries it again. Of several processes that share each run an error that may be of
    one of them alone ends all.

    Raises
    ------
    ValueError
        The plan cannot be read, a pooling head has no such option, or the folder holds results of
        another plan under the same name.
    """
    _one_gpu_per_process()
    plan = read_plan(config)
    named = {encoder_name(value["encoder"]): value["encoder"] for value in plan.heads.values()}
    sources = Sources(data, text_data, named | dict(encoders or {}), plan.own)
    frozen = plan.tuning == "frozen"
    do = do or (study_frozen.execute if frozen else execute)
    for run in plan.runs:  # what cannot work is said before hours are spent
        if not frozen:
            settings_of(run, sources)
    folder = Path(output) / plan.name
    main = _first_of_launch()
    if main:
        declare(plan, folder)
    runs = _chosen(plan, only)
    if frozen:
        unknown = {run.config["head"] for run in runs if study_frozen.missing_head(run)}
        if unknown and main:
            print(f"not known here, left for later: {', '.join(sorted(unknown))}", flush=True)
        runs = tuple(run for run in runs if not study_frozen.missing_head(run))
    failed = _work(runs, plan, sources, folder, do)
    if main:
        print(table(read_study(folder)), flush=True)
    if failed and main:
        names = ", ".join(run.name for run in runs if run.hash in failed)
        print(f"not finished: {names}; the same command tries again", file=sys.stderr)
    return 1 if failed else 0


def declare(plan: Plan, folder: Path) -> None:
    """Write the declaration beside the results; what is finished stays, whatever was added."""
    (folder / RUNS).mkdir(parents=True, exist_ok=True)
    (folder / WORK).mkdir(exist_ok=True)
    tidy(folder / RUNS)
    write_whole(folder / WORK / ".gitignore", "*\n")  # locks are no results
    path = folder / DECLARATION
    text = json.dumps(plan.declaration(), indent=1, ensure_ascii=False) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_whole(path, text)


def _chosen(plan: Plan, only: str | None) -> tuple[PlannedRun, ...]:
    if only is None:
        return plan.runs
    for family in plan.families:
        if family.name == only:
            variants = {family.against, *family.heads}
            return tuple(
                run
                for run in plan.runs
                if run.task in family.tasks
                and run.variant in variants
                and run.seed in family.seeds
                and run.share in family.shares
            )
    names = ", ".join(family.name for family in plan.families)
    raise ValueError(f"The study has no family {only!r}; it has {names}.")


def _work(
    runs: tuple[PlannedRun, ...], plan: Plan, sources: Sources, folder: Path, do: Execute
) -> set[str]:
    """Pass over the missing runs until none is left but those that failed here."""
    failed: set[str] = set()
    while True:
        missing = {run.hash for run in runs if not is_whole(_path(folder, run))} - failed
        missing = _agreed(missing)
        if not missing:
            return failed
        did = False
        for run in (run for run in runs if run.hash in missing):
            with _taken(folder, run) as mine:
                if not _agreed(mine):
                    continue
                did = True
                try:
                    _do(run, sources, folder, do)
                except Exception as error:  # hours of work: the next run may well succeed
                    if isinstance(error, OSError) and error.errno in NOT_WRITTEN:
                        raise  # nor could the next one's record be written
                    if _processes() > 1 and not isinstance(error, ValueError):
                        # It may be of this process alone, and the others wait for it: the
                        # launcher ends them all, and the same command goes on.
                        raise
                    failed.add(run.hash)
                    print(
                        f"{run.name} failed: {type(error).__name__}: {error}",
                        file=sys.stderr,
                        flush=True,
                    )
                    continue
            if _first_of_launch():
                print(progress(read_study(folder), runs, run), flush=True)
        if not did:  # all that is missing is under way elsewhere; a process that dies frees it
            time.sleep(WAIT_SECONDS)


def _do(run: PlannedRun, sources: Sources, folder: Path, do: Execute) -> None:
    scratch = folder / WORK / run.hash
    first = _first_of_launch()
    if first:
        shutil.rmtree(scratch, ignore_errors=True)  # what a killed process left behind
    try:
        record = do(run, sources, scratch)
    finally:
        if first:
            shutil.rmtree(scratch, ignore_errors=True)
    if first:
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        write_whole(_path(folder, run), text + "\n")


def _path(folder: Path, run: PlannedRun) -> Path:
    return folder / RUNS / f"{run.hash}.json"


@contextmanager
def _taken(folder: Path, run: PlannedRun) -> Iterator[bool]:
    """Whether this process has the run: its lock is held, and nobody finished it meanwhile."""
    from filelock import FileLock, Timeout

    if not _first_of_launch():
        yield False  # overruled by what the first process of the launch has got
        return
    lock = FileLock(folder / WORK / f"{run.hash}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield not is_whole(_path(folder, run))
    finally:
        lock.release()


def _first_of_launch() -> bool:
    return int(os.environ.get("RANK", "0")) == 0


Decision = TypeVar("Decision")


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _agreed(decision: Decision) -> Decision:
    """Decision of the first process of a launch, in all of them."""
    if _processes() == 1:
        return decision
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    PartialState(cpu=not torch.cuda.is_available())
    decisions = [decision]
    broadcast_object_list(decisions)
    return decisions[0]


def _one_gpu_per_process() -> None:
    """Without a launcher one process uses one GPU: with several, the Trainer would spread a
    batch over all of them and make it larger, and the run would be another one."""
    if "WORLD_SIZE" not in os.environ:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
