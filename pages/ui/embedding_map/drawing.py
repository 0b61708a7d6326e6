"""The pictures of this page by their recipes, from vectors, layouts and numbers that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.figures.plot import Plot
from analysis.figures.recipes import map_results as recipes
from analysis.figures.recipes import vectors as folder_recipes
from analysis.figures.recipes.request import Subject
from analysis.figures.recipes.results import Member
from analysis.maps.atlas import Sheet
from analysis.maps.numbers import PoolingNumbers
from analysis.maps.row_groups import RowGroups
from pages.ui.data.choose import DataChoice, data_of
from pages.ui.embedding_map import engine
from pages.ui.embedding_map.controls import MapRequest
from pages.ui.embedding_map.engine import Pass
from pages.ui.embedding_map.layout import LaidOutMaps
from pages.ui.engine.results import PageStore
from pages.ui.frame.choice import Choice

if TYPE_CHECKING:
    from analysis.corpus.vector_folder import VectorFolder

T = TypeVar("T")
Lines = Sequence[tuple[int, int, PoolingNumbers]]  # index of the panel, layer, its numbers


@dataclass(frozen=True)
class MapSource:
    """Where the rows of the maps come from: a data set through checkpoints, or a folder."""

    chosen: DataChoice
    data_pass: Pass
    request: MapRequest
    opened: VectorFolder | None = None

    def map(
        self, choice: Choice, shown: LaidOutMaps, colour: str, groups: RowGroups, measured: bool
    ) -> Plot:
        """The maps that are shown, by their recipe.

        Raises
        ------
        ValueError
            Vectors are missing still.
        """
        wish = shown.wish
        params: dict[str, Any] = {
            "layer": self.request.layer,
            "onto": shown.layers[-1],
            "method": wish.method,
            "n_neighbors": wish.n_neighbors,
            "min_dist": wish.min_dist,
            "metric": wish.metric,
            "alignment": wish.alignment,
            "colour": colour,
            "measured": measured,
            "contours": bool(st.session_state.get("contours", True)),
            "clusters": bool(st.session_state.get("clusters", True)),
        }
        return self._picture("map", params, groups, choice)

    def numbers(
        self, sheets: Sequence[Sheet], groups: RowGroups, measure: str, lines: Lines
    ) -> Plot:
        """Numbers of every pooling and layer, by their recipe."""
        every = sorted({layer for sheet in sheets for layer in sheet.layers})
        params = {"measure": measure, "layers": every}
        by_panel: list[dict[int, PoolingNumbers]] = [{} for _ in sheets]
        for panel, layer, number in lines:
            by_panel[panel][layer] = number
        held = {sheet.key: line for sheet, line in zip(sheets, by_panel, strict=True)}
        return self._picture("pooling_by_layer", params, groups, None, held)

    def _picture(
        self,
        view: str,
        params: dict[str, Any],
        groups: RowGroups,
        choice: Choice | None,
        numbers: Mapping[Any, dict[int, PoolingNumbers]] | None = None,
    ) -> Plot:
        from analysis.figures.recipes.registry import make

        data_pass = self.data_pass
        params |= {
            "poolings": list(data_pass.poolings),
            "rows": self.request.most,
            "seed": self.request.seed,
            "apart": groups.name or None,
        }
        if self.opened is not None:
            known = None if numbers is None else list(numbers.values())
            layouts = engine.layouts()
            return folder_recipes.picture_of(view, self.opened, layouts, known, **params)
        store = _Store(data_pass, numbers or {})
        params["precision"] = data_pass.precision
        subjects = [Subject(m.id, (Member(m, "", None, store),)) for m in self._members()]
        text, pair = ("", None) if choice is None else (choice.text, choice.pair)
        return make(view, subjects, text, pair, None, params, data_of(self.chosen))

    def _members(self) -> list[Checkpoint]:
        """The checkpoints all of whose vectors are there."""
        lacking = {
            member.id
            for member, name in self.data_pass.shown()
            for layer in self.data_pass.layers_of(member, name)
            if engine.vectors_of(member, self.data_pass, name, layer) is None
        }
        members = [member for member in self.data_pass.members if member.id not in lacking]
        if not members:
            raise ValueError("the vectors of these maps are not complete yet")
        return members


class _Store(PageStore):
    """Vectors, answers and layouts are those that this server keeps."""

    def __init__(self, data_pass: Pass, numbers: Mapping[Any, dict[int, PoolingNumbers]]) -> None:
        self._data_pass, self._numbers = data_pass, numbers

    def result(self, member: Member, compute: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """``compute(member, *arguments)``, or what is kept of it.

        Raises
        ------
        ValueError
            Vectors are missing still.
        """
        own, data_pass = member.checkpoint, self._data_pass
        if compute is recipes.layouts_of:
            return engine.layouts()  # type: ignore[return-value]
        if compute is recipes.map_pass:
            vectors = {}
            for name, layer in arguments[3]:
                held = engine.vectors_of(own, data_pass, name, layer)
                if held is None:
                    raise ValueError(
                        f"{own.name}: the vectors of layer {layer} are not computed yet"
                    )
                vectors[name, layer] = held
            return recipes.MapPass(vectors, engine.answers(own, data_pass))  # type: ignore[return-value]
        if compute is recipes.pooling_numbers:
            place = own.sha256, data_pass.table.digest
            return {  # type: ignore[return-value]
                (name, layer): self._numbers[(*place, name, data_pass.precision)][layer]
                for name, layer in arguments[3]
            }
        return super().result(member, compute, arguments)
