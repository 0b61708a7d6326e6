"""Weights and configurations as people's scripts leave them: opened as meant, or told apart."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

import analysis
from analysis.checkpoints.folder import describe
from analysis.common.faults import CheckpointError
from analysis.common.outputs import kind_of
from analysis.families.table import make
from tests.support import zoo

TEXT = "The plot is thin, but not dull."


def copy(name, folder, drop=(), **changes):
    shutil.copytree(zoo.folder(name), folder)
    path = folder / "config.json"
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: v for key, v in values.items() if key not in drop}))
    return folder


def rename(folder, change):
    path = folder / "model.safetensors"
    state = {change(key): tensor for key, tensor in load_file(path).items()}
    save_file(state, path, metadata={"format": "pt"})
    return folder


def logits(folder):
    return analysis.record(analysis.load(folder, device="cpu"), TEXT).logits


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "net.module."])
@pytest.mark.parametrize("name", ["bert", "max_seq_mha", "bare"])
def test_a_wrappers_prefix_before_every_name_is_passed_over(tmp_path, name, prefix):
    folder = rename(copy(name, tmp_path / name), lambda key: prefix + key)
    trace = analysis.record(analysis.load(folder, device="cpu"), TEXT)
    want = analysis.record(zoo.loaded(name), TEXT)
    np.testing.assert_allclose(trace.hidden, want.hidden, rtol=0, atol=1e-5)
    if want.logits is not None:
        np.testing.assert_allclose(trace.logits, want.logits, rtol=0, atol=1e-5)


def test_a_prefix_before_some_of_the_names_is_no_wrappers(tmp_path):
    folder = rename(
        copy("bert", tmp_path / "half"),
        lambda key: f"teacher.{key}" if key.startswith("classifier") else key,
    )
    with pytest.raises(CheckpointError, match="classifier"):
        analysis.load(folder, device="cpu")


def test_a_lost_file_of_several_is_named(tmp_path):
    folder = copy("bert", tmp_path / "bert")
    from transformers import AutoModelForSequenceClassification

    AutoModelForSequenceClassification.from_pretrained(folder).save_pretrained(
        folder, max_shard_size="20KB"
    )
    (folder / "model.safetensors").unlink(missing_ok=True)
    np.testing.assert_allclose(
        logits(folder), analysis.record(zoo.loaded("bert"), TEXT).logits, atol=1e-5
    )
    gone = sorted(folder.glob("model-*"))[1]
    gone.unlink()
    with pytest.raises(CheckpointError, match=gone.name):
        describe(folder)


def test_where_the_configuration_names_no_classes_the_weights_count_them(tmp_path):
    folder = copy("bert", tmp_path / "bert", drop=("id2label", "label2id", "num_labels"))
    assert describe(folder).labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    np.testing.assert_allclose(
        logits(folder), analysis.record(zoo.loaded("bert"), TEXT).logits, atol=1e-5
    )


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ({"0": "neg", "2": "pos", "5": "odd"}, ("neg", "pos", "odd")),
        ({"0": "a", "1": "a", "2": "b"}, ("a (LABEL_0)", "a (LABEL_1)", "b")),
        ({"0": None, "1": 1, "2": "two"}, ("LABEL_0", "1", "two")),
        ({"10": "ten", "9": "nine", "0": "none"}, ("none", "nine", "ten")),
    ],
)
def test_names_of_classes_stand_in_order_and_each_once(tmp_path, names, labels):
    checkpoint = describe(copy("bert", tmp_path / "bert", id2label=names))
    assert checkpoint.labels == labels
    assert any("gaps" in note for note in checkpoint.notes) == (max(map(int, names)) > 2)


@pytest.mark.parametrize(
    "names", [{"neg": 0, "neu": 1, "pos": 2}, ["neg", "neu", "pos"]], ids=["reversed", "list"]
)
def test_names_the_wrong_way_round_are_answered_with_the_right_table(tmp_path, names):
    with pytest.raises(CheckpointError, match='"0": "neg", "1": "neu", "2": "pos"'):
        describe(copy("bert", tmp_path / "bert", id2label=names))


def test_another_number_of_names_than_of_outputs_is_refused_with_both(tmp_path):
    with pytest.raises(CheckpointError, match=r"names 2 classes .* has 3 outputs"):
        describe(copy("bert", tmp_path / "bert", id2label={"0": "a", "1": "b"}))


def test_one_output_that_was_trained_on_sts_b_is_a_number():
    assert kind_of({"finetuning_task": "stsb"}, 1) == "value"
    assert kind_of({}, 1) == "sigmoid"


def test_a_yaml_beside_a_folder_that_opens_without_it_decides_what_its_output_means(tmp_path):
    folder = copy("bert", tmp_path / "bert")
    before = describe(folder)
    (folder / "poollens.yaml").write_text(
        "problem_type: multi_label_classification\nlabels: [rude, mean, kind]\n"
    )
    after = describe(folder)
    assert (before.output, after.output) == ("softmax", "sigmoid")
    assert after.labels == ("rude", "mean", "kind")
    assert after.sha256 != before.sha256
    trace = analysis.record(analysis.load(folder, device="cpu"), TEXT)
    np.testing.assert_allclose(trace.probabilities, 1 / (1 + np.exp(-trace.logits)), rtol=1e-5)
    (folder / "poollens.yaml").write_text("pooling: mean\n")
    with pytest.raises(CheckpointError, match=r"pooling in poollens\.yaml is unknown"):
        describe(folder)


@pytest.mark.parametrize("inner", ["checkpoint-500", "toxic"])
def test_a_folder_around_a_checkpoint_names_the_one_inside(tmp_path, inner):
    copy("bert", tmp_path / "out" / inner)
    with pytest.raises(CheckpointError, match=f"in the folder {inner}"):
        describe(tmp_path / "out")


@pytest.mark.parametrize("head", ["max_cls", "mha", "mean"])
def test_a_first_piece_that_is_no_special_token_is_told_where_a_head_reads_it(tmp_path, head):
    from transformers import AutoTokenizer

    from analysis.checkpoints.model import build_classifier

    encoder = make(tmp_path / "encoder", "qwen3", classifier=False)
    model = build_classifier(encoder, head, {}, ["a", "b"], attn_implementation="eager")
    model.save_pretrained(tmp_path / "saved")
    AutoTokenizer.from_pretrained(encoder).save_pretrained(tmp_path / "saved")
    loaded = analysis.load(tmp_path / "saved", device="cpu")
    first = analysis.record(loaded, TEXT).tokens.special[0]
    noted = any("first piece" in note for note in loaded.checkpoint.notes)
    assert noted == (head != "mean" and not first)


def test_a_sentence_transformers_folder_without_pooling_says_so(tmp_path):
    folder = copy("bare", tmp_path / "bare")
    module = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
    (folder / "modules.json").write_text(json.dumps([module]))
    checkpoint = describe(folder)
    assert checkpoint.kind == "encoder"
    assert any("no Pooling" in note for note in checkpoint.notes)
