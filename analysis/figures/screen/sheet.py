"""The parts of a plotly figure as dictionaries: traces, axes, legend, labels."""

from __future__ import annotations

from html import escape
from textwrap import wrap
from typing import Any

from analysis.figures.style.style import printable

LONGEST_LABEL = 36


def merge(into: dict[str, Any], **options: Any) -> None:
    """Set options; of those that are dictionaries in both, what is new takes its place beside."""
    for name, value in options.items():
        old = into.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            merge(old, **value)
        else:
            into[name] = value


class Sheet:
    """Traces and layout as plain dictionaries: plotly checks them once, when the figure is made.

    Its own `add_*` and `update_*` check whole parts of the figure anew at each call, which took
    most of the time of a drawing. A sheet stands at its first panel until it is turned.
    """

    def __init__(self, frame: dict[str, Any]) -> None:
        self.data: list[dict[str, Any]] = []
        self.layout = frame
        self.named: set[str] = set()  # series that have their entry in the legend
        self.number = ""  # of the panel's axes: x and y, x2 and y2, ...

    @property
    def figure(self) -> dict[str, Any]:
        """The figure as a dictionary that plotly and Streamlit take."""
        return {"data": self.data, "layout": self.layout}

    def turn_to(self, panel: int) -> None:
        """Turn to this panel, counted from 0."""
        self.number = str(panel + 1) if panel else ""

    def traces(self, *kinds: str) -> list[dict[str, Any]]:
        """The traces of all panels that are of these kinds, such as ``"heatmap"``."""
        return [trace for trace in self.data if trace["type"] in kinds]

    def add(self, kind: str, **trace: Any) -> None:
        """Draw a trace of a kind in the panel's axes."""
        self.data.append(
            {"type": kind, "xaxis": f"x{self.number}", "yaxis": f"y{self.number}"} | trace
        )

    def axis(self, name: str, **options: Any) -> dict[str, Any]:
        """Set options of the panel's x or y axis; returns all that it has."""
        axis: dict[str, Any] = self.layout[f"{name}axis{self.number}"]
        merge(axis, **options)
        return axis

    def line_at(self, name: str, value: float, width: float = 1) -> None:
        """A dotted line across the panel at a value of its x or y axis."""
        across = "y" if name == "x" else "x"
        self._shape(
            {
                "type": "line",
                "line": {"width": width, "dash": "dot", "color": "#808080"},
                f"{name}ref": f"{name}{self.number}",
                f"{name}0": value,
                f"{name}1": value,
                f"{across}ref": f"{across}{self.number} domain",
                f"{across}0": 0,
                f"{across}1": 1,
            }
        )

    def box(self, x: tuple[float, float], y: tuple[float, float], width: float = 2.5) -> None:
        """A frame around cells of the panel, from and to in the units of its axes."""
        self._shape(
            {
                "type": "rect",
                "line": {"width": width, "color": "#808080"},
                "xref": f"x{self.number}",
                "x0": x[0],
                "x1": x[1],
                "yref": f"y{self.number}",
                "y0": y[0],
                "y1": y[1],
            }
        )

    def _shape(self, shape: dict[str, Any]) -> None:
        self.layout.setdefault("shapes", []).append(shape)

    def legend(self, name: str, alone: bool = False) -> dict[str, Any]:
        """One legend entry a name, whichever panels it appears in; none where it is alone."""
        if alone:
            return {"name": label(name), "showlegend": False}
        first = name not in self.named
        self.named.add(name)
        return {"name": label(name), "legendgroup": name, "showlegend": first}


def label(text: str, longest: int = LONGEST_LABEL) -> str:
    """Shown as typed: plotly reads tags, and a page with MathJax would read dollars as TeX."""
    return escape(printable(text, longest), quote=False).replace("$", "&#36;")


def lines_of(text: str, longest: int = 28) -> str:
    """A label in lines of about `longest` characters."""
    return "<br>".join(label(line) for line in wrap(printable(text, 120), longest))


def ticks(labels: tuple[str, ...]) -> dict[str, Any]:
    """Labels by position: plotly would merge categories of the same name."""
    named = [index for index, label in enumerate(labels) if label]
    return {
        "tickmode": "array",
        "tickvals": named,
        "ticktext": [label(labels[index]) for index in named],
    }
