"""What a picture is, before anything draws it: `Plot` around one of the marks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from analysis.common.strict_json import well_formed
from analysis.common.whole import write_whole
from analysis.figures.marks import Grid, Mark, Panel

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

    from analysis.figures.style.settings import Style


@dataclass(frozen=True)
class Plot:
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

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the picture as it would be printed, at a full page's width."""
        from analysis.figures.files.anonymity import anonymous
        from analysis.figures.paper import render

        drawn = render(anonymous(self)[0], venue="acl", width="full", format="svg")
        return {"image/svg+xml": drawn.data.decode("utf-8"), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Plot({self.view!r}, {self.title!r}, {type(self.mark).__name__})"

    def to_json(self) -> str:
        """The whole picture as JSON text, without loss; the same plot gives the same text."""
        from analysis.figures.files.store import to_json

        return to_json(self)

    @staticmethod
    def from_json(text: str | bytes) -> Plot:
        """The picture that `to_json` wrote. Raises `analysis.figures.files.store.BadPlot`."""
        from analysis.figures.files.store import from_json

        return from_json(text)

    def screen(self) -> Figure:
        """A plotly figure (not for strips: those are HTML, see `markup.html`)."""
        from analysis.figures.screen.plotly import figure

        return figure(self)

    def html(self, **options: Any) -> str:
        """HTML of strips and bars, for a card; options as `markup.html` takes them."""
        from analysis.figures.screen.markup import html

        return html(self, **options)

    def paper(
        self,
        venue: str | None = None,
        width: str | float | None = None,
        format: str = "pdf",
        dpi: int = 300,
        style: Style | None = None,
        extra_metadata: Mapping[str, str] | None = None,
    ) -> bytes:
        """The file for a paper: pdf, svg or png, in a venue's width ("column" or "full").

        `style` holds the rest: type, palette, greyscale, title, letters (`settings.Style`).
        Owners and folders of checkpoints are left out.
        """
        from analysis.figures.files.sidecar import sidecar
        from analysis.figures.paper import render
        from analysis.figures.style.settings import Style

        named = {k: v for k, v in (("venue", venue), ("width", width)) if v is not None}
        given = sidecar(self, Style.from_dict({**(style or Style()).as_dict(), **named}))
        said = {**given.metadata(), **(extra_metadata or {})}
        return render(given.plots[0], given.style, format, dpi, said).data

    def save(
        self,
        folder: str | Path = ".",
        name: str | None = None,
        format: str = "pdf",
        style: Style | None = None,
        dpi: int = 300,
        author: str = "",
        project: str = "",
    ) -> Path:
        """Write the figure and beside it its sidecar, from which it can be rebuilt.

        Returns the figure's path. With `author` or `project` the files say who made them.
        """
        from analysis.figures.files.export import slug
        from analysis.figures.files.sidecar import Signature, save, sidecar

        given = sidecar(self, style, format, dpi, signed=Signature(author, project))
        stem = name or slug(given.plots[0])
        saved = save(given, stem)
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / f"{stem}.json", saved.sidecar)
        write_whole(place / saved.name, saved.data)
        return place / saved.name


def _table(panel: Any) -> dict[str, Any]:
    """A mark's numbers and names; half characters could not be written to any file."""
    return {
        well_formed(name): well_formed(list(values)) if isinstance(values, list | tuple) else values
        for name, values in panel.table().items()
    }
