"""Views of the smallest edits that flip a prediction: of one text, and over a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.common.phrases import name_without_folder
from analysis.figures.marks import Bars, Lines
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import cut_note, distinct, provenance_of

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.interventions.flips import Edits, Flips
    from analysis.interventions.flips_over_texts import FlipRate
    from analysis.text.tokens import Tokens

_DONE = {"deletion": "struck out", "replacement": "replaced"}
_WORDS = {
    "suite": "words of the behaviour suite",
    "data": "words of the data set",
    "masked": "words that a masked language model finds likely there",
}
_BOUND = "Fewer edits may be enough: every smaller set was tried for {:.0f} % of the texts."


@view("flips")
def flips(
    searches: Sequence[Flips],
    tokens: Tokens,
    checkpoints: Sequence[Checkpoint] = (),
    words_from: str = "suite",
) -> Plot:
    """The margin of the predicted class after the best edits of each size.

    Parameters
    ----------
    searches
        One a checkpoint or seed group, all of one kind of edit.
    tokens
        Of the text as typed.
    checkpoints
        Those that answered.
    words_from
        Where replacements come from, a key of ``replacements.SOURCES``.

    Returns
    -------
    Plot
        A line a pooling head; a ring where the prediction flips. A line ends where it does.

    Raises
    ------
    ValueError
        Without a search, or with searches of two kinds.
    """
    if not searches or len({search.kind for search in searches}) > 1:
        raise ValueError("give the searches of one kind of edit, at least one")
    size = max(len(search.best) for search in searches)
    y = np.full((len(searches), size), np.nan)
    flags = np.zeros((len(searches), size), bool)
    for row, search in enumerate(searches):
        y[row, : len(search.best)] = search.margins
        flags[row, : len(search.best)] = search.flips
    kind = searches[0].kind
    how = _how(kind, words_from)
    whole = all(all(search.tried) for search in searches)
    return Plot(
        view="flips",
        title="Smallest edits that change the prediction",
        mark=Lines(
            x=np.arange(size),
            y=y,
            series=tuple(search.name for search in searches),
            x_label=f"words {_DONE[kind]}",
            y_label="margin of the class as typed (logit)",
            flags=flags,
            flag_label="another class is predicted",
            places=tuple(map(str, range(size))),
        ),
        params={
            "kind": kind,
            "words_from": words_from,
            "edits": [_written(search.edits) for search in searches],
        },
        provenance=provenance_of(list(checkpoints), tokens, view="flips"),
        notes=(
            *(() if whole else ("Not every set of edits was tried: a smaller one may be enough.",)),
            *cut_note([tokens]),
        ),
        caption="Logit of the class predicted as typed minus the largest other one, after the best "
        f"set of words {how}, by the size of the set. A ring marks a head that then predicts "
        "another class"
        + (
            "; all sets were tried."
            if whole
            else "; found by beam search, so not all sets were tried."
        ),
    )


@view("flip_rates")
def flip_rates(
    rates: Sequence[FlipRate],
    kind: str = "deletion",
    checkpoints: Sequence[Checkpoint] = (),
    words_from: str = "suite",
) -> Plot:
    """The share of a data set's texts that flip within 1, 2 .. edits, by pooling head.

    Parameters
    ----------
    rates
        One a checkpoint or seed group, over the same texts.
    kind
        "deletion" or "replacement".
    checkpoints
        Those that answered.
    words_from
        Where replacements come from, a key of ``replacements.SOURCES``.

    Returns
    -------
    Plot
        A point with its 95 % interval a pooling head, for each number of edits.

    Raises
    ------
    ValueError
        No text was searched.
    """
    known = [rate for rate in rates if rate.texts]
    if not known:
        raise ValueError("no text was searched: nothing to draw")
    sizes = range(1, len(known[0].within) + 1)
    names = distinct([name_without_folder(rate.name) for rate in known])
    texts = sorted({rate.texts for rate in known})
    of = f"{texts[0]:,}" if len(texts) == 1 else f"{texts[0]:,} to {texts[-1]:,}"
    surest = min(rate.sure for rate in known)
    mean = "; ".join(f"{name} {_edits(rate)}" for name, rate in zip(names, known, strict=True))
    return Plot(
        view="flip_rates",
        title="Texts whose prediction flips",
        mark=Bars(
            values=np.array([100 * rate.within for rate in known]),
            categories=tuple(f"at most {size}" if size > 1 else "1" for size in sizes),
            series=tuple(names),
            category_label=f"words {_DONE[kind]}",
            value_label="texts that flip (%)",
            intervals=np.array([100 * rate.interval for rate in known]),
            limits=(0.0, 100.0),
            as_points=True,
        ),
        params={"kind": kind, "words_from": words_from},
        provenance=provenance_of(list(checkpoints), view="flip_rates", texts=texts),
        notes=(
            f"Over {of} texts, with 95 % intervals (Wilson). Mean edits where it flips: {mean}.",
            *((_BOUND.format(100 * surest),) if surest < 1 else ()),
        ),
        caption=f"Share of {of} texts whose predicted class changes with at most that many words "
        f"{_how(kind, words_from)}, with 95 % intervals over texts.",
    )


def _edits(rate: FlipRate) -> str:
    if not np.isfinite(rate.edits):
        return "none flips"
    low, high = np.clip(rate.edits_interval, 1, len(rate.within))  # a mean lies between these
    ends = f" ({low:.1f} to {high:.1f})" if np.isfinite(low) else ""
    return f"{rate.edits:.1f}{ends}"


def _how(kind: str, words_from: str) -> str:
    return _DONE[kind] + (f" by {_WORDS[words_from]}" if kind == "replacement" else "")


def _written(edits: Edits) -> list[list[Any]]:
    return [[*span, instead] for span, instead in edits]
