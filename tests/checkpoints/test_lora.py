"""Plain LoRA adapters, merged by hand: PEFT's own weights, and the encoder's held once."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import analysis
from analysis.checkpoints import lora
from analysis.checkpoints.shared import weights_of
from analysis.common.faults import CheckpointError
from analysis.common.places import DEMO_FOLDER
from tests.support import demo, zoo

ADAPTER = "adapter_model.safetensors"


def copied(place: Path, **changes: object) -> Path:
    """A checkpoint of encoder and adapter, its adapter_config.json changed."""
    shutil.copytree(zoo.folder("lora"), place)
    path = place / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return place


def by_peft(folder: Path, monkeypatch: pytest.MonkeyPatch) -> analysis.Classifier:
    with monkeypatch.context() as patch:
        patch.setattr(lora, "scale_of", lambda folder: None)
        return analysis.load(folder, device="cpu")


def by_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> analysis.Classifier:
    """Loaded where nothing can import PEFT."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "peft", None)
        return analysis.load(folder, device="cpu")


def assert_same_weights(left: analysis.Classifier, other: analysis.Classifier) -> None:
    first, second = left.model.state_dict(), other.model.state_dict()
    assert list(first) == list(second)
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
    assert left.report == other.report


@pytest.mark.parametrize("changes", [{}, {"use_rslora": True}, {"lora_alpha": 5}])
def test_weights_are_those_of_peft_bit_for_bit(tmp_path, monkeypatch, changes):
    folder = copied(tmp_path / "one", **changes)
    assert_same_weights(by_hand(folder, monkeypatch), by_peft(folder, monkeypatch))


def test_an_adapter_kept_in_half_precision_is_merged_in_float32(tmp_path, monkeypatch):
    folder = copied(tmp_path / "one")
    state = {
        name: tensor.bfloat16() if "lora_" in name else tensor
        for name, tensor in load_file(folder / ADAPTER).items()
    }
    save_file(state, folder / ADAPTER)
    assert_same_weights(by_hand(folder, monkeypatch), by_peft(folder, monkeypatch))


def test_demo_checkpoints_are_those_of_peft_bit_for_bit(monkeypatch):
    for name in demo.FOUR:
        folder = DEMO_FOLDER / name
        assert_same_weights(by_hand(folder, monkeypatch), by_peft(folder, monkeypatch))


@pytest.mark.parametrize(
    "changes",
    [
        {"use_dora": True},
        {"bias": "all"},
        {"rank_pattern": {"query": 2}},
        {"target_modules": ".*query"},
        {"peft_type": "LOHA"},
        {"init_lora_weights": "pissa"},
        {"of_a_later_version": True},
    ],
)
def test_any_other_adapter_is_left_to_peft(tmp_path, changes):
    assert lora.scale_of(copied(tmp_path / "one")) is not None
    assert lora.scale_of(copied(tmp_path / "other", **changes)) is None


def test_a_file_that_lacks_an_adapted_layer_is_refused_by_its_name(tmp_path):
    folder = copied(tmp_path / "one")
    state = load_file(folder / ADAPTER)
    lost = next(name for name in state if name.endswith("lora_B.weight"))
    save_file({name: tensor for name, tensor in state.items() if name != lost}, folder / ADAPTER)
    with pytest.raises(CheckpointError, match=lost.split(".")[-3]):
        analysis.load(folder, device="cpu")


def test_what_adapters_leave_alone_is_held_and_counted_once_and_never_changed(tmp_path):
    first = analysis.load(copied(tmp_path / "one"), device="cpu")
    before = analysis.record(first, "the plot is thin").logits
    second = analysis.load(copied(tmp_path / "other", lora_alpha=5), device="cpu")
    half = analysis.load(copied(tmp_path / "half"), device="cpu", dtype="bfloat16")
    assert half.encoder.get_input_embeddings().weight.dtype == torch.bfloat16

    def places(loaded):
        return {w.data_ptr(): w.numel() * 4 for w in loaded.model.parameters()}

    table = first.encoder.get_input_embeddings().weight
    assert table.data_ptr() == second.encoder.get_input_embeddings().weight.data_ptr()
    assert table.dtype == torch.float32
    every = places(first) | places(second)
    counted = weights_of(first) | weights_of(second)
    assert sum(counted.values()) == sum(every.values()) < 2 * sum(places(first).values())
    np.testing.assert_array_equal(analysis.record(first, "the plot is thin").logits, before)
