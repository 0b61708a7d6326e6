"""The maps in the browser: one canvas for all panels, one view, one selection, one legend."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from analysis.figures.style.style import CLASS_COLOURS
from analysis.maps.colours import MOST_CLASSES, Colour

_HERE = Path(__file__).parent
_TEXT = 220  # characters of a sentence that the pointer shows
_NEUTRAL = 254  # a row of which the number is not known
_RAMP = ("#2166AC", "#8C8C8C", "#E08214")

_maps = st.components.v2.component(
    "poollens_map",
    html='<div class="maps"></div>',
    css=(_HERE / "component.css").read_text(encoding="utf-8"),
    js="".join(
        (_HERE / name).read_text(encoding="utf-8")
        for name in ("paint.js", "parts.js", "look.js", "over.js", "component.js")
    ),
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


class Frame:
    """The square that all panels share, as large as the maps of the last layer; the others are
    brought onto these, and what lies far outside of it can be moved to."""

    def __init__(self, panels: Sequence[Panel]) -> None:
        every = np.concatenate([panel.layouts[-1] for panel in panels])
        low, high = every.min(axis=0), every.max(axis=0)
        self.middle = (low + high) / 2
        self.side = float((high - low).max()) * 1.04 or 1.0

    def place(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) -> 0..1 inside the square; what lies outside of it is not cut."""
        return np.asarray((points - self.middle) / self.side + 0.5)


def draw(
    panels: Sequence[Panel],
    texts: Sequence[str],
    identity: str,
    key: str,
    on_selected: Callable[[list[int]], None],
    on_opened: Callable[[int], None],
) -> Frame:
    """Draw the maps; `identity` names this set of rows, so that texts and looks find their map.

    Texts and places travel apart from each other and from the look: what has not changed since
    the last run is not sent again.
    """
    frame = Frame(panels)

    def chosen() -> None:
        told = st.session_state[key].get("selected")
        if told and told.get("id") == identity:
            on_selected([int(row) for row in told["rows"] if 0 <= int(row) < len(texts)])

    def opened() -> None:
        told = st.session_state[key].get("opened")
        if told and told.get("id") == identity and 0 <= int(told["row"]) < len(texts):
            on_opened(int(told["row"]))

    _maps(
        key=f"{key}-texts",
        height="content",
        data={
            "kind": "texts",
            "id": identity,
            "texts": [text if len(text) <= _TEXT else f"{text[:_TEXT]} …" for text in texts],
        },
    )
    _maps(
        key=key,
        height="content",
        data={
            "kind": "map",
            "id": identity,
            "count": len(texts),
            "panels": [
                {
                    "title": panel.title,
                    "coords": [_sixteen(frame.place(layout)) for layout in panel.layouts],
                }
                for panel in panels
            ],
        },
        on_selected_change=chosen,
        on_opened_change=opened,
    )
    return frame


def look(
    frame: Frame,
    identity: str,
    key: str,
    colour: Colour,
    layer: int = 0,
    rings: Sequence[Ring] = (),
    found: np.ndarray | None = None,
    centres: bool = False,
    subtitles: Sequence[str] = (),
    selected: Sequence[int] | None = None,
    count: int = 0,
) -> None:
    """How the map of this identity looks now: colour, layer, typed sentences, what was found.

    `selected` are rows that are selected when the map is drawn anew, of `count` rows.

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
        codes = np.minimum(colour.codes, MOST_CLASSES - 1).astype(np.uint8)
        data |= {
            "ramp": False,
            "names": list(colour.names),
            "colours": list(CLASS_COLOURS),
            "counts": np.bincount(codes, minlength=len(colour.names)).tolist(),
            "codes": _base64(codes),
        }
    else:
        every = [np.asarray(one, float) for one in colour.panels or (colour.codes,)]
        values = np.concatenate(every)
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        codes_of = [_base64(_ramp(one, low, high)) for one in every]
        data |= {
            "ramp": True,
            "stops": list(_RAMP),
            "ends": [f"{low:.3g}", f"{high:.3g}"],
            "codes": codes_of[0],
            "panel_codes": codes_of if colour.panels else None,
            "unknown": bool(finite.size < values.size),
        }
    if found is not None:
        data["found"] = _base64(np.packbits(found.astype(bool), bitorder="little"))
    if selected:
        marked = np.zeros(count, bool)
        marked[list(selected)] = True
        data["selected"] = _base64(np.packbits(marked, bitorder="little"))
    _maps(key=key, height="content", data=data)


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 to 200 along the ramp; `_NEUTRAL` where there is no number."""
    share = (np.nan_to_num(values, nan=low) - low) / ((high - low) or 1.0)
    codes = np.clip(np.rint(share * 200), 0, 200)
    return np.where(np.isfinite(values), codes, _NEUTRAL).astype(np.uint8)


def _sixteen(places: np.ndarray) -> str:
    """16 bits a coordinate, for the square and as much again on each side of it."""
    return _base64(np.clip(np.rint((places + 1) / 3 * 65535), 0, 65535).astype("<u2"))


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
