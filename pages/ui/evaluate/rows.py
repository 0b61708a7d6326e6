"""Rows of a data set as HTML: the whole text, predictions on the colours of their classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.common.phrases import name_without_folder
from analysis.figures.style.style import CLASS_COLOURS
from analysis.figures.views.source import distinct
from pages.ui.kit.cards import text

WRONG = "✗ "
_TINT = "38"  # two hexadecimal digits of opacity: light and dark text are read on it


def table(
    names: Sequence[str],
    lines: Sequence[Mapping[str, str]],
    predictions: Sequence[str],
    labels: Sequence[str],
    opened: int | None,
) -> str:
    """One line a row of the data set; a click, Enter or Space on it reports its place.

    ``names`` are the columns in order, ``lines`` their cells; the columns ``predictions`` hold
    answers like ``✗ negative 0.92``, and ``labels`` are all classes in the order of their colours.
    ``opened`` is the place of the line that was opened last.
    """
    short = distinct([name_without_folder(name) for name in names])
    called = {name: text(own) for name, own in zip(names, short, strict=True)}
    head = "".join(
        f"<th{_kind(name, predictions)}>{called[name].replace('_', '_<wbr>')}</th>"
        for name in names
    )
    body = []
    for place, line in enumerate(lines):
        cells = "".join(
            _cell(name, called[name], line[name], predictions, labels) for name in names
        )
        now = ' aria-current="true"' if place == opened else ""
        body.append(f'<tr data-class="{place}" tabindex="0"{now}>{cells}</tr>')
    return (
        f'<div class="scrolls"><table class="examples"><thead><tr>{head}</tr></thead>'
        f"<tbody data-arrows>{''.join(body)}</tbody></table></div>"
    )


def _kind(name: str, predictions: Sequence[str]) -> str:
    kind = "prediction" if name in predictions else "words" if name in ("text", "pair") else ""
    return f' class="{kind}"' if kind else ""


def _cell(
    name: str, called: str, held: str, predictions: Sequence[str], labels: Sequence[str]
) -> str:
    kind = _kind(name, predictions)
    if name not in predictions:
        return f'<td{kind} data-name="{called}"><div dir="auto">{text(held)}</div></td>'
    colour = colour_of(held, labels)
    style = f' style="background:{colour}{_TINT}"' if colour else ""
    wrong = " wrong" if held.startswith(WRONG) else ""
    return f'<td{kind} data-name="{called}"><span class="p{wrong}"{style}>{text(held)}</span></td>'


def colour_of(held: str, labels: Sequence[str]) -> str:
    """The colour of the class that an answer names; "" where it names none."""
    answer = held.removeprefix(WRONG).rpartition(" ")[0]
    return CLASS_COLOURS[labels.index(answer) % len(CLASS_COLOURS)] if answer in labels else ""
