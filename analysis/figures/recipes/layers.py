"""Recipes of what becomes of a token on its way up: vectors, lines over depth, turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.datasets.sentences import Rows
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import GivenTarget, Request, Subject, within
from analysis.figures.views import depth as views_depth
from analysis.figures.views import layers as views_layers
from analysis.figures.views import standing as views_standing
from analysis.reading import layers, over_depth
from analysis.seed_groups import averages


@recipe("cls_by_layer")
def cls_by_layer(
    request: Request,
    token: int | None = None,
    values: str = "raw",
    order: str = "natural",
    top: int = 30,
    reference: str | None = None,
    limit: float | None = None,
    chosen: int | None = None,
) -> Plot:
    """The vector of [CLS] (or of another token) by layer: layers x dimensions.

    Without `token` that which stands for the text: [CLS], or a decoder's last.
    """

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        at = subject.traces()[0].read_token if token is None else token
        within("token", token, 0, len(subject.traces()[0].tokens) - 1)
        if top < 1:
            raise ValueError(f"top is {top}: at least one dimension is drawn")
        weights = index = None
        if order in ("weight", "top"):
            if subject.members[0].checkpoint.kind == "encoder":
                raise ValueError(
                    "no pooling head, so no dimension has a weight for a class; order the "
                    "dimensions naturally or by the last layer"
                )
            index = subject.class_index(target)
            weights = over_depth.mean_dimension_weights(subject.traces(), index, at)
        reference_trace = None
        if values == "reference":
            if not reference:
                raise ValueError("give the text to compare with: reference=...")
            reference_trace = subject.reads(reference, request.pair).mean_trace()
        corpus = None
        if values == "standardised":
            corpus = averages.mean_moments(subject.profiles())
            if corpus is None:
                raise ValueError(
                    "it has no profile over a corpus, so there is no mean to standardise by; show "
                    "raw values"
                )
        return views_layers.cls_by_layer(
            subject.mean_trace(),
            at,
            values,
            order,
            weights,
            corpus,
            reference_trace,
            top,
            limit,
            chosen,
            index,
        )

    plot = request.each(draw)
    notes = views_layers.scale_notes(plot, values, order, limit)
    return replace(plot, notes=(*plot.notes, *notes))


@recipe("dimension")
def dimension(request: Request, index: int = 0, token: int | None = None) -> Plot:
    """One dimension of [CLS] (or of another token) by layer.

    Raises
    ------
    ValueError
        No token is named, and these checkpoints read different ones.
    """
    traces = [list(subject.traces()) for subject in request.subjects]
    if token is None:
        places = {group[0].read_token for group in traces}
        if len(places) > 1:
            raise ValueError(
                "these read different tokens, a decoder its last one: name a token, or draw them "
                "one by one"
            )
        (token,) = places
    within("token", token, 0, min(len(trace.tokens) for group in traces for trace in group) - 1)
    within(
        "dimension", index, 0, min(trace.hidden.shape[2] for group in traces for trace in group) - 1
    )
    return views_layers.dimension(traces, index, token, request.names)


@recipe("depth")
def depth(request: Request, token: int | None = None) -> Plot:
    """Lines over depth: norm, cosines, and the prediction as if the encoder ended there."""
    for subject in request.subjects:
        within("token", token, 0, len(subject.traces()[0].tokens) - 1)
    paths = [list(subject.each(results.trajectory, token)) for subject in request.subjects]
    headed = [
        pair for pair, own in zip(request, paths, strict=True) if own[0].probabilities is not None
    ]
    index = headed[0][0].class_index(headed[0][1]) if headed else None
    return views_depth.depth(paths, request.names, index)


@recipe("at_layer")
def at_layer(request: Request, layer: int | None = None, token: int | None = None) -> Plot:
    """Norm, cosines, percentiles and answer at one layer, by default the last."""
    paths = [subject.each(results.trajectory, token) for subject in request.subjects]
    within("layer", layer, 0, min(len(path[0].norm) for path in paths) - 1)
    standings = [
        over_depth.mean_standing_in_corpus(path, subject.profiles())
        for path, subject in zip(paths, request.subjects, strict=True)
    ]
    return views_depth.at_layer(paths, standings, layer, request.names)


@recipe("turned")
def turned(request: Request, layer: int | None = None, words: bool = True) -> Plot:
    """Change of direction of each token in a layer (default: the last), averaged over seeds."""
    subject, _ = request.only("turned")
    traces = subject.traces()
    last = len(traces[0].hidden) - 1
    within("layer", layer, 1, last)
    place = layer or last
    turns = np.asarray(np.mean([over_depth.turns(trace.hidden, place) for trace in traces], axis=0))
    return views_depth.turned(turns, traces[0].tokens, place, subject.checkpoint, words)


@recipe("cka")
def cka(request: Request, of: str = "cls", most: int = 128) -> Plot:
    """Similarity of the layers of one checkpoint, or of two, over a data set (linear CKA).

    Of seed groups the mean: seed by seed; of a group with itself over every two of its seeds.

    Raises
    ------
    ValueError
        More than two subjects are given.
    """
    if len(request.subjects) > 2:
        raise ValueError("layers of one checkpoint or of two are compared")
    rows = request.sentences(most).rows
    first, second = request.subjects[0], request.subjects[-1]
    each = [
        left.result(results.layer_cka, right, rows, of)
        for left, right in averages.couples(first.members, second.members)
    ]
    mean = replace(
        each[0],
        values=averages.mean([pair.values for pair in each]),
        checkpoints=(first.checkpoint, second.checkpoint),
    )
    plot = views_layers.cka(mean)
    if len(each) == 1:
        return plot
    spread = np.std([pair.values for pair in each], axis=0, ddof=1)
    note = (
        f"Mean over {len(each)} pairs of seeds; largest standard deviation {np.nanmax(spread):.2f}."
    )
    return replace(plot, notes=(*plot.notes, note))


@recipe("standing")
def standing(request: Request, most: int = 128, reference: str | None = None) -> Plot:
    """Where the text stands among the sentences of a data set, layer by layer, in percent.

    With a reference text also the cosine to it.
    """
    rows = request.sentences(most).rows
    headed = [
        (subject, target)
        for subject, target in request
        if subject.members[0].checkpoint.kind != "encoder"
    ]
    index = headed[0][0].class_index(headed[0][1]) if headed else None
    ranks = [
        standings(subject, rows, index, reference, request.pair) for subject in request.subjects
    ]
    return views_standing.standing(
        ranks,
        request.names,
        len(rows),
        [subject.checkpoint for subject in request.subjects],
        request.subjects[0].traces()[0].tokens,
    )


def standings(
    subject: Subject, rows: Rows, target: int | None, reference: str | None, pair: str | None
) -> dict[str, np.ndarray]:
    """(L+1,) percentiles of [CLS] among sentences, mean over the members, by quantity.

    Also of the probability of class `target`, where there is a pooling head, and of the cosine to
    the reference text, where there is one.
    """
    paths = subject.each(results.trajectory, 0)
    others = [
        [member.reads(text, second).result(results.cls_course) for text, second in rows]
        for member in subject.members
    ]
    mean = over_depth.mean_standing(
        [
            layers.standing(path, among, target)  # type: ignore[arg-type]
            for path, among in zip(paths, others, strict=True)
        ]
    )
    ranks = {name: getattr(mean, name) for name in layers.COURSE}
    if mean.prediction is not None:
        ranks[views_standing.PREDICTION] = mean.prediction
    if reference:
        read = subject.reads(reference, pair).traces()
        near = [
            over_depth.standing_of_reference(
                path.vectors, trace.hidden[:, 0], [member.vectors for member in among]
            )
            for path, trace, among in zip(paths, read, others, strict=True)
        ]
        ranks[views_standing.REFERENCE] = averages.mean(near)
    return ranks
