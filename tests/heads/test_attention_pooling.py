"""One attention layer over the tokens, folded: the same numbers as PyTorch's own, and less work."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from analysis import heads
from tests.support.tiny import randomize


def pytorchs_own(module: heads.PoolingHead, query: Tensor, values: Tensor, mask: Tensor):
    """Output and weights of ``nn.MultiheadAttention`` itself."""
    output, weights = module.attention(
        query,
        values.masked_fill((mask == 0)[:, :, None], 0.0),
        values.masked_fill((mask == 0)[:, :, None], 0.0),
        key_padding_mask=mask == 0,
        need_weights=True,
        average_attn_weights=False,
    )
    return output, weights.transpose(1, 2)


@settings(max_examples=40)
@given(
    rows=st.integers(1, 4),
    tokens=st.integers(1, 9),
    queries=st.integers(1, 3),
    num_heads=st.sampled_from([1, 2, 8]),
    seed=st.integers(0, 2**20),
    data=st.data(),
)
def test_the_folded_attention_is_pytorchs(rows, tokens, queries, num_heads, seed, data):
    torch.manual_seed(seed)
    module = randomize(heads.build("mha", 16, 3, num_heads=num_heads), seed).double()
    values = torch.randn(rows, tokens, 16, dtype=torch.float64)
    alike = torch.randn(data.draw(st.sampled_from([1, rows])), queries, 16, dtype=torch.float64)
    query = alike.expand(rows, -1, -1)
    mask = torch.zeros(rows, tokens, dtype=torch.int64)
    for row in range(rows):  # padding on either side, and it may hold anything
        start = data.draw(st.integers(0, tokens - 1))
        mask[row, start : data.draw(st.integers(start + 1, tokens))] = 1
    expected = pytorchs_own(module, query, values, mask)
    values[mask == 0] = torch.nan
    for part, reference in zip(module.attend(alike, values, mask), expected, strict=True):
        torch.testing.assert_close(part, reference, rtol=1e-10, atol=1e-12)


def test_it_agrees_in_float32_at_the_size_of_a_real_encoder():
    torch.manual_seed(0)
    module = randomize(heads.build("mha", 384, 6), 1, 0.05)
    values, query = torch.randn(8, 40, 384), torch.randn(8, 1, 384)
    mask = torch.arange(40)[None] < torch.arange(5, 45, 5)[:, None]
    with torch.no_grad():
        output, weights = module.attend(query, values, mask)
        expected, wanted_weights = pytorchs_own(module, query, values, mask)
    assert (output - expected).abs().max() <= 1e-6 * expected.abs().max().clamp(min=1)
    assert (weights - wanted_weights).abs().max() <= 1e-6


def test_gradients_agree_too_but_for_the_key_bias_which_no_softmax_sees():
    torch.manual_seed(0)
    module = randomize(heads.build("mha", 16, 3), 1).double()
    values = torch.randn(3, 6, 16, dtype=torch.float64, requires_grad=True)
    query = torch.randn(3, 1, 16, dtype=torch.float64, requires_grad=True)
    mask = torch.ones(3, 6)
    over = [values, query, *module.attention.parameters()]
    of_ours = torch.autograd.grad((module.attend(query, values, mask)[0] ** 2).sum(), over)
    of_theirs = torch.autograd.grad((pytorchs_own(module, query, values, mask)[0] ** 2).sum(), over)
    for ours, theirs in zip(of_ours, of_theirs, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)
