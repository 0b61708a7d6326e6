"""A study: its plan, its subsets and its folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from analysis.common.whole import write_whole
from analysis.study.results import Cell, read_study, studies_in
from tests.support.study_runs import TINY, record_without_training
from training.__main__ import main
from training.study import study
from training.study_plan import read_plan
from training.study_progress import table
from training.study_run import Sources, nested_rows, settings_of, splits_of
from training.tasks import PAPER_HEADS

ROOT = Path(__file__).resolve().parents[2]


class TestPlan:
    def test_runs_go_seed_by_seed_and_each_once(self, plan_file):
        plan = read_plan(plan_file())
        assert [run.name for run in plan.runs] == [
            "sst2-cls-s0",
            "sst2-max_cls-s0",
            "sst2-cls-s1",
            "sst2-max_cls-s1",
            "sst2-cls-50%-s0",
            "sst2-max_cls-50%-s0",
            "sst2-cls_tanh-50%-s0",
            "sst2-cls_tanh-s0",
        ]
        assert len({run.hash for run in plan.runs}) == 8

    def test_a_hash_depends_on_what_is_computed_alone(self, plan_file):
        first = [run.hash for run in read_plan(plan_file()).runs]
        recipe = {**TINY["recipe"], "epochs": 1.0}
        assert [run.hash for run in read_plan(plan_file(recipe=recipe, title="x")).runs] == first
        recipe["epochs"] = 2
        assert not set(first) & {run.hash for run in read_plan(plan_file(recipe=recipe)).runs}

    def test_the_declaration_names_no_folder_of_this_machine(self, plan_file, tmp_path):
        assert str(tmp_path.parent) not in json.dumps(read_plan(plan_file()).declaration())

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"heads": {"max_cls": {}}}, "'cls' is not declared"),
            ({"recipe": {"epochs": 1}}, "does not give batch_size"),
            ({"recipe": {**TINY["recipe"], "lr": 1}}, "no entry 'lr'"),
            ({"recipe": {**TINY["recipe"], "epochs": "many"}}, "recipe of sst2"),
            ({"tuning": "some"}, "full, lora or frozen"),
            ({"name": "../x"}, "letters, digits"),
            ({"families": []}, None),
            (
                {"families": [{"name": "a", "tasks": ["sst3"], "heads": ["cls"], "seeds": 1}]},
                "no task is called 'sst3'",
            ),
            (
                {"families": [{"name": "a", "tasks": ["sst2"], "heads": ["cls"], "seeds": [1, 1]}]},
                "a seed twice",
            ),
            (
                {
                    "families": [
                        {
                            "name": "a",
                            "tasks": ["sst2"],
                            "heads": ["cls"],
                            "seeds": 1,
                            "shares": [1.5],
                        }
                    ]
                },
                "at most 1",
            ),
            (
                {
                    "families": [
                        {
                            "name": "a",
                            "tasks": ["sst2"],
                            "heads": ["max_cls"],
                            "seeds": 1,
                            "metrics": {"sst2": "f1"},
                        }
                    ]
                },
                "reports accuracy",
            ),
            (
                {"families": [{"name": "a", "tasks": ["sst2"], "heads": ["cls"], "seeds": 1}]},
                "names no pooling head beside cls",
            ),
            (
                {
                    "families": [
                        {"name": "a", "tasks": ["sst2", "sst2"], "heads": ["max_cls"], "seeds": 1}
                    ]
                },
                "names a task twice",
            ),
            (
                {
                    "families": [
                        {
                            "name": "a",
                            "tasks": ["sst2"],
                            "heads": ["max_cls"],
                            "seeds": 1,
                            "shares": [0.5, 0.50],
                        }
                    ]
                },
                "names a share twice",
            ),
            (
                {
                    "families": [
                        {
                            "name": "a",
                            "tasks": ["sst2"],
                            "heads": ["max_cls", "max_cls"],
                            "seeds": 1,
                        }
                    ]
                },
                "names a pooling head twice",
            ),
            ({"encoder_names": "x"}, "no entry 'encoder_names'"),
            ({"encoders": "x"}, "encoders"),
        ],
    )
    def test_what_cannot_work_is_said_with_the_file(self, plan_file, change, reason):
        path = plan_file(**change)
        if reason is None:
            assert read_plan(path).runs == ()
            return
        with pytest.raises(ValueError, match=re.escape(reason)) as caught:
            read_plan(path)
        assert str(path) in str(caught.value)

    def test_two_encoders_of_one_name_are_refused(self, plan_file, tmp_path):
        for folder in ("a", "b"):
            (tmp_path / folder / "model").mkdir(parents=True)
        heads = {
            "cls": {"encoder": str(tmp_path / "a" / "model")},
            "max_cls": {"encoder": str(tmp_path / "b" / "model")},
        }
        family = {"name": "a", "tasks": ["sst2"], "heads": ["max_cls"], "seeds": 1}
        with pytest.raises(ValueError, match="two encoders are called 'model'"):
            read_plan(plan_file(heads=heads, families=[family]))

    def test_a_missing_file_and_an_impossible_option_are_one_sentence(
        self, plan_file, tmp_path, capsys, glue
    ):
        assert main(["study", str(tmp_path / "no.yaml"), "--data", str(glue)]) == 2
        assert "no.yaml" in capsys.readouterr().err
        path = plan_file(heads={**TINY["heads"], "cls": {"last_k": 2}})
        assert main(["study", str(path), "--data", str(glue), "--output", str(tmp_path)]) == 2
        assert "cls has no option last_k" in capsys.readouterr().err

    @pytest.mark.parametrize("name", ["minilm", "paper"])
    def test_the_committed_studies_declare_the_papers_heads_and_ten_seeds(self, name):
        plan = read_plan(ROOT / "study" / f"{name}.yaml")
        (primary,) = (family for family in plan.families if family.primary)
        assert {primary.against, *primary.heads} == set(PAPER_HEADS)
        assert len(primary.seeds) == 10
        assert plan.tuning == "full"
        for run in plan.runs:
            settings_of(run, Sources(None, None, {}, plan.own))
        assert {"cls_mlp", "cls_tanh"} <= {run.variant for run in plan.runs}

    def test_own_tables_lie_beside_the_file(self, plan_file, tmp_path, encoder):
        rows = "t,y\n" + "good film,1\nbad film,0\n" * 30
        for name in ("a.csv", "b.csv"):
            (tmp_path / name).write_text(rows)
        path = plan_file(
            own={"mine": {"train": "a.csv", "dev": "b.csv", "text": "t", "label": "y"}},
            families=[{"name": "a", "tasks": ["mine"], "heads": ["max_cls"], "seeds": 1}],
        )
        assert study(path, None, None, tmp_path / "out") == 0
        results = read_study(tmp_path / "out" / "tiny")
        assert set(results.frame()["metric"]) == {"accuracy", "macro_f1"}


class TestSubsets:
    def test_shares_are_nested_and_drawn_anew_per_seed(self):
        tenth, half = (set(nested_rows("rte", 1000, share, 3)) for share in (0.1, 0.5))
        assert len(tenth) == 100
        assert len(half) == 500
        assert tenth < half
        assert set(nested_rows("rte", 1000, 0.5, 4)) != half
        assert set(nested_rows("mrpc", 1000, 0.5, 3)) != half

    def test_the_whole_set_keeps_its_order(self):
        np.testing.assert_array_equal(nested_rows("rte", 7, 1.0, 5), np.arange(7))

    def test_all_heads_of_a_seed_see_the_same_rows(self, plan_file, sources):
        runs = [run for run in read_plan(plan_file()).runs if run.share == 0.5]
        tables = [splits_of(run, settings_of(run, sources)).train.text for run in runs]
        assert len(runs) == 3
        assert len(tables[0]) == 48
        assert tables[0] == tables[1] == tables[2]

    def test_a_small_share_still_gets_its_steps(self, plan_file, sources):
        run = next(run for run in read_plan(plan_file()).runs if run.share == 0.5)
        settings = settings_of(run, sources)
        assert settings.recipe.epochs_for(48) == 2  # 3 steps an epoch, 4 at least


class TestFolder:
    def test_a_study_reads_back_what_was_run(self, plan_file, tmp_path, capsys):
        assert study(plan_file(), None, None, tmp_path, do=record_without_training) == 0
        results = read_study(tmp_path / "tiny")
        scores = results.scores(results.primary)
        np.testing.assert_allclose(scores.values, [[[0.01, 0.11], [0.01, 0.11]]])
        assert scores.done == scores.planned == 4
        assert list(results.predictions(Cell("sst2", 1.0, "cls", 1), "dev")) == [0, 1]
        assert "[8/8]" in capsys.readouterr().out
        assert "6.00 ± 7.07 (2)" in table(results)
        assert studies_in(tmp_path) == (tmp_path / "tiny",)

    def test_only_what_is_missing_is_run(self, plan_file, tmp_path):
        path, did = plan_file(), []

        def once(run, sources, scratch):
            did.append(run.name)
            return record_without_training(run, sources, scratch)

        assert study(path, None, None, tmp_path, only="main", do=once) == 0
        assert study(path, None, None, tmp_path, do=once) == 0
        assert len(did) == len(set(did)) == 8

    def test_a_run_that_fails_stops_no_other_and_is_tried_again(self, plan_file, tmp_path, capsys):
        def fragile(run, sources, scratch):
            if run.name == "sst2-cls-s1":
                raise RuntimeError("out of memory")
            return record_without_training(run, sources, scratch)

        path = plan_file()
        assert study(path, None, None, tmp_path, do=fragile) == 1
        assert "not finished: sst2-cls-s1" in capsys.readouterr().err
        assert len(read_study(tmp_path / "tiny").records) == 7
        assert study(path, None, None, tmp_path, do=record_without_training) == 0

    def test_an_interrupted_write_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "a.json"
        write_whole(path, "old")

        def fail(number):
            raise OSError("disk full")

        monkeypatch.setattr("analysis.common.whole.os.fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            write_whole(path, "new")
        assert path.read_text() == "old"

    def test_broken_records_are_named(self, plan_file, tmp_path):
        study(plan_file(), None, None, tmp_path, do=record_without_training)
        runs = sorted((tmp_path / "tiny" / "runs").glob("*.json"))
        record = json.loads(runs[0].read_text())
        runs[0].write_text(json.dumps(record | {"data": {"dev": "other"}}))
        with pytest.raises(ValueError, match="different rows"):
            read_study(tmp_path / "tiny")
        for text, reason in (("{", "JSON"), ("{}", "no record"), ("[]", "no record")):
            runs[0].write_text(text)
            with pytest.raises(ValueError, match=reason):
                read_study(tmp_path / "tiny")
        with pytest.raises(ValueError, match=r"study\.json"):
            read_study(tmp_path)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"metrics": {}}, "has no accuracy on 'dev'"),
            ({"metrics": {"dev": {"f1": 0.5}}}, "has no accuracy on 'dev'"),
            ({"metrics": {"dev": 0.5}}, "'metrics' is not"),
            ({"metrics": {"dev": {"accuracy": "high"}}}, "'metrics' is not"),
            ({"metrics": {"dev": {"accuracy": float("nan")}}}, "NaN"),
            ({"seconds": {"evaluation": 1.0}}, "'seconds' is not"),
            ({"seconds": 3}, "'seconds' is not"),
            ({"data": ["dev"]}, "'data' is not"),
            ({"machine": "mine"}, "'machine' is not"),
            ({"predictions": None}, "'predictions' is not"),
        ],
    )
    def test_a_record_that_lacks_what_is_read_of_it_is_named(
        self, plan_file, tmp_path, change, reason
    ):
        study(plan_file(), None, None, tmp_path, do=record_without_training)
        path = sorted((tmp_path / "tiny" / "runs").glob("*.json"))[0]
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(ValueError, match=reason) as caught:
            read_study(tmp_path / "tiny")
        assert path.name in str(caught.value)

    @pytest.mark.parametrize(
        "change",
        [
            {"name": None},
            {"families": 3},
            {"families": [{}]},
            {"runs": {}, "families": None},
        ],
    )
    def test_a_declaration_that_declares_nothing_is_named(self, plan_file, tmp_path, change):
        study(plan_file(), None, None, tmp_path, do=record_without_training)
        path = tmp_path / "tiny" / "study.json"
        record = json.loads(path.read_text()) | change
        path.write_text(json.dumps({key: value for key, value in record.items() if value}))
        with pytest.raises(ValueError, match=r"study\.json is no declaration"):
            read_study(tmp_path / "tiny")

    @pytest.mark.parametrize(
        ("facts", "reason"),
        [
            (({"train_data": "a"}, {"train_data": "b"}), "trained on different rows"),
            (
                (
                    {"config": {"encoder": "m"}, "encoder_sha256": "a"},
                    {"config": {"encoder": "m"}, "encoder_sha256": "b"},
                ),
                "different weights",
            ),
        ],
    )
    def test_runs_that_cannot_be_compared_are_refused(self, plan_file, tmp_path, facts, reason):
        def other(run, sources, scratch):
            return record_without_training(run, sources, scratch) | facts[run.variant == "cls"]

        study(
            plan_file(), None, None, tmp_path, do=lambda *a: record_without_training(*a) | facts[0]
        )
        assert read_study(tmp_path / "tiny").records  # alike, or not said: read
        with pytest.raises(ValueError, match=reason):
            study(plan_file(name="other"), None, None, tmp_path, do=other)

    def test_a_family_that_counts_a_task_twice_is_refused(self, plan_file, tmp_path):
        study(plan_file(), None, None, tmp_path, do=record_without_training)
        path = tmp_path / "tiny" / "study.json"
        record = json.loads(path.read_text())
        record["families"][0]["strata"] *= 2
        path.write_text(json.dumps(record))
        with pytest.raises(ValueError, match="one share twice"):
            read_study(tmp_path / "tiny")

    @pytest.mark.parametrize("folder", ["~nobody-of-this-name/x", "x" * 300])
    def test_a_name_that_is_no_folder_is_a_sentence(self, folder):
        with pytest.raises(ValueError, match="cannot be read") as caught:
            studies_in(folder)
        assert len(str(caught.value)) < 250

    def test_unknown_families_and_predictions_are_refused(self, plan_file, tmp_path):
        study(plan_file(), None, None, tmp_path, do=record_without_training)
        results = read_study(tmp_path / "tiny")
        with pytest.raises(ValueError, match=r"'x'.*main, parts"):
            results.family("x")
        with pytest.raises(ValueError, match="no predictions"):
            results.predictions(Cell("sst2", 1.0, "cls", 9), "dev")
