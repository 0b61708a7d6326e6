"""Fine-tuning several heads and seeds: a process each, stopped, continued, scored as reloaded."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

import analysis
from tests.support import frozen_data, zoo
from training.__main__ import INTERRUPTED
from training.evaluate import predict
from training.tuning import DEV, Stopped, Tuning, _command, tune

ROOT = Path(__file__).parents[2]


def tuning(*heads: str, **changes) -> Tuning:
    plan = Tuning(
        encoder=str(zoo.folder("bare")),
        table=frozen_data.table(60, 1),
        heads=heads,
        seeds=1,
        method="lora",
        name="toy",
        data="toy rows",
        min_steps=1,
    )
    return replace(plan, **changes)


def scored_as_reloaded(scores, head, folder):
    """The score of a head is that of its folder, read again, on the rows that were held out."""
    rows = [json.loads(line) for line in (folder / DEV).read_text().splitlines()]
    assert len(rows) == scores.rows["dev"]
    classifier = analysis.load(folder / f"toy-{head.name}-s0")
    table = analysis.datasets.Table(
        "csv", "dev", tuple(row["text"] for row in rows), None, None, scores.labels
    )
    answers = predict(classifier, table).argmax(1)
    right = [scores.labels[place] == row["label"] for place, row in zip(answers, rows, strict=True)]
    assert head.scores[0] == pytest.approx(np.mean(right))
    assert head.confusion.sum() == pytest.approx(len(rows))
    assert scores.example[0] in {row["text"] for row in rows}


@pytest.mark.slow
def test_each_head_becomes_a_checkpoint_whose_score_is_that_of_the_reloaded_folder(tmp_path):
    steps = []
    scores = tune(
        tuning("cls", "max_cls"),
        tmp_path,
        progress=lambda done, runs, run, step, total: steps.append((done, runs, step, total)),
    )
    assert [head.name for head in scores.heads] == ["cls", "max_cls"]
    assert scores.tuning == "lora"
    for head in scores.heads:
        scored_as_reloaded(scores, head, tmp_path)
    assert steps, "a run tells its steps"


@pytest.mark.slow
def test_what_is_done_when_it_is_stopped_is_not_done_again(tmp_path):
    cancel = Event()
    with pytest.raises(Stopped):
        tune(tuning("cls", "mean"), tmp_path, finished=lambda *_: cancel.set(), cancel=cancel)
    first = tmp_path / "toy-cls-s0"
    made = (first / "config.json").stat().st_mtime_ns
    assert not (tmp_path / "toy-mean-s0" / "config.json").exists()
    scores = tune(tuning("cls", "mean"), tmp_path)
    assert (first / "config.json").stat().st_mtime_ns == made
    assert all(head.scores.size == 1 for head in scores.heads)


def test_a_head_that_cannot_be_trained_has_a_reason_and_the_others_go_on(tmp_path):
    steps = []
    scores = tune(
        tuning("nowhere", "max_cls"),
        tmp_path,
        progress=lambda done, runs, run, step, total: steps.append((done, runs, step, total)),
    )
    lost, kept = scores.heads
    assert "nowhere" in lost.reason
    assert not lost.scores.size
    assert (kept.name, kept.scores.size) == ("max_cls", 1)
    assert scores.tuning == "lora"
    scored_as_reloaded(scores, kept, tmp_path)
    assert steps, "a run tells its steps"


def test_nothing_to_learn_is_said_before_a_process_begins(tmp_path):
    table = frozen_data.table(60, 1)
    with pytest.raises(ValueError, match="at least two classes"):
        tune(tuning("cls", table=table.take(np.flatnonzero(table.label == 0))), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_run_ends_with_the_program_that_began_it(tmp_path):
    plan = tuning("cls", min_steps=10**6)
    with pytest.raises(Stopped):
        tune(plan, tmp_path, cancel=_set())  # the files are written, nothing has begun
    command = _command(plan, plan.runs(tmp_path)[0])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        next(line for line in process.stdout if "step" in line)
        process.stdin.close()
        assert process.wait(60) == INTERRUPTED
    assert not (tmp_path / "toy-cls-s0" / "config.json").exists()


def _set() -> Event:
    event = Event()
    event.set()
    return event
