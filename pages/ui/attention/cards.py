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


def row_of(one: AttentionReading, settings: Settings) -> np.ndarray | None:
    """(U,) the encoder's [CLS] row in the chosen layer: its mean, or the chosen attention head."""
    if one.row is None:
        return None
    return arrays.row_or_mean(values_of(one.row), settings.head)


def shown_part(one: AttentionReading, settings: Settings) -> int | None:
    """The chosen attention head of the pooling head, where this one has it."""
    if one.own is None or one.entry.is_group or settings.part is None:
        return None
    return settings.part if settings.part < len(values_of(one.own)) else None


def largest(listeners: Sequence[AttentionReading], settings: Settings) -> dict[str, float]:
    """Largest value of each scale that the cards share."""
    own = [values_of(listener.own) for listener in listeners if listener.own is not None]
    rows = [row_of(listener, settings) for listener in listeners]
    return {
        "attention": arrays.largest(*own, *rows),
        "split": arrays.largest(*(listener.split for listener in listeners)),
        "effects": arrays.largest(*(shown_effects(listener) for listener in listeners)),
    }


def shown_effects(one: AttentionReading) -> np.ndarray | None:
    """(U,) fall of the contrast when each shown unit is left out; NaN where it cannot be."""
    if one.effects is None or one.axis is None:
        return None
    values: np.ndarray = one.effects.contrast(one.target)[list(one.axis.kept)]
    return values


def columns(one: AttentionReading, settings: Settings, limits: dict[str, float]) -> list[Column]:
    """The quantities of one card's table, from left to right."""
    found: list[Column] = []
    if one.own is not None:
        rows, labels = values_of(one.own), _row_labels(one)
        part = shown_part(one, settings)
        over = "seeds" if one.entry.is_group else "attention heads"
        for index, (values, label) in enumerate(zip(rows, labels, strict=True)):
            about = f"seed {label}" if one.entry.is_group else f"attention head {label}"
            found.append(
                Column(
                    label,
                    values,
                    "heat",
                    limits["attention"],
                    over,
                    about,
                    None if one.entry.is_group else index,
                    index == part,
                )
            )
        found.append(
            Column(
                "%",
                main_row(one, settings),
                "percent",
                group=over,
                about="mean" if part is None else f"attention head {labels[part]}, in percent",
                spread=arrays.spread(rows) if one.entry.is_group else None,
            )
        )
    row = row_of(one, settings)
    if row is not None:
        where = f"{one.row.title if one.row else ''}, {named_head(settings.head)}"
        spread = None
        if one.rows is not None:
            head = settings.head
            spread = arrays.spread([arrays.row_or_mean(rows, head) for rows in one.rows])
        found.append(
            Column("encoder", row, "wide heat", limits["attention"], about=where, spread=spread)
        )
    if one.split is not None:
        spread = arrays.spread(one.splits)
        found.append(
            Column(
                "split",
                one.split,
                "swing",
                limits["split"],
                about=f"contribution ({one.rule})",
                spread=spread,
            )
        )
    effects = shown_effects(one)
    if effects is not None:
        found.append(
            Column(
                "hidden",
                effects,
                "swing",
                limits["effects"],
                about="fall of the logit when hidden",
                spread=_spread_of_effects(one),
            )
        )
    elif not one.no_effects and one.entry.classifies and one.axis is not None:
        # Its place is kept while it is being computed: nothing on the page moves.
        empty = arrays.nothing(len(one.axis.units))
        found.append(Column("hidden", empty, "swing", 1.0, about="fall of the logit when hidden"))
    return found


def _spread_of_effects(one: AttentionReading) -> np.ndarray | None:
    """(U,) standard deviation over the seeds of a group."""
    if one.axis is None or not one.every_effect:
        return None
    each = [effects.contrast(one.target)[list(one.axis.kept)] for effects in one.every_effect]
    return arrays.spread(each)


def _row_labels(one: AttentionReading) -> tuple[str, ...]:
    assert one.own is not None
    assert isinstance(one.own.mark, HeatMap)
    return one.own.mark.rows


def html_of(
    one: AttentionReading, settings: Settings, limits: dict[str, float], mark: Span | None
) -> str:
    """One card."""
    body = _head(one)
    if one.problem or one.axis is None:
        return body + f'<div class="none">{text(one.problem)}</div>'
    if one.silent:
        body += f'<div class="none">{text(one.silent)}</div>'
    else:
        body += f'<div class="answer">{text(_most(one, settings))}</div>'
    order = _ranking(one, settings) if settings.ranked else None
    body += table(one.axis, columns(one, settings, limits), mark, order)
    sentences = [*one.lines, *(reason for reason in (one.no_split, one.no_effects) if reason)]
    notes = (one.own.notes if one.own else ()) or (one.row.notes if one.row else ())
    if one.own is not None and settings.norms:
        notes = tuple(note.replace("the attention", "the value norms") for note in notes)
    sentences += [note for note in notes if note not in sentences]
    return body + "".join(
        f'<div class="line">{text(line)}</div>' for line in dict.fromkeys(sentences)
    )


def _head(one: AttentionReading) -> str:
    first = one.entry.first
    if one.entry.is_group:
        how = f"pooling head {first.head}, {len(one.entry.members)} seeds"
    elif first.kind == "encoder":
        how = first.encoder_kind
    elif first.head:
        how = f"pooling head {first.head}" + ("" if first.seed is None else f", seed {first.seed}")
    else:
        how = stock_head(one.traces)
    if one.label:
        how += f"; explained: {one.label}"
    named = f'<div class="id" title="{text(one.entry.id)}">{text(one.entry.name)}</div>'
    return f'{named}<div class="how">{text(how)}</div>'


def most_heard(
    one: AttentionReading, settings: Settings, count: int = 3
) -> list[tuple[str, float]]:
    """The units with most of the pooling head's attention, without special tokens."""
    assert one.axis is not None
    main = main_row(one, settings)
    special = [bool(one.axis.tokens.special[unit[0]]) for unit in one.axis.units]
    order = [place for place in arrays.order(main) if not special[place]]
    return [(one.axis.labels[i], float(main[i])) for i in order[:count]]


def special_share(one: AttentionReading, settings: Settings) -> float:
    """Share of the pooling head's attention that special tokens took, shown or not."""
    part, rows = shown_part(one, settings), weights(one, settings)
    return over_attention.special_share(rows, one.traces[0].tokens, part)


def _ranking(one: AttentionReading, settings: Settings) -> list[int] | None:
    """(U,) the units, most heard first: by the pooling head, else by the encoder's [CLS] row."""
    main = main_row(one, settings) if one.own is not None else row_of(one, settings)
    return None if main is None else arrays.order(main)


def main_row(one: AttentionReading, settings: Settings) -> np.ndarray:
    """(U,) the chosen attention head of the pooling head, else the mean over all."""
    assert one.own is not None
    return arrays.row_or_mean(values_of(one.own), shown_part(one, settings))


def _most(one: AttentionReading, settings: Settings) -> str:
    heard_most = [
        f"“{label}” {number(100 * value, 'percent')} %"
        for label, value in most_heard(one, settings)
    ]
    special = f"special tokens {number(100 * special_share(one, settings), 'percent')} %"
    part = shown_part(one, settings)
    who = "Most to " if part is None else f"Attention head {_row_labels(one)[part]} most to "
    return who + ", ".join(heard_most) + f"; {special}"
