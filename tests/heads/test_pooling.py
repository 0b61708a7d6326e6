"""The pooling functions against triple loops and against sentence-transformers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from analysis.heads import pooling
from tests.support import oracles

LEARNED = ("weighted_mean", "query_attention")
EXACT = ("cls", "last_token", "max", "concat_tokens")  # a copy of a value is that value
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
GARBAGE = (0.0, 1e30, float("nan"), float("inf"), -float("inf"))


@st.composite
def batches(draw, sides=("left", "right", "holes")):
    """(hidden (B, T, d), mask (B, T)) with ties, one sign or both, and garbage under the mask."""
    b, length, d = draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(st.integers(1, 6))
    values = np.random.default_rng(draw(st.integers(0, 10**6))).normal(size=(b, length, d))
    values = values.round(draw(st.sampled_from([0, 1, 6])))
    values += draw(st.sampled_from([0.0, -9.0, 9.0]))
    mask = np.zeros((b, length), dtype=np.int64)
    for row in range(b):
        count, side = draw(st.integers(1, length)), draw(st.sampled_from(sides))
        chosen = (
            draw(st.permutations(range(length)))[:count]
            if side == "holes"
            else (range(count) if side == "right" else range(length - count, length))
        )
        mask[row, list(chosen)] = 1
    values[mask == 0] = draw(st.sampled_from(GARBAGE))
    return values.astype(np.float32), mask


def options_for(name: str, hidden: torch.Tensor, size: int = 2) -> dict:
    draw = torch.Generator().manual_seed(7)
    return {
        "weighted_mean": {"scores": torch.randn(hidden.shape[:2], generator=draw)},
        "query_attention": {"queries": torch.randn(size, hidden.shape[2], generator=draw)},
        "adaptive_mean": {"segments": size},
        "concat_tokens": {"n": size},
    }.get(name, {})


def expected(name: str, hidden: torch.Tensor, mask: torch.Tensor, options: dict) -> np.ndarray:
    rows = []
    for b in range(len(hidden)):
        own = {key: np.asarray(value) for key, value in options.items()}
        if "scores" in own:
            own["scores"] = own["scores"][b]
        rows.append(oracles.pool_row(name, hidden[b].double().numpy(), mask[b].numpy(), **own))
    return np.stack(rows)


def assert_same_bytes(before: torch.Tensor, after: torch.Tensor) -> None:
    assert before.numpy(force=True).tobytes() == after.numpy(force=True).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in pooling.POOLINGS if name != "none"])
@given(batch=batches(), size=st.integers(1, 4))
def test_every_pooling_equals_the_loops(name, dtype, batch, size):
    hidden, mask = torch.tensor(batch[0]).to(DTYPES[dtype]), torch.tensor(batch[1])
    options = options_for(name, hidden, size)
    before, mask_before = hidden.float().clone(), mask.clone()
    result = pooling.pool(name, hidden, mask, **options)
    want = expected(name, hidden, mask, options)
    assert result.dtype == hidden.dtype
    assert result.shape == want.shape
    if name in EXACT:
        assert np.array_equal(result.double().numpy(), want)
    else:
        close = {"float32": 1e-5, "bfloat16": 1e-2}[dtype]
        np.testing.assert_allclose(result.double().numpy(), want, rtol=close, atol=close)
    assert_same_bytes(before, hidden.float())
    assert_same_bytes(mask_before, mask)


@given(batch=batches())
def test_none_gives_all_vectors_as_a_copy(batch):
    hidden, mask = torch.tensor(batch[0]), torch.tensor(batch[1])
    result = pooling.pool("none", hidden, mask)
    assert_same_bytes(hidden, result)
    assert result.data_ptr() != hidden.data_ptr()


@pytest.mark.parametrize("name", ["mean", "max", "cls"])
@given(batch=batches(sides=("right",)))
def test_sentence_transformers_pools_alike(name, batch):
    from sentence_transformers.sentence_transformer.modules import Pooling

    hidden, mask = torch.tensor(batch[0]), torch.tensor(batch[1])
    hidden = hidden.masked_fill(mask[:, :, None] == 0, 5.0)  # their mean multiplies padding by 0
    theirs = Pooling(hidden.shape[2], pooling_mode=name)(
        {"token_embeddings": hidden.clone(), "attention_mask": mask}
    )["sentence_embedding"]
    torch.testing.assert_close(pooling.pool(name, hidden, mask), theirs, rtol=1e-5, atol=1e-6)


@given(batch=batches(), kind=st.sampled_from([torch.bool, torch.int32, torch.uint8, torch.float32]))
def test_the_type_of_the_mask_does_not_matter(batch, kind):
    hidden, mask = torch.tensor(batch[0]), torch.tensor(batch[1])
    for name in ("mean", "max", "last_token", "adaptive_mean"):
        result = pooling.pool(name, hidden, mask.to(kind))
        assert torch.equal(pooling.pool(name, hidden, mask), result)


@given(batch=batches())
def test_winners_hold_their_maxima_exactly_and_ties_go_to_the_earliest(batch):
    hidden, mask = torch.tensor(batch[0]), torch.tensor(batch[1])
    best = pooling.max_over_tokens(hidden, mask)
    assert torch.equal(hidden.gather(1, best.winner[:, None])[:, 0], best.vector)
    for b in range(len(hidden)):
        vector, winner, margin = oracles.max_tokens(hidden[b].numpy(), mask[b].numpy())
        assert np.array_equal(best.vector[b].numpy(), vector)
        assert np.array_equal(best.winner[b].numpy(), winner)
        np.testing.assert_allclose(best.margin[b].numpy(), margin, rtol=1e-6)
        assert (mask[b][best.winner[b]] == 1).all()


def test_padding_never_wins_over_negative_values():
    hidden = torch.tensor([[[-3.0, -1.0], [-2.0, -4.0], [0.0, 99.0]]])
    best = pooling.max_over_tokens(hidden, torch.tensor([[1, 1, 0]]))
    assert best.vector.tolist() == [[-2.0, -1.0]]
    assert best.winner.tolist() == [[1, 0]]
    assert best.margin.tolist() == [[1.0, 3.0]]


def test_a_lone_token_wins_unopposed():
    best = pooling.max_over_tokens(torch.tensor([[[7.0], [1.0]]]), torch.tensor([[0, 1]]))
    assert (best.vector.item(), best.winner.item()) == (1.0, 1)
    assert best.margin.item() == float("inf")


@given(seed=st.integers(0, 10**6), layers=st.integers(1, 5), decimals=st.sampled_from([0, 6]))
def test_the_maximum_over_layers_equals_the_loops(seed, layers, decimals):
    hidden = np.random.default_rng(seed).normal(size=(layers, 3, 4)).round(decimals)
    best = pooling.max_over_layers(torch.tensor(hidden))
    vector, winner, margin = oracles.max_layers(hidden, layers)
    assert np.array_equal(best.vector.numpy(), vector)
    assert np.array_equal(best.winner.numpy(), winner)
    np.testing.assert_allclose(best.margin.numpy(), margin)


def test_the_gradient_of_a_maximum_goes_to_its_winner_alone():
    hidden = torch.tensor([[[2.0], [2.0], [1.0]]], requires_grad=True)
    pooling.pool("max", hidden, torch.ones(1, 3)).sum().backward()
    assert hidden.grad.flatten().tolist() == [1.0, 0.0, 0.0]


def test_a_nan_in_a_real_token_is_not_hidden():
    hidden = torch.tensor([[[1.0], [float("nan")], [3.0]]])
    for name in ("max", "mean"):
        assert pooling.pool(name, hidden, torch.ones(1, 3)).isnan().all(), name
    assert pooling.max_over_layers(hidden[0]).vector.isnan().all()


@given(batch=batches())
def test_one_adaptive_segment_is_the_mean(batch):
    hidden, mask = torch.tensor(batch[0]), torch.tensor(batch[1])
    assert torch.equal(
        pooling.pool("adaptive_mean", hidden, mask, segments=1), pooling.pool("mean", hidden, mask)
    )


def test_adaptive_segments_equal_pytorch_on_a_full_row():
    hidden = torch.randn(2, 7, 3)
    theirs = torch.nn.functional.adaptive_avg_pool1d(hidden.transpose(1, 2), 3).transpose(1, 2)
    ours = pooling.pool("adaptive_mean", hidden, torch.ones(2, 7), segments=3)
    torch.testing.assert_close(ours.reshape(2, 3, 3), theirs)


@pytest.mark.parametrize("name", [name for name in pooling.POOLINGS if name not in ("none",)])
def test_a_row_without_tokens_is_named(name):
    hidden = torch.randn(3, 2, 4)
    mask = torch.tensor([[1, 1], [0, 0], [1, 0]])
    with pytest.raises(ValueError, match=r"masked in row 1\b"):
        pooling.pool(name, hidden, mask, **options_for(name, hidden))


def test_unknown_names_and_options_are_answered_with_the_known_ones():
    hidden, mask = torch.randn(1, 2, 4), torch.ones(1, 2)
    with pytest.raises(ValueError, match=r"'media'.*adaptive_mean.*weighted_mean"):
        pooling.pool("media", hidden, mask)
    with pytest.raises(ValueError, match="known: adaptive_mean"):
        pooling.token_weights("max", mask)
    with pytest.raises(ValueError, match=r"no option segments.*takes none"):
        pooling.pool("mean", hidden, mask, segments=2)
    for name in LEARNED:
        with pytest.raises(ValueError, match="it needs the option"):
            pooling.pool(name, hidden, mask)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("adaptive_mean", {"segments": 0}, "segments is 0"),
        ("concat_tokens", {"n": 0}, "n is 0"),
        ("weighted_mean", {"scores": torch.zeros(1, 3)}, "scores has shape"),
        ("query_attention", {"queries": torch.zeros(2, 3)}, "queries has shape"),
    ],
)
def test_impossible_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        pooling.pool(name, torch.randn(1, 2, 4), torch.ones(1, 2), **options)


def test_shapes_that_do_not_agree_are_refused():
    with pytest.raises(ValueError, match=r"hidden_states has shape \(2, 4\)"):
        pooling.pool("mean", torch.randn(2, 4), torch.ones(1, 2))
    with pytest.raises(ValueError, match=r"\(B, T\) must agree"):
        pooling.pool("mean", torch.randn(1, 2, 4), torch.ones(1, 3))
    with pytest.raises(ValueError, match=r"layers has shape \(0, 3\)"):
        pooling.max_over_layers(torch.zeros(0, 3))
