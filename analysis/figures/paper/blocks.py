"""One picture in a figure: its letter and title, its legend, its panels in rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from matplotlib.text import Text as Heading

from analysis.figures.agreement import legends, panels_of
from analysis.figures.marks import Bands, Flow, Grid, Panel, Points, Strip
from analysis.figures.paper.legend import LINE, Legend, shape_of
from analysis.figures.paper.look import Look
from analysis.figures.paper.panels import SMALLEST, Drawing, Leaf, Text
from analysis.figures.paper.rows import Need, Row, arranged
from analysis.figures.picture import Picture
from analysis.figures.style.letters import letter
from analysis.figures.unreadable import Unreadable

TITLE_LINE = 1.3


@dataclass
class Block:
    """One picture of the figure: its letter and title, its legend, its panels in rows."""

    leaves: list[Leaf]
    columns: int
    look: Look
    title: str
    names: tuple[str, ...]  # that its colours are counted in
    own_legend: bool
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    rows: tuple[Row, ...] = ()
    heights: list[float] = field(default_factory=list)  # points of the axes of each row
    legend: Legend = field(default_factory=Legend)
    heading: Heading | None = None
    aligned: tuple[float, float] | None = None  # points around its axes, as its neighbours leave

    @property
    def gap(self) -> float:
        return 0.75 * self.look.text

    def grid(self, width: float) -> tuple[Row, ...]:
        """Its panels in rows, in as many columns as it wants or as can be read there."""
        needs = [leaf.need() for leaf in self.leaves]
        columns = self.columns
        while True:
            try:
                rows = arranged(needs, columns, width, self.gap)
            except Unreadable as refused:
                columns = refused.offer
            else:
                return _even(rows) if self.even else rows

    def corner(self, rows: tuple[Row, ...]) -> tuple[float, float] | None:
        """Where the last row of maps leaves room for the legend: from where on, how wide."""
        if not self.even or len(rows) < 2 or len(rows[-1]) == len(rows[0]):
            return None
        full, last = rows[0].widths, len(rows[-1])
        start = sum(full[:last]) + self.gap * last
        return start, sum(full[last:]) + self.gap * (len(full) - last - 1)

    @property
    def even(self) -> bool:
        """Whether its panels are maps, which are read against each other: all of one size."""
        panels = [leaf.panel for leaf in self.leaves if isinstance(leaf, Drawing)]
        maps = [panel for panel in panels if isinstance(panel, Points) and panel.equal_axes]
        return len(maps) == len(self.leaves)

    def title_lines(self, width: float) -> list[str]:
        if not self.title:
            return []
        return self.look.wrapped(self.title, width - 2.0, longest=200).split("\n")

    def head(self, width: float) -> float:
        """Points of its title and its legend, before the legend is measured."""
        title = len(self.title_lines(width)) * self.look.text * TITLE_LINE
        if not self.own_legend or self.corner(self.grid(width)):
            return title
        legend = shape_of(self.names, self.look, width)[1] * self.look.small * LINE
        return title + (self.legend.height or legend) + 2.0

    def need(self) -> Need:
        """Room that the block needs on the page."""
        needs = [leaf.need() for leaf in self.leaves]
        many = min(self.columns, len(needs))

        def heights(width: float) -> tuple[float, float, float]:
            low = best = high = self.head(width)
            for row in self.grid(width):
                these = [
                    need.heights(w)
                    for need, w in zip(needs[row.start : row.stop], row.widths, strict=True)
                ]
                low += max(need[0] for need in these)
                best += row.height
                high += max(row.height, min(need[2] for need in these))
            between = self.gap * (len(self.grid(width)) - 1)
            return low + between, best + between, high + between

        return Need(
            max(need.least for need in needs),
            sum(sorted((need.want for need in needs), reverse=True)[:many]),
            heights,
            is_text=all(need.is_text for need in needs),
            filled=needs[0].filled if len(needs) == 1 else lambda width: 1.0,
        )

    def settle(self, width: float, height: float | None) -> None:
        """Take a width, and the height that the row of the page was planned with."""
        self.width, self.rows = width, self.grid(width)
        axes = 0.0
        self.heights = []
        for row in self.rows:
            these = self.leaves[row.start : row.stop]
            for leaf, cell in zip(these, row.widths, strict=True):
                leaf.cell = cell
            around = [
                margins.above + margins.below
                for leaf, cell in zip(these, row.widths, strict=True)
                if not leaf.is_text
                for margins in [leaf.estimate(cell)]
            ]
            self.heights.append(max(row.height - max(around), SMALLEST) if around else 0.0)
            axes += self.heights[-1]
        if height is not None and axes:
            planned = self.head(width) + sum(row.height for row in self.rows)
            planned += self.gap * (len(self.rows) - 1)
            factor = max((axes + height - planned) / axes, 0.3)
            self.heights = [height * factor for height in self.heights]

    def around(self, index: int) -> tuple[float, float]:
        """Points that labels take above and below the axes of a row of it."""
        if self.aligned is not None:
            return self.aligned
        row = self.rows[index]
        margins = [leaf.margins for leaf in self.leaves[row.start : row.stop] if not leaf.is_text]
        above = max((m.above for m in margins), default=0.0)
        return above, max((m.below for m in margins), default=0.0)

    def row_height(self, index: int, axes: float) -> float:
        """Points of a row of it whose axes are that high."""
        these = self.leaves[self.rows[index].start : self.rows[index].stop]
        texts = [float(leaf.at(leaf.cell).height) for leaf in these if isinstance(leaf, Text)]
        drawn = [sum(self.around(index)) + axes] if len(texts) < len(these) else []
        return max([*drawn, *texts])

    def total(self) -> float:
        """Points of all of it, as its axes are now."""
        rows = sum(self.row_height(i, h) for i, h in enumerate(self.heights))
        return self.head(self.width) + rows + self.gap * (len(self.rows) - 1)


def _even(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The panels of these rows, all as large as those of the fullest row; the last may be short."""
    full, count = max(rows, key=len), rows[-1].stop
    starts = range(0, count, len(full))
    stops = [min(start + len(full), count) for start in starts]
    return tuple(
        replace(full, start=start, stop=stop, widths=full.widths[: stop - start])
        for start, stop in zip(starts, stops, strict=True)
    )


def align(blocks: Sequence[Block]) -> None:
    """Let the axes of neighbours that have one row each begin and end at the same heights."""
    for block in blocks:
        block.aligned = None
    single = [b for b in blocks if len(b.rows) == 1 and not all(leaf.is_text for leaf in b.leaves)]
    if len(single) < 2:
        return
    around = [block.around(0) for block in single]
    heads = [block.head(block.width) for block in single]
    top = max(head + above for head, (above, _) in zip(heads, around, strict=True))
    below = max(below for _, below in around)
    for block, head in zip(single, heads, strict=True):
        block.aligned = (top - head, below)


def blocks_of(plots: Sequence[Picture], look: Look) -> tuple[list[Block], tuple[str, ...]]:
    """(a block a picture, the names of the legend that several of them share)."""
    scopes = legends(plots)
    most = max(scopes, key=lambda names: (scopes.count(names), len(names)))
    shared = most if scopes.count(most) > 1 and len(most) > 1 else ()
    blocks = [
        block_of(plot, look, i, len(plots), names, len(names) > 1 and names != shared)
        for i, (plot, names) in enumerate(zip(plots, scopes, strict=True))
    ]
    return blocks, shared


def block_of(
    plot: Picture, look: Look, index: int, many: int, names: tuple[str, ...], own_legend: bool
) -> Block:
    """A picture as panels, with its letter before its first line."""
    mark = plot.mark
    panels = panels_of(plot)
    subtitles = mark.subtitles if isinstance(mark, Grid) else ("",)
    prefix = letter(index) if look.style.letters and many > 1 else ""
    if look.style.letters and len(panels) > 1 and not prefix:
        subtitles = tuple(f"{letter(i)} {s}".strip() for i, s in enumerate(subtitles))
    title = plot.title if look.style.title else ""
    if prefix and not title and not own_legend and subtitles[0]:
        subtitles = (f"{prefix} {subtitles[0]}", *subtitles[1:])
    else:
        title = f"{prefix} {title}".strip()
    columns = min(mark.columns, len(panels)) if isinstance(mark, Grid) else 1
    return Block(_leaves(panels, subtitles, columns, look), columns, look, title, names, own_legend)


def _leaves(
    panels: Sequence[Panel], subtitles: Sequence[str], columns: int, look: Look
) -> list[Leaf]:
    """Panels with axes one by one; a picture of strips alone, or of flows alone, as one text."""
    for kind in (Strip, Flow):
        if all(isinstance(panel, kind) for panel in panels):
            return [Text(panels, subtitles, columns, look)]
    return [
        Text([panel], [subtitle], 1, look)
        if isinstance(panel, Strip | Bands | Flow)
        else Drawing(panel, subtitle, look)
        for panel, subtitle in zip(panels, subtitles, strict=True)
    ]
