"""A figure and its sidecar, from which it can be made again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from analysis.figures.files.sidecar import Sidecar
from analysis.figures.files.written import written
from analysis.figures.unreadable import Unreadable


@dataclass(frozen=True)
class SavedFigure:
    """A figure's file and its sidecar, as bytes."""

    name: str  # of the figure's file
    data: bytes
    sidecar: bytes
    notices: tuple[str, ...]


def save(card: Sidecar, stem: str) -> SavedFigure:
    """The bytes of a figure and of its sidecar, under the names `stem`.* .

    A grid that cannot be read at its width is saved in the number of columns that can, with a
    notice.

    Raises
    ------
    ValueError
        Several pictures are asked for in a format that holds one.
    """
    refused: tuple[str, ...] = ()
    try:
        data, notices = written(card)
    except Unreadable as error:
        refused = (f"{error}, and that is how it is saved.",)
        card = replace(card, columns=error.offer)
        data, notices = written(card)
    name = f"{stem}.{card.format}"
    files = {name: hashlib.sha256(data).hexdigest()}
    text = replace(card, files=files).to_json()
    return SavedFigure(name, data, text.encode("ascii"), (*refused, *notices))
