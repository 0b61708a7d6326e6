"""One picture of every view, by its key, made of small checkpoints and of records made by hand.

A new view needs an entry here: the tests of paper figures fail for a view without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import tiny
import zoo
from figures_samples import (
    SENTENCE,
    TREC,
    attributed,
    checkpoint,
    split,
    tokens_of,
    trace,
    winners,
)
from test_views_evidence import PLOTS as EVIDENCE

import analysis
from analysis import attention, interventions, layers, margins
from analysis.agreement import agreement
from analysis.comparison import Answer
from analysis.datasets import Table
from analysis.dimensions import dimensions
from analysis.evaluation import evaluate
from analysis.figures import Grid, Plot, view
from analysis.predictions import Predictions
from analysis.token_types import TYPES
from analysis.trace import measure_profile
from analysis.winner_statistics import (
    between_groups,
    collect,
    seed_disagreement,
    summarise,
)

TEXT, PAIR = "The plots thinned, not dully.", "He said it was great."
TEXTS = [TEXT, PAIR, tiny.SENTENCE]
TOKENS = tokens_of(SENTENCE)
_MAKE: dict[str, Callable[[], Plot]] = {}


def sample(key: str) -> Callable[[Callable[[], Plot]], Callable[[], Plot]]:
    def register(make: Callable[[], Plot]) -> Callable[[], Plot]:
        _MAKE[key] = make
        return make

    return register


def keys() -> list[str]:
    return sorted(_MAKE)


@cache
def plot_of(key: str) -> Plot:
    return _MAKE[key]()


def every_plot() -> Iterator[tuple[str, Plot]]:
    for key in keys():
        yield key, plot_of(key)


@cache
def one_of_each_mark() -> dict[str, Plot]:
    """A view for each kind of mark, in grids and alone: what a format's renderer tells apart."""
    found: dict[Any, tuple[str, Plot]] = {}
    for key, plot in every_plot():
        inside = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
        kinds = frozenset(type(panel) for panel in inside)
        found.setdefault((kinds, isinstance(plot.mark, Grid)), (key, plot))
    return dict(found.values())


@cache
def seen(name: str = "max_seq_mha", pair: str | None = None) -> Any:
    return analysis.record(zoo.loaded(name), TEXT, pair, attentions=True)


@cache
def profile_of(name: str) -> Any:
    return measure_profile(zoo.loaded(name), TEXTS, None, "three sentences")


@cache
def swept() -> Any:
    return interventions.sweep_last_k(zoo.loaded("max_seq_mha"), TEXT)


@cache
def collected() -> Any:
    return collect(zoo.loaded("max_seq_mha"), TEXTS)


# --- Compare ----------------------------------------------------------------------------------


@sample("classes")
def _classes() -> Plot:
    seeds = [
        trace([0.05, 0.1, 0.5, 0.2, 0.1 - i, 0.05 + i], name=f"trec-mha-s{n}", labels=TREC,
              group="trec-mha", seed=n)
        for n, i in enumerate((0.0, 0.04, 0.08))
    ]  # fmt: skip
    return view("classes", [seeds, trace(np.ones(6) / 6, name="trec-cls", labels=TREC)], target=2)


@sample("input_attribution")
def _input_attribution() -> Plot:
    return view("input_attribution", attributed(TOKENS), TOKENS, checkpoint())


@sample("reading")
def _reading() -> Plot:
    names = ("cls", "max_cls", "mha", "max_seq_mha")
    return view("reading", [split(TOKENS, seed=i) for i in range(4)], TOKENS, 1,
                [checkpoint(f"sst2-{name}") for name in names])  # fmt: skip


@sample("source_layers")
def _source_layers() -> Plot:
    return view("source_layers", split(TOKENS), winners(TOKENS), 1, checkpoint(), TOKENS)


@sample("variant")
def _variant() -> Plot:
    names = ("sst2-cls", "sst2-max_cls", "sst2-mha")
    before, after = (
        [Answer(name, ("negative", "positive"), (name,), np.array([[1 - p, p]]))
         for name, p in zip(names, values, strict=True)]
        for values in ((0.61, 0.72, 0.9), (0.2, 0.81, 0.4))
    )  # fmt: skip
    return view("variant", before, after, [1, 1, 1], (SENTENCE, "The plot is thin."))


# --- Layers, winners, attention ---------------------------------------------------------------


@sample("cls_by_layer")
def _cls_by_layer() -> Plot:
    return view("cls_by_layer", seen(), values="standardised", profile=profile_of("max_seq_mha"))


@sample("depth")
def _depth() -> Plot:
    paths = [layers.trajectory(zoo.loaded(name), TEXT) for name in ("cls", "max_seq_mha", "mha")]
    return view("depth", paths, target=1)


@sample("dimension")
def _dimension() -> Plot:
    return view("dimension", [seen("max_seq_mha"), seen("mha")], 5)


@sample("cka")
def _cka() -> Plot:
    texts = [" ".join(np.random.default_rng(i).choice(tiny.WORDS, 6)) for i in range(140)]
    return view("cka", layers.layer_cka(zoo.loaded("cls"), zoo.loaded("bert"), texts))


@sample("winners")
def _winners() -> Plot:
    return view("winners", seen(), "deviation", profile=profile_of("max_seq_mha"),
                chosen_token=2, chosen_layer=3)  # fmt: skip


@sample("strips")
def _strips() -> Plot:
    from analysis.figures.comparisons import strips

    plots = [view("input_attribution", attributed(TOKENS), TOKENS, checkpoint()),
             view("reading", split(TOKENS), TOKENS, 1, checkpoint())]  # fmt: skip
    return strips(plots, ["input attribution", "read by the pooling head"])


@sample("layer_quantities")
def _layer_quantities() -> Plot:
    effects = interventions.drop_effects(zoo.loaded("max_seq_mha"), TEXT)
    one = seen()
    return view("layer_quantities", one, 1, analysis.decompose(one), effects,
                profile_of("max_seq_mha"))  # fmt: skip


@sample("margins")
def _margins() -> Plot:
    return view("margins", margins.margin_histogram(seen().head.winners))


@sample("sweep")
def _sweep() -> Plot:
    sweeps = [interventions.sweep_last_k(zoo.loaded(n), TEXT) for n in ("max_cls", "max_seq_mha")]
    return view("sweep", sweeps, target=2)


@sample("sweep_winners")
def _sweep_winners() -> Plot:
    return view("sweep_winners", swept())


@sample("sweep_pooled")
def _sweep_pooled() -> Plot:
    return view("sweep_pooled", swept())


@sample("what_if")
def _what_if() -> Plot:
    changed = interventions.what_if(zoo.loaded("max_seq_mha"), TEXT, drop_layers=(3,))
    return view("what_if", changed)


@sample("dimensions")
def _dimensions() -> Plot:
    one = seen()
    return view("dimensions", dimensions(one, 3, reference="zero"), one.checkpoint, one.tokens)


@sample("winner_means")
def _winner_means() -> Plot:
    return view("winner_means", summarise(collected().wins_by_type()), TYPES)


@sample("seed_disagreement")
def _seed_disagreement() -> Plot:
    members = [zoo.loaded("max_seq_mha"), zoo.loaded("lora")]
    return view("seed_disagreement", seed_disagreement(members, TEXTS))


@sample("group_difference")
def _group_difference() -> Plot:
    members = [zoo.loaded("max_seq_mha"), zoo.loaded("lora")]
    groups = [[collect(one, TEXTS[:2]), collect(one, TEXTS[1:])] for one in members]
    return view("group_difference", between_groups(*groups), ("trec-mha", "trec-max_seq_mha"))


@sample("pooling_attention")
def _pooling_attention() -> Plot:
    return view("pooling_attention", seen(), chosen_token=3)


@sample("cls_row")
def _cls_row() -> Plot:
    return view("cls_row", seen())


@sample("rollout")
def _rollout() -> Plot:
    return view("rollout", seen(), attention.rollout(seen()))


@sample("token_attention")
def _token_attention() -> Plot:
    return view("token_attention", seen(), 3, "key")


@sample("leave_one_out")
def _leave_one_out() -> Plot:
    return view("leave_one_out", interventions.leave_one_out(zoo.loaded("max_seq_mha"), TEXT), 1)


@sample("encoder_heads")
def _encoder_heads() -> Plot:
    return view("encoder_heads", seen())


@sample("encoder_head")
def _encoder_head() -> Plot:
    return view("encoder_head", seen(pair=PAIR), 3, 1)


@sample("head_summary")
def _head_summary() -> Plot:
    return view("head_summary", attention.head_entropy(seen()))


@sample("blocks")
def _blocks() -> Plot:
    one = seen(pair=PAIR)
    return view("blocks", attention.block_masses(one.attentions, one.tokens))


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
    found = []
    for stratum in _family().strata:
        for head in HEADS[1:]:
            middle, half = random.normal(0, 0.01), random.uniform(0.004, 0.03)
            ratio = random.uniform(0.4, 1.6)
            found.append(SimpleNamespace(
                stratum=stratum, head=head, seeds=(5, 5), difference=middle,
                interval=np.array([middle - half, middle + half]),
                spread=SimpleNamespace(ratio=ratio, interval=np.array([0.5, 2.0]) * ratio),
            ))  # fmt: skip
    return SimpleNamespace(family=_family(), comparisons=found, headlines=[], done=60, planned=60)


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
        SimpleNamespace(task=task, metric="accuracy", heads=HEADS, shares=(0.1, 0.3, 1.0),
                        values=random.normal(0.7, 0.02, (4, 3, 3))
                        + np.array([[[0.0], [0.08], [0.15]]]))
        for task in ("RTE", "MRPC")
    ]  # fmt: skip
    return view("learning_curves", curves)


# --- attributions ------------------------------------------------------------------------


def _found(method: str, **asked: object) -> Any:
    return analysis.attribute(zoo.loaded("max_seq_mha"), TEXT, method=method, **asked)


def _text() -> Any:
    return seen("max_seq_mha").tokens


@sample("attribution_strips")
def _attribution_strips() -> Plot:
    rows = [[_found("gradient_x_input")], [_found("leave_one_out")]]
    return view("attribution_strips", rows, [_text()], [zoo.loaded("max_seq_mha").checkpoint])


@sample("attribution_bars")
def _attribution_bars() -> Plot:
    return view("attribution_bars", [_found("shapley_sampling", n_samples=4)], [_text()])


@sample("attribution_methods")
def _attribution_methods() -> Plot:
    found = [_found(key, unit="word") for key in ("gradient_x_input", "leave_one_out")]
    return view("attribution_methods", found, _text())


@sample("attribution_disagreement")
def _attribution_disagreement() -> Plot:
    found = [_found(key, unit="word") for key in ("gradient_x_input", "leave_one_out")]
    return view("attribution_disagreement", *found, _text(), ("Gradient", "Leave one out"))


@sample("attribution_layers")
def _attribution_layers() -> Plot:
    return view("attribution_layers", _found("joint_layers"),
                _found("exact_split", reference="zero"))  # fmt: skip


# --- maps ------------------------------------------------------------------------------


@sample("pooling_by_layer")
def _pooling_by_layer() -> Plot:
    values = np.random.default_rng(0).uniform(0.5, 0.9, size=(4, 7))
    return view("pooling_by_layer", values, ("mean", "max", "cls", "max_cls"), range(7),
                checkpoint=checkpoint(), data="sst2", sentences=400)  # fmt: skip


@sample("map")
def _map() -> Plot:
    random = np.random.default_rng(0)
    group = random.integers(0, 3, 400)
    maps = [
        SimpleNamespace(points=random.normal(size=(400, 2)) + 3 * np.eye(3)[group][:, :2],
                        method="umap", options={"n_neighbors": 15}, seed=0, explained=None,
                        notes=())
        for _ in range(2)
    ]  # fmt: skip
    return view("map", maps, ("mean", "max"), group, ("entity", "human", "numeric"),
                (checkpoint(),), "trec", subtitles=("trustworthiness 0.94", "0.91"),
                texts=("a question",) * 400, typed=[np.array([1.0, 2.0])] * 2,
                typed_label="Who wrote it?")  # fmt: skip


# --- a data set through checkpoints, and evidence ---------------------------------------------


@cache
def _evaluated() -> tuple[Any, list[Any]]:
    labels, random = ("negative", "positive"), np.random.default_rng(5)
    texts = tuple(map(str, range(60)))
    table = Table("sst2", "dev", texts, None, random.integers(0, 2, 60), labels)
    runs = [
        Predictions(
            name, "0" * 64, "d", "float32", labels, False, 60, np.arange(60),
            np.random.default_rng(seed).normal(size=(60, 2)).astype(np.float32),
            np.full(60, 9, np.int32), np.zeros(60, np.int32),
        )
        for seed, name in enumerate(("sst2-cls", "sst2-mha"))
    ]  # fmt: skip
    return table, runs


def _of_evaluations(key: str) -> Callable[[], Plot]:
    def make() -> Plot:
        table, runs = _evaluated()
        found = [evaluate(table, run) for run in runs]
        return view(key, found, "toy", [checkpoint("sst2-cls"), checkpoint("sst2-mha")])

    return make


for _key in ("data_set_scores", "confusion", "reliability"):
    sample(_key)(_of_evaluations(_key))


@sample("agreement")
def _agreement() -> Plot:
    found = agreement(*_evaluated())
    return view("agreement", found, "toy", [checkpoint("sst2-cls"), checkpoint("sst2-mha")])


@sample("predicted_values")
def _predicted_values() -> Plot:
    random = np.random.default_rng(0)
    labels = random.uniform(0, 5, 300)
    return view("predicted_values", ["stsb-cls", "stsb-mha"], labels,
                [labels + random.normal(size=300) for _ in range(2)])  # fmt: skip


@sample("failure_rates")
def _failure_rates() -> Plot:
    random = np.random.default_rng(0)
    results = [
        SimpleNamespace(checkpoint=name, rates=[
            SimpleNamespace(capability=capability, kind=kind, n=40, rate=random.random())
            for capability in ("negation", "hedges", "names") for kind in ("MFT", "INV")
        ])
        for name in ("sst2-cls", "sst2-mha")
    ]  # fmt: skip
    return view("failure_rates", results)


for _key, _make in EVIDENCE.items():
    sample(_key)(_make)
