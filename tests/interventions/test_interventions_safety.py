"""Interventions on a model that others share: left as it was, stopped, refused, short of memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import analysis
from analysis.interventions import (
    depth_logits,
    drop_effects,
    leave_one_out,
    sweep_last_k,
    what_if,
)
from tests.support import tiny, zoo
from tests.support.out_of_memory import each_error

TEXT = tiny.SENTENCE
LAYERS = (2, 3, 4)  # tiny checkpoints have 4 layers and last_k = 3


def test_the_shared_model_is_left_as_it_was():
    classifier = zoo.loaded("max_seq_mha")
    before = analysis.record(classifier, TEXT)
    sweep_last_k(classifier, TEXT)
    drop_effects(classifier, TEXT, by_token=True)
    depth_logits(classifier, before)
    assert classifier.model.head.last_k == 3
    assert classifier.model.head.num_layers == 4
    after = analysis.record(classifier, TEXT)
    assert (after.logits == before.logits).all()
    assert (after.hidden == before.hidden).all()


def test_progress_counts_to_one_and_may_end_the_work():
    seen: list[float] = []
    drop_effects(zoo.loaded("max_cls"), TEXT, by_token=True, progress=seen.append)
    leave_one_out(zoo.loaded("max_cls"), TEXT, progress=seen.append)
    assert seen[-1] == 1.0

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave_one_out(zoo.loaded("max_cls"), TEXT, progress=stop)


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("mha", {"drop_layers": (4,)}, "takes no maximum over layers"),
        ("max_cls", {"drop_layers": (1,)}, "layer 1 does not compete"),
        ("max_cls", {"drop_layers": LAYERS}, "leave at least one"),
        ("max_cls", {"mask_tokens": (99,)}, "token 99 does not exist"),
        ("max_cls", {"mask_tokens": (0,)}, "cannot be masked"),
        ("max_cls", {"where": "nowhere"}, "known: head, encoder, replace"),
        ("bare", {"where": "encoder"}, "bare encoder"),
        ("max_cls", {"drop_layers": 4}, "drop_layers is 4: give whole numbers in a sequence"),
        ("max_cls", {"drop_layers": "34"}, "drop_layers is '34'"),
        ("max_cls", {"mask_tokens": [1.5]}, r"mask_tokens is \[1.5\]"),
        ("max_cls", {"mask_tokens": [True]}, r"mask_tokens is \[True\]"),
    ],
)
def test_what_cannot_be_changed_is_said_in_a_sentence(name, options, reason):
    with pytest.raises(ValueError, match=reason):
        what_if(zoo.loaded(name), TEXT, **options)


def test_a_head_with_nothing_to_drop_says_so():
    with pytest.raises(ValueError, match="takes no maximum over layers"):
        sweep_last_k(zoo.loaded("cls"), TEXT)
    with pytest.raises(ValueError, match="takes no maximum over layers"):
        drop_effects(zoo.loaded("mean"), TEXT)


def test_a_regression_keeps_its_value_as_it_is():
    result = what_if(zoo.loaded("regression"), TEXT, drop_layers=(4,))
    assert (result.probabilities == result.logits).all()
    assert not result.flipped


CHANGES = {
    "sweep": lambda classifier: sweep_last_k(classifier, TEXT),
    "what if": lambda classifier: what_if(classifier, TEXT, drop_layers=(4,)),
    "drop": lambda classifier: drop_effects(classifier, TEXT),
    "drop by token": lambda classifier: drop_effects(classifier, TEXT, by_token=True),
    "leave one out": lambda classifier: leave_one_out(classifier, TEXT, where="head"),
    "depth": lambda classifier: depth_logits(classifier, analysis.record(classifier, TEXT)),
}


@each_error
@pytest.mark.parametrize("change", CHANGES)
def test_memory_that_runs_out_is_answered_in_words_and_the_model_left_as_it_was(
    error, change, monkeypatch
):
    classifier = zoo.loaded("max_seq_mha")
    model, before = classifier.model, analysis.record(classifier, TEXT)
    head = type(model.head)
    read = head.read

    def refuse(self, hidden, mask):
        whole = torch.equal(hidden, torch.tensor(before.hidden)[:, None]) and bool(mask.all())
        if self is model.head and whole:
            return read(self, hidden, mask)  # the recording itself finds its memory
        raise error

    if change == "drop by token":
        monkeypatch.setattr(head, "without_at", refuse_all)
    monkeypatch.setattr(head, "read", refuse)
    with pytest.raises(
        analysis.checkpoints.CheckpointError,
        match=r"out of memory while .*"
        r"\(\d+ tokens\). Shorten the text",
    ):
        CHANGES[change](classifier)
    monkeypatch.undo()
    after = analysis.record(classifier, TEXT)
    assert (after.logits == before.logits).all()
    assert (model.head.last_k, model.head.num_layers) == (3, 4)
    assert not model.training


def refuse_all(*_):
    raise torch.OutOfMemoryError("CUDA out of memory")


@each_error
def test_a_batch_that_finds_no_memory_is_made_smaller(error, monkeypatch):
    classifier = zoo.loaded("mha")
    whole = leave_one_out(classifier, TEXT, where="encoder")
    forward, sizes = classifier.model.encoder.forward, []

    def small_only(*args, **kwargs):
        sizes.append(len(kwargs["input_ids"]))
        if sizes[-1] > 3:
            raise error
        return forward(*args, **kwargs)

    monkeypatch.setattr(classifier.model.encoder, "forward", small_only)
    seen: list[float] = []
    parts = leave_one_out(classifier, TEXT, where="encoder", progress=seen.append)
    np.testing.assert_allclose(parts.effects, whole.effects, atol=1e-5)
    assert max(sizes[1:]) > 3
    assert sizes[-1] <= 3
    assert seen[-1] == 1.0


@pytest.mark.parametrize("where", ["head", "encoder", "replace"])
def test_batches_of_a_long_text_say_what_one_by_one_says(where):
    from analysis.interventions import leaving

    text = " ".join(tiny.WORDS) + " " + TEXT
    classifier = zoo.loaded("max_seq_mha")
    whole = leave_one_out(classifier, text, where=where)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaving, "_BATCH_TOKENS", 1)
        single = leave_one_out(classifier, text, where=where)
    np.testing.assert_allclose(whole.effects, single.effects, atol=1e-5)
