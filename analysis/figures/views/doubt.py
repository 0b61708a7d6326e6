"""The views of a word in doubt: margins with and without it, and what every word is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import Bars, Grid, Lines
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import cut_note, provenance_of

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.interventions.doubt import Doubt, WordEffects
    from analysis.text.tokens import Tokens

MOST = 12  # words of a ranking


@view("doubt")
def doubt(
    doubts: Sequence[Doubt],
    tokens: Tokens,
    span: tuple[int, int, int],
    instead: str = "",
    checkpoints: Sequence[Checkpoint] = (),
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
    label = _label(doubts)
    edited = f"“{instead}”" if instead.strip() else f"without “{word}”"
    return Plot(
        view="doubt",
        title=f"Logit margin with and without “{word}”",
        mark=Lines(
            x=np.arange(2),
            y=np.array([[doubt.before, doubt.after] for doubt in doubts]),
            series=tuple(doubt.name for doubt in doubts),
            x_label="text",
            y_label=f"logit margin of {label}",
            flags=np.array([[False, bool(doubt.flips)] for doubt in doubts]),
            flag_label="another class is predicted",
            places=("as typed", edited),
        ),
        params={"span": list(span), "instead": instead},
        provenance=provenance_of(list(checkpoints), tokens, view="doubt", word=word),
        notes=cut_note([tokens]),
        caption=f"Logit of {label} minus the mean of the others, for the text as typed and "
        + (f"with “{instead}” in place of “{word}”." if instead.strip() else f"without “{word}”.")
        + " A ring marks a head that then predicts another class.",
    )


@view("word_effects")
def word_effects(
    effects: Sequence[WordEffects],
    tokens: Tokens,
    instead: str = "",
    checkpoints: Sequence[Checkpoint] = (),
    most: int = MOST,
) -> Plot:
    """Every word by what a class's margin changes without it, ranked for each pooling head.

    Parameters
    ----------
    effects
        `WordEffects`, one a checkpoint or seed group.
    tokens
        Of the text.
    instead
        What took each word's place; empty: it was struck out.
    checkpoints
        Those that answered.
    most
        Words of each ranking; those of smaller effect are left out.

    Returns
    -------
    Plot
        A panel of bars a pooling head on one scale, the largest change of either sign on top.

    Raises
    ------
    ValueError
        Without a checkpoint, or where no word can be left out.
    """
    if not effects:
        raise ValueError("no effect to draw: give at least one checkpoint's")
    ranked = [
        [place for place in effect.ranking.tolist() if np.isfinite(effect.changes[place])][:most]
        for effect in effects
    ]
    if not all(ranked):
        raise ValueError("the text is a single word: without it nothing would be left")
    label = _label(effects)
    texts = (tokens.text, tokens.pair or "")
    bound = max(float(np.nanmax(np.abs(effect.changes))) for effect in effects) or 1.0
    how = f"replaced by {instead}" if instead.strip() else "struck out"
    panels = tuple(
        Bars(
            values=effect.changes[None, places],
            categories=tuple(_word(texts, effect.spans[place]) for place in places),
            series=("change",),
            category_label="word",
            value_label=f"change of the logit margin of {label} (logit)",
            colours="sign",
            style="signed",
            limits=(-bound, bound),
            kind="word",
        )
        for effect, places in zip(effects, ranked, strict=True)
    )
    count = int(np.isfinite(effects[0].after).sum())
    left_out = (f"The {most} largest of {count} words.",) if count > most else ()
    names = tuple(effect.name for effect in effects)
    return Plot(
        view="word_effects",
        title="Change of the margin without each word",
        mark=panels[0] if len(panels) == 1 else Grid(panels, names, columns=min(len(panels), 4)),
        params={"instead": instead, "most": most},
        provenance=provenance_of(list(checkpoints), tokens, view="word_effects"),
        notes=(*left_out, *cut_note([tokens])),
        caption=f"Change of the logit margin of {label} (its logit minus the mean of the others) "
        f"when one word is {how} and the text is read anew, the largest change on top.",
    )


def _label(entries: Sequence[Doubt] | Sequence[WordEffects]) -> str:
    labels = dict.fromkeys(entry.label for entry in entries)
    return next(iter(labels)) if len(labels) == 1 else "the explained class"


def _word(texts: tuple[str, str], span: np.ndarray) -> str:
    segment, start, end = span.tolist()
    return texts[segment][start:end]
