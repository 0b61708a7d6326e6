"""The view of Compare that explains pooling: from tokens over source layers to a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import Flow, Grid
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.compare import check_target, split_notes, split_source
from analysis.figures.views.source import as_list, cut_note, names_of, target_label
from analysis.figures.views.units import strip_of, units_of
from analysis.reading.decomposition import references

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.reading.decomposition import Decomposition
    from analysis.text.tokens import Tokens


@view("flow")
def flow(
    decomposition: Decomposition | Sequence[Decomposition],
    tokens: Tokens | Sequence[Tokens],
    target: int | Sequence[int],
    checkpoint: Checkpoint | Sequence[Checkpoint] | None = None,
    attention: np.ndarray | Sequence[np.ndarray | None] | None = None,
    words: bool = True,
    limit: float | None = None,
    names: Sequence[str] | None = None,
) -> Plot:
    """Flow of each pooling head: bands from the tokens over its source layers to the class.

    Parameters
    ----------
    decomposition
        The split of one checkpoint's logits, or a list of them: drawn side by side, to one scale.
    tokens
        The tokens of each trace.
    target
        The class that is explained: an index, or one for each split.
    checkpoint
        Whose splits they are.
    attention
        (T,) attention of each pooling head, averaged over its attention heads; None without one.
    words
        Whether units are words (their pieces summed) or pieces.
    limit
        The sum of absolute contributions, in logits, whose bands fill the height.
    names
        A name for each panel.

    Returns
    -------
    Plot
        The width of a band is the absolute contribution to the class's logit minus the mean of
        the others; its colour is the sign.

    Raises
    ------
    ValueError
        Without a split, for a class that does not exist, or tokens of another text.
    """
    splits = as_list(decomposition)
    if not splits:
        raise ValueError("no split to draw: give at least one decomposition")
    size = len(splits)
    texts, owners = as_list(tokens, size), as_list(checkpoint, size)
    targets = as_list(target, size)
    shares = attention if isinstance(attention, (list, tuple)) else [attention] * size
    flows = [
        _flow(*parts, words) for parts in zip(splits, texts, targets, owners, shares, strict=True)
    ]
    common = limit or max(part.bound for part in flows)
    scaled = tuple(_scaled(part, common) for part in flows)
    names = list(names or names_of(owners))
    labels = dict.fromkeys(target_label(o, t) for o, t in zip(owners, targets, strict=True))
    explained = " and ".join(labels)
    mark = scaled[0] if size == 1 else Grid(scaled, tuple(names), columns=min(size, 4))
    return Plot(
        view="flow",
        title="Contributions through each pooling head"
        if size > 1
        else "Contributions through the pooling head",
        mark=mark,
        params={"target": targets, "words": words, "limit": limit, "names": names},
        provenance=split_source(owners, texts[0], "flow", splits[0], targets[0]),
        notes=(*split_notes(splits), *cut_note(texts)),
        caption=f"Contributions through {'each' if size > 1 else 'the'} pooling head: from the "
        f"tokens, over the source layers, to {explained}. The width of a band is its "
        "contribution to the logit minus the mean of the other classes"
        + (", on one scale" if size > 1 else "")
        + f"; orange is towards {'the class' if len(labels) > 1 else explained}, blue with a "
        f"dashed edge is against it. Values are relative to {references(splits)}."
        + (
            " Grey bars: attention of the pooling head."
            if any(share is not None for share in shares)
            else ""
        ),
    )


def _flow(
    split: Decomposition,
    tokens: Tokens,
    target: int,
    owner: Checkpoint | None,
    attention: np.ndarray | None,
    words: bool,
) -> Flow:
    check_target(split, target)
    by_token = np.asarray(split.contrast(target), float).sum(axis=0)  # (T, K)
    if len(by_token) != len(tokens.ids):
        raise ValueError(
            f"the split has {len(by_token)} positions and the text {len(tokens.ids)} tokens: "
            "give the tokens of the same trace"
        )
    groups = units_of(tokens, words)
    values = np.array([by_token[list(group)].sum(axis=0) for group in groups])
    strip = strip_of(
        tokens, groups, values.sum(axis=1), "contribution to the logit margin", "logit"
    )
    count = len(split.logits)
    return Flow(
        labels=strip.labels,
        values=values,
        layers=tuple(str(layer) for layer in split.layers),
        classes=(target_label(owner, target), _others(owner, target, count)),
        special=strip.special,
        segment=strip.segment,
        spans=strip.spans,
        value_label=strip.value_label,
        attention=None
        if attention is None
        else np.array([np.asarray(attention, float)[list(group)].sum() for group in groups]),
    )


def _others(owner: Checkpoint | None, target: int, count: int) -> str:
    if count == 2:
        return target_label(owner, 1 - target)
    return "others" if count > 2 else "less"


def _scaled(flow: Flow, limit: float) -> Flow:
    fields = {name: getattr(flow, name) for name in flow.__dataclass_fields__}
    return Flow(**{**fields, "limit": limit})
