"""A tiny encoder, a tiny task and a finished run, shared by the tests of fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from tests.support.study_runs import TINY
from tests.support.training_data import QUICK, WORDS, write_sst2
from training.finetune import finetune
from training.settings import Settings
from training.study_run import Sources


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """A model this small is slower on several threads, most of all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """A BERT of two layers with a vocabulary of its own, in a folder."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoders") / "tiny"
    folder.mkdir()
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    BertTokenizerFast(str(vocabulary), model_max_length=64).save_pretrained(folder)
    torch.manual_seed(5)
    BertModel(
        BertConfig(
            vocab_size=len(WORDS) + 5,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=64,
        )
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def glue(tmp_path_factory):
    return write_sst2(tmp_path_factory.mktemp("glue"))


@pytest.fixture(scope="session")
def make_run(encoder, glue):
    """Settings of a quick run into `output`; what a test cares about is changed by name."""

    def make(output, **changes) -> Settings:
        start = Settings(
            "sst2",
            "max_seq_mha",
            str(encoder),
            output,
            str(glue),
            recipe=QUICK,
            options={"last_k": 2},
        )
        return replace(start, **changes)

    return make


@pytest.fixture
def run(make_run, tmp_path):
    """As `make_run`, into a folder of the test's own."""
    return lambda output=tmp_path / "out", **changes: make_run(output, **changes)


@pytest.fixture(scope="session")
def finished(make_run, tmp_path_factory):
    """A checkpoint folder as a LoRA run leaves it."""
    return finetune(make_run(tmp_path_factory.mktemp("finished") / "sst2-tiny"))


@pytest.fixture
def plan_file(tmp_path, encoder):
    """Writes a plan of tiny runs; what a test cares about is changed by name."""

    def write(**changes) -> Path:
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump({**TINY, "encoder": str(encoder), **changes}))
        return path

    return write


@pytest.fixture
def sources(encoder, glue):
    return Sources(str(glue), None, {"tiny": str(encoder)}, {})
