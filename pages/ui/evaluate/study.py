"""The study: what was found, with its uncertainty, and what is still missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.datasets.tasks import metric_name, task_name
from analysis.figures.plot import Plot
from analysis.figures.recipes.study import picture_of
from analysis.statistics.verdicts import Report
from analysis.study.curves import Curve, curves
from analysis.study.results import Family, Scores, Study, read_study, studies_in
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.evaluate import significance, words
from pages.ui.frame import address, settings
from pages.ui.frame.folder_field import folder_field
from pages.ui.kit import cards, show

DECLARED = "as declared"
ABOUT_SCORES = (
    "Scores of the last epoch on the task's dev set, one dot a run; the mean over seeds with its "
    "95 % interval by Student's t. Nothing was selected on these sets. Intervals that overlap do "
    "not say that there is no difference: the tests below decide."
)
ABOUT_SPREAD = (
    "Spread over seeds of a pooling head divided by that of the one it is compared with. The "
    "spread is the mean distance of the scores from their median, because a single collapsed "
    "seed would dominate a standard deviation. Test: Brown and Forsythe, corrected by Holm; the "
    "95 % interval (Fieller) holds the ratios that this test would not reject, uncorrected."
)
ABOUT_CURVES = (
    "Scores by how much of the training set was used. The parts are nested and the same for every "
    "pooling head with the same seed; a minimum number of steps protects the small ones. The "
    "bands are 95 % intervals of the mean over seeds (Student's t)."
)
ABOUT_DIFFERENCES = (
    "Difference of the means over seeds, with its 95 % interval by Welch, which is not corrected "
    "for the number of tests. Runs with the same seed are no true pairs, so two samples are "
    "compared."
)

_TITLES = {"study_differences": "Differences", "study_spread": "Spread over seeds"}


def draw() -> None:
    """The study that is committed, or the one of another folder."""
    with st.container(key="study-head"):
        place = st.container(key="study-said")
        opener = st.popover("Open another study", type="tertiary", icon=":material/folder_open:")
    try:
        with opener:
            folder = _folder(place)
        study = _read(folder)
    except (ValueError, OSError) as error:
        with place:
            st.error(cards.plain(str(error)))
        return
    if not study.families:
        with place:
            st.error(f"Study {cards.plain(study.name)} declares no family of tests.")
        return
    headline = st.container(key="study-headline")
    family, tasks, metric = _controls(study)
    with headline:
        with st.spinner("Testing the family: some seconds"):
            report = _report(study, family)
        if lead := report.lead():
            st.markdown(f"**{cards.plain(lead)}**")
        for line in words.summary(report):
            st.text(line)
        if absent := words.missing_in_words(study, family):
            st.text(absent)
        if note := study.declaration.get("note"):
            st.caption(cards.plain(str(note)))
    with place:
        _say(study)
    if report.done:
        _draw_scores(study, family, tasks, metric)
    _draw_curves(study)
    if report.done:
        _draw_behind(study, family, report, tasks)
    significance.draw_runs(study, family)


def _draw_behind(study: Study, family: Family, report: Report, tasks: Sequence[str] | None) -> None:
    """Details behind the sentences: each test, each difference, and the spread."""
    with st.expander("Every test, difference and spread over seeds", key="study-behind"):
        for line in words.by_task(report, tasks):
            st.text(line)
        significance.draw(study, report, tasks)
        for key, about, sentences in (
            ("study_differences", ABOUT_DIFFERENCES, ()),
            ("study_spread", ABOUT_SPREAD, words.steadier(report, tasks)),
        ):
            _panel(key, family, report, tasks, study, about, sentences)


def _folder(notice: DeltaGenerator) -> Path:
    """The study's folder that is shown: of those in the results, or in any folder that is typed.

    Raises ``ValueError`` with the reason where there is none.
    """
    place = st.container()
    typed = folder_field(
        "Folder of another study",
        "study",
        notice=notice,
        placeholder="study/results/mine",
        help="A folder that 'python -m training study' wrote (study.json and runs/ are in it), or "
        "one that holds several such folders.",
    )
    folder = Path(typed) if typed else settings.read().studies
    known = studies_in(folder)
    if not known:
        raise ValueError(
            f"No study's results in {folder}. Run 'python -m training study study/minilm.yaml' "
            "first, or open the folder of another study."
        )
    names = [path.name for path in known]
    if st.session_state.get("study_name") not in (None, *names):  # of another folder
        del st.session_state["study_name"]
    if len(known) == 1:
        return known[0]
    chosen = place.selectbox(
        f"Study ({len(known)} in this folder)", names, **address.kept("study_name")
    )
    return known[names.index(str(chosen))]


def _read(folder: Path) -> Study:
    """The study in the folder; read again when a run is added."""
    runs = folder / "runs"
    files = sorted(runs.glob("*.json")) if runs.is_dir() else []
    stamp = [(path.name, path.stat().st_mtime_ns) for path in (folder / "study.json", *files)]
    return _study(str(folder.resolve()), tuple(stamp))


@kept_up_to(128, most=4)
def _study(folder: str, stamp: object) -> Study:
    return read_study(folder)


def _report(study: Study, family: Family) -> Report:
    return _compared(study.scores(family).values.tobytes(), family, _scores=study.scores(family))


@kept_up_to(16, most=32)
def _compared(values: bytes, family: Family, _scores: Scores) -> Report:
    from analysis.statistics.family_tests import compare

    return compare(_scores)


def _say(study: Study) -> None:
    title = cards.plain(str(study.declaration.get("title") or study.name))
    st.markdown(f"**{title}**: {len(study.records)} of {len(study.cells)} runs are done.")


def _controls(study: Study) -> tuple[Family, list[str] | None, str]:
    """Choice of family, tasks and metric; none of them changes a p-value."""
    names = [family.name for family in study.families]
    if st.session_state.get("family") not in (None, *names):  # of another study
        del st.session_state["family"]
    primary = study.primary.name if study.primary else names[0]
    with st.container(key="study-controls"):
        name = st.segmented_control(
            "Family of tests",
            names,
            default=primary,
            required=True,
            **address.kept("family"),
            format_func=lambda n: cards.plain(n.replace("_", " ")),
            help="Declared before the first run. Each family is corrected for all of its own "
            "tests, whatever is shown.",
        )
        family = study.family(str(name))
        tasks = list(dict.fromkeys(stratum.task for stratum in family.strata))
        held = st.session_state.get("tasks_shown")
        if held and not set(held) <= set(tasks):
            st.session_state["tasks_shown"] = [task for task in held if task in tasks]
        shown = st.pills(
            "Tasks shown",
            tasks,
            selection_mode="multi",
            **address.kept("tasks_shown"),
            format_func=lambda task: cards.plain(task_name(task)),
            help="With none chosen all are shown. No p-value changes.",
        )
        held = {
            metric
            for cell, record in study.records.items()
            if cell.task in tasks
            for scores in record["metrics"].values()
            for metric in scores
        }
        if st.session_state.get("study_metric") not in (None, DECLARED, *held):
            del st.session_state["study_metric"]
        metric = st.segmented_control(
            "Metric drawn",
            [DECLARED, *sorted(held)],
            default=DECLARED,
            required=True,
            format_func=metric_name,
            **address.kept("study_metric"),
            help="The tests use the metric declared for each task.",
        )
    return family, list(shown) if shown else None, str(metric)


def _panel(
    key: str,
    family: Family,
    report: Report,
    tasks: Sequence[str] | None,
    study: Study,
    about: str,
    sentences: Sequence[str],
) -> None:
    try:
        plot: Plot = picture_of(key, study, family.name, tasks, report=report)
    except ValueError as error:  # too few runs for it
        _nothing(_TITLES[key], about, str(error))
        return
    show.panel(plot, key, about, sentences=sentences, apart=True)


def _draw_scores(study: Study, family: Family, tasks: Sequence[str] | None, metric: str) -> None:
    """The declared metric, or another one that the runs hold; the tests stay where they are."""
    sentences = []
    if metric != DECLARED:
        sentences = [
            f"This shows {metric_name(metric)}; the tests use the metric declared for each task."
        ]
    metric_shown = None if metric == DECLARED else metric
    try:
        plot = picture_of("study_scores", study, family.name, tasks, metric_shown)
    except ValueError as error:
        _nothing("Scores over seeds", ABOUT_SCORES, str(error))
        return
    show.panel(plot, "study_scores", ABOUT_SCORES, sentences=sentences, apart=True)


def _draw_curves(study: Study) -> None:
    """Over shares of the training set, from all families; the words are of the family of parts."""
    parts = [family for family in study.families if any(s.share != 1 for s in family.strata)]
    if not parts:
        return
    every_curve: tuple[Curve, ...] = curves([study.scores(family) for family in study.families])
    reports = [_report(study, family) for family in parts]
    if not every_curve or not any(report.done for report in reports):
        _nothing(
            "Learning curves", ABOUT_CURVES, "no run on a part of the training set is there yet"
        )
        return
    sentences = [line for report in reports for line in words.by_task(report)]
    show.panel(
        picture_of("learning_curves", study),
        "curves",
        ABOUT_CURVES,
        sentences=sentences,
        apart=True,
    )


def _nothing(title: str, about: str, why: str) -> None:
    """A panel without its picture, and why."""
    with st.container(border=True, key=f"panel-no-{title.lower().replace(' ', '-')}"):
        st.markdown(f"**{title}**", help=about)
        st.caption(cards.plain(f"{why[:1].upper()}{why[1:]}."))
