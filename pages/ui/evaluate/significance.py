"""The table of a family's tests, and the runs behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.common.csv_text import as_csv
from analysis.datasets.table import TASKS
from analysis.datasets.tasks import task_name
from analysis.statistics.verdicts import Comparison, Report
from analysis.study.results import Family, Study
from pages.ui.evaluate import words as evaluate_words
from pages.ui.kit import tables
from pages.ui.kit.titles import titled

if TYPE_CHECKING:
    import pandas as pd

ABOUT = (
    "Two-sample permutation tests between the runs of a pooling head and those it is compared "
    "with, exact on each task; over all tasks one permutation stratified over them. Holm corrects "
    "all tests of the family together, shown or not. A p above 0.05 never says that there is no "
    "difference."
)
_HELP = {
    "difference": "Points (100 times the metric): mean over seeds, minus that of the reference.",
    "p": "Permutation p, two-sided, before the correction.",
    "p (Holm)": "After Holm over all tests of the family.",
    "standardised": "The difference in standard deviations of all runs of its task; over all tasks "
    "its mean. It is what is tested, and it gives the direction.",
    "effect": "Hedges' g: the difference in standard deviations over seeds.",
    "smallest p": "The smallest corrected p that so many seeds can give. Above 0.05: too few.",
    "detectable": "True difference in points that 80 % of such studies would find. Empty "
    "while runs are missing, and where so many seeds find nothing unless other tests are decided.",
}


def draw(study: Study, report: Report, tasks: Sequence[str] | None) -> None:
    """All tests of the family; a filter of tasks hides rows and leaves every number as it is."""
    table = frame(report)
    shown = _readable(table)
    kept = [
        c.stratum is None or tasks is None or c.stratum.task in tasks
        for c in (*report.headlines, *report.comparisons)
    ]
    with st.container(border=True, key="panel-tests"):
        with titled("Tests", ABOUT, "tests"):
            st.download_button(
                "CSV",
                data=as_csv(table),
                file_name=f"{study.name}-tests.csv",
                mime="text/csv",
                on_click="ignore",
                type="tertiary",
                icon=":material/download:",
                key="tests-csv",
            )
        st.text(_corrected(report, sum(kept)))
        tables.table(
            shown[kept],
            _columns(shown),
            placeholder="–",
            key="tests",
            height=min(35 * (sum(kept) + 1) + 2, 492),
        )
        with st.expander("Every test in a sentence"):
            for line in report.sentences():
                st.text(line)
            for c in report.comparisons:
                if c.stratum is not None and c.spread is not None:
                    st.text(c.spread.sentence(c.head, c.against, c.stratum.label))


def _corrected(report: Report, shown: int) -> str:
    kind = "" if report.family.primary else " This family is exploratory."
    return (
        f"{report.tests} tests against {report.family.against} are corrected together; {shown} "
        f"are shown, which changes no p.{kind}"
    )


def frame(report: Report) -> pd.DataFrame:
    """All tests of a report as a pandas ``DataFrame``: the headlines, then task by task."""
    import pandas as pd

    return pd.DataFrame([_row(c) for c in (*report.headlines, *report.comparisons)])


def _row(c: Comparison) -> dict[str, Any]:
    return {
        "task": "all, stratified" if c.stratum is None else c.stratum.label,
        "metric": "" if c.stratum is None else c.stratum.measure,
        "pooling head": c.head,
        "verdict": evaluate_words.VERDICTS[c.verdict],
        "difference": 100 * c.difference,
        "low": 100 * c.interval[0],
        "high": 100 * c.interval[1],
        "standardised": c.standardised,
        "p": c.p,
        "p (Holm)": c.adjusted,
        "effect": c.effect,
        "smallest p": c.smallest,
        "detectable": 100 * c.detectable,
        "seeds": " against ".join(map(str, dict.fromkeys(c.seeds))),
    }


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with fewer columns: the interval as text, the metric behind its task."""
    shown = table.copy()
    shown["task"] = [
        f"{task}, {metric}" if metric else task
        for task, metric in zip(table["task"], table["metric"], strict=True)
    ]
    interval = [
        f"{low:.2f} to {high:.2f}" if low == low else "–"
        for low, high in zip(table["low"], table["high"], strict=True)
    ]
    shown.insert(5, "95 % interval", interval)
    return shown.drop(columns=["metric", "low", "high"])


def _columns(shown: pd.DataFrame) -> dict[str, Any]:
    shape = {
        "p": "%.2g",
        "p (Holm)": "%.2g",
        "smallest p": "%.2g",
        "difference": "%+.2f",
        "standardised": "%+.2f",
    }
    # Left to itself a column is as wide as its first rows, and cuts a longer task further down.
    words = {
        name: st.column_config.TextColumn(width=14 + 7 * int(shown[name].str.len().max()))
        for name in ("task", "verdict")
    }
    return words | {
        name: st.column_config.NumberColumn(
            format=shape.get(name, "%.2f"), help=help_text, width=64 if name == "p" else None
        )
        for name, help_text in _HELP.items()
    }


def draw_runs(study: Study, family: Family) -> None:
    """Missing runs, all runs as a table, and the settings they were made with."""
    absent = evaluate_words.missing(study, family)
    if absent:
        count = sum(int(str(row["missing runs"])) for row in absent)
        with st.expander(f"Missing runs of this family ({count})"):
            st.caption("The command that began the study does what is missing and nothing else.")
            tables.table(absent)
    if not study.records:
        return
    with st.expander(f"All runs ({len(study.records)})"):
        runs = study.frame()
        tables.table(runs, height=320)
        st.download_button(
            "CSV",
            data=lambda: as_csv(runs),
            on_click="ignore",
            mime="text/csv",
            file_name=f"{study.name}-runs.csv",
            key="runs-csv",
        )
    with st.expander("How it was run"):
        for line in made_with(study):
            st.text(line)


def made_with(study: Study) -> list[str]:
    """Encoder, recipe, precision, hardware and versions, as the runs' own files say."""
    declaration = study.declaration
    hours = sum(record["seconds"]["training"] for record in study.records.values()) / 3600
    lines = [
        f"Encoder: {declaration.get('encoder', 'not said')}; "
        f"fine-tuning: {declaration.get('tuning', 'full')}.",
        f"{len(study.records)} runs, {hours:.1f} hours of training in all. The score is that of "
        "the last epoch.",
    ]
    recipes = declaration.get("recipes")
    for task, recipe in recipes.items() if isinstance(recipes, dict) else ():
        if not isinstance(recipe, dict):
            continue
        shown = ", ".join(
            f"{name.replace('_', ' ')} {_number(value)}" for name, value in recipe.items()
        )
        lines.append(f"{task_name(task)}: {shown}.")
    machines = Counter(_machine(record["machine"]) for record in study.records.values())
    lines += [f"{count} runs on {words}." for words, count in machines.items()]
    precisions = Counter(
        str(record["machine"].get("precision", "an unknown precision"))
        for record in study.records.values()
    )
    if len(precisions) > 1:
        kinds = ", ".join(f"{count} in {name}" for name, count in precisions.items())
        lines.append(
            f"The runs are not all of one precision ({kinds}), which is no part of a "
            "run's name: a difference may be one of precision."
        )
    return [*lines, f"The command: {command(study)}"]


def command(study: Study) -> str:
    """Command that repeats the study, with placeholders for the folders of the data."""
    file = study.declaration.get("file") or f"{study.name}.yaml"
    tasks = {cell.task for cell in study.cells}
    known = tasks & set(TASKS)
    words = ["python -m training study", str(file)]
    words += ["--data GLUE_FOLDER"] if known - {"trec"} else []
    words += ["--text-data FOLDER_WITH_TREC"] if "trec" in known else []
    return " ".join(words)


def _machine(declaration: Mapping[str, Any]) -> str:
    """``CPU, Intel ..., 8 cores, 1 threads, bf16; torch ...``; older records say less."""
    known = declaration.get("versions")
    versions = ", ".join(f"{k} {v}" for k, v in known.items()) if isinstance(known, dict) else ""
    parts = [
        declaration.get("device", "unknown device"),
        declaration.get("processor"),
        f"{declaration['cores']} cores" if declaration.get("cores") else None,
        "1 thread"
        if declaration.get("threads") == 1
        else f"{declaration.get('threads', '?')} threads",
        f"{declaration['processes']} processes" if declaration.get("processes", 1) != 1 else None,
        declaration.get("precision", "precision not said"),
    ]
    return ", ".join(str(part) for part in parts if part) + (f"; {versions}" if versions else "")


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
