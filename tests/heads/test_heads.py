"""Every pooling head against its definition in loops; padding, options, read-out, own heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from analysis import heads
from tests.support import oracles
from tests.support.oracles_of_heads import DEFINITIONS, attention_of
from tests.support.tiny import randomize

L, D = 4, 8
BUILT_IN = tuple(DEFINITIONS)
VARIANTS = [
    *((key, {}) for key in BUILT_IN),
    *(
        (key, {"last_k": k})
        for key in ("max_cls", "max_seq_mha", "max_seq_mean", "mean_seq_mha", "sum_seq_mha")
        for k in (1, L)
    ),
    *((key, {"num_heads": n}) for key in ("mha", "max_seq_mha", "query_attention") for n in (1, 8)),
    *((key, {"residual": True}) for key in ("mha", "max_seq_mha", "mean_seq_mha", "sum_seq_mha")),
    ("query_attention", {"num_queries": 3, "num_heads": 2}),
    ("weighted_layers", {"first_layer": 0}),
    ("weighted_layers", {"first_layer": L}),
    *(("adapool", {"query": query}) for query in ("last", "mean")),
    ("adapool", {"residual": False}),
    *(("multi_layer", {"tokens": tokens, "num_queries": 3}) for tokens in ("first", "last")),
    ("latent_attention", {"num_latents": 5, "num_heads": 2}),
]
STEPS = [{}, {"layer_norm": True}, {"pooler": "tanh"}, {"layer_norm": True, "pooler": "tanh"}]


def ident(value):
    return "-".join(map(str, value.items() if isinstance(value, dict) else [value])) or "plain"


def make(key: str, **options) -> heads.PoolingHead:
    options = {"last_k": 3, "num_heads": 4, **options}
    module = heads.build(key, hidden_size=D, num_layers=L, **options).eval()
    return randomize(module, seed=11, scale=0.4)


def batch(length=5, rows=3, seed=0) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states of all layers with ties, and a mask padded left, right and not at all."""
    draw = np.random.default_rng(seed)
    hidden = torch.tensor(draw.normal(size=(L + 1, rows, length, D)).round(1), dtype=torch.float32)
    mask = torch.ones(rows, length, dtype=torch.long)
    mask[1, length - 2 :] = 0
    mask[2, :2] = 0
    return hidden, mask


def state_of(module: heads.PoolingHead) -> dict[str, np.ndarray]:
    """The head's own weights, read from its state dictionary."""
    return {name: tensor.double().numpy() for name, tensor in module.state_dict().items()}


def test_every_built_in_head_has_a_definition_and_says_its_formula():
    built_in = {k: cls for k, cls in heads.HEADS.items() if cls.__module__.startswith("analysis.")}
    # That of another project's layout is defined in tests/checkpoints/test_layouts.py.
    assert set(built_in) - {"modchembert"} == set(BUILT_IN)
    assert all(cls.__doc__ for cls in built_in.values())


@pytest.mark.parametrize(("key", "options"), VARIANTS, ids=ident)
def test_the_vector_equals_its_definition(key, options):
    module, (hidden, mask) = make(key, **options), batch()
    vector = module(hidden, mask).vector.detach().numpy()
    for row in range(len(mask)):
        own = hidden[:, row].double().numpy(), mask[row].numpy()
        np.testing.assert_allclose(
            vector[row], DEFINITIONS[key](*own, options, state_of(module)), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("garbage", [1e30, float("nan"), float("inf")])
@pytest.mark.parametrize(("key", "options"), VARIANTS, ids=ident)
def test_what_stands_in_padding_changes_nothing(key, options, garbage):
    module, (hidden, mask) = make(key, **options), batch()
    spoilt = hidden.masked_fill(mask[None, :, :, None] == 0, garbage)
    before = spoilt.clone()
    clean, dirty = module(hidden, mask), module(spoilt, mask)
    assert torch.equal(clean.vector, dirty.vector)
    if clean.attention is not None:
        assert torch.equal(clean.attention, dirty.attention)
    if clean.weights is not None:
        assert torch.equal(clean.weights, dirty.weights)
        tokens = 3 if clean.layers else 2  # (B, P, K, T), else (B, P, T) or (B, P, T, d)
        padded = clean.weights.movedim(tokens, 1)[mask == 0]
        assert (padded == 0).all()
    assert before.numpy().tobytes() == spoilt.numpy().tobytes()


@pytest.mark.parametrize(("key", "options"), VARIANTS, ids=ident)
def test_a_row_alone_equals_the_row_in_a_batch(key, options):
    module, (hidden, mask) = make(key, **options), batch()
    together = module(hidden, mask).vector
    for row in range(len(mask)):
        real = mask[row] == 1
        alone = module(hidden[:, row : row + 1, real], mask[row : row + 1, real]).vector[0]
        torch.testing.assert_close(alone, together[row], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("key", "options"), VARIANTS, ids=ident)
def test_attention_rows_sum_to_one_over_real_tokens(key, options):
    module, (hidden, mask) = make(key, **options), batch()
    attention = module(hidden, mask).attention
    if attention is not None:
        torch.testing.assert_close(attention.sum(-1), torch.ones(attention.shape[:2]))


@pytest.mark.parametrize("key", ["mha", "max_seq_mha"])
def test_attention_equals_the_loops_head_by_head(key):
    module, (hidden, mask) = make(key), batch()
    attention = module(hidden, mask).attention.detach().numpy()
    for row in range(len(mask)):
        states = hidden[:, row].double().numpy()
        tokens = states[-1] if key == "mha" else oracles.max_layers(states, 3)[0]
        first = oracles.real_positions(mask[row].numpy())[0]
        layer = attention_of(state_of(module))
        _, want = oracles.attend(tokens[first], tokens, mask[row].numpy(), layer, 4)
        np.testing.assert_allclose(attention[row], want, atol=1e-6)


@pytest.mark.parametrize("last_k", range(1, L + 1))
@pytest.mark.parametrize("key", ["max_cls", "max_seq_mha", "max_seq_mean"])
def test_winners_are_absolute_layers_that_hold_the_maximum(key, last_k):
    module, (hidden, mask) = make(key, last_k=last_k), batch()
    winners = module(hidden, mask).winners
    assert winners.layers == tuple(range(L + 1 - last_k, L + 1))
    assert winners.token is None
    for row in range(len(mask)):
        vector, layer, margin = oracles.max_layers(hidden[:, row].numpy(), last_k)
        where = oracles.real_positions(mask[row].numpy())
        if key == "max_cls":
            vector, layer, margin, where = vector[where[0]], layer[where[0]], margin[where[0]], ...
        assert np.array_equal(winners.layer[row].numpy()[where], layer[where])
        np.testing.assert_allclose(winners.margin[row].numpy()[where], margin[where], rtol=1e-6)


@pytest.mark.parametrize("key", ["max", "concat"])
def test_the_maximum_over_tokens_names_its_tokens_and_its_one_layer(key):
    module, (hidden, mask) = make(key), batch()
    winners = module(hidden, mask).winners
    assert winners.layers == (L,)
    assert (winners.layer == L).all()
    for row in range(len(mask)):
        _, token, margin = oracles.max_tokens(hidden[-1, row].numpy(), mask[row].numpy())
        assert np.array_equal(winners.token[row].numpy(), token)
        np.testing.assert_allclose(winners.margin[row].numpy(), margin, rtol=1e-6)


@pytest.mark.parametrize("steps", [{"residual": True}, *STEPS])
@pytest.mark.parametrize("last_k", [2, 3])
def test_the_short_way_without_a_layer_at_one_token_is_the_long_one(last_k, steps):
    from analysis.heads.base import PoolingHead

    module, (hidden, mask) = make("max_seq_mha", last_k=last_k, **steps), batch()
    for row in range(len(mask)):
        alone, real = hidden[:, row : row + 1], mask[row : row + 1]
        places = [
            (layer, token)
            for token in oracles.real_positions(mask[row].numpy())
            for layer in module.pool_layers
        ]
        before = alone.clone()
        with torch.no_grad():
            short = module.without_at(alone, real, places)
            long = PoolingHead.without_at(module, alone, real, places)
        torch.testing.assert_close(short, long, atol=1e-5, rtol=1e-5)
        assert torch.equal(alone, before) or torch.isnan(alone).any()


@pytest.mark.parametrize("key", BUILT_IN)
def test_layer_norm_and_tanh_pooler_follow_the_vector(key):
    hidden, mask = batch()
    for steps in STEPS:
        if key == "cls_tanh":
            steps = {"pooler": "tanh", **steps}
        module = make(key, **steps)
        vector = by_rows(key, {}, module, hidden, mask)
        if key == "cls_tanh":
            vector = hidden[-1, [0, 1, 2], [0, 0, 2]]
        if "layer_norm" in steps:
            spread = vector.var(-1, keepdim=True, correction=0) + 1e-5
            vector = (vector - vector.mean(-1, keepdim=True)) / spread.sqrt()
            vector = vector * module.norm.weight + module.norm.bias
        if "pooler" in steps:
            vector = torch.tanh(vector @ module.pooler.weight.T + module.pooler.bias)
        torch.testing.assert_close(module(hidden, mask).vector, vector, rtol=1e-3, atol=1e-4)


def by_rows(key, options, module, hidden, mask) -> torch.Tensor:
    rows = [
        DEFINITIONS[key](hidden[:, r].double().numpy(), mask[r].numpy(), options, state_of(module))
        for r in range(len(mask))
    ]
    return torch.tensor(np.stack(rows), dtype=torch.float32)


def of_values(pooled: heads.Pooled) -> torch.Tensor:
    """(B, P, d) each part's weighted sum of values, over tokens and, where they add up, layers."""
    if pooled.layers:
        return torch.einsum("bpkt,bktd->bpd", pooled.weights, pooled.values.nan_to_num())
    weights = pooled.weights if pooled.weights.dim() == 4 else pooled.weights[..., None]
    return (weights * pooled.values[:, None]).nan_to_num().sum(2)


@pytest.mark.parametrize("steps", STEPS, ids=ident)
@pytest.mark.parametrize(("key", "options"), VARIANTS, ids=ident)
def test_the_values_folded_and_taken_through_the_steps_give_back_every_logit(key, options, steps):
    if key == "cls_tanh":
        steps = {**steps, "pooler": "tanh"}
    module, (hidden, mask) = make(key, **options, **steps), batch()
    draw = torch.Generator().manual_seed(1)
    classifier = nn.Linear(module.output_size, 3)
    with torch.no_grad():
        classifier.weight.copy_(torch.randn(3, module.output_size, generator=draw))
        pooled = module(hidden, mask)
        logits = classifier(pooled.vector)
    sums = of_values(pooled).detach()
    assert sums.shape[1] == len(module.parts)
    folded = module.readout(classifier.weight, classifier.bias)
    assert (folded is not None) == module.linear
    if folded is not None:
        readout, constant = folded
        have = constant + torch.einsum("cpd,bpd->bc", readout, sums)
    else:
        rest = heads.head_layers(module, classifier)
        vectors = np.stack([rest.vector(row) for row in sums.double().numpy()])
        have = torch.tensor(rest.logits(vectors), dtype=torch.float32)
    torch.testing.assert_close(have, logits, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", [8, 32, 384])
def test_the_control_has_exactly_as_many_parameters_as_the_attention_head(size):
    count = {
        key: sum(p.numel() for p in heads.build(key, size, 6).parameters())
        for key in ("mha", "max_seq_mha", "cls_mlp", "cls", "max_cls")
    }
    assert count["cls_mlp"] == count["mha"] == count["max_seq_mha"] == 4 * size**2 + 4 * size
    assert count["cls"] == count["max_cls"] == 0


def test_the_attention_is_pytorchs_and_starts_xavier_uniform_without_biases():
    torch.manual_seed(0)
    module = heads.build("mha", hidden_size=384, num_layers=6)
    assert type(module.attention) is nn.MultiheadAttention
    assert module.num_heads == 4
    bound = (6 / (3 * 384 + 384)) ** 0.5
    weight = module.attention.in_proj_weight
    assert weight.abs().max() <= bound
    assert weight.abs().max() > 0.99 * bound
    assert (module.attention.in_proj_bias == 0).all()
    assert (module.attention.out_proj.bias == 0).all()


@pytest.mark.parametrize(
    ("key", "options", "message"),
    [
        ("max_cls", {"last_k": 7}, r"last_k is 7.*6 layers.*from 1 to 6"),
        ("max_seq_mha", {"last_k": 0}, "last_k is 0"),
        ("mha", {"num_heads": 5}, r"num_heads is 5.*does not divide the hidden size 384"),
        ("max_seq_mha", {"num_heads": 0}, "num_heads is 0"),
        ("query_attention", {"num_queries": 0}, "num_queries is 0"),
        ("query_attention", {"residual": True}, "no residual option"),
        ("cls", {"pooler": "relu"}, r"pooler is 'relu'.*'none', 'tanh'"),
        ("cls", {"lastk": 3}, "unknown option lastk"),
        ("clss", {}, r"unknown pooling head 'clss'; known: .*\bcls, "),
        ("cls_tanh", {"pooler": "none"}, "choose the pooling head cls"),
        ("weighted_layers", {"first_layer": 7}, "first_layer is 7.*to 6"),
        ("adapool", {"query": "best"}, r"query is 'best'; known: 'first'"),
        ("multi_layer", {"tokens": "some"}, r"tokens is 'some'; known: 'mean'"),
        ("multi_layer", {"residual": True}, "no residual option"),
        ("latent_attention", {"num_latents": 0}, "num_latents is 0"),
        ("latent_attention", {"num_heads": 5}, r"num_heads is 5.*does not divide"),
    ],
)
def test_impossible_options_are_refused_with_the_reason(key, options, message):
    with pytest.raises(ValueError, match=message):
        heads.build(key, hidden_size=384, num_layers=6, **options)


def test_options_of_another_head_are_left_out():
    assert heads.check_options("cls", {"last_k": 3, "num_heads": 4}) == {}
    assert heads.check_options("max_cls", {"last_k": 2, "num_heads": 4}) == {"last_k": 2}


def test_hidden_states_of_another_encoder_are_refused():
    module, (hidden, mask) = make("mean"), batch()
    wrong = [(hidden[1:], mask), (hidden[..., :4], mask), (hidden[0], mask), (hidden, mask.T)]
    for states, other in wrong:
        with pytest.raises(ValueError, match=r"expected \(5, B, T, 8\) and \(B, T\)"):
            module(states, other)


@pytest.mark.parametrize("key", BUILT_IN)
def test_a_row_without_tokens_is_named(key):
    hidden, mask = batch()
    mask[1] = 0
    with pytest.raises(ValueError, match=r"masked in row 1\b"):
        make(key)(hidden, mask)
