"""Recipes of what is heard and what it becomes: attention, leave-one-out, layers."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

import analysis
from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import Asked, Subject, profile_of, recipe, within
from analysis.figures.views import attention as views_attention
from analysis.figures.views import encoder
from analysis.figures.views import layers as views_layers
from analysis.reading import attention, layers


@recipe("pooling_attention")
def pooling_attention(
    asked: Asked,
    norms: bool = False,
    words: bool = True,
    special: bool = True,
    limit: float | None = None,
) -> Plot:
    """Whom the pooling head listens to: its attention heads x tokens."""

    def draw(subject: Subject, target: Any) -> Plot:
        # attention heads of different seeds do not correspond
        member = subject.only("pooling_attention")
        trace = subject.traces()[0]
        attention.pooling_attention(trace)  # a single weight on [CLS] is no attention
        weighted = attention.value_norms(member, trace) if norms else None
        return views_attention.pooling_attention(trace, weighted, words, special, limit)

    return asked.each(draw)


@recipe("cls_row")
def cls_row(
    asked: Asked,
    layer: int = -1,
    words: bool = True,
    special: bool = True,
    limit: float | None = None,
) -> Plot:
    """Whom [CLS] listens to in one layer of the encoder (default: the last)."""

    def draw(subject: Subject, target: Any) -> Plot:
        trace = subject.mean_trace(True)
        if layer != -1:
            within("layer", layer, 1, len(attention.encoder_attention(trace)))
        return views_attention.cls_row(trace, layer, words, special, limit)

    return asked.each(draw)


@recipe("rollout")
def rollout(
    asked: Asked, words: bool = True, special: bool = True, limit: float | None = None
) -> Plot:
    """What [CLS] of each layer draws from each input token, by attention rollout."""

    def draw(subject: Subject, target: Any) -> Plot:
        each = [attention.rollout(trace).values[:, 0] for trace in subject.traces(True)]
        result = SimpleNamespace(values=np.mean(each, axis=0)[:, None])
        return views_attention.rollout(subject.mean_trace(True), result, words, special, limit)

    return asked.each(draw)


@recipe("token_attention")
def token_attention(
    asked: Asked,
    token: int = 0,
    side: str = "query",
    head: int | None = None,
    words: bool = True,
    special: bool = True,
    limit: float | None = None,
) -> Plot:
    """One token through all layers: whom it listens to ("query"), or who listens ("key")."""

    def draw(subject: Subject, target: Any) -> Plot:
        trace = subject.mean_trace(True)
        within("token", token, 0, len(trace.tokens) - 1)
        return views_attention.token_attention(trace, token, side, head, words, special, limit)

    return asked.each(draw)


@recipe("leave_one_out")
def leave_one_out(
    asked: Asked,
    where: str = "encoder",
    words: bool = True,
    special: bool = True,
    limit: float | None = None,
) -> Plot:
    """What the contrast of a class loses when each token (or word) is left out."""

    def draw(subject: Subject, target: Any) -> Plot:
        found = [
            analysis.interventions.leave_one_out(member, subject.text, subject.pair, where, words)
            for member in subject.members
        ]
        result = found[0]
        if subject.is_group:
            result = replace(
                result,
                checkpoint=subject.checkpoint,
                logits=np.mean([one.logits for one in found], axis=0),
                effects=np.mean([one.effects for one in found], axis=0),
            )
        return views_attention.leave_one_out(result, subject.target(target), None, special, limit)

    return asked.each(draw)


@recipe("encoder_heads")
def encoder_heads(
    asked: Asked, words: bool = True, special: bool = True, limit: float | None = None
) -> Plot:
    """All layers x attention heads of the encoder at a glance."""
    return asked.each(lambda s, t: encoder.encoder_heads(s.mean_trace(True), words, special, limit))


@recipe("encoder_head")
def encoder_head(
    asked: Asked,
    layer: int | None = None,
    head: int | None = None,
    words: bool = True,
    special: bool = True,
    window: list[int] | None = None,
    limit: float | None = None,
) -> Plot:
    """One attention matrix in large: one attention head of a layer (default: last), or the mean."""

    def draw(subject: Subject, target: Any) -> Plot:
        trace = subject.mean_trace(True)
        place = len(attention.encoder_attention(trace)) if layer is None else layer
        if window is not None and not (len(window) == 2 and 0 <= window[0] < window[1]):
            raise ValueError(f"window is {window}: the first and behind the last token are meant")
        part = (window[0], window[1]) if window else None
        return encoder.encoder_head(trace, place, head, words, special, part, limit)

    return asked.each(draw)


@recipe("head_summary")
def head_summary(asked: Asked, measure: str = "entropy") -> Plot:
    """One number for each attention head of the encoder: "entropy" or "distance".

    Raises
    ------
    ValueError
        There is no such measure.
    """
    if measure not in ("entropy", "distance"):
        raise ValueError(f"measure is {measure!r}; known: entropy, distance")
    find = attention.head_entropy if measure == "entropy" else attention.head_distance

    def draw(subject: Subject, target: Any) -> Plot:
        subject.only("head_summary")
        trace = subject.traces(True)[0]
        return encoder.head_summary(find(trace), subject.checkpoint, trace.tokens)

    return asked.each(draw)


@recipe("blocks")
def blocks(
    asked: Asked, layer: int | None = None, head: int | None = None, own: bool = False
) -> Plot:
    """Attention within a text and across a pair; with `own` the pooling head's in a first row."""

    def draw(subject: Subject, target: Any) -> Plot:
        trace = subject.mean_trace(True)
        matrices = attention.encoder_attention(trace)
        within("layer", layer, 1, len(matrices))
        within("attention head", head, 0, matrices.shape[1] - 1)
        masses = attention.block_masses(matrices, trace.tokens)
        rows = None
        if own:
            rows = np.concatenate(
                [
                    attention.row_masses(attention.pooling_attention(one), one.tokens)
                    for one in subject.traces()
                ]
            )
        return encoder.blocks(masses, layer, subject.checkpoint, trace.tokens, head, rows)

    return asked.each(draw)


@recipe("cls_by_layer")
def cls_by_layer(
    asked: Asked,
    token: int = 0,
    values: str = "raw",
    order: str = "natural",
    top: int = 30,
    reference: str | None = None,
    limit: float | None = None,
) -> Plot:
    """The vector of [CLS] (or of another token) by layer: layers x dimensions."""

    def draw(subject: Subject, target: Any) -> Plot:
        within("token", token, 0, len(subject.traces()[0].tokens) - 1)
        if top < 1:
            raise ValueError(f"top is {top}: at least one dimension is drawn")
        weights = index = None
        if order in ("weight", "top"):
            index = subject.target(target)
            found = [layers.dimension_weights(t, index, token) for t in subject.traces()]
            known = [one for one in found if one is not None]
            weights = np.mean(known, axis=0) if len(known) == len(found) else None
        other = None
        if values == "reference":
            if not reference:
                raise ValueError("give the text to compare with: reference=...")
            other = Subject(subject.name, subject.members, reference, subject.pair).mean_trace()
        return views_layers.cls_by_layer(
            subject.mean_trace(),
            token,
            values,
            order,
            weights,
            profile_of(subject) if values == "standardised" else None,
            other,
            top,
            limit,
            target=index,
        )

    return asked.each(draw)


@recipe("dimension")
def dimension(asked: Asked, index: int = 0, token: int = 0) -> Plot:
    """One dimension of [CLS] (or of another token) by layer."""
    traces = [list(subject.traces()) for subject in asked.subjects]
    within("token", token, 0, min(len(one.tokens) for group in traces for one in group) - 1)
    within("dimension", index, 0, min(one.hidden.shape[2] for group in traces for one in group) - 1)
    return views_layers.dimension(traces, index, token, [s.name for s in asked.subjects])


@recipe("depth")
def depth(asked: Asked, token: int = 0) -> Plot:
    """Lines over depth: norm, cosines, and the prediction as if the encoder ended there."""
    for subject in asked.subjects:
        within("token", token, 0, len(subject.traces()[0].tokens) - 1)
    paths = [
        [
            layers.follow(member, trace, token)
            for member, trace in zip(s.members, s.traces(), strict=True)
        ]
        for s in asked.subjects
    ]
    headed = [
        s for s, path in zip(asked.subjects, paths, strict=True) if path[0].logits is not None
    ]
    target = headed[0].target(asked.targets[asked.subjects.index(headed[0])]) if headed else None
    names = [subject.name for subject in asked.subjects]
    return views_layers.depth(paths, names, target)
