"""A study on a frozen encoder: declared, run in groups of seeds, resumed, read like any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.statistics import compare
from analysis.study import read_study
from tests.support import frozen_data, zoo
from training.study import study
from training.study_plan import read_plan

PLAN = """
name: small
title: A small study
encoders: {{one: {one}, two: {two}}}
tuning: frozen
heads:
  cls: {{}}
  max_cls: {{last_k: 2}}
  mean: {{}}
  not_yet: {{head: a_head_of_later}}
recipe: {{epochs: 2, batch_size: 32, rates: [1.0e-3, 1.0e-2], min_steps: 1, weight_decay: 0.01,
         warmup: 0.1, dropout: 0.0}}
own:
  toy: {{train: toy/train.csv, dev: toy/dev.csv, text: text, label: label}}
families:
  - {{name: whole, primary: true, tasks: [toy], heads: [max_cls, mean], against: cls, seeds: 4}}
  - {{name: part, tasks: [toy], heads: [mean], against: cls, seeds: 4, shares: [40]}}
  - {{name: later, tasks: [toy], heads: [not_yet], against: cls, seeds: 4}}
"""


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("POOLLENS_STATES", str(tmp_path / "states"))
    folder = tmp_path / "texts" / "toy"
    folder.mkdir(parents=True)
    for name, data in (("train", frozen_data.table(120, 1)), ("dev", frozen_data.table(60, 2))):
        data.frame()[["text", "label"]].to_csv(folder / f"{name}.csv", index=False)
    file = tmp_path / "small.yaml"
    two = tmp_path / "two"
    two.symlink_to(zoo.folder("bare"))
    file.write_text(PLAN.format(one=zoo.folder("bare"), two=two))
    return file


def run(plan: Path) -> Path:
    assert study(plan, None, str(plan.parent / "texts"), plan.parent / "results") == 0
    return plan.parent / "results" / "small"


def test_a_group_of_seeds_is_one_file_and_each_seed_a_record(plan, capsys):
    folder = run(plan)
    assert "a_head_of_later" in capsys.readouterr().out
    assert len(list((folder / "runs").glob("*.json"))) == 2 * (3 + 2)
    results = read_study(folder)
    whole = results.scores(results.family("whole"))
    assert whole.values.shape == (1, 3, 4)
    assert np.isfinite(whole.values).all()
    report = compare(whole)
    assert report.done == report.planned == 12
    assert np.isfinite([comparison.p for comparison in report.comparisons]).all()
    part = results.family("two/part")
    assert part.strata[0].label == "toy, 40 rows"
    assert results.scores(results.family("later")).done == 4  # cls, which others needed too


def test_what_is_there_is_not_done_again(plan):
    folder = run(plan)
    files = sorted((folder / "runs").glob("*.json"))
    kept = {file: file.stat().st_mtime_ns for file in files[1:]}
    before = json.loads(files[0].read_text())
    files[0].unlink()
    run(plan)
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    after = json.loads(files[0].read_text())
    assert after["metrics"] == before["metrics"]  # a run is decided by its configuration


def test_both_encoders_are_declared_and_one_family_is_primary(plan):
    read = read_plan(plan)
    assert [family.name for family in read.families][3:] == ["two/whole", "two/part", "two/later"]
    assert [family.primary for family in read.families].count(True) == 1
    assert read.heads["two/mean"]["head"] == "mean"


def test_a_file_with_other_seeds_is_named(plan):
    folder = run(plan)
    file = next((folder / "runs").glob("*.json"))
    record = json.loads(file.read_text())
    record["seeds"] = [9, 8, 7, 6]
    file.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=file.name):
        read_study(folder)


def test_the_declared_study_can_be_read_and_names_its_questions():
    declared = read_plan(Path(__file__).parents[2] / "study" / "frozen.yaml")
    names = [family.name for family in declared.families]
    for question in ("layers_cls", "layers_mha", "attention", "tokens", "order"):
        assert question in names
        assert f"mpnet/{question}" in names
    assert all(len(family.seeds) == 30 for family in declared.families)
