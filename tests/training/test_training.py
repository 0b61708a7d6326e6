"""Fine-tuning: what a run leaves behind, that it can be interrupted, what it may not look at."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import analysis
from analysis.datasets import table as datasets
from analysis.datasets.table import Table
from tests.support.training_data import QUICK, facts_in, sentences, write_sst2
from training import finetune as finetune_module
from training import folder as folder_module
from training import resuming, settings, trainer
from training.finetune import finetune
from training.settings import Settings
from training.tasks import MINILM


class TestFinishedFolder:
    def test_it_holds_the_checkpoint_and_nothing_else(self, finished):
        assert sorted(path.name for path in finished.iterdir()) == [
            "README.md",
            "adapter_config.json",
            "adapter_model.safetensors",
            "config.json",
            "profile.safetensors",
            "training.json",
        ]
        assert [path.name for path in finished.parent.iterdir()] == ["sst2-tiny"]

    def test_adapter_holds_lora_pooling_head_and_classifier_only(self, finished):
        names = load_file(finished / "adapter_model.safetensors")
        assert any(".head." in name for name in names)
        assert any(".classifier." in name for name in names)
        assert any("lora_A" in name for name in names)
        assert not any(
            "embeddings" in name or name == "intermediate.dense.weight" for name in names
        )

    def test_reported_score_is_that_of_the_reloaded_folder(self, finished, glue):
        classifier = analysis.load(finished)
        right = []
        for text, label in zip(
            *(lambda t: (t.text, t.label))(datasets.read("sst2", "dev", glue)), strict=True
        ):
            right.append(analysis.record(classifier, text).predicted == label)
        assert facts_in(finished)["metrics"]["dev"]["accuracy"] == pytest.approx(np.mean(right))

    def test_the_task_was_learned(self, run):
        folder = finetune(run(recipe=replace(QUICK, epochs=6)))
        assert facts_in(folder)["metrics"]["dev"]["accuracy"] > 0.9

    def test_options_are_written_out_with_their_defaults(self, finished):
        options = json.loads((finished / "config.json").read_text())["head_options"]
        assert options == {
            "last_k": 2,
            "num_heads": 4,
            "residual": False,
            "layer_norm": False,
            "pooler": "none",
        }

    def test_card_states_facts_and_their_limits(self, finished):
        card = (finished / "README.md").read_text()
        facts = facts_in(finished)
        for fact in (
            "license: apache-2.0",
            'base_model: "tiny"',
            "--data GLUE_FOLDER",
            "--seed 0",
            facts["encoder_sha256"],
            f"{facts['metrics']['dev']['accuracy']:.4f}",
            "One seed proves nothing about which pooling head is better",
            "same recipe, budget and data",
            f"torch {torch.__version__}",
            "negative, positive",
        ):
            assert fact in card, fact

    def test_front_matter_is_yaml_with_the_score(self, finished):
        import yaml

        front = yaml.safe_load((finished / "README.md").read_text().split("---\n")[1])
        value = front["model-index"][0]["results"][0]["metrics"][0]
        assert value["type"] == "accuracy"
        assert value["value"] == pytest.approx(
            facts_in(finished)["metrics"]["dev"]["accuracy"], abs=1e-4
        )

    def test_card_and_facts_name_no_place_on_this_machine(self, finished, encoder, glue):
        for name in ("README.md", "training.json", "adapter_config.json"):
            text = (finished / name).read_text()
            for place in (finished.parent, encoder.parent, glue, Path.home()):
                assert str(place) + "/" not in text, name

    def test_full_tuning_leaves_a_model_that_the_auto_classes_load(self, run, glue):
        from transformers import AutoModelForSequenceClassification

        folder = finetune(
            run(tuning="full", head="mha", options={}, recipe=replace(QUICK, epochs=6))
        )
        assert (folder / "model.safetensors").is_file()
        assert (folder / "tokenizer.json").is_file()
        assert not (folder / "adapter_config.json").exists()
        stock = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        classifier = analysis.load(folder)
        inputs = classifier.tokenizer("a very good film", return_tensors="pt")
        ours = analysis.record(classifier, "a very good film").logits
        with torch.no_grad():
            np.testing.assert_allclose(stock(**inputs).logits[0].numpy(), ours, atol=1e-5)
        assert facts_in(folder)["metrics"]["dev"]["accuracy"] > 0.9

    def test_a_published_encoder_leaves_no_machine_path_at_all(self, glue, tmp_path):
        folder = finetune(
            Settings(
                "sst2",
                "cls",
                MINILM,
                tmp_path / "out",
                str(glue),
                recipe=replace(QUICK, epochs=1),
                max_train_rows=16,
            )
        )
        for path in folder.iterdir():
            content = path.read_bytes()
            for place in (str(tmp_path), str(glue), "site-packages", str(Path.home()) + "/"):
                assert place.encode() not in content, path.name
        adapter = json.loads((folder / "adapter_config.json").read_text())
        assert adapter["base_model_name_or_path"] == MINILM
        assert (folder / "adapter_model.safetensors").stat().st_size < 4e6


class TestInterruption:
    def stop_after_first_save(self, monkeypatch):
        original = trainer.Clock.on_save

        def stop(self, args, state, control, **kwargs):
            original(self, args, state, control, **kwargs)
            raise KeyboardInterrupt

        monkeypatch.setattr(trainer.Clock, "on_save", stop)

    @pytest.mark.parametrize("tuning", ["lora", pytest.param("full", marks=pytest.mark.slow)])
    def test_a_continued_run_equals_an_uninterrupted_one(self, run, monkeypatch, tmp_path, tuning):
        plan = replace(QUICK, epochs=6)
        name = "adapter_model.safetensors" if tuning == "lora" else "model.safetensors"
        whole = finetune(run(output=tmp_path / "whole", recipe=plan, tuning=tuning))
        cut = run(output=tmp_path / "cut", recipe=plan, tuning=tuning)
        with monkeypatch.context() as patch:
            self.stop_after_first_save(patch)
            with pytest.raises(KeyboardInterrupt):
                finetune(cut)
        assert not (cut.output / "config.json").exists()
        assert resuming.last_state(cut.output / ".training").name == "checkpoint-50"
        finetune(cut)
        assert facts_in(cut.output)["steps"] == 72
        first, second = load_file(whole / name), load_file(cut.output / name)
        assert first.keys() == second.keys()
        for key in first:
            torch.testing.assert_close(second[key], first[key], rtol=0, atol=0, msg=key)

    def test_an_unfinished_run_of_other_settings_is_refused(self, run, monkeypatch):
        with monkeypatch.context() as patch:
            self.stop_after_first_save(patch)
            with pytest.raises(KeyboardInterrupt):
                finetune(run())
        with pytest.raises(ValueError, match=r"other settings \(seed differ"):
            finetune(run(seed=1))

    def test_a_failure_at_the_end_leaves_the_earlier_checkpoint_whole(self, run, monkeypatch):
        folder = finetune(run())
        before = (folder / "adapter_model.safetensors").read_bytes()

        def fail(*args, **kwargs):
            raise RuntimeError("disk full")

        monkeypatch.setattr(finetune_module, "finish", fail)
        with pytest.raises(RuntimeError):
            finetune(run(seed=1), overwrite=True)
        assert (folder / "adapter_model.safetensors").read_bytes() == before
        assert (folder / "config.json").is_file()
        assert not (folder.parent / ".out.building").exists()

    def test_a_folder_set_aside_is_put_back(self, tmp_path):
        output = tmp_path / "out"
        (tmp_path / ".out.old").mkdir()
        (tmp_path / ".out.old" / "config.json").touch()
        folder_module.recover(output)
        assert (output / "config.json").is_file()
        assert not (tmp_path / ".out.old").exists()


class TestOverwriting:
    def test_a_finished_checkpoint_is_replaced_only_when_told(self, run):
        folder = finetune(run())
        first = load_file(folder / "adapter_model.safetensors")
        with pytest.raises(ValueError, match=r"finished checkpoint.*--overwrite"):
            finetune(run(seed=1))
        finetune(run(seed=1), overwrite=True)
        second = load_file(folder / "adapter_model.safetensors")
        assert facts_in(folder)["seed"] == 1
        assert any(not torch.equal(first[key], second[key]) for key in first)

    def test_a_file_in_the_way_is_refused(self, run, tmp_path):
        (tmp_path / "out").write_text("mine")
        with pytest.raises(ValueError, match="is a file"):
            finetune(run())
        assert (tmp_path / "out").read_text() == "mine"


class TestFairness:
    @pytest.mark.parametrize("selection", ["last", "heldout"])
    def test_labels_of_the_reported_set_change_no_weight(self, run, tmp_path, selection):
        flipped = [(text, 1 - label) for text, label in sentences(32, 2)]
        other = write_sst2(tmp_path / "flipped", dev=flipped)
        plan = replace(QUICK, epochs=2)
        honest = finetune(run(output=tmp_path / "one", recipe=plan, selection=selection))
        two = finetune(
            run(output=tmp_path / "two", recipe=plan, selection=selection, data=str(other))
        )
        assert facts_in(honest)["metrics"] != facts_in(two)["metrics"]
        first, second = (load_file(f / "adapter_model.safetensors") for f in (honest, two))
        assert all(torch.equal(first[key], second[key]) for key in first)

    def test_the_held_out_tenth_is_taken_from_the_training_rows(self):
        table = Table("t", "train", tuple(map(str, range(95))), None, np.zeros(95, int), ("a", "b"))
        kept, held_out = finetune_module._hold_out(table, seed=3)
        assert len(held_out) == 9
        assert sorted([*kept.text, *held_out.text], key=int) == list(table.text)
        assert finetune_module._hold_out(table, seed=3)[1].text == held_out.text
        with pytest.raises(ValueError, match="too few to hold out"):
            finetune_module._hold_out(table.take(range(19)), seed=3)

    def test_heldout_selection_keeps_the_epoch_of_lowest_loss(self, run, monkeypatch):
        """A rate that destroys the model after the first epoch: the last epoch is not the best."""
        seen = {}
        original = trainer.PoolingTrainer.evaluate

        def spy(self, *args, **kwargs):
            result = original(self, *args, **kwargs)
            weights = {
                n: p.detach().clone()
                for n, p in self.model.named_parameters()
                if "classifier.modules_to_save.default.weight" in n
            }
            seen[result["eval_loss"]] = next(iter(weights.values()))
            return result

        monkeypatch.setattr(trainer.PoolingTrainer, "evaluate", spy)
        plan = replace(QUICK, epochs=4, learning_rate=0.3, weight_decay=0.0)
        folder = finetune(run(recipe=plan, selection="heldout"))
        saved = load_file(folder / "adapter_model.safetensors")
        weight = next(value for key, value in saved.items() if key.endswith("classifier.weight"))
        assert len(seen) == 4
        torch.testing.assert_close(weight, seen[min(seen)], rtol=0, atol=0)
        assert facts_in(folder)["rows"]["train"] == 87

    def test_rows_are_cut_by_seed_and_not_by_position(self, run):
        texts = settings.load_splits(run(max_train_rows=10)).train.text
        two = settings.load_splits(run(max_train_rows=10, seed=1)).train.text
        assert len(texts) == len(two) == 10
        assert texts != two
