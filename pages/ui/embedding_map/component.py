"""The maps in the browser: one canvas for all panels, one view, one selection, one legend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.figures.screen import packed
from analysis.figures.screen.packed import Square
from analysis.figures.style.palettes import seen_on
from analysis.figures.style.style import CLASS_COLOURS
from analysis.maps.colours import MOST_CLASSES, Colour

if TYPE_CHECKING:
    import numpy as np

    from analysis.maps.structure import Structure


_HERE = Path(__file__).parent
SCRIPTS = (
    "paint.js",
    "parts.js",
    "camera.js",
    "labels.js",
    "look.js",
    "over.js",
    "drawn.js",
    "gestures.js",
    "bar.js",
    "component.js",
)
_TEXT, _TEXT_OF_MANY, _MANY = 220, 80, 20_000  # characters of a sentence at the pointer; rows
_RAMP = ("#2166AC", "#8C8C8C", "#E08214")
_GROUNDS = {"light": "#FBFAF8", "dark": "#141A22"}  # of the page's two themes
_OPACITY = 0.9  # of a point, as paint.js has it

_maps = st.components.v2.component(
    "poollens_map",
    html='<div class="maps"></div>',
    css=(_HERE / "component.css").read_text(encoding="utf-8"),
    js="".join((_HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
)


@dataclass(frozen=True)
class Panel:
    """One map of the small multiples; several layouts where a slider goes through layers."""

    title: str
    layouts: tuple[np.ndarray, ...]  # each (N, 2), in the frame that all panels share


@dataclass(frozen=True)
class Ring:
    """A typed sentence: where it lands in each panel, layout by layout."""

    label: str
    points: tuple[tuple[np.ndarray | None, ...], ...]  # panel -> layout -> (2,), or not shown


def _on_both(colours: Sequence[str]) -> dict[str, list[str]]:
    """Colours of points as they are seen on the ground of either theme."""
    return {
        theme: [seen_on(colour, ground, _OPACITY) for colour in colours]
        for theme, ground in _GROUNDS.items()
    }


def draw(
    panels: Sequence[Panel],
    texts: Sequence[str],
    identity: str,
    key: str,
    on_selected: Callable[[list[int]], None],
    on_layer: Callable[[int], None],
    layers: Sequence[int] = (),
    depth: int = 0,
) -> Square:
    """Draw the maps; `identity` names this set of rows, so that texts and looks find their map.

    `layers` are those of the layouts of each panel, 0 to `depth` those that can be asked for.

    Texts and places travel apart from each other and from the look: what has not changed since
    the last run is not sent again.
    """
    frame = Square([panel.layouts[-1] for panel in panels])

    def chosen() -> None:
        event = st.session_state[key].get("selected")
        if event and event.get("id") == identity:
            on_selected([int(row) for row in event["rows"] if 0 <= int(row) < len(texts)])

    def layer() -> None:
        event = st.session_state[key].get("layer")
        if event and event.get("id") == identity and 0 <= int(event["layer"]) <= depth:
            on_layer(int(event["layer"]))

    most = _TEXT if len(texts) <= _MANY else _TEXT_OF_MANY
    _maps(
        key=f"{key}-texts",
        height="content",
        data={
            "kind": "texts",
            "id": identity,
            "texts": [text if len(text) <= most else f"{text[:most]} …" for text in texts],
        },
    )
    _maps(
        key=key,
        height="content",
        data={
            "kind": "map",
            "id": identity,
            "count": len(texts),
            "layers": list(layers),
            "depth": depth,
            "panels": [
                {
                    "title": panel.title,
                    "coords": [packed.coordinates(frame.place(layout)) for layout in panel.layouts],
                }
                for panel in panels
            ],
        },
        on_selected_change=chosen,
        on_layer_change=layer,
    )
    return frame


def look(
    frame: Square,
    identity: str,
    key: str,
    colour: Colour,
    layer: int = 0,
    rings: Sequence[Ring] = (),
    hits: Sequence[bool] | None = None,
    centres: bool = False,
    subtitles: Sequence[str] = (),
    selected: Sequence[int] | None = None,
    count: int = 0,
    structures: Sequence[Structure | None] = (),
    contours: bool = False,
    clusters: bool = False,
) -> None:
    """Look of the map of this identity: colour, layer, typed sentences, hits of the search.

    `selected` are rows that are selected when the map is drawn anew, of `count` rows;
    `structures` those of each panel in the frame that it is shown in.

    Apart from the map itself because it changes with every key press and is small.
    """
    data: dict[str, Any] = {
        "kind": "look",
        "id": identity,
        "layer": layer,
        "title": colour.title,
        "centres": centres,
        "subtitles": list(subtitles),
        "rings": [
            {
                "label": ring.label,
                "points": [
                    [None if p is None else frame.place(p).round(5).tolist() for p in layouts]
                    for layouts in ring.points
                ],
            }
            for ring in rings
        ],
    }
    if colour.names:
        codes, counts = packed.classes(colour.codes, MOST_CLASSES, len(colour.names))
        data |= {
            "ramp": False,
            "names": list(colour.names),
            "colours": _on_both(CLASS_COLOURS),
            "counts": counts,
            "codes": codes,
        }
    else:
        ramps, low, high, unknown = packed.ramps(colour.panels or (colour.codes,))
        data |= {
            "ramp": True,
            "stops": _on_both(_RAMP),
            "ends": [f"{low:.3g}", f"{high:.3g}"],
            "codes": ramps[0],
            "panel_codes": ramps if colour.panels else None,
            "unknown": unknown,
        }
    if hits is not None:
        data["found"] = packed.flags(hits)
    if selected:
        data["selected"] = packed.flags_at(selected, count)
    if contours:
        data["contours"] = [
            [
                [packed.coordinates(frame.place(line)) for line in lines]
                for lines in (() if structure is None else structure.contours.lines)
            ]
            for structure in structures
        ]
    if clusters:
        data["clusters"] = [
            []
            if structure is None
            else [
                {"name": name, "place": frame.place(centre).round(5).tolist()}
                for name, centre in zip(
                    structure.clusters.names, structure.clusters.centres, strict=True
                )
                if name
            ]
            for structure in structures
        ]
    _maps(key=key, height="content", data=data)


def dock(
    identity: str,
    key: str,
    state: Mapping[str, Any],
    count: int,
    on_told: Callable[[str, Mapping[str, Any]], None],
) -> None:
    """The map's line to the dock beside it: which point is pinned, and what the pointer is at.

    ``on_told`` takes "pointed" or "pinned" with a `row` (-1: none), or "state", each with the
    `panel`, `mode` and `view` of the map. A component of the dock's own, so that only the dock is
    drawn anew.
    """

    def handler(what: str) -> Callable[[], None]:
        def tell() -> None:
            event = st.session_state[key].get(what)
            if event and event.get("id") == identity and int(event.get("row", -1)) < count:
                on_told(what, event)

        return tell

    _maps(
        key=key,
        height="content",
        data={"kind": "dock", "id": identity, **state},
        on_pointed_change=handler("pointed"),
        on_pinned_change=handler("pinned"),
        on_state_change=handler("state"),
    )
