"""What the README shows beyond its library example: the pooling head of one's own."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from analysis import heads
from analysis.checkpoints.loading import register_heads
from analysis.statistics import compare
from analysis.study.results import read_study

ROOT = Path(__file__).resolve().parents[2]


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


def test_the_studys_table_is_that_of_the_committed_runs() -> None:
    study = read_study(ROOT / "study" / "results" / "minilm")
    report = compare(study.scores(study.primary))
    assert report.complete
    scores = {
        (each.head, each.stratum.task): f"{100 * each.mean:.2f} ± {100 * each.sd:.2f}"
        for each in report.summaries
    }
    tasks = [stratum.task for stratum in report.family.strata]
    readme = (ROOT / "README.md").read_text("utf-8")
    for told in (report.family.against, *report.headlines):
        head = told if isinstance(told, str) else told.head
        cells = [f"`{head}`", *(scores[head, task] for task in tasks)]
        if not isinstance(told, str):
            low, high = (100 * value for value in told.interval)
            cells += [
                f"{100 * told.difference:+.2f} ({low:.2f} to {high:.2f})",
                f"{told.p:.2g} ({told.adjusted:.2f})",
            ]
        assert f"| {' | '.join(cells)} |" in readme, cells
        assert isinstance(told, str) or told.verdict == "undecided"  # or its words are wrong


def test_the_readme_counts_the_precisions_of_the_primary_runs() -> None:
    study = read_study(ROOT / "study" / "results" / "minilm")
    assert study.primary is not None
    tasks = {stratum.task for stratum in study.primary.strata}
    variants = {study.primary.against, *study.primary.heads}
    precisions = [
        record["machine"]["precision"]
        for cell, record in study.records.items()
        if cell.share == 1 and cell.task in tasks and cell.variant in variants
    ]
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert (
        f"{precisions.count('bf16')} of these runs were computed in bfloat16 and "
        f"{precisions.count('fp32')} in float32"
    ) in readme


def test_the_readme_says_of_the_exploratory_tasks_what_their_runs_say() -> None:
    study = read_study(ROOT / "study" / "results" / "minilm")
    report = compare(study.scores(study.family("more_tasks")))
    assert report.complete
    assert {c.verdict for c in (*report.headlines, *report.comparisons)} == {"undecided"}
    scores = {
        (each.stratum.task, each.head): f"{100 * each.mean:.2f} ± {100 * each.sd:.2f}"
        for each in report.summaries
    }
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    for head in ("cls", "mha", "max_seq_mha"):
        assert f"`{head}` (Pearson × 100: {scores['stsb', head]})" in readme or (
            f"`{head}` ({scores['stsb', head]})" in readme
        )
    assert f"below `cls` ({scores['trec', 'cls']})" in readme
    lower = sorted(
        -100 * c.difference for c in report.comparisons if c.stratum and c.stratum.task == "trec"
    )
    assert f"by {lower[0]:.2f} to {lower[-1]:.2f} points" in readme
    found = [c for c in report.comparisons if c.stratum and c.stratum.task == "stsb"][1:]
    assert {(f"{c.p:.2g}", f"{c.adjusted:.2g}") for c in found} == {("0.0079", "0.071")}
