"""Views of attention by token: the pooling head's, a row of the encoder, leave-one-out beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.marks import Bars, HeatMap
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.style.style import CHOSEN
from analysis.figures.views.source import cut_note, provenance_of, target_label
from analysis.figures.views.token_axis import label_of, layer_labels, token_axis
from analysis.figures.views.units import units_of
from analysis.reading import attention

if TYPE_CHECKING:
    from analysis.interventions.effects import LeaveOneOut
    from analysis.reading.attention import Rollout, ValueNorms
    from analysis.reading.trace import Trace
    from analysis.statistics.basics import Agreement

WORD_NORMS = "The value norm of a word is the sum of its pieces' norms."


@view("pooling_attention")
def pooling_attention(
    trace: Trace,
    norms: ValueNorms | None = None,
    words: bool = False,
    special: bool = True,
    limit: float | None = None,
    chosen_token: int | None = None,
    chosen_head: int | None = None,
) -> Plot:
    """Attention of the pooling head: its attention heads x tokens.

    With `norms` (ValueNorms) the shares of norm(alpha f(x)) instead of the weights.
    """
    rows = attention.pooling_attention(trace) if norms is None else norms.share
    # Weights of a residual part are no attention and have no row here.
    parts = tuple(trace.head.parts[: len(rows)]) if norms is None else tuple(norms.parts)
    labels = tuple(
        (CHOSEN if index == chosen_head else "") + part.removeprefix("attention head ")
        for index, part in enumerate(parts)
    )
    what = "attention" if norms is None else "share of the value norms"
    return _rows_by_token(
        trace,
        rows,
        labels,
        "attention head",
        what,
        "pooling_attention",
        "The pooling head's attention",
        words,
        special,
        limit,
        chosen_token,
        caption=f"Attention of the pooling head: {what} of each of its attention heads by token.",
        more_notes=() if norms is None or not words else (WORD_NORMS,),
        norms=norms is not None,
    )


def attention_by_seed(
    trace: Trace,
    norms: bool = False,
    words: bool = False,
    special: bool = True,
    limit: float | None = None,
) -> Plot:
    """Attention of a seed group, a row a seed: `trace` as `groups.attention_by_seed` gives it."""
    plot = pooling_attention(trace, None, words, special, limit)
    what = "share of the value norms" if norms else "attention"
    assert isinstance(plot.mark, HeatMap)
    return replace(
        plot,
        mark=replace(plot.mark, row_label="seed (mean of its attention heads)", value_label=what),
        params={**plot.params, "norms": norms},
        caption=f"Attention of the pooling head by seed and token: {what}, mean over the "
        "attention heads of each seed.",
    )


@view("cls_row")
def cls_row(
    trace: Trace,
    layer: int = -1,
    words: bool = False,
    special: bool = True,
    limit: float | None = None,
    chosen_token: int | None = None,
) -> Plot:
    """Attention of [CLS] (of a decoder the last token) in one layer: heads x tokens.

    Without `layer` it is the last.
    """
    rows = attention.cls_row(trace, layer)
    index = len(attention.encoder_attention(trace)) if layer == -1 else layer
    return _rows_by_token(
        trace,
        rows,
        tuple(str(h) for h in range(len(rows))),
        "attention head",
        "attention",
        "cls_row",
        f"Attention of {trace.read_name} in layer {index}",
        words,
        special,
        limit,
        chosen_token,
        caption=f"Attention of {trace.read_name} in layer {index} of the encoder, by attention "
        "head and token.",
        layer=layer,
    )


@view("rollout")
def rollout(
    trace: Trace,
    result: Rollout | np.ndarray,
    words: bool = False,
    special: bool = True,
    limit: float | None = None,
    chosen_token: int | None = None,
) -> Plot:
    """Attention rollout: the share of each input token in [CLS], layer by layer.

    `result` is a Rollout, or the (L, T) rows of [CLS] alone (of a seed group: their mean).
    """
    if not isinstance(result, np.ndarray):
        result = np.asarray(result.values[:, result.read_token])
    rows = result
    return _rows_by_token(
        trace,
        rows,
        layer_labels(range(1, len(rows) + 1)),
        "layer",
        "rollout",
        "rollout",
        f"Attention rollout of {trace.read_name}",
        words,
        special,
        limit,
        chosen_token,
        caption=f"Attention rollout (Abnar and Zuidema 2020) of {trace.read_name} by layer and "
        "input token.",
    )


@view("token_attention")
def token_attention(
    trace: Trace,
    token: int | None = None,
    side: str = "query",
    head: int | None = None,
    words: bool = False,
    special: bool = True,
    limit: float | None = None,
) -> Plot:
    """One token through all layers: its attention to the others ("query"), or theirs to it ("key").

    By default the token that stands for the text: [CLS], or a decoder's last.

    Mean over the attention heads, or one of them. With `words` the token stands for its word:
    attention from it is averaged over its pieces, attention to it summed.

    Raises
    ------
    ValueError
        `side` is neither "query" nor "key".
    """
    if side not in ("query", "key"):
        raise ValueError(f"side is {side!r}; known: 'query', 'key'")
    token = trace.read_token if token is None else token
    matrices = chosen_heads(attention.encoder_attention(trace), head)  # (L, T, T)
    unit = next(list(unit) for unit in units_of(trace.tokens, words) if token in unit)
    rows = matrices[:, unit].mean(axis=1) if side == "query" else matrices[:, :, unit].sum(axis=2)
    name = label_of(trace.tokens, unit)
    does = f"{'from' if side == 'query' else 'to'} {name}"
    return _rows_by_token(
        trace,
        rows,
        layer_labels(range(1, len(rows) + 1)),
        "layer",
        "attention",
        "token_attention",
        f"Attention by layer: {does}",
        words,
        special,
        limit,
        token,
        caption=f"Attention by layer, {named_head(head)}: {does}.",
        # mass into a word adds up; who asks is asked once a piece
        how="sum" if side == "query" else "mean",
        token=token,
        side=side,
        head=head,
    )


def _rows_by_token(
    trace: Trace,
    rows: np.ndarray,
    labels: Sequence[str],
    row_label: str,
    value_label: str,
    key: str,
    title: str,
    words: bool,
    special: bool,
    limit: float | None,
    chosen: int | None,
    caption: str,
    how: str = "sum",
    more_notes: tuple[str, ...] = (),
    **of: Any,
) -> Plot:
    axis = token_axis(trace.tokens, words, special, chosen)
    cells = axis.take(np.asarray(rows, float), how=how)
    notes = axis.hidden_mass(rows) if how == "sum" else ()
    return Plot(
        view=key,
        title=title,
        mark=HeatMap(
            values=cells,
            rows=tuple(labels),
            columns=axis.labels,
            row_label=row_label,
            column_label=axis.label,
            value_label=value_label,
            scale="sequential",
            limits=(0.0, limit or max(float(cells.max()), 1e-9)),
        ),
        params={"words": words, "special": special, "limit": limit, **of},
        provenance=provenance_of([trace.checkpoint], trace.tokens, view=key),
        notes=more_notes + notes + cut_note([trace.tokens]),
        caption=caption,
    )


@view("leave_one_out")
def leave_one_out(
    result: LeaveOneOut,
    target: int,
    agreement: Agreement | None = None,
    special: bool = True,
    limit: float | None = None,
    chosen_token: int | None = None,
    agreement_of: str = "attention",
) -> Plot:
    """Change of a class's contrast when each token (or word) is left out.

    With `agreement`, Kendall's tau between attention (`agreement_of` says which) and the size of
    these effects, and its null band.
    """
    values = np.asarray(result.contrast(target), float)
    words = any(len(unit) > 1 for unit in result.units) or len(result.units) < len(result.tokens)
    axis = token_axis(result.tokens, words, special, chosen_token)
    label = target_label(result.checkpoint, target)
    notes = [_WHERE[result.where]]
    if np.isnan(values).any():
        notes.append(f"{result.tokens.labels[0]} cannot be left out this way.")
    if agreement is not None:
        notes.append(agreement_note(agreement, agreement_of))
    shown = values[list(axis.kept)]
    return Plot(
        view="leave_one_out",
        title=f"Leave one {axis.label} out: {label}",
        mark=Bars(
            values=shown[None],
            categories=axis.labels,
            series=("effect",),
            category_label=axis.label,
            value_label="fall of the logit margin (logit)",
            horizontal=False,
            colours="sign",
            style="signed",
            limits=None if limit is None else (-limit, limit),
        ),
        params={
            "target": target,
            "where": result.where,
            "words": words,
            "special": special,
            "limit": limit,
        },
        provenance=provenance_of(
            [result.checkpoint],
            result.tokens,
            view="leave_one_out",
            target=label,
            where=result.where,
        ),
        notes=(*notes, *cut_note([result.tokens])),
        caption=f"Fall of the logit of {label}, minus the mean of the others, when each "
        f"{axis.label} is left out. {notes[0]}",
    )


def agreement_note(agreement: Agreement, of: str = "attention") -> str:
    """Agreement of attention with the effects of leaving tokens out; `of` names the attention."""
    if not np.isfinite([agreement.tau, *agreement.null]).all():
        return (
            f"Kendall's tau between {of} and the size of these effects: not defined, as all values "
            "are equal."
        )
    return (
        f"Kendall's tau between {of} and the size of these effects: {agreement.tau:+.2f}; "
        f"unrelated rankings of {agreement.n} give {agreement.null[0]:+.2f} to "
        f"{agreement.null[1]:+.2f} in 95 of 100 cases."
    )


_WHERE = {
    "head": "Hidden from the pooling head only.",
    "encoder": "Hidden from the encoder's attention and from the pooling head.",
    "replace": "Replaced by the mask token.",
}


def named_head(head: int | None) -> str:
    """An attention head of the encoder in words; None is the mean over all."""
    return "mean over attention heads" if head is None else f"attention head {head}"


def chosen_heads(attentions: np.ndarray, head: int | None) -> np.ndarray:
    """(L, H, T, T) -> (L, T, T): one attention head, or their mean.

    Raises
    ------
    ValueError
        There is no such attention head.
    """
    if head is None:
        return np.asarray(attentions.mean(axis=1))
    if not 0 <= head < attentions.shape[1]:
        raise ValueError(f"attention head {head} does not exist: there are {attentions.shape[1]}")
    return np.asarray(attentions[:, head])
