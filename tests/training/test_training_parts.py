"""The parts of fine-tuning: order of rows, scores, own files, predictions, the command line."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

import analysis
from analysis.datasets import table as datasets
from analysis.datasets.table import Table
from tests.support.training_data import facts_in
from training import metrics, settings, trainer
from training.__main__ import main, parser, settings_from
from training.evaluate import evaluate, predict
from training.finetune import finetune
from training.settings import Settings
from training.tasks import MINILM, PAPER_HEADS, Recipe, demo_set, recipe


class TestRecipes:
    def test_all_pooling_heads_of_a_demo_task_have_one_recipe(self):
        for task in ("sst2", "mrpc", "trec"):
            heads = {demo.head for demo in demo_set() if demo.task == task}
            assert heads == set(PAPER_HEADS)
        assert not any("head" in name for name in Recipe.__dataclass_fields__)

    def test_the_demo_set_has_the_twenty_names(self):
        names = [demo.name for demo in demo_set()]
        assert len(names) == len(set(names)) == 20
        assert names[:8] == [f"{task}-{head}" for task in ("sst2", "mrpc") for head in PAPER_HEADS]
        assert set(names[8:]) == {
            f"trec-{head}-s{seed}" for head in PAPER_HEADS for seed in range(3)
        }

    def test_small_training_sets_get_a_minimum_of_steps(self):
        plan = Recipe(epochs=3, batch_size=32, min_steps=300)
        assert plan.epochs_for(635) == 15  # 20 steps an epoch
        assert plan.epochs_for(67349) == 3


class TestOrder:
    LENGTHS = np.random.default_rng(0).integers(3, 60, 1000).tolist()

    def rows(self, seed=0, epoch=0):
        order = trainer.LengthGroupedOrder(self.LENGTHS, 8, seed)
        order.set_epoch(epoch)
        return list(order)

    def test_every_row_comes_once(self):
        assert sorted(self.rows()) == list(range(1000))

    def test_seed_and_epoch_alone_decide_the_order(self):
        first = self.rows()
        torch.manual_seed(99)
        assert self.rows() == first
        assert self.rows(epoch=1) != first
        assert self.rows(seed=1) != first
        assert self.rows(seed=0, epoch=1) != self.rows(seed=1, epoch=0)

    def test_batches_hold_rows_of_similar_length(self):
        lengths = np.array(self.LENGTHS)[self.rows()].reshape(-1, 8)
        grouped = lengths.max(axis=1).sum()
        shuffled = np.random.default_rng(1).permutation(self.LENGTHS).reshape(-1, 8)
        assert grouped < 0.7 * shuffled.max(axis=1).sum()


class TestOwnData:
    def write(self, path: Path, header: str, rows: list[str]) -> Path:
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    def own(self, run, tmp_path, header, train, dev, **names) -> Path:
        return finetune(
            run(
                task="csv",
                data=None,
                train=self.write(tmp_path / "train.csv", header, train),
                dev=self.write(tmp_path / "dev.csv", header, dev),
                **names,
            )
        )

    def test_three_named_classes_are_learned(self, run, tmp_path):
        kinds = {"good": "praise", "bad": "blame", "film": "topic"}
        rows = [f"so {word} a,{kinds[word]}" for word in list(kinds) * 20]
        folder = self.own(run, tmp_path, "words,kind", rows, rows[:9], text="words", label="kind")
        assert analysis.load(folder).checkpoint.labels == ("blame", "praise", "topic")
        assert facts_in(folder)["metrics"]["dev"]["accuracy"] == 1.0
        assert "--train train.csv" in facts_in(folder)["command"]

    def test_a_number_becomes_a_regression_with_one_output(self, run, tmp_path):
        rows = [f"{' '.join(['good'] * n + ['bad'] * (4 - n))},{n / 4}" for n in range(5)] * 16
        folder = self.own(run, tmp_path, "t,y", rows, rows[:20], text="t", label="y")
        classifier = analysis.load(folder)
        assert classifier.checkpoint.regression
        low, high = (analysis.record(classifier, text).logits for text in ("bad bad", "good good"))
        assert low.shape == (1,)
        assert low[0] < high[0]
        assert facts_in(folder)["metrics"]["dev"]["pearson"] > 0.8

    def test_pairs_are_read_as_pairs(self, run, tmp_path):
        rows = [f"{a},{b},{int(a == b)}" for a in ("good", "bad") for b in ("good", "bad")] * 10
        folder = self.own(
            run, tmp_path, "a,b,same", rows, rows[:8], text="a", pair="b", label="same"
        )
        assert analysis.load(folder).checkpoint.pairs
        assert facts_in(folder)["pairs"]

    def test_missing_options_are_named(self, run):
        with pytest.raises(ValueError, match="--train, --dev, --text, --label"):
            finetune(run(task="csv", data=None))

    def test_one_class_is_refused(self, run, tmp_path):
        with pytest.raises(ValueError, match="At least two classes"):
            self.own(run, tmp_path, "t,y", ["good,1", "fine,1"], ["good,1"], text="t", label="y")


class TestMetrics:
    LABEL = np.array([0, 0, 1, 1, 1, 0, 1, 0])
    LOGITS = np.array([[1, 0], [0, 1], [0, 1], [0, 1], [1, 0], [1, 0], [0, 1], [1, 0]], float)

    def counts(self):
        predicted = [0, 1, 1, 1, 0, 0, 1, 0]
        pairs = list(zip(self.LABEL, predicted, strict=True))
        return [sum(p == cell for p in pairs) for cell in ((1, 1), (0, 1), (1, 0), (0, 0))]

    def test_classification_scores_follow_their_formulas(self):
        tp, fp, fn, tn = self.counts()
        scores = metrics.score(
            ("accuracy", "f1", "matthews"), self.LABEL, self.LOGITS, regression=False
        )
        assert scores["accuracy"] == pytest.approx((tp + tn) / 8)
        assert scores["f1"] == pytest.approx(2 * tp / (2 * tp + fp + fn))
        assert scores["matthews"] == pytest.approx(
            (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        )

    def test_correlations_follow_their_formulas(self):
        draw = np.random.default_rng(3)
        x = draw.normal(size=50)
        y = x + draw.normal(size=50)
        scores = metrics.score(metrics.NUMBER, x, y[:, None], regression=True)
        assert scores["pearson"] == pytest.approx(np.corrcoef(x, y)[0, 1])
        ranks = np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1]
        assert scores["spearman"] == pytest.approx(ranks)
        assert scores["rmse"] == pytest.approx(math.sqrt(((x - y) ** 2).mean()))

    def test_a_constant_prediction_has_no_correlation(self):
        scores = metrics.score(
            ("pearson", "spearman"), np.arange(4.0), np.ones((4, 1)), regression=True
        )
        assert scores == {"pearson": 0.0, "spearman": 0.0}

    def test_numbers_that_are_not_finite_are_refused(self):
        with pytest.raises(ValueError, match="training diverged"):
            metrics.score(("accuracy",), self.LABEL, self.LOGITS * np.nan, regression=False)

    def test_an_unknown_name_and_unequal_lengths_are_refused(self):
        with pytest.raises(ValueError, match=r"Unknown metric 'bleu'.*accuracy"):
            metrics.score(("bleu",), self.LABEL, self.LOGITS, regression=False)
        with pytest.raises(ValueError, match="7 labels for 8"):
            metrics.score(("accuracy",), self.LABEL[:7], self.LOGITS, regression=False)


class TestEvaluate:
    def test_batches_by_length_answer_as_single_sentences_in_order(self, finished, glue):
        classifier = analysis.load(finished)
        table = datasets.read("sst2", "dev", glue)
        logits = predict(classifier, table, batch_size=5)
        alone = np.array([analysis.record(classifier, text).logits for text in table.text])
        np.testing.assert_allclose(logits, alone, atol=1e-5)

    def test_a_table_of_other_classes_is_refused(self, finished):
        table = Table("t", "dev", ("good",), None, np.array([0]), ("a", "b", "c"))
        with pytest.raises(ValueError, match="2 outputs, the table has 3"):
            evaluate(analysis.load(finished), table, ("accuracy",))

    def test_a_table_without_labels_is_refused(self, finished):
        table = Table("t", "test", ("good",), None, None, ("a", "b"))
        with pytest.raises(ValueError, match="without labels"):
            evaluate(analysis.load(finished), table, ("accuracy",))


class TestCommandLine:
    def test_the_command_in_the_card_repeats_the_settings(self, run):
        start = run(
            encoder=MINILM,
            data="GLUE_FOLDER",
            output=Path("out"),
            selection="heldout",
            max_train_rows=40,
            seed=7,
            recipe=replace(
                recipe("sst2"), epochs=2.0, learning_rate=3e-4, lora_targets=("query", "dense")
            ),
            options={"last_k": 2, "num_heads": 2, "residual": True, "pooler": "tanh"},
        )
        words = settings.command(start).split()[3:]
        assert settings_from(parser().parse_args(words)) == start

    def test_full_tuning_takes_the_learning_rate_given(self):
        words = "finetune --task rte --head cls --output x --tuning full --learning-rate 1e-4"
        made = settings_from(parser().parse_args(words.split()))
        assert made.recipe.rate("full") == 1e-4
        assert made.recipe.learning_rate == recipe("rte").learning_rate

    def test_a_run_from_the_command_line_reports_progress(self, encoder, glue, tmp_path, capsys):
        output = tmp_path / "out"
        words = [
            "finetune",
            "--task",
            "sst2",
            "--head",
            "cls",
            "--encoder",
            str(encoder),
            "--data",
            str(glue),
            "--output",
            str(output),
            "--epochs",
            "1",
            "--batch-size",
            "48",
            "--min-steps",
            "1",
        ]
        assert main(words) == 0
        printed = capsys.readouterr().out
        assert "step 2/2" in printed
        assert " left" in printed
        assert main(words) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert "--overwrite" in error

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (["--head", "cls", "--last-k", "2"], "cls has no option last_k"),
            (["--head", "nothing"], "nothing"),
            (["--head", "max_cls", "--last-k", "3"], "last_k"),
            (["--head", "mha", "--num-heads", "5"], "num_heads"),
            (["--head", "cls", "--task", "sst3"], "sst3"),
            (["--head", "cls", "--encoder", "no-such-encoder"], "no-such-encoder"),
        ],
    )
    def test_what_cannot_work_is_one_sentence_and_leaves_nothing(
        self, encoder, glue, tmp_path, capsys, monkeypatch, change, reason
    ):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        words = [
            "finetune",
            "--task",
            "sst2",
            "--encoder",
            str(encoder),
            "--data",
            str(glue),
            "--output",
            str(tmp_path / "out"),
            *change,
        ]
        assert main(words) == 2
        error = capsys.readouterr().err
        assert reason in error
        assert "Traceback" not in error
        assert not (tmp_path / "out" / "config.json").exists()

    def test_demo_trains_what_is_missing_and_goes_on_after_a_failure(
        self, tmp_path, monkeypatch, capsys
    ):
        import training.__main__ as command_line

        (tmp_path / "sst2-cls").mkdir()
        (tmp_path / "sst2-cls" / "config.json").touch()
        trained = []

        def fake(made: Settings) -> None:
            trained.append((made.output.name, made.seed, made.group, made.recipe))
            if made.output.name == "sst2-mha":
                raise ValueError("no memory")

        monkeypatch.setattr(command_line, "finetune", fake)
        status = main(["demo", "--data", "g", "--text-data", "t", "--output", str(tmp_path)])
        assert status == 1
        assert "not trained: sst2-mha" in capsys.readouterr().err
        names = [demo.name for demo in demo_set()]
        assert [name for name, *_ in trained] == names[1:]
        assert ("trec-cls-s2", 2, "trec-cls", recipe("trec")) in trained

    def test_refresh_measures_a_folder_again(self, run, glue, capsys):
        folder = finetune(run())
        before = facts_in(folder)
        (folder / "profile.safetensors").unlink()
        assert main(["refresh", str(folder), "--data", str(glue)]) == 0
        assert facts_in(folder) == before
        assert (folder / "profile.safetensors").is_file()

    def test_refresh_refuses_a_folder_that_was_not_made_here(self, tmp_path, capsys):
        assert main(["refresh", str(tmp_path), "--data", "x"]) == 2
        assert "training.json does not exist" in capsys.readouterr().err
