"""The demo checkpoints in the repository: floors, sizes, one recipe per task, honest cards."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

import analysis
from analysis.datasets import table as datasets
from tests.support.training_data import facts_in
from training import tasks
from training.evaluate import evaluate
from training.tasks import demo_set

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
FLOORS = {"sst2": 0.88, "trec": 0.95, "mrpc": 0.78}


class TestDemoCheckpoints:
    NAMES = [demo.name for demo in demo_set()]  # noqa: RUF012

    @pytest.mark.parametrize("name", NAMES)
    def test_each_reaches_its_floor_and_stays_small(self, name):
        folder = CHECKPOINTS / name
        facts = facts_in(folder)
        (scores,) = facts["metrics"].values()
        assert scores["accuracy"] >= FLOORS[facts["task"]]
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 4e6
        assert (folder / "profile.safetensors").is_file()
        assert facts["rows"]["train"] == {"sst2": 67349, "mrpc": 3668, "trec": 5452}[facts["task"]]

    def test_together_they_stay_below_45_megabytes(self):
        sizes = [
            path.stat().st_size for name in self.NAMES for path in (CHECKPOINTS / name).iterdir()
        ]
        assert sum(sizes) <= 45e6

    @pytest.mark.parametrize("task", FLOORS)
    def test_heads_of_a_task_had_one_recipe_and_budget(self, task):
        made = [facts_in(CHECKPOINTS / demo.name) for demo in demo_set() if demo.task == task]
        for key in ("recipe", "steps", "tuning", "rows", "encoder_sha256", "precision"):
            assert all(facts[key] == made[0][key] for facts in made), key
        assert tasks.recipe(task).batch_size == made[0]["recipe"]["batch_size"]

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["mrpc-mha", "trec-max_seq_mha-s1"])
    def test_the_card_states_what_the_folder_scores(self, name, glue_dir, text_data_dir):
        facts = facts_in(CHECKPOINTS / name)
        classifier = analysis.load(CHECKPOINTS / name)
        ((split, scores),) = facts["metrics"].items()
        data = text_data_dir if facts["task"] == "trec" else glue_dir
        table = datasets.read(facts["task"], split, data)
        again = evaluate(classifier, table, tuple(scores))
        assert again.metrics == pytest.approx(scores, abs=1.5 / len(table))
        assert f"{scores['accuracy']:.4f}" in (CHECKPOINTS / name / "README.md").read_text()


def test_the_guide_states_the_scores_of_the_folders():
    guide = (CHECKPOINTS.parent / "docs" / "measured.md").read_text("utf-8")
    for head in ("cls", "max_cls", "mha", "max_seq_mha"):
        (sst2,) = facts_in(CHECKPOINTS / f"sst2-{head}")["metrics"].values()
        (mrpc,) = facts_in(CHECKPOINTS / f"mrpc-{head}")["metrics"].values()
        trec = [
            next(iter(facts_in(CHECKPOINTS / f"trec-{head}-s{seed}")["metrics"].values()))
            for seed in range(3)
        ]
        scores = [checkpoint["accuracy"] for checkpoint in trec]
        row = (
            f"| `{head}` | {sst2['accuracy']:.3f} | {mrpc['accuracy']:.3f} / {mrpc['f1']:.3f} | "
            f"{statistics.mean(scores):.3f} ± {statistics.stdev(scores):.3f} |"
        )
        assert row in guide
