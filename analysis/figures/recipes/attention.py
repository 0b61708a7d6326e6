"""Recipes of attention, of the pooling head and of the encoder, and of leaving tokens out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import GivenTarget, Request, Subject, within
from analysis.figures.views import attention as views_attention
from analysis.figures.views import comparisons, encoder
from analysis.reading import attention, over_attention
from analysis.reading.attention import HeadDistance, HeadEntropy
from analysis.reading.trace import Trace
from analysis.seed_groups import averages
from analysis.text.tokens import Tokens


@recipe("pooling_attention")
def pooling_attention(
    request: Request,
    norms: bool = False,
    words: bool = True,
    special: bool = True,
    limit: float | None = None,
) -> Plot:
    """Attention of the pooling head: its attention heads x tokens."""

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        traces = subject.each(results.cls_trace)
        shares = subject.each(results.value_norms) if norms else None
        rows = over_attention.pooling_rows(traces, shares)  # raises where there is no attention
        if not subject.is_group:
            weighted = shares[0] if shares else None
            return views_attention.pooling_attention(traces[0], weighted, words, special, limit)
        trace = averages.attention_by_seed(traces, rows, subject.name)
        return views_attention.attention_by_seed(trace, norms, words, special, limit)

    return request.each(draw)


@recipe("cls_row")
def cls_row(
    request: Request,
    layer: int = -1,
    words: bool = True,
    special: bool = True,
    limit: float | None = None,
) -> Plot:
    """Attention of [CLS] in one layer of the encoder (default: the last)."""

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        trace = averages.mean_trace(subject.each(results.cls_trace), subject.name)
        return views_attention.cls_row(trace, layer, words, special, limit)

    return request.each(draw)


@recipe("rollout")
def rollout(
    request: Request, words: bool = True, special: bool = True, limit: float | None = None
) -> Plot:
    """Attention rollout: the share of each input token in [CLS], layer by layer."""

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        rows = averages.mean(subject.each(results.cls_rollout))
        trace = averages.mean_trace(subject.each(results.cls_trace), subject.name)
        return views_attention.rollout(trace, rows, words, special, limit)

    return request.each(draw)


@recipe("token_attention")
def token_attention(
    request: Request,
    token: int | None = None,
    side: str = "query",
    head: int | None = None,
    words: bool = True,
    special: bool = True,
    limit: float | None = None,
) -> Plot:
    """One token through all layers: its attention ("query"), or that which it gets ("key")."""

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        trace = subject.mean_trace(True)
        within("token", token or 0, 0, len(trace.tokens) - 1)
        return views_attention.token_attention(trace, token, side, head, words, special, limit)

    return request.each(draw)


@recipe("leave_one_out")
def leave_one_out(
    request: Request,
    where: str = "encoder",
    words: bool = True,
    special: bool = True,
    limit: float | None = None,
) -> Plot:
    """Change of a class's contrast when each token (or word) is left out."""

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        effects = subject.each(results.leave_one_out, where, words)
        result = averages.mean_leave_one_out(effects, subject.checkpoint)
        return views_attention.leave_one_out(
            result, subject.class_index(target), None, special, limit
        )

    return request.each(draw)


@recipe("encoder_heads")
def encoder_heads(
    request: Request, words: bool = True, special: bool = True, limit: float | None = None
) -> Plot:
    """All layers x attention heads of the encoder at a glance."""

    def draw(trace: Trace) -> Plot:
        return encoder.encoder_heads(trace, words, special, limit)

    return request.each(lambda subject, target: _mean_matrix(subject, draw))


@recipe("encoder_head")
def encoder_head(
    request: Request,
    layer: int | None = None,
    head: int | None = None,
    words: bool = True,
    special: bool = True,
    window: list[int] | None = None,
    limit: float | None = None,
) -> Plot:
    """One attention matrix in large: one attention head of a layer (default: last), or the mean.

    Raises
    ------
    ValueError
        `window` is no first and last place.
    """
    if window is not None and not (len(window) == 2 and 0 <= window[0] < window[1]):
        raise ValueError(f"window is {window}: expected the first token and the one after the last")
    part = (window[0], window[1]) if window else None

    def draw(trace: Trace) -> Plot:
        place = len(attention.encoder_attention(trace)) if layer is None else layer
        return encoder.encoder_head(trace, place, head, words, special, part, limit)

    return request.each(lambda subject, target: _mean_matrix(subject, draw))


def _mean_matrix(subject: Subject, draw: Callable[[Trace], Plot]) -> Plot:
    """The matrix of the mean attention, with a note on how far the seeds of a group lie apart."""
    plot = draw(subject.mean_trace(True))
    if not subject.is_group:
        return plot
    # one whole trace at a time: those of long texts are 150 MB each
    each = [draw(member.result(results.whole_trace)) for member in subject.members]
    return comparisons.with_spread(plot, each)


@recipe("head_summary")
def head_summary(request: Request, measure: str = "entropy") -> Plot:
    """One number for each attention head of the encoder: "entropy" or "distance".

    Raises
    ------
    ValueError
        The measure is not known.
    """
    if measure not in ("entropy", "distance"):
        raise ValueError(f"measure is {measure!r}; known: entropy, distance")

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        mean: HeadEntropy | HeadDistance
        if measure == "entropy":
            mean = averages.mean_entropy(subject.each(results.head_entropy))
        else:
            mean = averages.mean_distance(subject.each(results.head_distance))
        return encoder.head_summary(mean, subject.checkpoint, _tokens(subject))

    return request.each(draw)


@recipe("blocks")
def blocks(
    request: Request, layer: int | None = None, head: int | None = None, own: bool = False
) -> Plot:
    """Attention within a text and across a pair; with `own` the pooling head's in a first row.

    `layer` is a layer of the encoder, -1 the last, None the mean over all.
    """

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        masses = averages.mean_blocks(subject.each(results.block_masses))
        depth = len(masses.values)
        place = depth if layer == -1 else layer
        within("layer", place, 1, depth)
        within("attention head", head, 0, masses.values.shape[1] - 1)
        rows = None
        if own:
            traces = subject.each(results.cls_trace)
            rows = np.concatenate(
                [
                    attention.row_masses(weights, trace.tokens)
                    for weights, trace in zip(
                        over_attention.pooling_rows(traces), traces, strict=True
                    )
                ]
            )
        return encoder.blocks(masses, place, subject.checkpoint, _tokens(subject), head, rows)

    return request.each(draw)


def _tokens(subject: Subject) -> Tokens:
    return subject.members[0].result(results.cls_trace).tokens
