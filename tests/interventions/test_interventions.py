"""Interventions against the same change made by hand, and against planted pooling heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import analysis
from analysis.interventions import (
    depth_logits,
    drop_effects,
    leave_one_out,
    part_norms,
    sweep_last_k,
    what_if,
)
from tests.support import tiny, zoo

TEXT = tiny.SENTENCE
MAXIMA = ("max_cls", "max_seq_mha", "residual", "lora", "regression")
LAYERS = (2, 3, 4)  # tiny checkpoints have 4 layers and last_k = 3


def encoded(name, mask_at=(), replace=()):
    """Hidden states (L+1, 1, T, d) from Transformers' own encoder, without this project's code."""
    classifier = zoo.loaded(name)
    inputs = classifier.tokenizer(TEXT, return_tensors="pt", truncation=False, padding=False)
    inputs["attention_mask"][0, list(mask_at)] = 0
    inputs["input_ids"][0, list(replace)] = classifier.tokenizer.mask_token_id
    with torch.no_grad():
        states = classifier.model.encoder(**inputs, output_hidden_states=True).hidden_states
    return torch.stack(states), inputs["attention_mask"]


def attend(head, values, keep):
    """[CLS] attends over the tokens in `keep`, written out for one text: (T, d) -> (d,)."""
    layer, d = head.attention, values.shape[1]
    q, k, v = (
        values @ layer.in_proj_weight[i * d : (i + 1) * d].T
        + layer.in_proj_bias[i * d : (i + 1) * d]
        for i in range(3)
    )
    parts = []
    size = d // head.num_heads
    for h in range(head.num_heads):
        here = slice(h * size, (h + 1) * size)
        scores = (k[keep][:, here] @ q[0, here]) / size**0.5
        parts.append(scores.softmax(0) @ v[keep][:, here])
    vector = torch.cat(parts) @ layer.out_proj.weight.T + layer.out_proj.bias
    return vector + values[0] if head.residual else vector


def by_hand(name, hidden, layers, keep=None):
    """Logits of `max_cls` or `max_seq_mha` over exactly these layers."""
    model = zoo.loaded(name).model
    values = hidden[list(layers), 0].amax(0)
    keep = list(range(len(values))) if keep is None else keep
    vector = values[0] if model.head.key == "max_cls" else attend(model.head, values, keep)
    with torch.no_grad():
        return model.classifier(vector).numpy()


@pytest.mark.parametrize("name", MAXIMA)
def test_dropping_layers_equals_a_maximum_over_the_others(name):
    hidden, _ = encoded(name)
    for dropped in ((2,), (4,), (2, 3), (3, 4)):
        result = what_if(zoo.loaded(name), TEXT, drop_layers=dropped)
        rest = [layer for layer in LAYERS if layer not in dropped]
        np.testing.assert_allclose(result.logits[0], by_hand(name, hidden, LAYERS), atol=1e-5)
        np.testing.assert_allclose(result.logits[1], by_hand(name, hidden, rest), atol=1e-5)
        assert set(np.unique(result.after.winners.layer)) <= set(rest)
        assert result.changed_wins == pytest.approx(
            np.isin(result.before.winners.layer, dropped).mean()
        )


@pytest.mark.parametrize("name", MAXIMA)
def test_a_sweep_is_the_pooling_head_over_the_last_k_layers(name):
    hidden, _ = encoded(name)
    sweep = sweep_last_k(zoo.loaded(name), TEXT)
    assert sweep.trained == 3
    for row, k in enumerate(sweep.last_k):
        layers = range(5 - k, 5)
        np.testing.assert_allclose(sweep.logits[row], by_hand(name, hidden, layers), atol=1e-5)
        shares = sweep.shares[row]
        assert np.isnan(shares[: 4 - k]).all()
        assert np.nansum(shares) == pytest.approx(1)
    trace = analysis.record(zoo.loaded(name), TEXT)
    np.testing.assert_allclose(sweep.logits[2], trace.logits, atol=1e-6)
    np.testing.assert_allclose(sweep.pooled[2], trace.head.pooled, atol=1e-6)
    np.testing.assert_allclose(sweep.shares[2, 1:], trace.head.winners.share_by_layer(), atol=1e-12)
    assert sweep.flips.tolist() == [False, *(np.diff(sweep.predicted) != 0)]
    assert not sweep.differs[2]


@pytest.mark.parametrize("where", ["head", "encoder", "replace"])
def test_masking_tokens_equals_the_same_change_made_by_hand(where):
    name, masked = "max_seq_mha", (3, 7)
    change = {"head": {}, "encoder": {"mask_at": masked}, "replace": {"replace": masked}}[where]
    hidden, _ = encoded(name, **change)
    keep = [t for t in range(hidden.shape[2]) if where == "replace" or t not in masked]
    result = what_if(zoo.loaded(name), TEXT, mask_tokens=masked, where=where)
    np.testing.assert_allclose(result.logits[1], by_hand(name, hidden, LAYERS, keep), atol=1e-5)
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1)


def test_changes_are_given_in_the_order_that_is_documented_and_a_pair_by_its_name():
    classifier = zoo.loaded("max_seq_mha")
    result = what_if(classifier, TEXT, np.array([2]), (3,), "encoder", pair="He said so.")
    assert (result.drop_layers, result.mask_tokens, result.where) == ((2,), (3,), "encoder")
    assert result.tokens.pair == "He said so."
    with pytest.raises(TypeError):
        what_if(classifier, TEXT, (), (), "head", "He said so.")


def test_the_three_questions_about_a_token_have_three_answers():
    answers = [
        what_if(zoo.loaded("mha"), TEXT, mask_tokens=(4,), where=where).logits[1]
        for where in ("head", "encoder", "replace")
    ]
    assert np.abs(answers[0] - answers[1]).max() > 1e-4
    assert np.abs(answers[1] - answers[2]).max() > 1e-4


def test_a_token_hidden_from_the_pooling_head_means_nothing_to_one_that_reads_cls_alone():
    result = what_if(zoo.loaded("max_cls"), TEXT, mask_tokens=(4,), where="head")
    assert (result.effect == 0).all()
    assert result.changed_wins == 0
    assert not result.flipped


@pytest.mark.parametrize("name", tiny.FOREIGN)
def test_a_foreign_model_answers_as_transformers_does_with_the_same_mask(name):
    classifier = zoo.loaded(name)
    inputs = classifier.tokenizer(TEXT, return_tensors="pt", truncation=False, padding=False)
    inputs["attention_mask"][0, 3] = 0
    with torch.no_grad():
        expected = classifier.model(**inputs).logits[0].numpy()
    result = what_if(classifier, TEXT, mask_tokens=(3,), where="encoder")
    np.testing.assert_allclose(result.logits[1], expected, atol=1e-5)
    # Its head reads [CLS] alone: hidden from the head, another token changes nothing.
    hidden = what_if(classifier, TEXT, mask_tokens=(3,), where="head")
    np.testing.assert_allclose(hidden.logits[0], hidden.logits[1], atol=1e-6)
    np.testing.assert_allclose(hidden.logits[0], result.logits[0], atol=1e-5)
    with pytest.raises(ValueError, match="takes no maximum over layers"):
        drop_effects(classifier, TEXT)


@pytest.mark.parametrize("name", ["max_cls", "max_seq_mha"])
def test_drop_effects_are_single_layers_dropped(name):
    effects = drop_effects(zoo.loaded(name), TEXT, by_token=True)
    assert effects.layers == LAYERS
    for column, layer in enumerate(LAYERS):
        effect = what_if(zoo.loaded(name), TEXT, drop_layers=(layer,))
        np.testing.assert_allclose(effects.effects[:, column], effect.effect, atol=1e-5)
    first = effects.contrast(1)
    np.testing.assert_allclose(
        first, effects.effects[1] - (effects.effects[0] + effects.effects[2]) / 2
    )


@pytest.mark.parametrize("name", ["max_cls", "max_seq_mha"])
def test_a_layer_that_leaves_at_one_token_changes_that_tokens_maximum_only(name):
    effects = drop_effects(zoo.loaded(name), TEXT, by_token=True)
    hidden, _ = encoded(name)
    before = by_hand(name, hidden, LAYERS)
    for token in range(hidden.shape[2]):
        for column, layer in enumerate(LAYERS):
            changed = hidden.clone()
            changed[layer, 0, token] = -1e9
            expected = before - by_hand(name, changed, LAYERS)
            np.testing.assert_allclose(effects.by_token[:, token, column], expected, atol=1e-5)


def planted(name, close_runner_up):
    """A checkpoint like `name` whose encoder holds planted hidden states, and its trace.

    Layer 2 wins 29 of 32 dimensions of [CLS]; layer 3 is its equal there, or far below.
    """
    import copy

    classifier = copy.copy(zoo.loaded(name))
    classifier.model = copy.copy(classifier.model)
    length = len(analysis.record(classifier, TEXT).tokens)
    draw = torch.Generator().manual_seed(0)
    hidden = torch.rand((5, 1, length, 32), generator=draw)
    hidden[2, :, :, :29] = 5.0
    hidden[3, :, :, :29] = 5.0 if close_runner_up else 1.0
    hidden[:, :, :, 29:] = 0.0
    hidden[4, :, :, 29:] = 0.01

    class Output:
        hidden_states = tuple(hidden)

    classifier.model.encode = lambda **_: Output
    return classifier


@pytest.mark.parametrize("name", ["max_cls", "max_seq_mha"])
def test_a_layer_with_nearly_all_of_the_split_may_be_worth_nothing(name):
    classifier = planted(name, close_runner_up=True)
    split = analysis.decompose(analysis.record(classifier, TEXT), reference="zero")
    sizes = np.abs(split.contributions).sum(axis=(1, 2))
    assert (sizes[:, 0] / sizes.sum(axis=1) > 0.9).all()
    effects = drop_effects(classifier, TEXT, by_token=True)
    np.testing.assert_allclose(effects.effects[:, 0], 0, atol=1e-5)  # rounding, logits of 5
    np.testing.assert_allclose(effects.by_token[:, :, 0], 0, atol=1e-5)
    rerun = what_if(classifier, TEXT, drop_layers=(2,))
    assert (rerun.after.winners.layer != 2).all(), "the layer really left"
    np.testing.assert_allclose(effects.effects[:, 0], rerun.effect, atol=1e-5)
    far = drop_effects(planted(name, close_runner_up=False), TEXT)
    assert (np.abs(far.effects[:, 0]) > 1e-3).all()


def test_every_layer_is_asked_anew_whether_it_wins_or_not(monkeypatch):
    from analysis.interventions import leaving

    left_out, answer = [], leaving.answer

    def watched(classifier, hidden, *more, **named):
        left_out.extend(torch.isinf(hidden[:, :, 0, 0]).nonzero()[:, 0].tolist())
        return answer(classifier, hidden, *more, **named)

    monkeypatch.setattr(leaving, "answer", watched)
    drop_effects(planted("max_cls", close_runner_up=True), TEXT)
    assert sorted(left_out) == list(LAYERS)


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("mha", "head"),
        ("max_seq_mha", "encoder"),
        ("max_cls", "replace"),
        ("bert", "encoder"),
    ],
)
@pytest.mark.parametrize("words", [False, True])
def test_leaving_one_out_equals_one_what_if_each(name, where, words):
    classifier = zoo.loaded(name)
    result = leave_one_out(classifier, TEXT, where=where, words=words)
    assert result.units == (
        result.tokens.word_groups() if words else tuple((t,) for t in range(len(result.tokens)))
    )
    for index, unit in enumerate(result.units):
        if 0 in unit and where != "replace":
            assert np.isnan(result.effects[:, index]).all()
            continue
        effect = what_if(classifier, TEXT, mask_tokens=unit, where=where)
        np.testing.assert_allclose(result.effects[:, index], effect.effect, atol=1e-5)


@pytest.mark.parametrize("name", ["cls", "max_cls", "mha", "max_seq_mha", "mean", "concat"])
def test_at_the_last_layer_depth_logits_are_the_logits(name):
    trace = analysis.record(zoo.loaded(name), TEXT)
    logits = depth_logits(zoo.loaded(name), trace)
    np.testing.assert_allclose(logits[-1], trace.logits, atol=1e-6)
    assert len(logits) == 5


@pytest.mark.parametrize("name", ["max_cls", "max_seq_mha"])
def test_at_a_depth_the_maximum_runs_over_the_layers_below_it(name):
    hidden, _ = encoded(name)
    logits = depth_logits(zoo.loaded(name), analysis.record(zoo.loaded(name), TEXT))
    for layer, pool in ((0, [0]), (1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [2, 3, 4])):
        np.testing.assert_allclose(logits[layer], by_hand(name, hidden, pool), atol=1e-5)


@pytest.mark.parametrize("name", ["mha", "max_seq_mha", "residual", "query_attention"])
def test_value_norms_are_the_lengths_of_weighted_transformed_values(name):
    classifier = zoo.loaded(name)
    trace = analysis.record(classifier, TEXT)
    head, d = classifier.model.head, 32
    value_weight = head.attention.in_proj_weight[2 * d :].numpy()
    value_bias = head.attention.in_proj_bias[2 * d :].numpy()
    output = head.attention.out_proj.weight.numpy()
    norms = part_norms(classifier, trace)
    assert norms.shape == trace.head.weights.shape
    for part, name_of_part in enumerate(trace.head.parts):
        for token, value in enumerate(trace.head.values):
            if name_of_part == "residual":
                vector = value
            else:
                here = slice(8 * (part % 4), 8 * (part % 4) + 8)
                vector = output[:, here] @ (value_weight[here] @ value + value_bias[here])
            expected = trace.head.weights[part, token] * np.linalg.norm(vector)
            assert norms[part, token] == pytest.approx(expected, abs=1e-5)


def test_value_norms_of_a_pooling_without_projections_are_those_of_the_values():
    for name in ("mean", "max", "concat"):
        classifier = zoo.loaded(name)
        trace = analysis.record(classifier, TEXT)
        weights, values = trace.head.weights, trace.head.values
        spread = weights if weights.ndim == 3 else weights[:, :, None]
        np.testing.assert_allclose(
            part_norms(classifier, trace), np.linalg.norm(spread * values, axis=2), atol=1e-5
        )
    with pytest.raises(ValueError, match="weights no tokens"):
        part_norms(
            zoo.silent(zoo.loaded("cls")), analysis.record(zoo.silent(zoo.loaded("cls")), TEXT)
        )


@pytest.mark.parametrize("name", ["mean_seq_mha", "sum_seq_mha", "adapool", "multi_layer"])
def test_value_norms_of_added_layers_are_those_of_what_each_attention_head_adds(name):
    classifier = zoo.loaded(name)
    trace = analysis.record(classifier, TEXT)
    state = {k: v.double().numpy() for k, v in classifier.model.head.state_dict().items()}
    d, size = 32, 8
    weight = state["attention.in_proj_weight"][2 * d :]
    bias = state.get("attention.in_proj_bias", np.zeros(3 * d))[2 * d :]
    output = state["attention.out_proj.weight"]
    norms = part_norms(classifier, trace)
    share = {"mean_seq_mha": 1 / 3, "sum_seq_mha": 1.0}.get(name)
    for part in range(len(trace.head.parts)):
        if trace.head.parts[part] == "residual":
            continue
        rows = slice((part % 4) * size, (part % 4 + 1) * size)
        for token in range(len(trace.tokens)):
            if name == "adapool":
                alpha, value = trace.head.weights[part, token], trace.head.values[token]
            elif name == "multi_layer":
                each = trace.head.weights[part, :, token]  # (K,)
                alpha = each.sum()
                value = each @ trace.head.values[:, token] / alpha
            else:
                alpha = trace.head.attention[part, token]
                value = share * trace.head.values[:, token].sum(0)
            added = alpha * output[:, rows] @ (weight[rows] @ value + bias[rows])
            assert norms[part, token] == pytest.approx(np.linalg.norm(added), abs=1e-5)
