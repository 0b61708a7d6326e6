"""The view of a word in doubt: each pooling head's logit margin with and without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.figures.marks import Lines
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import provenance_of


@view("doubt")
def doubt(
    doubts: Sequence[Any],
    tokens: Any,
    span: tuple[int, int, int],
    instead: str = "",
    checkpoints: Sequence[Any] = (),
) -> Plot:
    """Logit margins of every pooling head with a word and without it, as slopes.

    Parameters
    ----------
    doubts
        One a checkpoint or seed group.
    tokens
        Of the text with the word.
    span
        (segment, start, end) of the word's characters.
    instead
        What took its place; empty: it was struck out.
    checkpoints
        Those that answered.

    Returns
    -------
    Plot
        A line a pooling head; a ring where the predicted class is another one.

    Raises
    ------
    ValueError
        Without a checkpoint.
    """
    if not doubts:
        raise ValueError("no margin to draw: give at least one checkpoint's")
    segment, start, end = span
    word = (tokens.pair or "" if segment else tokens.text)[start:end]
    labels = dict.fromkeys(one.label for one in doubts)
    label = next(iter(labels)) if len(labels) == 1 else "the explained class"
    other = f"“{instead}”" if instead.strip() else f"without “{word}”"
    return Plot(
        view="doubt",
        title=f"Logit margin with and without “{word}”",
        mark=Lines(
            x=np.arange(2),
            y=np.array([[one.before, one.after] for one in doubts]),
            series=tuple(one.name for one in doubts),
            x_label="text",
            y_label=f"logit margin of {label}",
            flags=np.array([[False, bool(one.flips)] for one in doubts]),
            flag_label="another class is predicted",
            places=("as typed", other),
        ),
        params={"span": list(span), "instead": instead},
        provenance=provenance_of(list(checkpoints), tokens, view="doubt", word=word),
        caption=f"Logit of {label} minus the mean of the others, for the text as typed and "
        + (f"with “{instead}” in place of “{word}”." if instead.strip() else f"without “{word}”.")
        + " A ring marks a head that then predicts another class.",
    )
