"""Folders that PEFT wrote after training a sequence classifier: an adapter beside its base."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

import analysis
from analysis.common.faults import CheckpointError
from analysis.families.table import make

TEXT = "The plot is thin, but the acting is good."
TARGETS = {"bert": ["query", "value"], "qwen3": ["q_proj"], "distilbert": ["q_lin", "v_lin"]}


def adapter(folder, name, task="SEQ_CLS", tokenizer=True, save=(), targets=None):
    """A folder as PEFT's save_pretrained leaves it, its base, and the model's own logits."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    base = make(folder / f"{name}-base", name, classifier=False)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3)
    lora = LoraConfig(
        task_type=task,
        r=4,
        target_modules=targets or TARGETS[name],
        modules_to_save=list(save) or None,
    )
    wrapped = get_peft_model(model, lora)
    torch.manual_seed(0)
    for key, parameter in wrapped.named_parameters():
        if "lora_B" in key:
            torch.nn.init.normal_(parameter, std=0.3)
    words = AutoTokenizer.from_pretrained(base)
    with torch.no_grad():
        logits = wrapped.eval()(**words(TEXT, return_tensors="pt")).logits[0].numpy()
    where = folder / f"{name}-adapter"
    wrapped.save_pretrained(where)
    if tokenizer:
        words.save_pretrained(where)
    return where, base, logits


@pytest.mark.parametrize("tokenizer", [True, False])
@pytest.mark.parametrize("name", ["bert", "qwen3"])
def test_its_logits_are_those_of_the_trained_model(tmp_path, name, tokenizer):
    where, _, want = adapter(tmp_path, name, tokenizer=tokenizer)
    loaded = analysis.load(where, device="cpu")
    np.testing.assert_allclose(analysis.record(loaded, TEXT).logits, want, rtol=1e-4, atol=1e-4)
    assert loaded.checkpoint.adapter


def test_layers_that_peft_did_not_save_are_named_with_what_to_do(tmp_path):
    where, _, _ = adapter(tmp_path, "modernbert", targets=["Wqkv"])
    with pytest.raises(CheckpointError, match=r"modules_to_save=\['head'\]") as refusal:
        analysis.load(where, device="cpu")
    assert "head.dense.weight" in str(refusal.value)
    assert "merge_and_unload" in str(refusal.value)
    where, _, want = adapter(tmp_path / "again", "modernbert", targets=["Wqkv"], save=["head"])
    loaded = analysis.load(where, device="cpu")
    np.testing.assert_allclose(analysis.record(loaded, TEXT).logits, want, rtol=1e-4, atol=1e-4)


def test_a_base_that_is_gone_names_each_place_looked_in(tmp_path):
    where, base, _ = adapter(tmp_path, "bert")
    shutil.rmtree(base)
    with pytest.raises(CheckpointError, match=r"base model .*is not here"):
        analysis.load(where, device="cpu")


def test_what_an_adapter_cannot_say_is_told_and_a_yaml_decides_it(tmp_path):
    where, _base, want = adapter(tmp_path, "bert")
    notes = analysis.load(where, device="cpu").checkpoint.notes
    assert any("multi_label_classification into poollens.yaml" in note for note in notes)
    (where / "poollens.yaml").write_text("problem_type: multi_label_classification\n")
    loaded = analysis.load(where, device="cpu")
    assert loaded.checkpoint.notes == ()
    np.testing.assert_allclose(
        analysis.record(loaded, TEXT).probabilities, 1 / (1 + np.exp(-want)), rtol=1e-4, atol=1e-4
    )


def test_tokens_that_were_added_before_training_have_their_embeddings(tmp_path):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    base = make(tmp_path / "base", "bert", classifier=False)
    words = AutoTokenizer.from_pretrained(base)
    words.add_tokens(["[E1]", "[E2]"])
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3)
    model.resize_token_embeddings(len(words))
    lora = LoraConfig(task_type="SEQ_CLS", r=4, target_modules=["query"])
    wrapped = get_peft_model(model, lora).eval()
    wrapped.save_pretrained(tmp_path / "adapter", save_embedding_layers=True)
    words.save_pretrained(tmp_path / "adapter")
    text = f"[E1] {TEXT} [E2]"
    with torch.no_grad():
        want = wrapped(**words(text, return_tensors="pt")).logits[0].numpy()
    loaded = analysis.load(tmp_path / "adapter", device="cpu")
    np.testing.assert_allclose(analysis.record(loaded, text).logits, want, rtol=1e-4, atol=1e-4)
