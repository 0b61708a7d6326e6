"""Checkpoints on disk: described without loading, or listed as broken with the reason."""

from __future__ import annotations

import json
import os
import shutil
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.checkpoints import folder as checkpoints
from analysis.checkpoints.folder import describe, discover, locate
from analysis.common.faults import CheckpointError
from tests.support import tiny, zoo

DEMO = (
    *(
        f"{task}-{head}"
        for task in ("sst2", "mrpc")
        for head in ("cls", "max_cls", "mha", "max_seq_mha")
    ),
    *(
        f"trec-{head}-s{seed}"
        for head in ("cls", "max_cls", "mha", "max_seq_mha")
        for seed in range(3)
    ),
)


def copy(name: str, folder):
    return shutil.copytree(zoo.folder(name), folder)


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


def test_the_twenty_demo_checkpoints_are_found_and_whole():
    demo, _ = discover()
    assert set(DEMO) <= {checkpoint.id for checkpoint in demo}
    for checkpoint in demo:
        if checkpoint.id in DEMO:
            assert checkpoint.kind == "pooling"
            assert checkpoint.head == checkpoint.id.split("-")[1]
            assert checkpoint.pairs == checkpoint.id.startswith("mrpc")
            assert len(checkpoint.labels) == (6 if checkpoint.id.startswith("trec") else 2)


def test_a_pooling_checkpoint_is_described_without_loading():
    names = tiny.random_labels(3)
    checkpoint = describe(zoo.folder("max_seq_mha"))
    assert (checkpoint.kind, checkpoint.head, checkpoint.labels) == (
        "pooling",
        "max_seq_mha",
        names,
    )
    assert checkpoint.head_options["last_k"] == 3
    assert (checkpoint.adapter, checkpoint.regression, checkpoint.pairs, checkpoint.seed) == (
        False,
        False,
        False,
        3,
    )
    lora = describe(zoo.folder("lora"))
    assert lora.adapter
    assert lora.labels == names
    number = describe(zoo.folder("regression"))
    assert (number.labels, number.regression) == (("score",), True)


@pytest.mark.parametrize("name", tiny.FOREIGN)
def test_a_foreign_classifier_is_described_by_its_own_names(name):
    checkpoint = describe(zoo.folder(name))
    assert (checkpoint.kind, checkpoint.encoder, checkpoint.head) == ("classifier", name, None)
    assert checkpoint.labels == tiny.random_labels(3)


def test_a_bare_encoder_has_no_classes():
    checkpoint = describe(zoo.folder("bare"))
    assert (checkpoint.kind, checkpoint.labels, checkpoint.head) == ("encoder", (), None)


def test_the_digest_changes_with_the_weights_and_with_the_configuration(tmp_path):
    first = describe(copy("cls", tmp_path / "a")).sha256
    assert describe(copy("cls", tmp_path / "b")).sha256 == first
    assert describe(edit_config(tmp_path / "b", seed=9)).sha256 != first
    tiny.make_pooling_checkpoint(tmp_path / "c", "cls", seed=4)
    assert describe(tmp_path / "c").sha256 != first
    copy("cls", tmp_path / "d")
    shutil.copy(tmp_path / "c" / "model.safetensors", tmp_path / "d" / "model.safetensors")
    assert describe(tmp_path / "d").sha256 != first


def test_runs_that_differ_in_their_seed_share_a_group(tmp_path):
    ids = ("trec-cls-s0", "trec-cls-s12", "sst2-mha")
    made = [describe(zoo.folder("cls"), id=name) for name in ids]
    assert [checkpoint.group for checkpoint in made] == ["trec-cls", "trec-cls", None]


def test_facts_of_the_training_come_along(tmp_path):
    tiny.make_pooling_checkpoint(tmp_path / "one", "cls", task="sst2", facts={"steps": 7})
    checkpoint = describe(tmp_path / "one")
    assert (checkpoint.facts, checkpoint.task) == ({"steps": 7}, "sst2")


# --- broken ones ------------------------------------------------------------------------------


def _empty(folder):
    folder.mkdir()


def _no_config(folder):
    copy("cls", folder)
    (folder / "config.json").unlink()


def _unreadable(folder):
    copy("cls", folder)
    (folder / "config.json").write_text("{'single': quotes}")


def _no_object(folder):
    copy("cls", folder)
    (folder / "config.json").write_text("[]")


def _truncated(folder):
    copy("cls", folder)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _cut_header(folder):
    copy("cls", folder)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5])


def _strange_header(folder):
    copy("cls", folder)
    header = b'{"a": {"data_offsets": []}}'
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


def _pickle(folder):
    copy("cls", folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _no_weights(folder):
    copy("cls", folder)
    (folder / "model.safetensors").unlink()


def _dangling(folder):
    copy("cls", folder)
    (folder / "model.safetensors").unlink()
    os.symlink(folder / "gone", folder / "model.safetensors")


def _code(folder):
    edit_config(copy("bert", folder), auto_map={"AutoModel": "evil.Model"}, model_type="evil")


def _architecture(folder):
    edit_config(copy("bert", folder), architectures=["ViTForImageClassification"])


def _no_classes(folder):
    edit_config(copy("cls", folder), id2label={"zero": "a"}, label2id={"a": "zero"})


def _lost_encoder(folder):
    edit_config(copy("lora", folder), encoder_name="nobody/no-such-encoder")


def _other_encoder(folder):
    edit_config(copy("lora", folder), encoder_sha256="0" * 64)


def _facts(folder):
    copy("cls", folder)
    (folder / "training.json").write_text("{")


BROKEN = {
    _empty: "folder is empty",
    _no_config: "no config.json",
    _unreadable: "config.json cannot be read",
    _no_object: "holds no JSON object",
    _truncated: "truncated or damaged",
    _cut_header: "truncated or damaged",
    _strange_header: "truncated or damaged",
    _pickle: "pickle (pytorch_model.bin), which can run code",
    _no_weights: "there is no model.safetensors",
    _dangling: "model.safetensors",
    _code: "never runs code from a checkpoint",
    _architecture: "its architecture is ViTForImageClassification",
    _no_classes: "should lead from numbers to names",
    _lost_encoder: "was not found. Looked in: folder 'nobody/no-such-encoder'",
    _other_encoder: "than the adapter was trained on",
    _facts: "training.json cannot be read",
}


@pytest.mark.parametrize("spoil", BROKEN, ids=lambda spoil: spoil.__name__.strip("_"))
def test_a_broken_checkpoint_says_why_and_the_others_work(spoil, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    root = tmp_path / "root"
    copy("cls", root / "good")
    spoil(root / "bad")
    usable, broken = discover(root)
    assert [checkpoint.id for checkpoint in usable] == ["good"]
    assert [problem.id for problem in broken] == ["bad"]
    assert BROKEN[spoil] in broken[0].reason
    assert broken[0].reason.startswith("bad: ")
    import analysis

    with pytest.raises(CheckpointError, match="bad: "):
        analysis.load(root / "bad", root=root, device="cpu")


def test_a_pickle_is_answered_with_the_way_to_convert_it(tmp_path):
    _pickle(tmp_path / "bad")
    with pytest.raises(CheckpointError, match="save_pretrained"):
        describe(tmp_path / "bad")


def test_the_message_of_a_lost_encoder_names_each_place(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    _lost_encoder(tmp_path / "bad")
    with pytest.raises(CheckpointError) as caught:
        describe(tmp_path / "bad")
    for place in ("folder", "installed packages", "Hub cache", "Hub (switched off"):
        assert place in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
FIELDS = (
    "model_type",
    "architectures",
    "id2label",
    "num_labels",
    "head",
    "head_options",
    "encoder",
    "encoder_name",
    "encoder_sha256",
    "auto_map",
    "task",
    "pairs",
    "seed",
    "vocab_size",
)


@given(
    base=st.sampled_from(["cls", "bert", "bare"]),
    changes=st.dictionaries(st.sampled_from(FIELDS), JSON, min_size=1, max_size=3),
)
def test_no_configuration_takes_discover_down(base, changes, tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    folder = root / "one"
    folder.mkdir()
    for file in zoo.folder(base).iterdir():
        os.symlink(file, folder / file.name)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").unlink()
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    usable, broken = discover(root)
    assert len(usable) + len(broken) == 1


def test_hidden_folders_and_files_are_no_checkpoints(tmp_path):
    (tmp_path / ".cache").mkdir()
    (tmp_path / "_encoder").mkdir()
    (tmp_path / "notes.txt").write_text("")
    assert discover(tmp_path) == ([], [])
    assert discover(tmp_path / "nowhere") == ([], [])


# --- names ------------------------------------------------------------------------------------


def test_a_checkpoint_is_named_by_folder_or_by_registered_name(tmp_path):
    copy("cls", tmp_path / "one")
    assert locate("one", tmp_path) == (tmp_path / "one", "one", "folder")
    assert locate(tmp_path / "one", tmp_path)[1] == "one"
    elsewhere = zoo.folder("cls")
    assert locate(elsewhere, tmp_path) == (elsewhere, str(elsewhere), "folder")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "no-such",
        "nobody/no-such",
        "../no-such",
        "a" * 5000,
        "nul\0byte",
        "~nobody-at-all/x",
        "a/b/c",
        "<script>",
        "\ud800",
    ],
    ids=ascii,
)
def test_a_name_that_is_none_is_answered_in_words(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError, match=r"Looked in|no checkpoint"):
        locate(name, tmp_path)


def test_the_demo_folder_lies_beside_the_package():
    assert checkpoints.DEMO_FOLDER.name == "checkpoints"
    assert (checkpoints.DEMO_FOLDER.parent / "analysis").is_dir()
