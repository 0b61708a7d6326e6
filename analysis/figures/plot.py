"""`Plot`: a picture that draws, writes and reads itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.common.whole import write_whole
from analysis.figures.picture import Picture

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from analysis.figures.style.settings import Style


class Plot(Picture):
    """A :class:`Picture` with the ways out of it: screen, paper, file, notebook."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Picture of a notebook: as it would be printed, at a full page's width."""
        from analysis.figures.files.anonymity import anonymous
        from analysis.figures.paper import render

        drawn = render(anonymous(self)[0], venue="acl", width="full", format="svg")
        return {"image/svg+xml": drawn.data.decode("utf-8"), "text/plain": repr(self)}

    def to_json(self) -> str:
        """The whole picture as JSON text, without loss; the same plot gives the same text."""
        from analysis.figures.files.store import to_json

        return to_json(self)

    @staticmethod
    def from_json(text: str | bytes) -> Plot:
        """The picture that `to_json` wrote. Raises `analysis.figures.files.store.BadPlot`."""
        from analysis.figures.files.store import from_json

        return Plot(**vars(from_json(text)))

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
        card = sidecar(self, Style.from_dict({**(style or Style()).as_dict(), **named}))
        facts = {**card.metadata(), **(extra_metadata or {})}
        return render(card.plots[0], card.style, format, dpi, facts).data

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
        from analysis.figures.files.saved import save
        from analysis.figures.files.sidecar import Signature, sidecar

        card = sidecar(self, style, format, dpi, signed=Signature(author, project))
        stem = name or slug(card.plots[0])
        saved = save(card, stem)
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / f"{stem}.json", saved.sidecar)
        write_whole(place / saved.name, saved.data)
        return place / saved.name
