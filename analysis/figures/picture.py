"""A picture before anything draws it: one of the marks, and the source of its numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from analysis.common.strict_json import well_formed
from analysis.figures.marks import Grid, Mark, Panel

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Picture:
    """One picture: its mark, and where its numbers come from.

    `provenance` must survive JSON: it travels in the metadata of every exported file; so must
    `recipe`, by which `analysis.figures.recipes.registry.make` makes the picture again.
    """

    view: str
    title: str
    mark: Mark
    params: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    caption: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)  # how it is made again, if it can be

    def __post_init__(self) -> None:
        parts = self.mark.panels if isinstance(self.mark, Grid) else (self.mark,)
        for part in parts:
            if not isinstance(part, Panel):
                raise ValueError(
                    f"the view {self.view!r} draws a {type(part).__name__}: known are "
                    + ", ".join(kind.__name__ for kind in get_args(Panel))
                )
        for name in ("params", "provenance", "recipe"):
            try:
                copied = json.loads(json.dumps(getattr(self, name)))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name} of the view {self.view!r} is not JSON: {error}") from None
            object.__setattr__(self, name, copied)

    def frame(self) -> pd.DataFrame:
        """The tidy table behind the picture; a grid's panels are told apart by `panel`."""
        import pandas as pd

        if not isinstance(self.mark, Grid):
            return pd.DataFrame(_table(self.mark))
        tables = [pd.DataFrame(_table(panel)) for panel in self.mark.panels]
        for table, (index, subtitle) in zip(tables, enumerate(self.mark.subtitles), strict=True):
            table.insert(0, "panel", well_formed(subtitle or str(index)))
        return pd.concat(tables, ignore_index=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.view!r}, {self.title!r}, {type(self.mark).__name__})"


def _table(panel: Panel) -> dict[str, Any]:
    """A mark's numbers and names; half characters could not be written to any file."""
    return {
        well_formed(name): values
        if isinstance(values, np.ndarray) and values.dtype.kind in "biuf"
        else well_formed(list(values))
        for name, values in panel.table().items()
    }
