"""Fine-tuning several pooling heads with several seeds, a process each: what the page Train runs.

Every run is ``python -m training finetune`` on files that are written first, so a stopped run goes
on from its last whole state, a finished one is not done again, and memory is given back.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.common.whole import write_whole
from analysis.datasets.table import Table
from analysis.study.fits import FitScores, HeadScores
from training import metrics
from training.frozen.problem import Problem, notes_on, problem_of, split_rows
from training.frozen.record import most_disputed
from training.settings import Settings, Splits, load_splits

TRAIN, DEV = "train.jsonl", "dev.jsonl"
_STEP = re.compile(r"step (\d+)/(\d+)")
_EVERY = 1.0  # seconds between two lines of progress of a run


class Stopped(Exception):
    """The work was stopped; what is done is kept in its folder."""


@dataclass(frozen=True)
class Run:
    """One run of many: pooling head, seed, and the checkpoint folder it writes."""

    head: str
    seed: int
    folder: Path

    @property
    def finished(self) -> bool:
        """Whether the folder holds a whole checkpoint."""
        return (self.folder / "config.json").is_file()


@dataclass(frozen=True)
class Tuning:
    """Request of a fine-tuning: an encoder with each of these heads and seeds, on a table."""

    encoder: str
    table: Table
    heads: tuple[str, ...]
    seeds: int
    method: Literal["lora", "full"]
    name: str
    data: str
    own_heads: tuple[Path, ...] = ()
    min_steps: int | None = None  # of each run; None: as the recipe has it

    def runs(self, folder: Path) -> tuple[Run, ...]:
        """All runs, seed by seed, so that all heads have a score early."""
        return tuple(
            Run(head, seed, folder / f"{self.name}-{head}-s{seed}")
            for seed in range(self.seeds)
            for head in self.heads
        )

    def settings(self, run: Run) -> Settings:
        """Settings of one run, on the files that :func:`tune` has written."""
        place = run.folder.parent
        return Settings(
            task="csv",
            head=run.head,
            encoder=self.encoder,
            output=run.folder,
            tuning=self.method,
            seed=run.seed,
            train=place / TRAIN,
            dev=place / DEV,
            text="text",
            pair=None if self.table.pair is None else "pair",
            label="label",
            label_kind="number" if self.table.regression else "classes",
        )


def tune(
    tuning: Tuning,
    folder: Path,
    *,
    progress: Callable[[int, int, Run, int, int], None] | None = None,
    finished: Callable[[Run, float], None] | None = None,
    cancel: Event | None = None,
) -> FitScores:
    """Do what is missing of all runs below ``folder``, and return their scores.

    Parameters
    ----------
    tuning
        What is fine-tuned. Four fifths of its rows are trained on, the rest is scored on; rows
        with the same text are on one side.
    folder
        Where the checkpoints are written; runs that are there already are kept.
    progress
        Called with (runs done, all runs, run under way, its step, its steps).
    finished
        Called with each finished run and its score.
    cancel
        Set it to stop; the run under way keeps its last whole state.

    Raises
    ------
    Stopped
        ``cancel`` was set.
    ValueError
        Nothing can be learnt from the rows, or no run ended with a checkpoint.
    OSError
        The disk is full, or the folder cannot be written to.
    """
    problem = problem_of(tuning.table)
    train, dev = _split(tuning.table, problem)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / TRAIN, train)
    _write(folder / DEV, dev)
    runs = tuning.runs(folder)
    splits = load_splits(tuning.settings(runs[0]))
    reasons: dict[str, str] = {}
    answers: dict[Run, NDArray[np.float32]] = {}
    for done, run in enumerate(runs):
        if run.head in reasons:
            continue
        if not run.finished:
            steps = _steps(tuning, run, cancel)
            try:
                for step, total in steps:
                    if progress is not None:
                        progress(done, len(runs), run, step, total)
            except _Failed as failure:
                reasons[run.head] = str(failure)
                continue
        answers[run] = _answers(run, splits)
        if finished is not None:
            finished(run, _score(answers[run], splits, problem))
    if not answers:
        raise ValueError("; ".join(f"{head}: {why}" for head, why in reasons.items()))
    cut = (0, 0)  # the cards of the checkpoints count them
    return FitScores(
        name=tuning.name,
        encoder=Path(tuning.encoder).name if Path(tuning.encoder).is_dir() else tuning.encoder,
        data=tuning.data,
        metric=problem.metrics[0],
        labels=splits.train.labels,
        rows={"train": len(train), "dev": len(dev)},
        seeds=tuning.seeds,
        heads=tuple(
            _head(head, answers, splits, problem, reasons.get(head, "")) for head in tuning.heads
        ),
        notes=tuple(notes_on(train, dev, problem_of(train), cut, 0)),
        states_seconds=0.0,
        example=most_disputed(
            [_predicted(logits, splits) for run, logits in answers.items() if run.seed == 0], dev
        ),
        checkpoints=tuple(run.folder.name for run in answers),
        tuning=tuning.method,
    )


def _split(table: Table, problem: Problem) -> tuple[Table, Table]:
    """Rows to train on and to score on; a class that cannot be learnt is not asked for."""
    train_rows, dev_rows = split_rows(table, problem)
    if problem.kind == "classes":
        dev_rows = dev_rows[np.isin(problem.target[dev_rows], problem.target[train_rows])]
    return table.take(train_rows), table.take(dev_rows)


def _write(path: Path, table: Table) -> None:
    """Rows as JSON lines that the trainer reads: text, pair, and a name, names or a number."""
    assert table.label is not None
    lines = []
    for row, text in enumerate(table.text):
        value = table.label[row]
        label: object
        if table.regression:
            label = float(value)
        elif table.several:
            label = [table.labels[place] for place in np.flatnonzero(value)]
        else:
            label = table.labels[int(value)]
        pair = {} if table.pair is None else {"pair": table.pair[row]}
        lines.append(json.dumps({"text": text, **pair, "label": label}, ensure_ascii=False))
    write_whole(path, "\n".join(lines) + "\n")


class _Failed(Exception):
    """A run ended without a checkpoint; its words are the reason."""


def _steps(tuning: Tuning, run: Run, cancel: Event | None) -> Iterator[tuple[int, int]]:
    """(step, steps) of a run in a process of its own, until it has ended.

    Raises
    ------
    Stopped
        ``cancel`` was set; the process is gone.
    _Failed
        It ended without a checkpoint.
    """
    process = subprocess.Popen(
        _command(tuning, run),
        stdin=subprocess.PIPE,  # it ends when this is closed, whatever becomes of this process
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONPATH": _root(), "PYTHONUNBUFFERED": "1"},
    )
    lines: Queue[str] = Queue()
    assert process.stdout is not None
    reader = Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    last: deque[str] = deque(maxlen=5)
    try:
        while process.poll() is None or reader.is_alive() or not lines.empty():
            if cancel is not None and cancel.is_set():
                raise Stopped
            try:
                line = lines.get(timeout=0.3)
            except Empty:
                continue
            last.append(line)
            if match := _STEP.search(line):
                yield int(match[1]), int(match[2])
    finally:
        _end(process)
    if not run.finished:
        errors = [line.removeprefix("error: ") for line in last if line.startswith("error: ")]
        errors = errors or [line for line in last if line.strip()]
        raise _Failed(
            errors[-1] if errors else f"its process ended with status {process.returncode}"
        )


def _read(stream: IO[str], lines: Queue[str]) -> None:
    for line in stream:
        lines.put(line.rstrip("\n"))


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _command(tuning: Tuning, run: Run) -> list[str]:
    settings = tuning.settings(run)
    words = [sys.executable, "-m", __name__.rpartition(".")[0], "finetune"]
    for name in ("task", "head", "encoder", "tuning", "seed", "train", "dev", "text", "pair"):
        value = getattr(settings, name)
        words += [] if value is None else [f"--{name}", str(value)]
    words += ["--label", "label", "--label-kind", settings.label_kind]
    words += [word for path in tuning.own_heads[:1] for word in ("--heads", str(path))]
    words += [] if tuning.min_steps is None else ["--min-steps", str(tuning.min_steps)]
    return [*words, "--output", str(run.folder), "--report-every", str(_EVERY), "--with-parent"]


def _root() -> str:
    """The folder that this package is imported from."""
    return str(Path(__file__).resolve().parents[len(__name__.split(".")) - 1])


def _answers(run: Run, splits: Splits) -> NDArray[np.float32]:
    """Logits (N, C) of a finished run on the scored rows."""
    import analysis
    from training.evaluate import predict

    return predict(analysis.load(run.folder), splits.scored["dev"])


def _score(logits: NDArray[np.float32], splits: Splits, problem: Problem) -> float:
    dev = splits.scored["dev"]
    assert dev.label is not None
    name = problem.metrics[0]
    return metrics.score([name], dev.label, logits, regression=dev.regression)[name]


def _head(
    head: str,
    answers: dict[Run, NDArray[np.float32]],
    splits: Splits,
    problem: Problem,
    reason: str,
) -> HeadScores:
    """Scores of one head over its seeds, the mean confusion, and what its runs took."""
    mine = [(run, logits) for run, logits in answers.items() if run.head == head]
    facts = [json.loads((run.folder / "training.json").read_text("utf-8")) for run, _ in mine]
    classes = len(splits.train.labels)
    confusion = np.zeros((0, 0))
    if problem.kind == "classes" and mine and classes <= 50:
        confusion = np.zeros((classes, classes))
        for _, logits in mine:
            places = (np.asarray(splits.scored["dev"].label, int), logits.argmax(1))
            np.add.at(confusion, places, 1.0 / len(mine))
    return HeadScores(
        name=head,
        scores=np.array([_score(logits, splits, problem) for _, logits in mine]),
        curve=np.zeros((0, 0)),
        confusion=confusion,
        parameters=int(facts[0]["trained_parameters"]) if facts else 0,
        seconds=float(sum(fact["training_seconds"] for fact in facts)),
        learning_rate=float(facts[0]["recipe"]["learning_rate"]) if facts else 0.0,
        reason=reason,
    )


def _predicted(logits: NDArray[np.float32], splits: Splits) -> np.ndarray:
    """Prediction of a run for each row: a class, classes or a number."""
    if splits.train.regression:
        return logits[:, 0]
    return (logits > 0).astype(int) if splits.train.several else logits.argmax(1)
