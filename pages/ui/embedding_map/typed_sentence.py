"""A typed sentence among the points: where it lands, and who its neighbours really are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.common.faults import reason
from analysis.figures.recipes.map_results import typed_vector
from analysis.maps.atlas import Sheet
from analysis.maps.neighbours import Neighbour, neighbours, shared
from analysis.maps.projection import Map
from pages.ui.embedding_map.component import Ring
from pages.ui.embedding_map.engine import Pass
from pages.ui.engine.results import member_of
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards

if TYPE_CHECKING:
    import numpy as np


_LABEL = 26  # characters of the sentence beside its ring
SHOWN = 5


@dataclass(frozen=True)
class TypedPlaces:
    """One typed sentence on every panel."""

    text: str
    points: tuple[np.ndarray | None, ...]  # a panel each, (2,); None: it cannot be placed there
    by_neighbours: bool  # the method cannot transform: it lies between its neighbours
    near: tuple[tuple[Neighbour, ...], ...]  # a panel each, by the vectors themselves
    problems: tuple[str, ...] = ()


def land(
    choice: Choice,
    data_pass: Pass,
    sheets: Sequence[Sheet],
    now: Sequence[Map],
    layers: Sequence[int],
) -> TypedPlaces | None:
    """Embed the typed sentence for every panel and place it; None where nothing is typed."""
    if not choice.text.strip() or not data_pass.members:
        return None
    members = {member.sha256: member for member in data_pass.members}
    points: list[np.ndarray | None] = []
    near: list[tuple[Neighbour, ...]] = []
    problems: list[str] = []
    by_neighbours = False
    for sheet, layout, layer in zip(sheets, now, layers, strict=True):
        key: Any = sheet.key
        sha256, _, pooling, _ = key
        try:
            member = member_of(members[sha256], "", None)
            vector = member.result(typed_vector, choice.text, choice.pair, pooling, layer)
            placed = layout.place(vector)
        except Exception as error:
            points.append(None)
            near.append(())
            problems.append(f"{sheet.title}: {reason(error)}")
            continue
        points.append(placed.points[0])
        by_neighbours |= placed.how == "neighbours"
        near.append(neighbours(sheet.vectors[layer], vector, SHOWN))
    return TypedPlaces(choice.text, tuple(points), by_neighbours, tuple(near), tuple(problems))


def rings(typed: TypedPlaces | None, layouts: int, place: int) -> list[Ring]:
    """The ring of the typed sentence: it stands at the layer in view only."""
    if typed is None:
        return []
    short = typed.text if len(typed.text) <= _LABEL else f"{typed.text[:_LABEL]} …"
    points = tuple(
        tuple(point if index == place else None for index in range(layouts))
        for point in typed.points
    )
    return [Ring(short, points)]


def draw(typed: TypedPlaces | None, sheets: Sequence[Sheet], texts: Sequence[str]) -> None:
    """Nearest neighbours of the typed sentence, panel by panel, and where these differ."""
    if typed is None:
        return
    with st.container(border=True, key="map-near"):
        st.markdown(
            "**Nearest to the typed sentence**",
            help="By the cosine of the vectors themselves, not by the map: a map of two "
            "dimensions cannot keep all neighbours.",
        )
        if typed.by_neighbours:
            st.caption(
                "Where a map cannot place a new sentence (AlignedUMAP cannot), the ring lies "
                "between its neighbours."
            )
        for problem in typed.problems:
            st.warning(cards.plain(problem))
        st.text(_difference(typed, sheets))
        columns = st.columns(min(len(sheets), 3))
        for index, (sheet, near) in enumerate(zip(sheets, typed.near, strict=True)):
            with columns[index % len(columns)]:
                st.markdown(f"**{cards.plain(sheet.title)}**")
                for neighbour in near:
                    st.text(f"{neighbour.similarity:.2f}  {texts[neighbour.row]}")


def _difference(typed: TypedPlaces, sheets: Sequence[Sheet]) -> str:
    if len(sheets) < 2:
        return f"The {SHOWN} rows with the largest cosine."
    pairs = sorted(
        (
            overlap
            for overlap in shared(typed.near)
            if typed.near[overlap[0]] and typed.near[overlap[1]]
        ),
        key=lambda overlap: overlap[2],
    )
    if not pairs:
        return f"The {SHOWN} rows with the largest cosine."
    i, j, share = pairs[0]
    count = round(share * SHOWN)
    if count == SHOWN:
        return f"All panels name the same {SHOWN} neighbours."
    return (
        f"{sheets[i].title} and {sheets[j].title} differ most: they share {count} of {SHOWN} "
        "neighbours."
    )
