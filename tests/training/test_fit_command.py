"""``python -m training fit``: a file in, checkpoints out; resumed, never over another fit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import analysis
from tests.support import frozen_data, zoo
from tests.support.sentences import in_order
from training.__main__ import main
from training.evaluate import predict

ROOT = Path(__file__).parents[2]
QUICK = ["--epochs", "2", "--min-steps", "1", "--learning-rate", "0.003"]


@pytest.fixture
def data(tmp_path) -> Path:
    file = tmp_path / "reviews.csv"
    frozen_data.table(160, 1).frame()[["text", "label"]].to_csv(file, index=False)
    return file


def words(data: Path, output: Path, *more: str) -> list[str]:
    return [
        "fit", "--encoder", str(zoo.folder("bare")), "--data", str(data), "--text", "text",
        "--label", "label", "--states", str(data.parent / "states"), "--output", str(output),
        *QUICK, *more,
    ]  # fmt: skip


def test_every_head_becomes_checkpoints_of_every_seed(data, tmp_path, capsys):
    output = tmp_path / "out"
    assert main(words(data, output, "--heads", "cls", "mha", "--seeds", "2")) == 0
    fitted, broken = analysis.checkpoints.discover(output)
    assert not broken
    assert [checkpoint.id for checkpoint in fitted] == [
        f"reviews-{h}-s{s}" for h in ("cls", "mha") for s in (0, 1)
    ]
    assert fitted[0].labels == tuple(sorted(frozen_data.CLASSES))
    printed = capsys.readouterr().out
    assert "states  160/160 rows" in printed
    assert "[2/2] mha" in printed
    facts = json.loads((fitted[0].folder / "training.json").read_text())
    assert "python -m training fit" in facts["command"]
    assert str(tmp_path) not in facts["command"]


def test_all_heads_are_fitted_where_none_is_named(data, tmp_path, monkeypatch):
    for key in set(analysis.heads.HEADS) - {"cls", "mean", "max_seq_mha"}:
        monkeypatch.delitem(analysis.heads.HEADS, key)  # each is fitted in test_frozen_fit.py
    output = tmp_path / "out"
    assert main(words(data, output, "--seeds", "1")) == 0
    fitted = {path.stem for path in (output / "_heads").glob("*.json")}
    assert fitted == set(analysis.heads.HEADS)


def test_a_second_time_there_is_nothing_to_do(data, tmp_path, capsys):
    output = tmp_path / "out"
    command = words(data, output, "--heads", "cls", "mean", "--seeds", "1")
    assert main(command) == 0
    times = {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert "mean" in capsys.readouterr().out  # the table of what is there


def test_more_heads_are_added_to_a_fit_and_other_settings_are_refused(data, tmp_path, capsys):
    output = tmp_path / "out"
    assert main(words(data, output, "--heads", "cls", "--seeds", "1")) == 0
    assert main(words(data, output, "--heads", "mean", "--seeds", "1")) == 0
    assert main(words(data, output, "--heads", "max", "--seeds", "2")) == 2
    assert "another seeds" in capsys.readouterr().err


def test_a_folder_with_other_content_is_refused(data, tmp_path, capsys):
    output = tmp_path / "out"
    output.mkdir()
    (output / "thesis.tex").write_text("years of work")
    assert main(words(data, output, "--heads", "cls")) == 2
    assert "thesis.tex" in capsys.readouterr().err
    assert [path.name for path in output.iterdir()] == ["thesis.tex"]


@pytest.mark.slow
def test_killed_while_it_fits_it_goes_on_and_ends_as_one_never_killed(data, tmp_path):
    command = ["--heads", "cls", "mean", "mha", "max_seq_mha", "--seeds", "3", "--epochs", "40"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = tmp_path / "killed"
    arguments = words(data, output, *command)
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *arguments], env=environment, cwd=ROOT
    )
    while not list((output / "_heads").glob("*.json")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in (output / "_heads").glob("*.json")}
    # As if it had been killed between two checkpoints of a head.
    half = output / "reviews-mha-s0"
    if not half.exists():
        shutil.copytree(output / "reviews-cls-s0", half)
    (output / "_heads" / "mha.json").unlink(missing_ok=True)
    assert main(arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in kept if path.stem != "mha"} == {
        path: then for path, then in kept.items() if path.stem != "mha"
    }
    calm = tmp_path / "calm"
    assert main(words(data, calm, *command)) == 0
    for head in ("cls", "mean", "mha", "max_seq_mha"):
        values, other = (
            json.loads((folder / "_heads" / f"{head}.json").read_text())["scores"]
            for folder in (output, calm)
        )
        assert values == other
        name = f"reviews-{head}-s2/head.safetensors"
        assert (output / name).read_bytes() == (calm / name).read_bytes()


def test_several_labels_a_row_from_one_column(tmp_path):
    file = tmp_path / "topics.csv"
    table = frozen_data.labels(120, 1)
    rows = [
        "|".join(name for name, on in zip(table.labels, row, strict=True) if on)
        for row in table.label
    ]
    file.write_text(
        "text,label\n" + "".join(f"{t},{r}\n" for t, r in zip(table.text, rows, strict=True))
    )
    output = tmp_path / "out"
    more = ["--label-separator", "|", "--heads", "mha", "--seeds", "1", "--epochs", "60"]
    assert main(words(file, output, *more)) == 0
    config = json.loads((output / "topics-mha-s0" / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    assert config["id2label"] == {"0": "bad", "1": "good", "2": "poor"}
    logits = predict(analysis.load(output / "topics-mha-s0", device="cpu"), table)
    expected = table.label[:, [1, 0, 2]]
    assert ((logits > 0) == expected).mean() > 0.85


@pytest.mark.parametrize("columns", [["bad,good,poor"], ["bad", "good", "poor"]])
def test_several_labels_a_row_from_a_column_each(tmp_path, columns):
    table = frozen_data.labels(60, 4)
    file = tmp_path / "topics.csv"
    rows = [",".join(str(int(on)) for on in row) for row in table.label[:, [1, 0, 2]]]
    file.write_text(
        "text,bad,good,poor\n"
        + "".join(f"{t},{r}\n" for t, r in zip(table.text, rows, strict=True))
    )
    output = tmp_path / "out"
    more = ["--label-columns", *columns, "--heads", "mean", "--seeds", "1", "--epochs", "2"]
    without = words(file, output)
    place = without.index("--label")
    assert main([*without[:place], *without[place + 2 :], *more]) == 0
    config = json.loads((output / "topics-mean-s0" / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    assert config["id2label"] == {"0": "bad", "1": "good", "2": "poor"}
    assert (
        "--label-columns"
        in json.loads((output / "topics-mean-s0" / "training.json").read_text())["command"]
    )


def test_a_head_of_ones_own_comes_from_its_file(data, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(
        "from analysis.heads import Pooled, PoolingHead, head, pooling\n"
        "@head('second_token_for_this_test')\n"
        "class Second(PoolingHead):\n"
        "    def read(self, hidden, attention_mask):\n"
        "        return Pooled(hidden[-1][:, 1])\n"
    )
    output = tmp_path / "out"
    more = ["--heads-file", str(file), "--heads", "second_token_for_this_test", "--seeds", "1"]
    try:
        assert main(words(data, output, *more)) == 0
    finally:
        analysis.heads.HEADS.pop("second_token_for_this_test", None)
    assert (output / "reviews-second_token_for_this_test-s0" / "head.safetensors").is_file()


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    import csv

    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("text", "label"), *rows])
    return path


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([("the plot is thin", "bad"), ("the film is good", "good"), ("poor", "bad")], "3 rows"),
        ([(f"text number {n}", "bad") for n in range(40)], "at least two classes"),
        ([(f"text number {n}", f"class {n}") for n in range(5000)], "too many for classes"),
        ([(f"text number {n}", "7.5") for n in range(40)], "every label is 7.5"),
        ([("the same text", f"{n % 2}") for n in range(40)], "No rows|no rows|are too few"),
    ],
)
def test_rows_that_cannot_be_fitted_are_refused_with_their_reason(tmp_path, capsys, rows, reason):
    import re

    file = write(tmp_path / "rows.csv", rows)
    assert main(words(file, tmp_path / "out", "--heads", "cls")) == 2
    errors = capsys.readouterr().err
    assert re.search(reason, errors), errors
    assert "Traceback" not in errors


def test_rows_without_a_label_are_left_out_and_counted(tmp_path, capsys):
    rows = [
        (f"text number {n} {'good' if n % 2 else 'bad'}", ["no", "yes"][n % 2]) for n in range(60)
    ]
    rows[7] = (rows[7][0], "")
    file = write(tmp_path / "rows.csv", rows)
    assert main(words(file, tmp_path / "out", "--heads", "cls", "--seeds", "1")) == 0
    assert "59 of 60 rows" in capsys.readouterr().out


def test_leaking_rows_and_a_class_of_one_row_are_counted(tmp_path, capsys):
    table = frozen_data.table(80, 1)
    names = [frozen_data.CLASSES[row] for row in table.label]
    train = write(tmp_path / "train.csv", [*zip(table.text, names, strict=True), ("rare", "once")])
    dev = write(tmp_path / "dev.csv", list(zip(table.text, names, strict=True))[:10])
    more = ["--dev", str(dev), "--heads", "cls", "--seeds", "1"]
    assert main(words(train, tmp_path / "out", *more)) == 0
    output = capsys.readouterr().out
    assert in_order(output, "10 of the 10 rows", "scored", "training rows")
    assert "one training row: 'once'" in output
    facts = json.loads((tmp_path / "out" / "train-cls-s0" / "training.json").read_text())
    assert any("among the training rows" in note for note in facts["notes"])


def test_an_encoder_that_is_deleted_under_way_is_said_and_the_heads_are_kept(
    data, tmp_path, capsys
):
    encoder = tmp_path / "encoder"
    shutil.copytree(zoo.folder("bare"), encoder)
    command = words(data, tmp_path / "out", "--heads", "cls", "--seeds", "1")
    command[command.index("--encoder") + 1] = str(encoder)
    from training.frozen import fit as module

    before = module.fit_head

    def deleted(*arguments):
        shutil.rmtree(encoder, ignore_errors=True)
        return before(*arguments)

    module.fit_head = deleted
    try:
        assert main(command) == 0
    finally:
        module.fit_head = before
    errors = capsys.readouterr().err
    assert "its encoder" in errors
    assert "put the encoder back" in errors
    (problem,) = analysis.checkpoints.discover(tmp_path / "out")[1]
    shutil.copytree(zoo.folder("bare"), tmp_path / "out" / "encoder")  # beside it will do
    logits = analysis.load(tmp_path / "out" / problem.id, device="cpu")
    assert np.isfinite(logits.model.classifier.weight.numpy()).all()


def test_a_file_or_column_that_is_not_there_is_said(data, tmp_path, capsys):
    assert main(words(tmp_path / "none.csv", tmp_path / "out")) == 2
    assert "none.csv" in capsys.readouterr().err
    command = words(data, tmp_path / "out")
    command[command.index("--label") + 1] = "stars"
    assert main(command) == 2
    assert "'stars'" in capsys.readouterr().err


def test_a_second_fit_in_the_same_folder_waits_and_says_so(data, tmp_path, capsys):
    from threading import Event, Thread

    from filelock import FileLock

    output = tmp_path / "out"
    output.mkdir()
    held = Event()

    def other_fit():
        with FileLock(output / ".lock"):
            held.set()
            time.sleep(0.5)

    Thread(target=other_fit).start()
    held.wait()
    assert main(words(data, output, "--heads", "cls", "--seeds", "1")) == 0
    assert "waiting for it to end" in capsys.readouterr().out
