"""CUDA against the CPU: the same answers, poolings and attributions. Left out without CUDA."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

import analysis
from analysis.attribution import METHODS, attribute
from analysis.checkpoints.folder import discover
from analysis.common.faults import CheckpointError
from analysis.heads import pooling
from tests.support import tiny, zoo

pytestmark = pytest.mark.gpu

TEXTS = ("The plot is thin, but not dull.", "Who said it?", "dull " * 300)
EVERY = (*zoo.OWN, *tiny.FOREIGN)
# Largest difference of a logit that an encoder in bfloat16 (8 bits of mantissa) may make, as a
# share of the largest logit (at least 1). An answer clearer than twice that keeps its label.
HALF = 0.2


@pytest.fixture(autouse=True)
def full_precision():
    """float32 means float32: TF32 would round to 10 bits."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(before)


@cache
def on_gpu(name: str, dtype: str = "float32"):
    return analysis.load(zoo.folder(name), device="cuda:0", dtype=dtype)


def test_auto_takes_the_gpu():
    assert analysis.load(zoo.folder("cls")).device.type == "cuda"


@pytest.mark.parametrize("text", TEXTS, ids=["sentence", "question", "cut"])
@pytest.mark.parametrize("name", EVERY)
def test_float32_gives_the_same_logits_winners_and_split(name, text):
    here, there = analysis.record(zoo.loaded(name), text), analysis.record(on_gpu(name), text)
    np.testing.assert_allclose(there.logits, here.logits, rtol=0, atol=1e-4)
    np.testing.assert_allclose(there.hidden, here.hidden, rtol=0, atol=1e-3)
    assert there.predicted == here.predicted
    if here.head.readout is not None:
        first, other = (analysis.decompose(trace, "zero") for trace in (here, there))
        assert other.error < 1e-5
        np.testing.assert_allclose(other.by_token(0), first.by_token(0), atol=1e-3)


@pytest.mark.parametrize("name", EVERY)
def test_bfloat16_keeps_the_labels_and_stays_within_the_stated_difference(name):
    for text in TEXTS:
        here, there = (
            analysis.record(zoo.loaded(name), text),
            analysis.record(on_gpu(name, "bfloat16"), text),
        )
        scale = max(float(np.abs(here.logits).max()), 1.0)
        assert float(np.abs(there.logits - here.logits).max()) < HALF * scale
        order = np.sort(here.logits)
        if len(order) > 1 and order[-1] - order[-2] > 2 * HALF * scale:
            assert there.predicted == here.predicted
        if there.head.readout is not None:
            assert analysis.decompose(there, "zero").error < 1e-5


@pytest.mark.parametrize("name", ["max_seq_mha", "mha", "lora", *tiny.FOREIGN])
def test_attributions_are_alike(name):
    options = {"target": 0, "n_steps": 32}
    here = attribute(zoo.loaded(name), TEXTS[0], **options)
    there = attribute(on_gpu(name), TEXTS[0], **options)
    np.testing.assert_allclose(there.scores, here.scores, atol=1e-3)
    assert there.delta == pytest.approx(here.delta, abs=1e-3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["max_seq_mha", "bert"])
def test_every_attribution_method_gives_the_same_scores(name, method):
    if METHODS[method].why_not(zoo.loaded(name)):
        return
    known = {"n_steps": 32, "n_samples": 40}  # and the same draws on every device
    options = {key: known[key] for key in METHODS[method].options if key in known}
    here, there = (
        attribute(classifier, TEXTS[0], None, method, 0, **options)
        for classifier in (zoo.loaded(name), on_gpu(name))
    )
    np.testing.assert_allclose(there.scores, here.scores, atol=2e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", [name for name in pooling.POOLINGS if name != "none"])
def test_poolings_are_alike(name, dtype):
    draw = torch.Generator().manual_seed(4)
    hidden = torch.randn(3, 6, 8, generator=draw).to(dtype)
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    options = {
        "weighted_mean": {"scores": torch.randn(3, 6, generator=draw)},
        "query_attention": {"queries": torch.randn(2, 8, generator=draw)},
    }.get(name, {})
    moved = {key: value.cuda() for key, value in options.items()}
    here = pooling.pool(name, hidden, mask, **options)
    there = pooling.pool(name, hidden.cuda(), mask.cuda(), **moved)
    assert there.is_cuda
    torch.testing.assert_close(there.cpu(), here)
    empty = mask.cuda()
    empty[1] = 0
    with pytest.raises(ValueError, match="masked in row 1"):
        pooling.pool(name, hidden.cuda(), empty, **moved)


def test_attentions_are_alike_and_asking_changes_no_logit():
    attended = analysis.record(on_gpu("max_seq_mha"), TEXTS[0], attentions=True)
    here = analysis.record(zoo.loaded("max_seq_mha"), TEXTS[0], attentions=True)
    np.testing.assert_allclose(attended.attentions, here.attentions, atol=1e-4)
    plain = analysis.record(on_gpu("max_seq_mha"), TEXTS[0])
    np.testing.assert_allclose(attended.logits, plain.logits, atol=1e-6)


@pytest.fixture
def full_memory():
    """The device as another program that left it almost nothing would leave it."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    used = torch.cuda.memory_reserved()
    torch.cuda.set_per_process_memory_fraction((used + 2**20) / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


def test_memory_that_runs_out_while_loading_is_answered_in_words(full_memory):
    from analysis.checkpoints.encoders import resolve_encoder

    folder = resolve_encoder("sentence-transformers/all-MiniLM-L6-v2").path
    with pytest.raises(CheckpointError, match=r"not enough free memory.*device='cpu'"):
        analysis.load(folder, device="cuda:0")


def test_memory_that_runs_out_while_recording_is_answered_in_words():
    from analysis.checkpoints.encoders import resolve_encoder

    folder = resolve_encoder("sentence-transformers/all-MiniLM-L6-v2").path
    classifier = analysis.load(folder, device="cuda:0")
    used, total = torch.cuda.memory_reserved(), torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((used + 2**20) / total)
    try:
        with pytest.raises(CheckpointError, match=r"out of memory at 512 tokens\. Shorten"):
            analysis.record(classifier, "dull " * 600, attentions=True)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert analysis.record(classifier, "dull").hidden.shape == (7, 3, 384)


def test_every_demo_checkpoint_answers_alike(subtests):
    for checkpoint in discover()[0]:
        if checkpoint.kind == "encoder":
            continue
        with subtests.test(checkpoint.id):
            pair = TEXTS[1] if checkpoint.pairs else None
            here, there = (
                analysis.record(analysis.load(checkpoint.folder, device=device), TEXTS[0], pair)
                for device in ("cpu", "cuda:0")
            )
            np.testing.assert_allclose(there.logits, here.logits, rtol=0, atol=1e-4)
            half = analysis.load(checkpoint.folder, device="cuda:0", dtype="bfloat16")
            low = analysis.record(half, TEXTS[0], pair)
            assert float(np.abs(low.logits - here.logits).max()) < 0.25
            if here.class_gap() > 0.2:
                assert low.predicted == here.predicted


def test_a_data_set_is_answered_alike_and_in_bfloat16_nearly_so():
    from analysis import suite
    from analysis.corpus import runs

    table = suite.table("sst2").take(range(0, 1200, 6))
    batch = runs._batch(table, np.arange(len(table)))
    logits = {}
    for device, dtype in (("cpu", "float32"), ("cuda:0", "float32"), ("cuda:0", "bfloat16")):
        opened = runs.open_for_data("sst2-max_seq_mha", dtype=dtype, device=device)
        answer = runs.predict_batch(opened, batch)
        logits[device, dtype] = answer["logits"].flatten().to_numpy().reshape(-1, 2)
    here = logits["cpu", "float32"]
    np.testing.assert_allclose(logits["cuda:0", "float32"], here, rtol=0, atol=1e-3)
    low = logits["cuda:0", "bfloat16"]
    assert (low.argmax(1) != here.argmax(1)).mean() < 0.05


def test_a_pass_that_does_not_fit_is_halved_and_goes_on():
    from analysis.corpus import runs

    opened = runs.open_for_data("sst2-cls", dtype="float32", device="cuda:0")
    table = datasets_of_long_texts(64)
    batch = runs._batch(table, np.arange(len(table)))
    whole = runs.predict_batch(opened, batch, batch_tokens=2048)
    torch.cuda.empty_cache()
    used, total = torch.cuda.memory_reserved(), torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((used + 400 * 2**20) / total)
    try:
        squeezed = runs.predict_batch(opened, batch, batch_tokens=10**6)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    for column in ("row", "predicted"):
        assert squeezed[column].to_pylist() == whole[column].to_pylist()


def datasets_of_long_texts(count: int):
    from analysis.datasets.table import Table

    texts = tuple(f"{number} " + "dull and thin " * 200 for number in range(count))
    return Table("own", "dev", texts, None, None, ())
