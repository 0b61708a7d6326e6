"""One line a task: which verdicts a study's tests allow. The words come from the verdicts alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from analysis.statistics.paired import show_p
from analysis.statistics.verdicts import Comparison, Report
from analysis.study.results import Family, Study

NOT_ALL = (
    "Nothing is decided yet: {done} of {planned} runs of this family are done, and it is tested "
    "when all are. The picture shows the runs so far."
)
NOT_YET = "Incomplete: runs so far."
VERDICTS = {
    "better": "better",
    "worse": "worse",
    "at odds": "not decided, the tasks are at odds",
    "undecided": "not decided",
    "too few seeds": "too few seeds to decide",
    "incomplete": "not decided yet",
}


def summary(report: Report) -> list[str]:
    """At most two sentences behind the report's first: the largest difference with its
    uncertainty, and what so many seeds could have found. What is missing, while runs are."""
    if not report.complete:
        return [NOT_ALL.format(done=report.done, planned=report.planned)]
    comparisons = report.headlines or report.comparisons
    if not comparisons:
        return []
    most = max(comparisons, key=lambda c: abs(c.difference))
    low, high = (100 * end for end in most.interval)
    where = f" on {most.stratum.label}" if most.stratum is not None else ""
    sentences = [
        f"The largest difference{where} is that of {most.head}: {100 * most.difference:+.2f} "
        f"points against {most.against} (95 % interval {low:.2f} to {high:.2f}; "
        f"p {show_p(most.adjusted)} after Holm over {report.tests} tests)."
    ]
    seen = sorted(100 * c.detectable for c in comparisons if math.isfinite(c.detectable))
    if seen:
        ends = f"{seen[0]:.1f} to {seen[-1]:.1f}" if seen[-1] - seen[0] > 0.1 else f"{seen[0]:.1f}"
        seeds = " against ".join(map(str, dict.fromkeys(most.seeds)))
        sentences.append(
            f"With {seeds} seeds for each pooling head, a true difference of {ends} points would "
            "be found in 80 % of such studies."
        )
    return sentences


def by_task(report: Report, tasks: Sequence[str] | None = None) -> list[str]:
    """``RTE (accuracy): better than cls: mha (+2.10 points, p 0.012). Not decided: max_cls ...``"""
    if not report.complete:
        return [NOT_YET]
    lines = []
    for stratum in report.family.strata:
        if tasks is not None and stratum.task not in tasks:
            continue
        comparisons = [c for c in report.comparisons if c.stratum == stratum]
        lines.append(f"{stratum.label} ({stratum.measure}): {_verdicts(comparisons)}.")
    return lines


def _verdicts(comparisons: Sequence[Comparison]) -> str:
    against = comparisons[0].against
    parts = []
    for word in ("better", "worse", "at odds", "undecided", "too few seeds"):
        held = [c for c in comparisons if c.verdict == word]
        if not held:
            continue
        shown = ", ".join(_points(c, decided=word in ("better", "worse")) for c in held)
        start = f"{word} than {against}" if word in ("better", "worse") else VERDICTS[word]
        parts.append(f"{start}: {shown}")
    return "; ".join(parts)


def _points(c: Comparison, decided: bool) -> str:
    p = f", p {show_p(c.adjusted)} after Holm" if decided else ""
    tested = f", {c.standardised:+.2f} standard deviations" if c.stratum is None else ""
    return f"{c.head} ({100 * c.difference:+.2f} points{tested}{p})"


def steadier(report: Report, tasks: Sequence[str] | None = None) -> list[str]:
    """Pooling heads with the smaller spread over seeds, where a test shows it, task by task."""
    if not report.complete:
        return [NOT_YET]
    lines = []
    for stratum in report.family.strata:
        if tasks is not None and stratum.task not in tasks:
            continue
        groups: dict[str, list[str]] = {}
        for c in report.comparisons:
            if c.stratum != stratum or c.spread is None:
                continue
            comparison_words = f"{c.head} ({c.spread.ratio:.2f} times)"
            if c.spread.verdict == "constant":
                word, comparison_words = "cannot be compared, as too few scores vary", c.head
            elif c.spread.verdict in ("steadier", "less steady"):
                word = f"{c.spread.verdict} than {c.against}"
            else:
                word = f"{VERDICTS[c.spread.verdict]} ({c.spread.needed})"
            groups.setdefault(word, []).append(comparison_words)
        verdicts = "; ".join(f"{word}: {', '.join(heads)}" for word, heads in groups.items())
        lines.append(f"{stratum.label}: {verdicts}.")
    return lines


def missing(study: Study, family: Family) -> list[dict[str, object]]:
    """Runs of a family that are not there, a row a task and pooling head, with their seeds."""
    scores = study.scores(family)
    rows: list[dict[str, object]] = []
    for s, stratum in enumerate(family.strata):
        for v, variant in enumerate(scores.variants):
            absent = scores.missing(s, v)
            if absent:
                rows.append(
                    {
                        "task": stratum.label,
                        "pooling head": variant,
                        "missing runs": len(absent),
                        "seeds": ranges(absent),
                    }
                )
    return rows


def missing_in_words(study: Study, family: Family) -> str:
    """``Missing: 38 of 40 runs of RTE, all 40 of MRPC.``, or nothing."""
    scores = study.scores(family)
    parts = []
    for s, stratum in enumerate(family.strata):
        planned = len(scores.variants) * len(family.seeds)
        absent = sum(len(scores.missing(s, v)) for v in range(len(scores.variants)))
        if absent:
            count = f"all {planned}" if absent == planned else f"{absent} of {planned}"
            parts.append(f"{count} runs of {stratum.label}")
    return f"Missing: {', '.join(parts)}." if parts else ""


def ranges(numbers: Iterable[int]) -> str:
    """``0, 3 to 9`` of 0, 3, 4, ... 9."""
    groups: list[list[int]] = []
    for number in sorted(numbers):
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return ", ".join(
        str(g[0]) if len(g) == 1 else f"{g[0]} to {g[-1]}" if len(g) > 2 else f"{g[0]}, {g[1]}"
        for g in groups
    )
