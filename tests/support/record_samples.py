"""Pictures of records made by hand, by the key of their view: studies, maps, data sets, evidence.

`samples_of_views` adds those of small checkpoints to the same list.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from analysis.corpus.predictions import Predictions
from analysis.datasets.table import Table
from analysis.evaluation.agreement import agreement
from analysis.evaluation.scores import evaluate
from analysis.figures import Plot, view
from analysis.interventions.flips_over_texts import TextFlip, flip_rates
from analysis.study.fits import FitScores, HeadScores
from tests.support.evidence_pictures import PLOTS as EVIDENCE
from tests.support.known_results import checkpoint

MAKE: dict[str, Callable[[], Plot]] = {}


def sample(key: str) -> Callable[[Callable[[], Plot]], Callable[[], Plot]]:
    def register(make: Callable[[], Plot]) -> Callable[[], Plot]:
        MAKE[key] = make
        return make

    return register


# --- a study ----------------------------------------------------------------------------------

HEADS = ("cls", "max_cls", "mha", "max_seq_mha")


@cache
def _family() -> Any:
    strata = [
        SimpleNamespace(label=f"{task}, {share}", task=task, metric=metric, split="dev")
        for task, metric in (("CoLA", "matthews"), ("RTE", "accuracy"), ("STS-B", "spearman"))
        for share in ("100 %",)
    ]
    return SimpleNamespace(name="small", strata=strata, seeds=(0, 1, 2, 3, 4), against="cls")


@cache
def _report() -> Any:
    random = np.random.default_rng(0)
    comparisons = []
    for stratum in _family().strata:
        for head in HEADS[1:]:
            middle, half = random.normal(0, 0.01), random.uniform(0.004, 0.03)
            ratio = random.uniform(0.4, 1.6)
            comparisons.append(
                SimpleNamespace(
                    stratum=stratum,
                    head=head,
                    seeds=(5, 5),
                    difference=middle,
                    interval=np.array([middle - half, middle + half]),
                    spread=SimpleNamespace(ratio=ratio, interval=np.array([0.5, 2.0]) * ratio),
                )
            )
    return SimpleNamespace(
        family=_family(), comparisons=comparisons, headlines=[], done=60, planned=60
    )


def known_fit() -> FitScores:
    """Three heads over three seeds, one of them without a result."""
    random = np.random.default_rng(0)
    heads = tuple(
        HeadScores(
            name,
            random.normal(0.8, 0.02, 3),
            random.normal(0.7, 0.02, (4, 3)),
            np.array([[30.0, 10.0], [5.0, 35.0]]),
            770,
            1.5,
            1e-3,
        )
        for name in ("cls", "max_cls")
    )
    empty = np.zeros((0, 0))
    failed = HeadScores("mha", np.zeros(0), empty, empty, 0, 0.1, 1e-3, "its loss is no number")
    return FitScores(
        name="reviews",
        encoder="sentence-transformers/all-MiniLM-L6-v2",
        data="reviews.csv",
        metric="accuracy",
        labels=("negative", "positive"),
        rows={"train": 320, "held-out fifth": 80},
        seeds=3,
        heads=(*heads, failed),
        notes=(),
        states_seconds=2.0,
        example=("a dull film", None),
        checkpoints=("reviews-cls-s0", "reviews-max_cls-s0"),
    )


@sample("fit_scores")
def _fit_scores() -> Plot:
    return view("fit_scores", known_fit())


@sample("fit_curves")
def _fit_curves() -> Plot:
    return view("fit_curves", known_fit())


@sample("fit_confusion")
def _fit_confusion() -> Plot:
    return view("fit_confusion", known_fit())


@sample("study_scores")
def _study_scores() -> Plot:
    values = np.random.default_rng(0).normal(0.8, 0.02, size=(3, 4, 5))
    scores = SimpleNamespace(family=_family(), values=values, variants=HEADS, done=60, planned=60)
    return view("study_scores", scores)


@sample("study_differences")
def _study_differences() -> Plot:
    return view("study_differences", _report())


@sample("study_spread")
def _study_spread() -> Plot:
    return view("study_spread", _report())


@sample("learning_curves")
def _learning_curves() -> Plot:
    random = np.random.default_rng(0)
    curves = [
        SimpleNamespace(
            task=task,
            metric="accuracy",
            heads=HEADS,
            shares=(0.1, 0.3, 1.0),
            values=random.normal(0.7, 0.02, (4, 3, 3)) + np.array([[[0.0], [0.08], [0.15]]]),
        )
        for task in ("RTE", "MRPC")
    ]
    return view("learning_curves", curves)


# --- maps ------------------------------------------------------------------------------


@sample("pooling_by_layer")
def _pooling_by_layer() -> Plot:
    values = np.random.default_rng(0).uniform(0.5, 0.9, size=(4, 7))
    return view(
        "pooling_by_layer",
        values,
        ("mean", "max", "cls", "max_cls"),
        range(7),
        checkpoint=checkpoint(),
        data="sst2",
        sentences=400,
    )


@sample("map")
def _map() -> Plot:
    random = np.random.default_rng(0)
    group = random.integers(0, 3, 400)
    maps = [
        SimpleNamespace(
            points=random.normal(size=(400, 2)) + 3 * np.eye(3)[group][:, :2],
            method="umap",
            options={"n_neighbors": 15},
            seed=0,
            explained=None,
            notes=(),
        )
        for _ in range(2)
    ]
    return view(
        "map",
        maps,
        ("mean", "max"),
        group,
        ("entity", "human", "numeric"),
        (checkpoint(),),
        "trec",
        subtitles=("trustworthiness 0.94", "0.91"),
        texts=("a question",) * 400,
        typed=[np.array([1.0, 2.0])] * 2,
        typed_label="Who wrote it?",
    )


# --- a data set through checkpoints, and evidence ---------------------------------------------


@cache
def _evaluated() -> tuple[Any, list[Any]]:
    labels, random = ("negative", "positive"), np.random.default_rng(5)
    texts = tuple(map(str, range(60)))
    table = Table("sst2", "dev", texts, None, random.integers(0, 2, 60), labels)
    runs = [
        Predictions(
            name,
            "0" * 64,
            "d",
            "float32",
            labels,
            "softmax",
            60,
            np.arange(60),
            np.random.default_rng(seed).normal(size=(60, 2)).astype(np.float32),
            np.full(60, 9, np.int32),
            np.zeros(60, np.int32),
        )
        for seed, name in enumerate(("sst2-cls", "sst2-mha"))
    ]
    return table, runs


def _of_evaluations(key: str) -> Callable[[], Plot]:
    def make() -> Plot:
        table, runs = _evaluated()
        evaluations = [evaluate(table, run) for run in runs]
        return view(key, evaluations, "toy", [checkpoint("sst2-cls"), checkpoint("sst2-mha")])

    return make


for _key in ("data_set_scores", "confusion", "reliability"):
    sample(_key)(_of_evaluations(_key))


@sample("agreement")
def _agreement() -> Plot:
    agreements = agreement(*_evaluated())
    return view("agreement", agreements, "toy", [checkpoint("sst2-cls"), checkpoint("sst2-mha")])


@sample("predicted_values")
def _predicted_values() -> Plot:
    random = np.random.default_rng(0)
    labels = random.uniform(0, 5, 300)
    return view(
        "predicted_values",
        ["stsb-cls", "stsb-mha"],
        labels,
        [labels + random.normal(size=300) for _ in range(2)],
    )


@sample("failure_rates")
def _failure_rates() -> Plot:
    random = np.random.default_rng(0)
    results = [
        SimpleNamespace(
            checkpoint=name,
            rates=[
                SimpleNamespace(capability=capability, kind=kind, n=40, rate=random.random())
                for capability in ("negation", "hedges", "names")
                for kind in ("MFT", "INV")
            ],
        )
        for name in ("sst2-cls", "sst2-mha")
    ]
    return view("failure_rates", results)


for _key, _make in EVIDENCE.items():
    sample(_key)(_make)


@sample("flip_rates")
def _flip_rates() -> Plot:
    edits = {"cls": (0, 1, 1, 2, 3, 0), "mha": (0, 0, 0, 2, 0, 0)}
    records = [
        TextFlip(f"sst2-{head}", row, "negative", "positive", count, row != 4, 40, 9)
        for head, counts in edits.items()
        for row, count in enumerate(counts)
    ]
    owners = [checkpoint(f"sst2-{head}") for head in edits]
    return view("flip_rates", flip_rates(records), "replacement", owners, "masked")
