"""One picture of every view, by its key, made of small checkpoints and of records made by hand.

A view without an entry here is made by its recipe, with the defaults.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

import analysis
from analysis import interventions
from analysis.corpus.layer_cka import layer_cka
from analysis.figures import Plot, known_views, view
from analysis.figures.recipes import registry
from analysis.reading import attention, layers, margins
from analysis.reading.comparison import Answer
from analysis.reading.dimensions import dimensions
from analysis.reading.trace import measure_profile
from analysis.reading.winner_statistics import between_groups, collect, seed_disagreement, summarise
from analysis.text.token_types import TYPES
from tests.support import record_samples as samples_of_numbers
from tests.support import similarity_samples, tiny, zoo
from tests.support.known_results import (
    SENTENCE,
    TREC,
    attributed,
    checkpoint,
    split,
    tokens_of,
    trace,
    winners,
)

TEXT, PAIR = "The plots thinned, not dully.", "He said it was great."
TEXTS = [TEXT, PAIR, tiny.SENTENCE]
TOKENS = tokens_of(SENTENCE)
assert similarity_samples.TEXT  # its pictures are registered by being imported
_MAKE = samples_of_numbers.MAKE
sample = samples_of_numbers.sample


def keys() -> list[str]:
    return sorted({*_MAKE, *known_views()})


@cache
def plot_of(key: str) -> Plot:
    if key in _MAKE:
        return _MAKE[key]()
    try:
        return registry.make(key, [zoo.loaded("max_seq_mha")], TEXT)
    except ValueError:  # of a maximum over tokens
        return registry.make(key, [zoo.loaded("max")], TEXT)


def every_plot() -> Iterator[tuple[str, Plot]]:
    for key in keys():
        yield key, plot_of(key)


# A view for each kind of mark, in grids and alone: what the renderer of a format tells apart.
ONE_OF_EACH_MARK = (
    "agreement",
    "attribution_bars",
    "attribution_disagreement",
    "attribution_strips",
    "confusion",
    "deletion_insertion",
    "dimension",
    "dimensions",
    "flow",
    "input_attribution",
    "map",
    "similarity_bands",
)


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
        trace(
            [0.05, 0.1, 0.5, 0.2, 0.1 - i, 0.05 + i],
            name=f"trec-mha-s{n}",
            labels=TREC,
            group="trec-mha",
            seed=n,
        )
        for n, i in enumerate((0.0, 0.04, 0.08))
    ]
    return view("classes", [seeds, trace(np.ones(6) / 6, name="trec-cls", labels=TREC)], target=2)


@sample("input_attribution")
def _input_attribution() -> Plot:
    return view("input_attribution", attributed(TOKENS), TOKENS, checkpoint())


@sample("reading")
def _reading() -> Plot:
    names = ("cls", "max_cls", "mha", "max_seq_mha")
    return view(
        "reading",
        [split(TOKENS, seed=i) for i in range(4)],
        TOKENS,
        1,
        [checkpoint(f"sst2-{name}") for name in names],
    )


@sample("flow")
def _flow() -> Plot:
    heads = ("cls", "max_cls", "mha")
    shares = np.full(len(TOKENS.ids), 1 / len(TOKENS.ids))
    return view(
        "flow",
        [split(TOKENS, seed=i) for i in range(3)],
        [TOKENS] * 3,
        1,
        [checkpoint(f"sst2-{name}") for name in heads],
        [None, None, shares],
    )


@sample("source_layers")
def _source_layers() -> Plot:
    return view("source_layers", split(TOKENS), winners(TOKENS), 1, checkpoint(), TOKENS)


@sample("variant")
def _variant() -> Plot:
    names = ("sst2-cls", "sst2-max_cls", "sst2-mha")
    before, after = (
        [
            Answer(name, ("negative", "positive"), (name,), np.array([[1 - p, p]]))
            for name, p in zip(names, values, strict=True)
        ]
        for values in ((0.61, 0.72, 0.9), (0.2, 0.81, 0.4))
    )
    return view("variant", before, after, [1, 1, 1], (SENTENCE, "The plot is thin."))


# --- Layers, winners, attention ---------------------------------------------------------------


@sample("standing")
def standing() -> Plot:
    ranks = {name: np.linspace(0, 100, 5) for name in ("norm", "cosine_to_last", "prediction")}
    return view("standing", [ranks], ["sst2-cls"], 3, [checkpoint("sst2-cls")], TOKENS)


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
    return view("cka", layer_cka(zoo.loaded("cls"), zoo.loaded("bert"), texts))


@sample("winners")
def _winners() -> Plot:
    return view(
        "winners",
        seen(),
        "deviation",
        profile=profile_of("max_seq_mha"),
        chosen_token=2,
        chosen_layer=3,
    )


@sample("strips")
def _strips() -> Plot:
    from analysis.figures.views.comparisons import strips

    plots = [
        view("input_attribution", attributed(TOKENS), TOKENS, checkpoint()),
        view("reading", split(TOKENS), TOKENS, 1, checkpoint()),
    ]
    return strips(plots, ["input attribution", "read by the pooling head"])


@sample("layer_quantities")
def _layer_quantities() -> Plot:
    effects = interventions.drop_effects(zoo.loaded("max_seq_mha"), TEXT)
    trace = seen()
    return view(
        "layer_quantities", trace, 1, analysis.decompose(trace), effects, profile_of("max_seq_mha")
    )


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
    trace = seen()
    return view(
        "dimensions", dimensions(trace, 3, reference="zero"), trace.checkpoint, trace.tokens
    )


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
    groups = [[collect(member, TEXTS[:2]), collect(member, TEXTS[1:])] for member in members]
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
    trace = seen(pair=PAIR)
    return view("blocks", attention.block_masses(trace.attentions, trace.tokens))


# --- attributions ------------------------------------------------------------------------


def _attribution(method: str, **options: object) -> Any:
    return analysis.attribute(zoo.loaded("max_seq_mha"), TEXT, method=method, **options)


def _text() -> Any:
    return seen("max_seq_mha").tokens


@sample("attribution_strips")
def _attribution_strips() -> Plot:
    rows = [[_attribution("gradient_x_input")], [_attribution("leave_one_out")]]
    return view("attribution_strips", rows, [_text()], [zoo.loaded("max_seq_mha").checkpoint])


@sample("attribution_bars")
def _attribution_bars() -> Plot:
    return view("attribution_bars", [_attribution("shapley_sampling", n_samples=4)], [_text()])


@sample("attribution_methods")
def _attribution_methods() -> Plot:
    results = [_attribution(key, unit="word") for key in ("gradient_x_input", "leave_one_out")]
    return view("attribution_methods", results, _text())


@sample("attribution_disagreement")
def _attribution_disagreement() -> Plot:
    results = [_attribution(key, unit="word") for key in ("gradient_x_input", "leave_one_out")]
    return view("attribution_disagreement", *results, _text(), ("Gradient", "Leave one out"))


@sample("attribution_layers")
def _attribution_layers() -> Plot:
    return view(
        "attribution_layers",
        _attribution("joint_layers"),
        _attribution("exact_split", reference="zero"),
    )
