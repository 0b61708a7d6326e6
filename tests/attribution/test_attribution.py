"""Integrated gradients against Captum on the embedding layer; evidence; a model left as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import analysis
from analysis.attribution import METHODS, attribute, in_words, output_of
from analysis.attribution.methods.gradients import close_enough, settled
from analysis.attribution.methods.integration import LEVELS
from analysis.reading.trace import model_inputs
from tests.support import tiny, zoo

TEXT, PAIR = "The plot is thin, but not dull.", "Who said it?"
OWN = ("cls", "max_cls", "mha", "max_seq_mha", "max", "cls_mlp", "lora", "regression")
EVERY = (*OWN, *tiny.FOREIGN)


def parts(classifier, text=TEXT, pair=None, baseline="pad"):
    """(tokens, inputs, ids of the baseline) made here and not by the library."""
    tokens = analysis.record(classifier, text, pair).tokens
    inputs = model_inputs(classifier, tokens)
    fill = getattr(classifier.tokenizer, f"{baseline}_token_id")
    ids = inputs["input_ids"]
    return tokens, inputs, torch.where(torch.tensor(tokens.special), ids, fill)


def by_captum(classifier, target, *, pair=None, baseline="pad", n_steps=16, output="logit"):
    """LayerIntegratedGradients on the embedding layer, called directly on ids."""
    from captum.attr import LayerIntegratedGradients

    _, inputs, empty = parts(classifier, pair=pair, baseline=baseline)
    rest = {name: value for name, value in inputs.items() if name != "input_ids"}

    def value(ids):
        tensors = {name: tensor.expand(len(ids), -1) for name, tensor in rest.items()}
        logits = classifier.model(input_ids=ids, **tensors).logits
        if output == "probability":
            return logits.softmax(1)[:, target]
        if output == "contrast":
            others = [logits[:, c] for c in range(logits.shape[1]) if c != target]
            return logits[:, target] - torch.stack(others).mean(0)
        return logits[:, target]

    layer = classifier.model.get_input_embeddings()
    scores = LayerIntegratedGradients(value, layer).attribute(
        inputs["input_ids"], baselines=empty, n_steps=n_steps
    )
    return scores[0].sum(-1).detach().numpy()


@pytest.mark.parametrize("name", EVERY)
def test_scores_equal_captums_on_the_embedding_layer(name):
    classifier = zoo.loaded(name)
    target = 0 if name == "regression" else 2
    result = attribute(classifier, TEXT, target=target, n_steps=16)
    np.testing.assert_allclose(result.scores, by_captum(classifier, target), rtol=0, atol=1e-4)
    assert result.options["n_steps"] == 16


@pytest.mark.parametrize(
    "options",
    [{"pair": PAIR}, {"baseline": "mask"}, {"output": "contrast"}, {"output": "probability"}],
    ids=str,
)
@pytest.mark.parametrize("name", ["max_seq_mha", "bert"])
def test_pairs_baselines_and_outputs_equal_captums_too(name, options):
    classifier = zoo.loaded(name)
    result = attribute(classifier, TEXT, target=1, n_steps=16, **options)
    np.testing.assert_allclose(result.scores, by_captum(classifier, 1, **options), atol=1e-4)
    assert result.output == options.get("output", "logit")
    assert result.baseline == f"[{options.get('baseline', 'pad').upper()}]"


@pytest.mark.parametrize("output", ["logit", "contrast", "probability"])
@pytest.mark.parametrize("name", ["max_seq_mha", "roberta", "electra"])
def test_delta_is_the_output_minus_that_of_the_baseline(name, output):
    classifier = zoo.loaded(name)
    _, inputs, empty = parts(classifier)
    with torch.no_grad():
        full = classifier.model(**inputs).logits[0].double()
        # By embeddings, as in the integral: RoBERTa gives [PAD] ids positions of their own.
        embedded = classifier.model.get_input_embeddings()(empty)
        rest = {name: value for name, value in inputs.items() if name != "input_ids"}
        bare = classifier.model(inputs_embeds=embedded, **rest).logits[0].double()
    for target in range(3):
        result = attribute(classifier, TEXT, target=target, n_steps=2, output=output)
        others = [c for c in range(3) if c != target]
        values = {
            "logit": lambda z, t=target: z[t],
            "contrast": lambda z, t=target, o=others: z[t] - z[o].mean(),
            "probability": lambda z, t=target: z.softmax(0)[t],
        }[output]
        assert result.delta == pytest.approx(float(values(full) - values(bare)), abs=1e-5)
        assert result.target == target


@pytest.mark.parametrize("name", EVERY)
def test_scores_sum_to_the_difference_up_to_the_gap_that_is_shown(name):
    result = attribute(zoo.loaded(name), TEXT)
    gap = abs(result.scores.sum() - result.delta)
    assert result.completeness_gap == pytest.approx(gap, abs=1e-4)
    steps = result.options["n_steps"]
    assert result.converged == (gap <= 0.01 * max(abs(result.delta), 0.01)) or steps == LEVELS[-1]


@pytest.mark.parametrize("name", ["mha", "bert"])
@pytest.mark.parametrize("method", ["integrated_gradients", "joint_layers"])
def test_the_tolerance_is_a_share_of_the_outputs_change_however_small(method, name):
    small = attribute(
        zoo.loaded(name), TEXT, method=method, target=1, output="probability", tolerance=0.02
    )
    assert abs(small.delta) < 0.5
    assert small.converged
    assert small.completeness_gap <= 0.02 * max(abs(small.delta), 0.01)


@pytest.mark.parametrize("name", ["mha", "bert"])
@pytest.mark.parametrize("method", ["integrated_gradients", "joint_layers"])
def test_a_tolerance_that_is_not_reached_is_said(method, name):
    arguments = {"method": method, "target": 1}
    assert attribute(zoo.loaded(name), TEXT, tolerance=0.1, **arguments).converged
    # What is too strict for float32: a gap of exactly nothing remains, on some processors.
    strict = attribute(zoo.loaded(name), TEXT, tolerance=1e-9, **arguments)
    assert not strict.converged or strict.completeness_gap <= 1e-9 * max(abs(strict.delta), 0.01)
    assert (
        attribute(zoo.loaded(name), TEXT, tolerance=1e-9, n_steps=1, **arguments).converged is False
    )
    assert attribute(zoo.loaded(name), TEXT, method="saliency").converged is None


def test_errors_that_cancel_in_the_sum_are_no_convergence():
    before, now = np.array([1.0, -0.5, 0.5]), np.array([1.0, -0.2, 0.2])
    assert close_enough(now, 1.0, 1e-6)
    assert not settled(now, before, 0.01)
    assert settled(now, before, 0.1)
    assert settled(now, now, 1e-9)


def test_more_steps_close_the_gap():
    classifier = zoo.loaded("mha")
    few, many = (attribute(classifier, TEXT, target=0, n_steps=n) for n in (2, 200))
    assert many.completeness_gap <= few.completeness_gap
    assert many.completeness_gap < 0.01


def test_special_tokens_are_the_baselines_own_and_score_nothing():
    result = attribute(zoo.loaded("mha"), TEXT, PAIR, n_steps=4)
    special = analysis.record(zoo.loaded("mha"), TEXT, PAIR).tokens.special
    assert (result.scores[special] == 0).all()
    assert (result.scores[~special] != 0).any()


@pytest.mark.parametrize("name", ["max_seq_mha", "bert", "regression"])
def test_the_predicted_class_is_explained_unless_another_is_named(name):
    classifier = zoo.loaded(name)
    predicted = analysis.record(classifier, TEXT).predicted
    assert attribute(classifier, TEXT, n_steps=2).target == predicted


def test_words_sum_their_pieces():
    classifier, text = zoo.loaded("mha"), "He liked thinly acting stories."
    pieces = attribute(classifier, text, target=0, n_steps=8)
    words = attribute(classifier, text, target=0, n_steps=8, unit="word")
    tokens = analysis.record(classifier, text).tokens
    assert words.unit_tokens == tokens.word_groups()
    assert len(words.scores) < len(pieces.scores)
    for score, group in zip(words.scores, words.unit_tokens, strict=True):
        assert score == pytest.approx(sum(pieces.scores[t] for t in group), abs=1e-6)
    again = in_words(pieces, tokens)
    np.testing.assert_allclose(again.scores, words.scores, atol=1e-6)
    assert (again.unit, again.unit_tokens) == ("word", words.unit_tokens)
    assert in_words(words, tokens) is words


def test_the_same_question_gives_the_same_bytes():
    first, second = (attribute(zoo.loaded("lora"), TEXT, n_steps=8) for _ in range(2))
    assert np.array_equal(first.scores, second.scores)


@pytest.mark.parametrize("options", [{}, {"n_steps": 4}, {"tolerance": 1e-9}], ids=str)
def test_progress_never_goes_back_and_ends_at_the_whole(options):
    seen: list[float] = []
    attribute(zoo.loaded("mha"), TEXT, progress=seen.append, **options)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "deep_lift"}, "method is 'deep_lift'; known: gradient_x_input"),
        ({"unit": "letter"}, "unit is 'letter'; known: piece, word, span"),
        ({"output": "loss"}, "output is 'loss'; known: logit, contrast, probability"),
        ({"baseline": "noise"}, "baseline is 'noise'; known: pad, mask, mean, text"),
        ({"samples": 3}, "has no option samples; known: n_steps, tolerance"),
        ({"n_steps": 0}, "n_steps is 0"),
        ({"target": 3}, "target is 3; .* has 3 classes"),
        ({"n_steps": 2.5}, "n_steps is 2.5; a whole number is needed"),
        ({"n_steps": 5000}, "n_steps is 5000; at most 1000"),
        ({"tolerance": "small"}, "tolerance is 'small'; a number is needed"),
        ({"method": "saliency", "norm": "l3"}, "norm is 'l3'; known: l1, l2"),
        ({"target": -1}, "target is -1"),
        ({"target": (0, 3)}, "target is 3; .* has 3 classes"),
        ({"target": (1, 1)}, "a pair of two different classes"),
        ({"baseline": "text"}, "needs baseline_text"),
        ({"unit": "span"}, "needs span="),
        ({"unit": "span", "span": ((2, 1),)}, "is no span"),
        ({"unit": "span", "span": ((0, 5), (4, 9))}, "two spans share a piece"),
        ({"unit": "span", "span": ((90, 95),)}, "hold no piece"),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(options, message):
    with pytest.raises(ValueError, match=message):
        attribute(zoo.loaded("mha"), TEXT, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "positive"}, "target is 'positive'; .* has the classes: "),
        ({"target": 1.5}, "target is 1.5; a class by index or name"),
        ({"target": True}, "target is True; a class by index or name"),
        ({"target": (0, "x")}, "target is 'x'; .* has the classes: "),
        ({"target": (0, 1, 2)}, "a pair of two different classes"),
        ({"seed": "x"}, "seed is 'x'; a whole number"),
        ({"seed": None}, "seed is None; a whole number"),
        ({"seed": -1}, "seed is -1; a whole number of at least 0"),
        ({"seed": 1.5}, "seed is 1.5; a whole number"),
        ({"unit": "span", "span": "abc"}, r"a span is \(start, end\)"),
        ({"unit": "span", "span": 5}, r"a span is \(start, end\)"),
        ({"unit": "span", "span": ((0.5, 2),)}, r"a span is \(start, end\)"),
    ],
)
@pytest.mark.parametrize("method", ["gradient_x_input", "gradient_shap", "kernel_shap"])
def test_what_is_no_class_seed_sentence_or_span_is_said(method, options, message):
    with pytest.raises(ValueError, match=message):
        attribute(zoo.loaded("mha"), TEXT, method=method, **options)


@pytest.mark.parametrize("baseline_text", [5, ("a", 5)])
@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap", "kernel_shap"])
def test_a_baseline_that_is_no_sentence_is_said(method, baseline_text):
    with pytest.raises(ValueError, match="a sentence is needed"):
        attribute(
            zoo.loaded("mha"), TEXT, method=method, baseline="text", baseline_text=baseline_text
        )


def test_a_class_may_be_given_by_its_name():
    classifier = zoo.loaded("mha")
    labels = classifier.checkpoint.labels
    for named, index in ((labels[2], 2), ((labels[1], labels[0]), (1, 0)), (np.int64(1), 1)):
        result = attribute(classifier, TEXT, method="gradient_x_input", target=named)
        assert result.target == index
        want = attribute(classifier, TEXT, method="gradient_x_input", target=index)
        assert np.array_equal(result.scores, want.scores)


def test_a_bare_encoder_has_nothing_to_attribute():
    with pytest.raises(ValueError, match="no prediction to attribute"):
        attribute(zoo.loaded("bare"), TEXT)


@pytest.mark.parametrize("text", ["", "\u200b", "a", "dull " * 300, "\ud800 \u05d4\u05e1\u05e8"])
def test_texts_at_the_edges_are_attributed_or_refused_in_words(text):
    if not text:
        with pytest.raises(ValueError, match="the text is empty"):
            attribute(zoo.loaded("mha"), text, n_steps=2)
        return
    result = attribute(zoo.loaded("mha"), text, n_steps=2)
    assert np.isfinite(result.scores).all()


def test_the_output_of_one_class_is_the_contrast_of_two():
    logits = torch.tensor([[1.0, 4.0], [0.0, 2.0]])
    assert output_of(logits, 1, "contrast").tolist() == [3.0, 2.0]
    assert output_of(logits, 0, "contrast").tolist() == [-3.0, -2.0]
    assert output_of(logits[:, :1], 0, "probability").tolist() == [1.0, 0.0]


def test_deep_lift_and_lime_are_never_offered():
    assert not any("lift" in key or "lime" in key for key in METHODS)
