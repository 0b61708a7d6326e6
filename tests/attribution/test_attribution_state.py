"""Whatever a method does, the model is left as it was; users at once get the numbers of one."""

from __future__ import annotations

import threading
from functools import cache

import numpy as np
import pytest
import torch

import analysis
from analysis.attribution import METHODS, Enough, TooCostly, attribute, expected_seconds, passes
from analysis.attribution import problem as posing
from analysis.common.faults import CheckpointError
from analysis.text.tokens import tokenize
from tests.support import zoo
from tests.support.out_of_memory import each_error

TEXT, PAIR = "The plot is thin, but not dull.", "Who said it?"
FAST = {
    "shapley_sampling": {"n_samples": 2},
    "kernel_shap": {"n_samples": 40},
    "smoothgrad": {"n_samples": 4},
    "gradient_shap": {"n_samples": 4},
}


class Stopped(Exception):
    pass


def state_of(classifier) -> list:
    model = classifier.model
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    draws = np.random.get_state()  # noqa: NPY002
    return [
        [
            (name, module.training, *(len(getattr(module, kind)) for kind in hooks))
            for name, module in model.named_modules()
        ],
        [(name, p.requires_grad, p.grad, p.sum().item()) for name, p in model.named_parameters()],
        (torch.is_grad_enabled(), classifier.encoder.config._attn_implementation),
        (torch.get_rng_state().tolist(), draws[1].tolist(), draws[2]),
    ]


def run(classifier, method, text=TEXT, pair=None, **options):
    return attribute(classifier, text, pair, method, **{**FAST.get(method, {}), **options})


@cache
def available(name):
    classifier = zoo.loaded(name)
    return [key for key in METHODS if not METHODS[key].why_not(classifier)]


@pytest.mark.parametrize("name", ["max_seq_mha", "bert", "distilbert"])
@pytest.mark.parametrize("method", METHODS)
def test_the_model_is_left_as_it_was(name, method):
    if method not in available(name):
        with pytest.raises(ValueError, match="cannot be split"):
            run(zoo.loaded(name), method)
        return
    classifier = zoo.loaded(name)
    before, logits = state_of(classifier), analysis.record(classifier, TEXT).logits
    run(classifier, method, TEXT, PAIR)
    assert state_of(classifier) == before
    assert np.array_equal(analysis.record(classifier, TEXT).logits, logits)


@pytest.mark.parametrize("name", ["max_seq_mha", "bert"])
@pytest.mark.parametrize("method", METHODS)
def test_a_stop_in_the_middle_leaves_the_model_as_it_was(name, method):
    if method not in available(name):
        return
    classifier = zoo.loaded(name)
    before = state_of(classifier)
    for last in (0, 1, 2, 4):
        seen: list[float] = []

        def stop(share, seen=seen, last=last):
            seen.append(share)
            if len(seen) > last:
                raise Stopped

        try:
            run(classifier, method, progress=stop)
        except Stopped:
            assert len(seen) == last + 1
        else:
            assert len(seen) <= last
        assert state_of(classifier) == before
    assert classifier.lock.acquire(blocking=False)
    classifier.lock.release()


@pytest.mark.parametrize("method", METHODS)
def test_a_failure_in_the_middle_leaves_the_model_as_it_was(method, monkeypatch):
    classifier = zoo.loaded("max_seq_mha" if method == "exact_split" else "bert")
    analysis.record(classifier, TEXT)  # Transformers puts hooks of its own at the first one
    before = state_of(classifier)
    calls = []

    def failing(self, *args, **kwargs):
        calls.append(0)
        if len(calls) > 1:
            raise RuntimeError("in the middle")
        return original(self, *args, **kwargs)

    kind = type(classifier.encoder)
    original = kind.forward
    monkeypatch.setattr(kind, "forward", failing)
    with pytest.raises(RuntimeError, match="in the middle"):
        run(classifier, method)
    monkeypatch.undo()
    assert state_of(classifier) == before


@pytest.mark.parametrize("method", METHODS)
def test_a_model_in_training_mode_stays_in_it(method):
    """Whoever trains the model looks at it in between, and finds it as it was."""
    import copy
    from dataclasses import replace

    known = zoo.loaded("max_seq_mha")
    model = copy.deepcopy(known.model).requires_grad_(True).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.classifier.weight.grad = torch.ones_like(model.classifier.weight)
    classifier = replace(known, model=model)
    run(classifier, method)
    assert all(module.training for module in model.modules())
    assert all(p.requires_grad for p in model.parameters())
    assert (model.classifier.weight.grad == 1).all()
    others = [p.grad for n, p in model.named_parameters() if n != "classifier.weight"]
    assert all(grad is None for grad in others)


@pytest.mark.parametrize("method", METHODS)
def test_progress_never_goes_back_and_ends_at_the_whole(method):
    seen: list[float] = []
    run(zoo.loaded("max_seq_mha"), method, progress=seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_switched_off_around_the_call_do_not_matter(method):
    with torch.no_grad():
        inside = run(zoo.loaded("mha"), method, target=0)
        assert not torch.is_grad_enabled()
    outside = run(zoo.loaded("mha"), method, target=0)
    assert np.array_equal(inside.scores, outside.scores)


def test_users_at_once_get_the_numbers_of_one():
    names = ("max_seq_mha", "max_seq_mha", "bert")  # two on one model, one on another
    alone = {
        (name, method): run(zoo.loaded(name), method, target=1).scores
        for name in set(names)
        for method in available(name)
    }
    wrong, failed = [], []

    def use(name, order):
        try:
            for method in order:
                attribution = run(zoo.loaded(name), method, target=1).scores
                if not np.allclose(attribution, alone[name, method], atol=1e-6):
                    wrong.append((name, method))
        except Exception as error:
            failed.append(error)

    threads = [
        threading.Thread(target=use, args=(name, order))
        for name in names
        for order in (available(name), available(name)[::-1])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert not wrong


def beside(classifier, work):
    """Do `work` while another thread records and predicts; how many of its answers were wrong."""
    import pyarrow as pa

    from analysis.corpus.runs import predict_batch

    batch = pa.RecordBatch.from_pydict({"row": [0, 1], "text": [TEXT, PAIR]})
    logits = analysis.record(classifier, TEXT, PAIR).logits
    table = predict_batch(classifier, batch).column("logits").to_pylist()
    over, wrong, answers = threading.Event(), [], []

    def look():
        while not over.is_set() or not answers:
            answers.append(0)
            now = analysis.record(classifier, TEXT, PAIR).logits
            if not np.allclose(now, logits, atol=1e-5):
                wrong.append("record")
            if len(answers) % 8 == 0:
                rows = predict_batch(classifier, batch).column("logits").to_pylist()
                if not np.allclose(rows, table, atol=1e-5):
                    wrong.append("data set")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        work()
    finally:
        over.set()
        thread.join()
    return wrong


@pytest.mark.parametrize("name", ["max_seq_mha", "bert", "distilbert"])
def test_others_get_right_answers_while_any_method_is_at_work(name, subtests):
    classifier = zoo.loaded(name)
    for method in available(name):
        with subtests.test(method):
            options = {"n_steps": 32} if "n_steps" in METHODS[method].options else {}

            def work(method=method, options=options):
                for _ in range(3):
                    run(classifier, method, target=1, **options)

            assert not beside(classifier, work)


@pytest.mark.parametrize("name", ["max_seq_mha", "bert"])
def test_others_get_right_answers_beside_the_checks_of_an_attribution(name):
    from analysis.attribution import faithfulness, randomisation, sensitivity

    classifier = zoo.loaded(name)

    def work():
        options = {"method": "joint_layers", "n_steps": 8}
        sensitivity(classifier, TEXT, samples=3, **options)
        randomisation(classifier, TEXT, **options)
        faithfulness(classifier, TEXT, run(classifier, "leave_one_out"), repeats=4)

    assert not beside(classifier, work)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_is_held_for_a_batch_and_not_for_a_whole_method(method):
    """Whoever asks the same model waits for one pass, not for minutes."""
    classifier = zoo.loaded("max_seq_mha")
    free = []

    def look(share):
        thread = threading.Thread(target=lambda: free.append(taken(classifier.lock)))
        thread.start()
        thread.join()

    run(classifier, method, progress=look)
    assert free
    assert all(free)


def taken(lock) -> bool:
    if not lock.acquire(blocking=False):
        return False
    lock.release()
    return True


# --- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["max_seq_mha", "bert"])
@pytest.mark.parametrize("text", ["\u200b", "dull"], ids=["only special tokens", "one token"])
def test_very_short_texts_have_scores(text, name, method):
    if method not in available(name):
        return
    result = run(zoo.loaded(name), method, text)
    assert np.isfinite(result.scores).all()
    if METHODS[method].perturbs and text != "dull":
        assert not result.scores.any()
    if METHODS[method].complete:
        width = 0 if result.interval is None else np.ptp(result.interval, axis=1).max()
        assert result.completeness_gap < 0.02 + width


@pytest.mark.parametrize("unit", ["piece", "word"])
@pytest.mark.parametrize("method", METHODS)
def test_a_text_at_the_models_limit_is_attributed(method, unit):
    result = run(
        zoo.loaded("max_seq_mha"),
        method,
        "dull " * 300,
        unit=unit,
        allow_cost=True,
        **({"n_samples": 130} if method == "kernel_shap" else {}),
    )
    assert len(result.scores) == zoo.loaded("max_seq_mha").limit
    assert np.isfinite(result.scores).all()


def test_a_method_that_would_take_minutes_proposes_words_and_says_the_cost():
    classifier, text = zoo.loaded("bert"), "thinly dulled " * 20
    tokens = tokenize(classifier.tokenizer, text, None, classifier.limit)
    pieces = int((~tokens.special).sum())
    words = len(tokens.word_groups()) - 2
    assert words < pieces
    options = {"n_samples": 9_000}
    with pytest.raises(TooCostly) as refused:
        attribute(classifier, text, method="shapley_sampling", **options)
    assert refused.value.passes == passes("shapley_sampling", pieces, options)
    assert refused.value.passes_as_words == passes("shapley_sampling", words, options)
    assert f"{refused.value.passes:,} passes" in str(refused.value)
    assert "unit='word'" in str(refused.value)
    assert f"{refused.value.passes_as_words:,}" in str(refused.value)
    assert "allow_cost=True" in str(refused.value)


def test_a_cost_that_is_allowed_is_paid():
    classifier = zoo.loaded("bert")
    options = {"method": "shapley_sampling", "n_samples": 10_000}

    def stop(share):
        if share > 0.001:
            raise Enough

    with pytest.raises(TooCostly):
        attribute(classifier, "dull " * 40, **options)
    result = attribute(classifier, "dull " * 40, allow_cost=True, progress=stop, **options)
    assert result.stopped


def test_a_bare_encoder_has_nothing_to_attribute_by_any_method():
    for method in METHODS:
        with pytest.raises(ValueError, match="no prediction to attribute"):
            attribute(zoo.loaded("bare"), TEXT, method=method)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"exact_split"}))
def test_numbers_that_are_not_finite_are_refused_in_words(method, monkeypatch):
    original = posing.output_of
    monkeypatch.setattr(posing, "output_of", lambda *arguments: original(*arguments) * torch.nan)
    with pytest.raises(ValueError, match="not finite for this text"):
        run(zoo.loaded("max_seq_mha"), method)


@each_error
@pytest.mark.parametrize("method", METHODS)
def test_memory_that_runs_out_is_answered_in_words(error, method, monkeypatch):
    def full(*arguments, **named):
        raise error

    monkeypatch.setattr(posing, "logits_of", full)
    with pytest.raises(CheckpointError, match=r"out of memory.* 11 tokens\. "):
        run(zoo.loaded("max_seq_mha"), method)


@each_error
@pytest.mark.parametrize("method", sorted(set(METHODS) - {"exact_split", "attention_x_gradient"}))
def test_batches_are_halved_until_they_fit(error, method, monkeypatch):
    classifier, largest = zoo.loaded("bert"), []
    want = run(classifier, method, target=1)
    original = posing.logits_of

    def small(arguments, embeddings, inputs):
        if len(embeddings) > 3:
            raise error
        largest.append(len(embeddings))
        return original(arguments, embeddings, inputs)

    monkeypatch.setattr(posing, "logits_of", small)
    attribution = run(classifier, method, target=1)
    assert max(largest) <= 3
    # Captum draws a batch at a time, and another batch is another draw.
    atol = np.ptp(want.interval, axis=1).max() if method == "gradient_shap" else 1e-4
    np.testing.assert_allclose(attribution.scores, want.scores, atol=atol)


def test_attention_that_keeps_no_weights_is_named():
    fused = analysis.load(zoo.folder("mha"), device="cpu", attn_implementation="sdpa")
    with pytest.raises(ValueError, match="attn_implementation='eager'"):
        attribute(fused, TEXT, method="attention_x_gradient")
    attribute(fused, TEXT, n_steps=2)
    assert fused.encoder.config._attn_implementation == "sdpa"


def test_the_time_a_method_will_take_is_told_before():
    classifier = zoo.loaded("max_seq_mha")
    # Transformers itself puts hooks on a model when it is first asked for hidden states.
    tokens = analysis.record(classifier, TEXT).tokens
    before = state_of(classifier)
    seconds = expected_seconds(classifier, tokens, "saliency")
    many = expected_seconds(classifier, tokens, "smoothgrad", {"n_samples": 1000})
    assert 0 < seconds < many
    assert state_of(classifier) == before
    words = expected_seconds(classifier, tokens, "shapley_sampling", units=3)
    assert words < expected_seconds(classifier, tokens, "shapley_sampling", units=200)
