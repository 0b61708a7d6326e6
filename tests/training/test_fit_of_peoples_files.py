"""``python -m training fit`` on files and names as people have them."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import pytest

from tests.support import frozen_data, zoo
from training.__main__ import main, parser

QUICK = [
    "--epochs", "1", "--min-steps", "1", "--learning-rate", "0.003", "--seeds", "1",
    "--heads", "mean",
]  # fmt: skip
TEXTS = frozen_data.table(40, 1).text


def write(path: Path, labels, header=("text", "label")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for text, label in zip(TEXTS, labels, strict=False):
            writer.writerow([text, *(label if isinstance(label, tuple) else (label,))])
    return path


def words(file: Path, *more: str, label: str | None = "label") -> list[str]:
    return [
        "fit", "--encoder", str(zoo.folder("bare")), "--data", str(file), "--text", "text",
        *(["--label", label] if label else []), "--states", str(file.parent / "states"),
        "--output", str(file.parent / "out"), *QUICK, *more,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "labels", "metric"),
    [
        ("stsb", ["low", "high"] * 20, "accuracy"),
        ("mrpc", ["a", "b", "c"] * 13, "accuracy"),
        ("cola", [f"{n}.5" for n in range(40)], "pearson"),
    ],
)
def test_a_file_called_like_a_known_task_is_scored_by_its_own_labels(
    tmp_path, name, labels, metric
):
    assert main(words(write(tmp_path / f"{name}.csv", labels))) == 0
    record = json.loads((tmp_path / "out" / "_heads" / "mean.json").read_text())
    assert metric in record["scores"]
    (config,) = (tmp_path / "out").glob("*/config.json")
    assert json.loads(config.read_text())["task"] != name


@pytest.mark.parametrize(
    "name", ["../escape", "a/b", "/abs", "._hidden", "_own", "a\nb", "x" * 300]
)
def test_a_name_that_cannot_be_a_folders_is_refused_before_anything_runs(tmp_path, capsys, name):
    file = write(tmp_path / "own.csv", ["a", "b"] * 20)
    assert main(words(file, f"--name={name}")) == 2
    assert "--name" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"own.csv"}


def test_a_files_odd_name_becomes_a_folders_name(tmp_path):
    file = write(tmp_path / ".my data [1]*.csv", ["a", "b"] * 20)
    assert main(words(file)) == 0
    assert (tmp_path / "out" / "my-data-1-mean-s0" / "config.json").is_file()


def test_a_fit_that_was_killed_while_it_saved_removes_its_own_folders_only(tmp_path):
    file = write(tmp_path / "own.csv", ["a", "b"] * 20)
    for name in ("own-mean-s0", "own-mean-s0-backup", "own-mean-sum-s0"):
        (tmp_path / "out" / name).mkdir(parents=True)
    (tmp_path / "out" / "fit.json").write_text("{}")
    assert main(words(file)) == 2  # of another fit
    (tmp_path / "out" / "fit.json").unlink()
    for name in ("own-mean-s0-backup", "own-mean-sum-s0"):
        (tmp_path / "out" / name).rename(tmp_path / name)
    (tmp_path / "out" / "own-mean-s0").rmdir()
    assert main(words(file)) == 0
    for name in ("own-mean-s0-backup", "own-mean-sum-s0"):
        (tmp_path / name).rename(tmp_path / "out" / name)
    (tmp_path / "out" / "_heads" / "mean.json").unlink()
    assert main(words(file)) == 0
    assert {path.name for path in (tmp_path / "out").glob("own-*")} == {
        "own-mean-s0",
        "own-mean-s0-backup",
        "own-mean-sum-s0",
    }


@pytest.mark.parametrize("broken", ["", "[]", '{"head": "mean"}', "null"])
def test_a_record_that_is_not_whole_has_its_head_fitted_again(tmp_path, broken):
    file = write(tmp_path / "own.csv", ["a", "b"] * 20)
    assert main(words(file)) == 0
    record = tmp_path / "out" / "_heads" / "mean.json"
    whole = json.loads(record.read_text())
    record.write_text(broken)
    assert main(words(file)) == 0
    assert json.loads(record.read_text())["scores"] == whole["scores"]


def test_a_record_of_a_fit_that_is_none_is_refused(tmp_path, capsys):
    file = write(tmp_path / "own.csv", ["a", "b"] * 20)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "fit.json").write_text("[]")
    assert main(words(file)) == 2
    assert "no record of a fit" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--last-k", "--max-train-rows", "--save-seeds"])
@pytest.mark.parametrize("count", ["0", "-1", "1.5"])
def test_a_count_below_one_is_no_count(tmp_path, option, count):
    file = write(tmp_path / "own.csv", ["a", "b"] * 20)
    with pytest.raises(SystemExit):
        main(words(file, f"{option}={count}"))


def test_one_column_cannot_be_text_and_label(tmp_path, capsys):
    file = write(tmp_path / "own.csv", ["a", "b"] * 20)
    assert main(words(file, "--pair", "label")) == 2
    assert "'label' is named twice" in capsys.readouterr().err


def test_rows_of_which_none_can_be_used_are_told_by_the_first(tmp_path, capsys):
    file = write(tmp_path / "own.csv", ["12%", "13%"] * 20)
    assert main(words(file, "--label-kind", "number")) == 2
    assert "Row 2: the label '12%' is no number" in capsys.readouterr().err


def test_a_column_with_a_comma_in_its_name_is_one_column(tmp_path):
    file = write(
        tmp_path / "own.csv",
        [(str(n % 2), str(n % 3 > 0)) for n in range(40)],
        ("text", "war, peace", "sport"),
    )
    assert main(words(file, "--label-columns", "war, peace", "sport", label=None)) == 0
    config = json.loads((tmp_path / "out" / "own-mean-s0" / "config.json").read_text())
    assert config["id2label"] == {"0": "war, peace", "1": "sport"}


def test_the_command_of_a_card_is_one_that_a_shell_reads_back(tmp_path):
    file = write(tmp_path / "my data.csv", ["a|b", "b", "c|a", "c"] * 10)
    arguments = words(file, "--label-separator", "|")
    assert main(arguments) == 0
    facts = json.loads((tmp_path / "out" / "my-data-mean-s0" / "training.json").read_text())
    read = parser().parse_args(shlex.split(facts["command"])[3:])
    assert (read.label_separator, read.data, read.heads) == ("|", "my data.csv", ["mean"])


def test_what_a_desktop_leaves_in_a_folder_is_no_other_content(tmp_path):
    file = write(tmp_path / "own.csv", ["a", "b"] * 20)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".DS_Store").write_bytes(b"\0")
    assert main(words(file)) == 0
