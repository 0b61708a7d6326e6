"""A picture as one HTML file: interactive, with everything inside it, nothing fetched.

Charts carry plotly's bundle (4 to 5 MB, said where the file is offered); strips and small bars are
plain HTML. A content security policy in the file forbids it to load anything from anywhere.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from analysis.figures.files.captions import draft
from analysis.figures.marks import Bands, Bars, Flow, Grid, Panel, Strip
from analysis.figures.picture import Picture
from analysis.figures.screen.markup import html as markup
from analysis.figures.style.style import printable

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PLOTLY_MEGABYTES = 5  # what the bundle takes, rounded up
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; "
    "script-src {scripts}; base-uri 'none'; form-action 'none'"
)
_CSS = (
    "body{font-family:system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light;color:#1a1a1a;background:#fff}h1{font-size:1.2rem}"
    "p{font-size:.9rem;color:#444;overflow-wrap:anywhere}"
)


def page(plot: Picture, description: str = "") -> str:
    """The whole document; the same plot gives the same text. `description` stands in its head."""
    charts = needs_plotly(plot)
    body = _charts(plot) if charts else markup(plot, theme="light")
    policy = _POLICY.format(scripts="'unsafe-inline'" if charts else "'none'")
    notes = "".join(f"<p>{_text(note)}</p>" for note in plot.notes)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="description" content="{_text(description)}">'
        f"<title>{_text(plot.title)}</title><style>{_CSS}</style></head>\n"
        f"<body><h1>{_text(plot.title)}</h1>\n{body}\n<p>{_text(draft(plot))}</p>{notes}"
        "</body></html>\n"
    )


def needs_plotly(plot: Picture) -> bool:
    """Whether the file carries plotly's bundle."""
    return any(not _plain(panel) for panel in _panels(plot))


def _panels(plot: Picture) -> tuple[Panel, ...]:
    return plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)


def _plain(panel: Panel) -> bool:
    plain = isinstance(panel, Bars) and panel.kind == "layer"
    return plain or isinstance(panel, Strip | Bands | Flow)


def _charts(plot: Picture) -> str:
    from analysis.figures.screen.plotly import figure

    if any(isinstance(panel, Strip | Bands | Flow) for panel in _panels(plot)):
        parts, bundle = [], True
        subtitles = plot.mark.subtitles if isinstance(plot.mark, Grid) else ("",)
        for index, (panel, subtitle) in enumerate(zip(_panels(plot), subtitles, strict=True)):
            parts.append(f"<p>{_text(subtitle)}</p>")
            if isinstance(panel, Strip | Bands | Flow):
                parts.append(markup(panel, theme="light"))
            else:
                parts.append(_chart(figure(panel), f"figure-{index}", bundle))
                bundle = False
        return "".join(parts)
    return _chart(figure(plot), "figure", True)


def _chart(drawing: Figure, name: str, bundle: bool) -> str:
    drawing.update_layout(paper_bgcolor="#FFFFFF", plot_bgcolor="#FFFFFF")
    made = drawing.to_html(
        include_plotlyjs=bundle,
        include_mathjax=False,
        full_html=False,
        div_id=name,
        config={"displaylogo": False, "responsive": True},
    )
    return str(made)


def _text(text: str) -> str:
    return escape(printable(text), quote=True)
