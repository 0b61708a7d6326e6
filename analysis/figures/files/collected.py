"""The figures of a paper while it is being written: pictures, how they are grouped, one style.

A collection is a frozen record; every change makes a new one. As JSON it is what a page keeps
over a reload, and what a user saves and loads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from analysis.common.faults import FileError
from analysis.common.strict_json import read_json
from analysis.common.typed import require
from analysis.figures.files.anonymity import anonymous, anonymous_words
from analysis.figures.files.sidecar import Sidecar, Signature, sidecar
from analysis.figures.files.store import BadPlot, packed, to_json, unpacked
from analysis.figures.picture import Picture
from analysis.figures.style.settings import Style

VERSION = 1
MOST = 60  # figures in a collection
MOST_PANELS = 26  # pictures in one figure: letters (a) to (z)
LARGEST = 32 * 2**20  # bytes of a collection as JSON


class BadCollection(FileError):
    """A collection that cannot be read or grow; the message says why."""


@dataclass(frozen=True)
class PaperFigure:
    """One figure: a picture, or several with letters on a grid of `columns`."""

    plots: tuple[Picture, ...]
    columns: int = 1
    caption: str = ""  # empty: the draft made from the pictures' own
    wide: bool = False  # over the whole page's width, whatever the common style says
    height: float | None = None  # inches; None: what its pictures need

    def __post_init__(self) -> None:
        if not 1 <= len(self.plots) <= MOST_PANELS:
            raise BadCollection(f"a figure has 1 to {MOST_PANELS} pictures, not {len(self.plots)}")
        object.__setattr__(self, "columns", max(1, min(int(self.columns), len(self.plots))))

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """Digests of its pictures."""
        return tuple(map(_digest, self.plots))

    @cached_property
    def key(self) -> str:
        """Key of the figure, which neither its place nor its caption changes."""
        return hashlib.sha256("".join(self.digests).encode("ascii")).hexdigest()[:16]

    @cached_property
    def anonymous(self) -> PaperFigure:
        """The figure without owners and folders of its checkpoints, in pictures and caption."""
        plots = tuple(anonymous(plot)[0] for plot in self.plots)
        caption = anonymous_words(self.caption, self.plots)[0]
        return replace(self, plots=plots, caption=caption)

    @property
    def title(self) -> str:
        """The titles of its pictures."""
        return "; ".join(dict.fromkeys(plot.title for plot in self.plots))

    def in_style(self, style: Style) -> Style:
        """The common style at this figure's width, with letters where it has several pictures."""
        return replace(
            style,
            width="full" if self.wide else style.width,
            height=self.height,
            letters=len(self.plots) > 1 or style.letters,
        )


@dataclass(frozen=True)
class Collection:
    """Figures in the order of the paper."""

    figures: tuple[PaperFigure, ...] = ()
    style: Style = field(default_factory=Style)
    signed: Signature = field(default_factory=Signature)

    def __len__(self) -> int:
        return len(self.figures)

    @property
    def pictures(self) -> int:
        """Number of pictures in it."""
        return sum(len(figure.plots) for figure in self.figures)

    def add(self, plot: Picture, style: Style | None = None) -> Collection:
        """With one more figure at the end; a picture that is in it already is not added again.

        The style of the first picture becomes the common one; a height stays that of its own
        figure. Raises `BadCollection` when full.
        """
        if any(_digest(plot) in figure.digests for figure in self.figures):
            return self
        return self._and(PaperFigure((plot,), height=style.height if style else None), style)

    def add_together(
        self, plots: Sequence[Picture], columns: int, style: Style | None = None
    ) -> Collection:
        """With several pictures as one more figure at the end; raises as `add` does."""
        together = PaperFigure(tuple(plots), columns)
        if any(figure.key == together.key for figure in self.figures):
            return self
        return self._and(together, style)

    def _and(self, figure: PaperFigure, style: Style | None) -> Collection:
        if len(self.figures) >= MOST:
            raise BadCollection(
                f"{MOST} figures are collected, and no more are kept: download or remove some"
            )
        first = style is not None and not self.figures
        return replace(
            self,
            figures=(*self.figures, figure),
            style=replace(style, letters=False, height=None) if first and style else self.style,
        )

    def with_all(self, collection: Collection) -> Collection:
        """With another's figures behind these, but for those that are here; an empty one takes
        the other's style. Raises `BadCollection` where there would be too many."""
        if not self.figures:
            return collection
        here = {figure.key for figure in self.figures}
        more = tuple(figure for figure in collection.figures if figure.key not in here)
        if len(self.figures) + len(more) > MOST:
            raise BadCollection(f"together they are more than {MOST} figures: remove some first")
        return replace(self, figures=self.figures + more) if more else self

    def remove(self, index: int) -> Collection:
        """Without one figure."""
        return replace(self, figures=self.figures[:index] + self.figures[index + 1 :])

    def move(self, index: int, by: int) -> Collection:
        """With one figure some places further down (or, below zero, up)."""
        figures = list(self.figures)
        place = max(0, min(index + by, len(figures) - 1))
        figures.insert(place, figures.pop(index))
        return replace(self, figures=tuple(figures))

    def change(self, index: int, **values: Any) -> Collection:
        """With other values in one figure: columns, caption, wide, height, plots."""
        return self._with(index, lambda figure: replace(figure, **values))

    def group(self, indices: Sequence[int], columns: int = 2) -> Collection:
        """Several figures as one, in their order, in the place of the first.

        Raises
        ------
        BadCollection
            Fewer than two figures are chosen.
        """
        chosen = sorted(set(indices))
        if len(chosen) < 2:
            raise BadCollection("choose at least two figures to make one of them")
        first = self.figures[chosen[0]]
        plots = tuple(plot for i in chosen for plot in self.figures[i].plots)
        wide = any(self.figures[i].wide for i in chosen)
        captions = [c for i in chosen if (c := self.figures[i].caption)]
        together = PaperFigure(plots, columns, " ".join(captions), wide)
        rest = [f for i, f in enumerate(self.figures) if i not in chosen or f is first]
        return replace(self, figures=tuple(together if f is first else f for f in rest))

    def ungroup(self, index: int) -> Collection:
        """Every picture of one figure as a figure of its own."""
        figure = self.figures[index]
        alone = tuple(PaperFigure((plot,), wide=figure.wide) for plot in figure.plots)
        return replace(self, figures=self.figures[:index] + alone + self.figures[index + 1 :])

    def move_panel(self, index: int, panel: int, by: int) -> Collection:
        """With one picture of a figure in another place of it."""
        plots = list(self.figures[index].plots)
        place = max(0, min(panel + by, len(plots) - 1))
        plots.insert(place, plots.pop(panel))
        return self.change(index, plots=tuple(plots))

    def remove_panel(self, index: int, panel: int) -> Collection:
        """Without one picture of a figure; without the figure, where it was the only one."""
        plots = self.figures[index].plots
        if len(plots) == 1:
            return self.remove(index)
        return self.change(index, plots=plots[:panel] + plots[panel + 1 :])

    def sidecar(self, index: int, format: str = "pdf", dpi: int = 300) -> Sidecar:
        """Sidecar that one figure is drawn from."""
        figure = self.figures[index]
        return sidecar(
            figure.plots,
            figure.in_style(self.style),
            format,
            dpi,
            figure.columns,
            figure.caption,
            self.signed,
        )

    def _with(self, index: int, change: Callable[[PaperFigure], PaperFigure]) -> Collection:
        figures = list(self.figures)
        figures[index] = change(figures[index])
        return replace(self, figures=tuple(figures))

    def to_json(self) -> str:
        """The whole collection as JSON text (ASCII)."""
        return json.dumps(
            {
                "poollens": "figures",
                "version": VERSION,
                "style": self.style.as_dict(),
                "signed": self.signed.as_dict(),
                "figures": [
                    {
                        "columns": figure.columns,
                        "caption": figure.caption,
                        "wide": figure.wide,
                        "height": figure.height,
                        "plots": [packed(plot) for plot in figure.plots],
                    }
                    for figure in self.figures
                ],
            },
            allow_nan=False,
        )


def _digest(plot: Picture) -> str:
    return hashlib.sha256(to_json(plot).encode("ascii")).hexdigest()


def read(text: str | bytes) -> Collection:
    """The collection that `to_json` wrote, or one sidecar as a collection of one figure.

    Raises `BadCollection` for anything else, with the reason.
    """
    if len(text) > LARGEST:
        raise BadCollection(f"the file is larger than {LARGEST // 2**20} MB")
    try:
        data = read_json(text)
    except ValueError as error:
        raise BadCollection(
            f"the file cannot be read: {error}. Choose one saved on this page"
        ) from None
    if isinstance(data, dict) and data.get("poollens") == "figure":
        return _of_sidecar(text)
    if not isinstance(data, dict) or data.get("poollens") != "figures":
        raise BadCollection(
            "the file is not a collection of figures: choose one saved on this page"
        )
    if data.get("version") != VERSION:
        raise BadCollection(
            f"the file is of version {data.get('version')!r}, and this program reads {VERSION}"
        )
    figures = data.get("figures")
    if not isinstance(figures, list) or len(figures) > MOST:
        raise BadCollection(f"the file holds no list of up to {MOST} figures")
    try:
        signed = data.get("signed") or {}
        require(Signature, signed, "signed: ")
        return Collection(
            tuple(_figure(figure, place) for place, figure in enumerate(figures, 1)),
            replace(Style.from_dict(data.get("style") or {}), height=None),
            Signature(**signed),
        )
    except BadCollection:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise BadCollection(f"the file is broken: {error}") from None


_LAYOUT = ("columns", "caption", "wide", "height")


def _figure(data: Any, place: int) -> PaperFigure:
    try:
        plots = data["plots"]
        if not isinstance(plots, list):
            raise BadPlot("its pictures are no list")
        layout = {name: data[name] for name in _LAYOUT if name in data}
        require(PaperFigure, layout)
        Style.from_dict({"height": layout.get("height")})  # a number that can be drawn
        return PaperFigure(tuple(unpacked(plot) for plot in plots[: MOST_PANELS + 1]), **layout)
    except (BadPlot, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadCollection(f"figure {place} of the file is broken: {error}") from None


def _of_sidecar(text: str | bytes) -> Collection:
    from analysis.figures.files import sidecar as saved

    try:
        card = saved.read(text)
    except saved.BadSidecar as error:
        raise BadCollection(f"the sidecar is broken: {error}") from None
    style = replace(card.style, letters=False, height=None)
    figure = PaperFigure(card.plots, card.columns, card.caption, height=card.style.height)
    return Collection((figure,), style, card.signed)
