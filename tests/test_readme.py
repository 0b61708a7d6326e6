"""What the README shows beyond its library example: the pooling head of one's own."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from analysis import heads
from analysis.loading import register_heads

ROOT = Path(__file__).resolve().parent.parent


def test_the_pooling_head_of_the_readme_registers_and_splits_exactly(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"```\n(# my_heads\.py\n.*?)```", readme, re.DOTALL)
    assert block, "README.md shows no my_heads.py"
    file = tmp_path / "my_heads.py"
    file.write_text(block.group(1), "utf-8")
    try:
        assert register_heads(file) == ("first_and_last",)
        head = heads.build("first_and_last", hidden_size=6, num_layers=2)
        hidden = torch.randn(3, 2, 5, 6)
        mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
        pooled = head(hidden, mask)
        expected = (hidden[-1, [0, 1], [0, 0]] + hidden[-1, [0, 1], [4, 2]]) / 2
        torch.testing.assert_close(pooled.vector, expected)
        weight, bias = torch.randn(4, 6), torch.randn(4)
        folded = head.readout(weight, bias)
        assert folded is not None
        logits = torch.einsum("cpj,bpt,btj->bc", folded[0], pooled.weights, pooled.values)
        torch.testing.assert_close(logits + folded[1], pooled.vector @ weight.T + bias)
    finally:
        heads.HEADS.pop("first_and_last", None)
