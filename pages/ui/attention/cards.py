"""Top of the Attention page: each pooling head's attention, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.common import arrays
from analysis.figures.marks import HeatMap
from analysis.figures.style.style import number
from analysis.figures.views.attention import named_head
from analysis.reading import over_attention
from pages.ui.attention.reading import AttentionReading, Settings, values_of, weights
from pages.ui.attention.tables import Column, table
from pages.ui.engine.replies import stock_head
from pages.ui.kit.cards import Span
from pages.ui.kit.places import text

if TYPE_CHECKING:
    import numpy as np


def row_of(reading: AttentionReading, settings: Settings) -> np.ndarray | None:
    """(U,) the encoder's [CLS] row in the chosen layer: its mean, or the chosen attention head."""
    if reading.row is None:
        return None
    return arrays.row_or_mean(values_of(reading.row), settings.head)


def shown_part(reading: AttentionReading, settings: Settings) -> int | None:
    """The chosen attention head of the pooling head, where this one has it."""
    if reading.own is None or reading.entry.is_group or settings.part is None:
        return None
    return settings.part if settings.part < len(values_of(reading.own)) else None


def largest(listeners: Sequence[AttentionReading], settings: Settings) -> dict[str, float]:
    """Largest value of each scale that the cards share."""
    own = [values_of(listener.own) for listener in listeners if listener.own is not None]
    rows = [row_of(listener, settings) for listener in listeners]
    return {
        "attention": arrays.largest(*own, *rows),
        "split": arrays.largest(*(listener.split for listener in listeners)),
        "effects": arrays.largest(*(shown_effects(listener) for listener in listeners)),
    }


def shown_effects(reading: AttentionReading) -> np.ndarray | None:
    """(U,) fall of the contrast when each shown unit is left out; NaN where it cannot be."""
    if reading.effects is None or reading.axis is None:
        return None
    values: np.ndarray = reading.effects.contrast(reading.target)[list(reading.axis.kept)]
    return values


def columns(
    reading: AttentionReading, settings: Settings, limits: dict[str, float]
) -> list[Column]:
    """The quantities of one card's table, from left to right."""
    drawn: list[Column] = []
    if reading.own is not None:
        rows, labels = values_of(reading.own), _row_labels(reading)
        part = shown_part(reading, settings)
        over = "seeds" if reading.entry.is_group else "attention heads"
        for index, (values, label) in enumerate(zip(rows, labels, strict=True)):
            about = f"seed {label}" if reading.entry.is_group else f"attention head {label}"
            drawn.append(
                Column(
                    label,
                    values,
                    "heat",
                    limits["attention"],
                    over,
                    about,
                    None if reading.entry.is_group else index,
                    index == part,
                )
            )
        drawn.append(
            Column(
                "%",
                main_row(reading, settings),
                "percent",
                group=over,
                about="mean" if part is None else f"attention head {labels[part]}, in percent",
                spread=arrays.spread(rows) if reading.entry.is_group else None,
            )
        )
    row = row_of(reading, settings)
    if row is not None:
        where = f"{reading.row.title if reading.row else ''}, {named_head(settings.head)}"
        spread = None
        if reading.rows is not None:
            head = settings.head
            spread = arrays.spread([arrays.row_or_mean(rows, head) for rows in reading.rows])
        drawn.append(
            Column("encoder", row, "wide heat", limits["attention"], about=where, spread=spread)
        )
    if reading.split is not None:
        spread = arrays.spread(reading.splits)
        drawn.append(
            Column(
                "split",
                reading.split,
                "swing",
                limits["split"],
                about=f"contribution ({reading.rule})",
                spread=spread,
            )
        )
    effects = shown_effects(reading)
    if effects is not None:
        drawn.append(
            Column(
                "hidden",
                effects,
                "swing",
                limits["effects"],
                about="fall of the logit when hidden",
                spread=_spread_of_effects(reading),
            )
        )
    elif not reading.no_effects and reading.entry.classifies and reading.axis is not None:
        # Its place is kept while it is being computed: nothing on the page moves.
        empty = arrays.nothing(len(reading.axis.units))
        drawn.append(Column("hidden", empty, "swing", 1.0, about="fall of the logit when hidden"))
    return drawn


def _spread_of_effects(reading: AttentionReading) -> np.ndarray | None:
    """(U,) standard deviation over the seeds of a group."""
    if reading.axis is None or not reading.every_effect:
        return None
    each = [
        effects.contrast(reading.target)[list(reading.axis.kept)]
        for effects in reading.every_effect
    ]
    return arrays.spread(each)


def _row_labels(reading: AttentionReading) -> tuple[str, ...]:
    assert reading.own is not None
    assert isinstance(reading.own.mark, HeatMap)
    return reading.own.mark.rows


def html_of(
    reading: AttentionReading, settings: Settings, limits: dict[str, float], mark: Span | None
) -> str:
    """One card."""
    body = _head(reading)
    if reading.problem or reading.axis is None:
        return body + f'<div class="none">{text(reading.problem)}</div>'
    if reading.silent:
        body += f'<div class="none">{text(reading.silent)}</div>'
    else:
        body += f'<div class="answer">{text(_most(reading, settings))}</div>'
    order = _ranking(reading, settings) if settings.ranked else None
    body += table(reading.axis, columns(reading, settings, limits), mark, order)
    sentences = [
        *reading.lines,
        *(reason for reason in (reading.no_split, reading.no_effects) if reason),
    ]
    notes = (reading.own.notes if reading.own else ()) or (reading.row.notes if reading.row else ())
    if reading.own is not None and settings.norms:
        notes = tuple(note.replace("the attention", "the value norms") for note in notes)
    sentences += [note for note in notes if note not in sentences]
    return body + "".join(
        f'<div class="line">{text(line)}</div>' for line in dict.fromkeys(sentences)
    )


def _head(reading: AttentionReading) -> str:
    first = reading.entry.first
    if reading.entry.is_group:
        how = f"pooling head {first.head}, {len(reading.entry.members)} seeds"
    elif first.kind == "encoder":
        how = first.encoder_kind
    elif first.head:
        how = f"pooling head {first.head}" + ("" if first.seed is None else f", seed {first.seed}")
    else:
        how = stock_head(reading.traces)
    if reading.label:
        how += f"; explained: {reading.label}"
    named = f'<div class="id" title="{text(reading.entry.id)}">{text(reading.entry.name)}</div>'
    return f'{named}<div class="how">{text(how)}</div>'


def most_heard(
    reading: AttentionReading, settings: Settings, count: int = 3
) -> list[tuple[str, float]]:
    """The units with most of the pooling head's attention, without special tokens."""
    assert reading.axis is not None
    main = main_row(reading, settings)
    special = [bool(reading.axis.tokens.special[unit[0]]) for unit in reading.axis.units]
    order = [place for place in arrays.order(main) if not special[place]]
    return [(reading.axis.labels[i], float(main[i])) for i in order[:count]]


def special_share(reading: AttentionReading, settings: Settings) -> float:
    """Share of the pooling head's attention that special tokens took, shown or not."""
    part, rows = shown_part(reading, settings), weights(reading, settings)
    return over_attention.special_share(rows, reading.traces[0].tokens, part)


def _ranking(reading: AttentionReading, settings: Settings) -> list[int] | None:
    """(U,) the units, most heard first: by the pooling head, else by the encoder's [CLS] row."""
    main = main_row(reading, settings) if reading.own is not None else row_of(reading, settings)
    return None if main is None else arrays.order(main)


def main_row(reading: AttentionReading, settings: Settings) -> np.ndarray:
    """(U,) the chosen attention head of the pooling head, else the mean over all."""
    assert reading.own is not None
    return arrays.row_or_mean(values_of(reading.own), shown_part(reading, settings))


def _most(reading: AttentionReading, settings: Settings) -> str:
    heard_most = [
        f"“{label}” {number(100 * value, 'percent')} %"
        for label, value in most_heard(reading, settings)
    ]
    special = f"special tokens {number(100 * special_share(reading, settings), 'percent')} %"
    part = shown_part(reading, settings)
    who = "Most to " if part is None else f"Attention head {_row_labels(reading)[part]} most to "
    return who + ", ".join(heard_most) + f"; {special}"
