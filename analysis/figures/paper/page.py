"""The figure as a whole: pictures in rows that fill the width, their labels measured as drawn.

What a picture needs (width, height, room for its labels) is estimated first, which decides the
rows. Then everything is drawn, the labels are measured, and axes take exactly what is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.backend_bases import RendererBase, get_registered_canvas_class
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.legend import Legend as DrawnLegend

from analysis.figures.agreement import on_one_scale
from analysis.figures.paper import heat_map, legend
from analysis.figures.paper.blocks import TITLE_LINE, Block, align, blocks_of
from analysis.figures.paper.legend import LINE, Legend, shape_of
from analysis.figures.paper.look import Look
from analysis.figures.paper.measured import Named
from analysis.figures.paper.neighbours import level, share_labels, spread
from analysis.figures.paper.panels import (
    SMALLEST,
    Drawing,
    Leaf,
    Margins,
    rectangle,
)
from analysis.figures.paper.rows import arranged
from analysis.figures.picture import Picture

ROUNDS = 4  # of fitting and measuring, at most: ticks change with the size that labels leave
SETTLED = 0.5  # points by which margins may differ from what the page was laid out with
EDGE = 1.5  # points of paper around everything


@dataclass
class _Bar:
    """A colour bar, and the maps that it stands beside, from top to bottom."""

    made: Colorbar
    maps: list[Drawing]
    right: float = 0.0


class Page:
    """A figure that is drawn, and laid out anew for the file that it becomes."""

    def __init__(self, plots: Sequence[Picture], look: Look, columns: int) -> None:
        self.look = look
        self.width = look.style.inches * 72
        self.blocks, self.shared = blocks_of(on_one_scale(plots), look)
        self.gap = gap_between(look)
        inside = self.width - 2 * EDGE
        self.rows = arranged([block.need() for block in self.blocks], columns, inside, self.gap)
        for row in self.rows:
            these = self.blocks[row.start : row.stop]
            x = EDGE
            for block, width in zip(these, row.widths, strict=True):
                block.x = x
                block.settle(width, row.height if len(these) > 1 else None)
                x += width + self.gap
        self.flat = all(len(block.leaves) == 1 for block in self.blocks)
        self.shared_bars = [maps for grid in self._grids() for maps in share_labels(grid)]
        self.figure = Figure(figsize=(look.style.inches, 2.0))
        self.legend = Legend()
        self.bars: list[_Bar] = []
        self._draw()
        self.height = 0.0
        self.tight = False  # whether the height that is asked for is less than labels take

    # --- drawing ------------------------------------------------------------------------------

    def _grids(self) -> list[list[list[Leaf]]]:
        """Leaves in rows whose edges are to stand in line: the page's, or each block's."""
        if self.flat:
            return [[[b.leaves[0] for b in self.blocks[r.start : r.stop]] for r in self.rows]]
        return [[block.leaves[r.start : r.stop] for r in block.rows] for block in self.blocks]

    def _draw(self) -> None:
        for block in self.blocks:
            for leaf in block.leaves:
                leaf.draw(self.figure, block.names)
        for maps in self.shared_bars:
            made = heat_map.bar(self.figure, maps[0].panel, self.look)  # type: ignore[arg-type]
            self.bars.append(_Bar(made, maps))
        for block in self.blocks:
            if lines := block.title_lines(block.width):
                block.heading = self.figure.text(
                    0, 1, "\n".join(lines), fontsize=self.look.text, ha="left", va="top",
                    linespacing=1.15,
                )  # fmt: skip
            if block.own_legend:
                corner = block.corner(block.rows)
                width = corner[1] if corner else block.width
                block.legend.made = self._legend(block.names, [block], width)
        if self.shared:
            blocks = [block for block in self.blocks if block.names == self.shared]
            self.legend.made = self._legend(self.shared, blocks, self.width - 2 * EDGE)

    def _legend(self, names: Sequence[str], blocks: Sequence[Block], width: float) -> DrawnLegend:
        axes = [leaf.axes for block in blocks for leaf in block.leaves if leaf.axes is not None]
        return legend.draw(self.figure, names, axes, self.look, width)

    # --- laying out ---------------------------------------------------------------------------

    def lay_out(self, format: str, dpi: float) -> None:
        """Measure in the way that format is drawn, and put everything in its place.

        Vector formats are drawn in points, whatever the dots of their raster parts.
        """
        dpi = dpi if format == "png" else 72.0
        get_registered_canvas_class(format)(self.figure)  # becomes the figure's own
        self.figure.dpi = dpi
        for block in self.blocks:
            for leaf in block.leaves:
                leaf.margins = leaf.estimate(leaf.cell)
        for bar in self.bars:
            bar.right = heat_map.right(self.look)
        renderer = self.figure._get_renderer()  # type: ignore[attr-defined]
        for turn in range(ROUNDS):
            self._arrange()
            self._fit()
            before = self._margins()
            leaves = [leaf for block in self.blocks for leaf in block.leaves]
            were = [leaf.margins for leaf in leaves]
            self._measure(renderer, 72 / dpi)
            if turn > 1:  # ticks that come and go with the room that they leave: the larger room
                for leaf, old in zip(leaves, were, strict=True):
                    leaf.margins = Margins(*map(max, zip(old, leaf.margins, strict=True)))
            moved = (abs(a - b) for a, b in zip(before, self._margins(), strict=True))
            if turn and max(moved, default=0.0) < SETTLED:
                break
        self._arrange()

    def named(self) -> Iterator[Named]:
        """The axes that hold names, for what is measured on the page."""
        for block in self.blocks:
            for leaf in block.leaves:
                if isinstance(leaf, Drawing):
                    yield from leaf.named()

    def _margins(self) -> list[float]:
        return [margin for b in self.blocks for leaf in b.leaves for margin in leaf.margins]

    def _fit(self) -> None:
        for block in self.blocks:
            for leaf in block.leaves:
                leaf.fit()
        for bar in self.bars:
            height = bar.maps[-1].y + bar.maps[-1].height - bar.maps[0].y
            heat_map.fit_bar(bar.made, bar.maps[0].panel, self.look, height)  # type: ignore[arg-type]

    def _measure(self, renderer: RendererBase, to_points: float) -> None:
        for block in self.blocks:
            for leaf in block.leaves:
                leaf.measure(renderer, to_points)
            if block.legend.made is not None:
                box = block.legend.made.get_window_extent(renderer)
                block.legend.height = round(box.height * to_points, 3)
        if self.legend.made is not None:
            box = self.legend.made.get_window_extent(renderer)
            self.legend.height = round(box.height * to_points, 3)
        for bar in self.bars:
            whole = bar.made.ax.get_tightbbox(renderer)
            assert whole is not None
            inside = bar.maps[0].axes.bbox  # type: ignore[union-attr]
            bar.right = round(max(0.0, whole.x1 - inside.x1) * to_points, 3) + 0.5
            beyond = round(max(0.0, whole.y1 - inside.y1) * to_points, 3)
            for drawing in bar.maps:
                drawing.margins = drawing.margins._replace(
                    right=max(drawing.margins.right, bar.right),
                    above=max(drawing.margins.above, min(beyond, self.look.text)),
                )

    def _arrange(self) -> None:
        """Every place in points from the margins that are known, then in shares of the page."""
        for grid in self._grids():
            block = self._block_of(grid[0][0])
            gap = self.gap if self.flat else block.gap
            start = EDGE if self.flat else block.x
            spread(grid, start, gap, near=2.5 * self.look.text)
            if block.even and not self.flat:
                level(grid)
        top = EDGE
        if self.legend.made is not None:
            names = shape_of(self.shared, self.look, self.width)[1]
            top += (self.legend.height or names * self.look.small * LINE) + 3.0
            self.legend.x, self.legend.y = EDGE, EDGE
        heights = self._row_heights(top)
        for row, height in zip(self.rows, heights, strict=True):
            for block in self.blocks[row.start : row.stop]:
                self._place_block(block, top, height)
            top += height + self.gap
        set_height = self.look.style.height
        natural = top - self.gap + EDGE
        fixed = set_height is not None and any(sum(b.heights) for b in self.blocks)
        self.height = (
            set_height * 72 if fixed and set_height is not None else math.ceil(natural * 20) / 20
        )
        self.tight = natural > self.height + 1.0
        self.figure.set_size_inches(self.look.style.inches, self.height / 72)
        self._apply()

    def _row_heights(self, top: float) -> list[float]:
        """Points of each row of the page; those with axes share what a given height leaves."""
        heights, axes = [], []
        for row in self.rows:
            blocks = self.blocks[row.start : row.stop]
            align(blocks)
            heights.append(max(block.total() for block in blocks))
            axes.append(max(sum(block.heights) for block in blocks))
        if self.look.style.height is None or not sum(axes):
            return heights
        free = self.look.style.height * 72 - top - EDGE - self.gap * (len(self.rows) - 1)
        spare = free - sum(heights)
        return [
            max(h + spare * a / sum(axes), h - a + SMALLEST)
            for h, a in zip(heights, axes, strict=True)
        ]

    def _block_of(self, leaf: Leaf) -> Block:
        return next(
            block for block in self.blocks if any(member is leaf for member in block.leaves)
        )

    def _place_block(self, block: Block, top: float, height: float) -> None:
        """A block in its row of the page: its axes as high as the row leaves."""
        block.y = top
        block.legend.x = block.x
        block.legend.y = top + len(block.title_lines(block.width)) * self.look.text * TITLE_LINE
        spare, axes = height - block.total(), sum(block.heights)
        y = top + block.head(block.width)
        for index, row in enumerate(block.rows):
            own = block.heights[index]
            total = block.row_height(index, own) + (spare * own / axes if axes else 0.0)
            above, below = block.around(index)
            for leaf in block.leaves[row.start : row.stop]:
                leaf.y = y if leaf.is_text else y + above
                leaf.height = max(total - above - below, SMALLEST)
                if block.even and self.look.style.height is None:  # a map keeps its shape
                    leaf.height = min(leaf.height, leaf.tallest())  # type: ignore[union-attr]
            if index == len(block.rows) - 1 and (corner := block.corner(block.rows)):
                block.legend.x, block.legend.y = block.x + corner[0], y + above
            y += total + block.gap

    def _apply(self) -> None:
        """Shares of the page for matplotlib."""
        page = (self.width, self.height)
        for block in self.blocks:
            for leaf in block.leaves:
                leaf.place(page)
            if block.heading is not None:
                block.heading.set_position((block.x / page[0], 1 - block.y / page[1]))
        for legend_box in [self.legend, *(block.legend for block in self.blocks)]:
            if legend_box.made is not None:
                at = (round(legend_box.x / page[0], 7), round(1 - legend_box.y / page[1], 7))
                legend_box.made.set_bbox_to_anchor(at, self.figure.transFigure)
        for bar in self.bars:
            first, last = bar.maps[0], bar.maps[-1]
            x = max(leaf.x + leaf.width for leaf in bar.maps) + 4.0
            height = last.y + last.height - first.y
            bar.made.ax.set_position(rectangle(x, first.y, 5.5 * self.look.scale, height, page))


def gap_between(look: Look) -> float:
    """Points between pictures."""
    return 1.1 * look.text
