"""Pictures of several checkpoints in one figure, on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analysis.figures.plot import Bars, Grid, HeatMap, Plot, Strip


def together(plots: Sequence[Plot], names: Sequence[str], columns: int = 1) -> Plot:
    """One figure of several pictures of the same kind, on the widest of their scales.

    Raises ``ValueError`` where a picture is a grid already.
    """
    marks = [plot.mark for plot in plots if not isinstance(plot.mark, Grid)]
    if not plots or len(marks) != len(plots):
        raise ValueError("only single pictures can be set side by side")
    scaled = []
    for mark in marks:
        if isinstance(mark, Strip):
            bound = max(m.bound for m in marks if isinstance(m, Strip))
            scaled.append(replace(mark, limit=bound))
        elif isinstance(mark, HeatMap | Bars):
            ends = [m.bounds for m in marks if isinstance(m, HeatMap | Bars)]
            limits = (min(low for low, _ in ends), max(high for _, high in ends))
            scaled.append(replace(mark, limits=limits))
        else:
            scaled.append(mark)
    shared = {k: v for k, v in plots[0].provenance.items() if k not in ("checkpoint", "sha256")}
    sources = [{k: plot.provenance[k] for k in ("checkpoint", "sha256", "target")
                if k in plot.provenance} for plot in plots]
    return replace(
        plots[0], mark=Grid(tuple(scaled), tuple(names), columns),
        params={**plots[0].params, "names": list(names)},
        provenance={**shared, "checkpoints": sources},
        notes=tuple(dict.fromkeys(note for plot in plots for note in plot.notes)),
    )


def on_scale(plot: Plot, limit: float) -> Plot:
    """A heat map from 0 to `limit`."""
    assert isinstance(plot.mark, HeatMap)
    return replace(plot, mark=replace(plot.mark, limits=(0.0, limit)))
