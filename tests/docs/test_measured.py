"""What the guide tells of the study is what its committed runs say."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.statistics import compare
from analysis.study.results import read_study
from tests.support.sentences import in_order

ROOT = Path(__file__).resolve().parents[2]


def test_the_studys_table_is_that_of_the_committed_runs() -> None:
    study = read_study(ROOT / "study" / "results" / "minilm")
    report = compare(study.scores(study.primary))
    assert report.complete
    scores = {
        (each.head, each.stratum.task): f"{100 * each.mean:.2f} ± {100 * each.sd:.2f}"
        for each in report.summaries
    }
    tasks = [stratum.task for stratum in report.family.strata]
    guide = (ROOT / "docs" / "measured.md").read_text("utf-8")
    for comparison in (report.family.against, *report.headlines):
        head = comparison if isinstance(comparison, str) else comparison.head
        cells = [f"`{head}`", *(scores[head, task] for task in tasks)]
        if not isinstance(comparison, str):
            low, high = (100 * value for value in comparison.interval)
            cells += [
                f"{100 * comparison.difference:+.2f} ({low:.2f} to {high:.2f})",
                f"{comparison.p:.2g} ({comparison.adjusted:.2f})",
            ]
        assert f"| {' | '.join(cells)} |" in guide, cells
        assert (
            isinstance(comparison, str) or comparison.verdict == "undecided"
        )  # or its words are wrong


def test_the_guide_counts_the_precisions_of_the_primary_runs() -> None:
    study = read_study(ROOT / "study" / "results" / "minilm")
    assert study.primary is not None
    tasks = {stratum.task for stratum in study.primary.strata}
    variants = {study.primary.against, *study.primary.heads}
    precisions = [
        record["machine"]["precision"]
        for cell, record in study.records.items()
        if cell.share == 1 and cell.task in tasks and cell.variant in variants
    ]
    guide = " ".join((ROOT / "docs" / "measured.md").read_text("utf-8").split())
    halves, singles = (precisions.count(precision) for precision in ("bf16", "fp32"))
    assert any(
        in_order(sentence, f"{halves} of these runs", "bfloat16", f"{singles} in float32")
        for sentence in guide.split(". ")
    )


def test_the_guide_says_of_the_exploratory_tasks_what_their_runs_say() -> None:
    study = read_study(ROOT / "study" / "results" / "minilm")
    report = compare(study.scores(study.family("more_tasks")))
    assert report.complete
    assert {c.verdict for c in (*report.headlines, *report.comparisons)} == {"undecided"}
    scores = {
        (each.stratum.task, each.head): f"{100 * each.mean:.2f} ± {100 * each.sd:.2f}"
        for each in report.summaries
    }
    guide = " ".join((ROOT / "docs" / "measured.md").read_text("utf-8").split())
    for head in ("cls", "mha", "max_seq_mha"):
        assert f"`{head}` (Pearson × 100: {scores['stsb', head]})" in guide or (
            f"`{head}` ({scores['stsb', head]})" in guide
        )
    assert f"below `cls` ({scores['trec', 'cls']})" in guide
    lower = sorted(
        -100 * c.difference for c in report.comparisons if c.stratum and c.stratum.task == "trec"
    )
    assert f"by {lower[0]:.2f} to {lower[-1]:.2f} points" in guide
    comparisons = [c for c in report.comparisons if c.stratum and c.stratum.task == "stsb"][1:]
    assert {(f"{c.p:.2g}", f"{c.adjusted:.2g}") for c in comparisons} == {("0.0079", "0.071")}


def test_the_row_of_the_readme_is_the_studys() -> None:
    study = read_study(ROOT / "study" / "results" / "minilm")
    report = compare(study.scores(study.primary))
    (best,) = [comparison for comparison in report.headlines if comparison.head == "max_seq_mha"]
    low, high = (100 * value for value in best.interval)
    points = (f"{100 * best.difference:+.2f} points", f"{low:.2f} to {high:.2f}")
    tests = (f"p {best.p:.2g}", f"after Holm {best.adjusted:.2g}", "not decided")
    readme = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert any(in_order(line, *points, *tests) for line in readme)
    assert best.verdict == "undecided"


VERDICTS = {
    "layers_cls": {"max_cls": "worse", "max_cls_k6": "worse"},
    "layers_mha": {"max_seq_mha": "better", "max_seq_mha_k6": "better"},
    "attention": {"cls_mlp": "worse", "random_query": "worse", "cls": "worse"},
    "tokens": {"mean_seq_mha": "undecided", "mean": "worse", "max_seq_mean": "worse"},
}


@pytest.mark.parametrize("family", VERDICTS)
def test_the_tables_of_the_frozen_study_are_those_of_the_committed_runs(family: str) -> None:
    study = read_study(ROOT / "study" / "results_frozen" / "frozen")
    report = compare(study.scores(study.family(family)))
    assert report.complete
    guide = (ROOT / "docs" / "measured.md").read_text("utf-8")
    tasks = [stratum.task for stratum in report.family.strata]
    scores = {
        (each.head, each.stratum.task): f"{100 * each.mean:.2f} ± {100 * each.sd:.2f}"
        for each in report.summaries
    }
    for head in (report.family.against, *report.family.heads):
        assert " | ".join(scores[head, task] for task in tasks) in guide
    for overall in report.headlines:
        low, high = (100 * value for value in overall.interval)
        interval = f"{100 * overall.difference:+.2f} ({low:.2f} to {high:.2f})"
        tests = (f"p {overall.adjusted:.1e}", f"p {overall.adjusted:.2g}")
        assert any(f"{interval}, {test}" in guide for test in tests), interval
    assert {each.head: each.verdict for each in report.headlines} == VERDICTS[family]


@pytest.mark.parametrize("family", ["layers_cls", "layers_mha"])
def test_the_readme_says_what_layers_add_on_the_frozen_encoder(family: str) -> None:
    study = read_study(ROOT / "study" / "results_frozen" / "frozen")
    first = compare(study.scores(study.family(family))).headlines[0]
    low, high = (100 * value for value in first.interval)
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"{100 * first.difference:+.2f} points ({low:.2f} to {high:.2f})" in readme
