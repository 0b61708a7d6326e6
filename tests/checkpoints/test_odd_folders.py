"""Folders whose files ask for the impossible are refused before anything is built."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from analysis.checkpoints.folder import describe, discover
from analysis.checkpoints.sizes import excess
from analysis.common.faults import CheckpointError
from tests.support import zoo


def copy(name, folder, **changes):
    shutil.copytree(zoo.folder(name), folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


@pytest.mark.parametrize(
    ("name", "changes", "names"),
    [
        ("bert", {"num_labels": 10**12, "id2label": None}, "num_labels"),
        ("bert", {"num_hidden_layers": 20_000}, "num_hidden_layers"),
        ("bert", {"hidden_size": 60_000}, "hidden_size"),
        ("bert", {"id2label": {str(i): str(i) for i in range(100_000)}}, "id2label"),
    ],
)
def test_a_configuration_beyond_its_weights_is_refused(tmp_path, name, changes, names):
    folder = copy(name, tmp_path / "big", **changes)
    with pytest.raises(CheckpointError, match=names):
        describe(folder)


def test_the_encoder_inside_a_configuration_is_held_against_the_weights(tmp_path):
    folder = copy("cls", tmp_path / "big")
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["encoder"]["num_hidden_layers"] = 20_000
    path.write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="num_hidden_layers"):
        describe(folder)


@pytest.mark.parametrize("name", ["bert", "roberta", "cls", "mha", "max_seq_mha", "regression"])
def test_a_configuration_that_fits_is_let_through(name):
    assert describe(zoo.folder(name))


def test_albert_may_have_more_layers_than_tensors():
    assert not excess({"num_hidden_layers": 12, "hidden_size": 8}, {"a": (8, 8), "b": (8,)})


@pytest.mark.parametrize(
    "changes", [{"task": {"a": 1}}, {"task": ["x"]}, {"seed": "three"}, {"seed": True}]
)
def test_a_value_of_another_type_is_listed_as_not_usable_and_the_others_stay(tmp_path, changes):
    copy("cls", tmp_path / "good")
    copy("cls", tmp_path / "odd", **changes)
    usable, broken = discover(tmp_path)
    assert [checkpoint.id for checkpoint in usable] == ["good"]
    assert [entry.id for entry in broken] == ["odd"]
    assert next(iter(changes)) in broken[0].reason


def test_a_named_pipe_for_weights_is_no_file_to_wait_for(tmp_path):
    folder = copy("bert", tmp_path / "pipe")
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        describe(folder)
