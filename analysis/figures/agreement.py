"""Scales and legends shared by the pictures of a figure: one for each quantity, or set of names."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from analysis.figures.marks import Bars, Grid, HeatMap, Lines, Panel, Points, Strip
from analysis.figures.picture import Picture

NEAR = 0.2  # of the common range: what takes less of it keeps a scale of its own


def panels_of(plot: Picture) -> tuple[Panel, ...]:
    """The panels of a picture: those of its grid, or the one that it is."""
    return plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)


def on_one_scale(plots: Sequence[Picture]) -> list[Picture]:
    """The pictures with common limits where several show one quantity of one kind of mark.

    A panel whose own range is less than `NEAR` of the common one keeps its own: on the common
    scale nothing would be seen of it. A single picture is left as it is.
    """
    if len(plots) < 2:
        return list(plots)
    panels_by_quantity: dict[Hashable, list[Panel]] = {}
    for plot in plots:
        for panel in panels_of(plot):
            if (quantity := _quantity(panel)) is not None:
                panels_by_quantity.setdefault(quantity, []).append(panel)
    ends = {
        key: _common([_range(panel) for panel in same]) for key, same in panels_by_quantity.items()
    }

    def change(panel: Panel) -> Panel:
        quantity = _quantity(panel)
        if quantity is None or len(panels_by_quantity[quantity]) < 2:
            return panel
        low, high = ends[quantity]
        own = _range(panel)
        if own[1] - own[0] < NEAR * (high - low):
            return panel
        if isinstance(panel, Strip):
            return replace(panel, limit=high)
        return replace(panel, limits=(low, high))  # type: ignore[arg-type]

    return [_with_panels(plot, change) for plot in plots]


def _with_panels(plot: Picture, change: Callable[[Panel], Panel]) -> Picture:
    mark = plot.mark
    if isinstance(mark, Grid):
        panels = tuple(map(change, mark.panels))
        same = all(a is b for a, b in zip(panels, mark.panels, strict=True))
        return plot if same else replace(plot, mark=replace(mark, panels=panels))
    changed = change(mark)
    return plot if changed is mark else replace(plot, mark=changed)


def _quantity(panel: Panel) -> Hashable | None:
    """Key of a panel's quantity; panels with equal keys can be compared."""
    if isinstance(panel, HeatMap):
        return ("map", panel.scale, panel.value_label)
    if isinstance(panel, Bars):
        return ("bars", panel.horizontal, panel.colours, panel.as_points, panel.value_label)
    if isinstance(panel, Strip):
        return ("strip", panel.value_label, panel.unit)
    if isinstance(panel, Lines) and panel.limits is not None:
        return ("lines", panel.x_label, panel.y_label)
    return None


def _range(panel: Panel) -> tuple[float, float]:
    if isinstance(panel, Strip):
        return -panel.bound, panel.bound
    if isinstance(panel, Lines):
        assert panel.limits is not None
        return panel.limits
    assert isinstance(panel, HeatMap | Bars)
    low, high = panel.bounds
    return float(low), float(high)


def _common(ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(low for low, _ in ranges), max(high for _, high in ranges)


# --- names of series --------------------------------------------------------------------------


def series_of(panel: Panel) -> tuple[str, ...]:
    """The series of a panel that a legend tells apart; none where there is only one."""
    if isinstance(panel, Bars | Lines) and len(panel.series) > 1:
        return panel.series
    if isinstance(panel, Points) and len(panel.groups) > 1:
        return panel.groups
    return ()


def names_of(panels: Sequence[Panel]) -> tuple[str, ...]:
    """Names that a legend for all of these panels holds, each once, in the order of reading."""
    return tuple(dict.fromkeys(name for panel in panels for name in series_of(panel)))


def legends(plots: Sequence[Picture]) -> tuple[tuple[str, ...], ...]:
    """For each picture the names that its colours are counted in.

    Pictures with a name in common are counted together, so that one colour is one name in all of
    the figure; they get the very same tuple, and one legend is enough for them.
    """
    own = [set(names_of(panels_of(plot))) for plot in plots]
    group = list(range(len(plots)))
    for first in range(len(plots)):
        for second in range(first):
            if own[first] & own[second]:
                old, new = group[first], group[second]
                group = [new if g == old else g for g in group]
    return tuple(
        names_of([p for i, plot in enumerate(plots) if group[i] == mine for p in panels_of(plot)])
        for mine in group
    )


def slots(panel: Panel, names: Sequence[str]) -> tuple[int, ...]:
    """The place of each series of a panel among the names of its legend."""
    own = (
        panel.series
        if isinstance(panel, Bars | Lines)
        else panel.groups
        if isinstance(panel, Points)
        else ()
    )
    known = {name: place for place, name in enumerate(names)}
    places = [known.get(name, -1) for name in own]
    if len(set(own)) < len(own) or -1 in places:  # names that are told apart by their place only
        return tuple(range(len(own)))
    return tuple(places)
