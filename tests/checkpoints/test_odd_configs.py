"""Configurations that people edit, cut or mix: read as meant, or refused with the reason."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from scipy.special import expit

import analysis
from analysis.checkpoints.folder import describe
from analysis.common.faults import CheckpointError
from analysis.families.table import make
from tests.support import tiny, zoo

TEXT = "The plot is thin, but not dull."
_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


@pytest.fixture
def stock(tmp_path):
    """A stock classifier of three classes."""
    return tiny.make_foreign_checkpoint(tmp_path / "bert", "bert", ("neg", "neu", "pos"), seed=1)


def edit(folder, file="config.json", drop=(), **changes):
    path = folder / file
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: v for key, v in values.items() if key not in drop}))


def test_numbers_written_as_text_name_the_classes(stock):
    edit(stock, drop=("id2label",), label2id={"neg": "0", "neu": "1", "pos": "2"})
    assert describe(stock).labels == ("neg", "neu", "pos")


def test_classes_without_names_are_refused_by_their_number(stock):
    edit(stock, id2label={}, label2id={})
    with pytest.raises(CheckpointError, match=r"names 0 classes .* has 3 outputs"):
        describe(stock)


def test_a_declared_class_of_its_own_is_no_cross_encoder(tmp_path):
    folder = tiny.make_foreign_checkpoint(tmp_path / "one", "bert", ("toxic",), seed=1)
    edit(folder, problem_type="multi_label_classification")
    loaded = analysis.load(folder, device="cpu")
    trace = analysis.record(loaded, TEXT)
    np.testing.assert_allclose(trace.probabilities, expit(trace.logits), atol=1e-6)
    assert not any("cross-encoder" in remark for remark in loaded.checkpoint.remarks)


def test_layers_that_the_configuration_does_not_count_are_named(stock):
    edit(stock, num_hidden_layers=tiny.LAYERS - 1)
    loaded = analysis.load(stock, device="cpu")
    assert any(f"layer {tiny.LAYERS - 1} " in remark for remark in loaded.checkpoint.remarks)


def test_layers_that_the_file_lacks_are_refused(stock):
    edit(stock, num_hidden_layers=tiny.LAYERS + 1)
    with pytest.raises(CheckpointError, match=f"layer.{tiny.LAYERS}"):
        analysis.load(stock, device="cpu")


def test_a_changed_configuration_is_another_checkpoint(stock):
    before = describe(stock)
    edit(stock, id2label={"0": "bad", "1": "fair", "2": "good"})
    after = describe(stock)
    assert before.sha256 != after.sha256
    assert before.encoder_digest == after.encoder_digest, "a head fitted on it still knows it"


def test_an_adapters_configuration_beside_a_whole_model_is_told(stock):
    adapter = {"peft_type": "LORA", "task_type": "SEQ_CLS", "base_model_name_or_path": "bert"}
    (stock / "adapter_config.json").write_text(json.dumps(adapter))
    with pytest.raises(CheckpointError, match=r"take adapter_config\.json away"):
        describe(stock)


@pytest.mark.parametrize("name", ["MyBertClassifier", "HF_ColBERT", "DPRContextEncoder"])
def test_an_unknown_architecture_is_named_with_what_to_do(stock, name):
    edit(stock, architectures=[name])
    with pytest.raises(CheckpointError, match=name) as refused:
        describe(stock)
    assert "poollens.yaml" in str(refused.value)


def test_a_model_of_sentence_order_opens_as_its_encoder(stock):
    edit(stock, architectures=["BertForNextSentencePrediction"])
    assert describe(stock).kind == "encoder"


def test_a_tokenizer_without_a_fast_version_is_named(tmp_path):
    from transformers import EsmConfig, EsmForSequenceClassification, EsmTokenizer

    folder = tmp_path / "esm"
    folder.mkdir()
    pieces = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWC", "<mask>"]
    (folder / "vocab.txt").write_text("\n".join(pieces))
    config = EsmConfig(vocab_size=len(pieces), pad_token_id=1, mask_token_id=24, **_SIZES)
    EsmForSequenceClassification(config).save_pretrained(folder)
    EsmTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    with pytest.raises(CheckpointError, match=r"EsmTokenizer .*fast version"):
        analysis.load(folder, device="cpu")


def test_a_model_of_one_length_of_text_is_refused_at_load(tmp_path):
    folder = make(tmp_path / "nystromformer", "nystromformer")
    edit(folder, segment_means_seq_len=16, num_landmarks=4)
    with pytest.raises(CheckpointError, match=r"Nystromformer.* cannot read a short text"):
        analysis.load(folder, device="cpu")


def test_a_prefix_of_a_wrapper_in_weights_of_several_files_is_taken_off(stock):
    want = analysis.record(analysis.load(stock, device="cpu"), TEXT).logits
    state = load_file(stock / "model.safetensors")
    (stock / "model.safetensors").unlink()
    table = {}
    for number in (0, 1):
        file = f"model-0000{number + 1}-of-00002.safetensors"
        part = {f"module.{key}": state[key] for key in sorted(state)[number::2]}
        save_file(part, stock / file, metadata={"format": "pt"})
        table |= dict.fromkeys(part, file)
    index = {"metadata": {}, "weight_map": table}
    (stock / "model.safetensors.index.json").write_text(json.dumps(index))
    got = analysis.record(analysis.load(stock, device="cpu"), TEXT).logits
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_files_of_a_trainer_beside_the_weights_change_nothing(tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(zoo.folder("bert"), folder)
    want = analysis.record(analysis.load(folder, device="cpu"), TEXT).logits
    for name in ("optimizer.pt", "rng_state.pth", "training_args.bin", "colbert_linear.pt"):
        (folder / name).write_bytes(b"PK\x03\x04")
    got = analysis.record(analysis.load(folder, device="cpu"), TEXT).logits
    np.testing.assert_array_equal(got, want)
