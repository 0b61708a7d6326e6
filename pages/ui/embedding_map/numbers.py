"""Which pooling, which layer? Probe, silhouette and anisotropy; the spread of a map over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from analysis.common import jobs as work_in_hand
from analysis.figures.views.maps import NUMBERS, pooling_by_layer
from analysis.maps.atlas import Sheet, Wish, digest
from pages.ui.data.choose import Chosen
from pages.ui.embedding_map.controls import Asked
from pages.ui.embedding_map.engine import Pass
from pages.ui.embedding_map.groups import Groups
from pages.ui.engine import jobs
from pages.ui.frame import address
from pages.ui.kit import cards
from pages.ui.kit.show import panel

if TYPE_CHECKING:
    from analysis.common.jobs import Desk

_SEEDS = 5
_ABOUT = {
    "probe": "Cross-validated accuracy of a logistic regression on the standardised vectors. It "
    "says what a linear layer could read off them, not what the checkpoint does read.",
    "silhouette": "How much closer a sentence lies to its own class than to the nearest other "
    "one, by cosine: 1 apart, 0 overlapping, below 0 mixed up (Rousseeuw 1987).",
    "anisotropy": "Mean cosine of two different sentences: near 1 all vectors point one way, and "
    "cosines tell little apart (Ethayarajh 2019).",
}


@dataclass(frozen=True)
class Number:
    """What was measured of one pooling at one layer."""

    sheet: int
    layer: int
    probe: float
    low: float
    high: float
    chance: float
    silhouette: float
    anisotropy: float
    problem: str = ""


def draw(
    chosen: Chosen,
    given: Pass,
    sheets: Sequence[Sheet],
    wish: Wish,
    asked: Asked,
    groups: Groups,
) -> None:
    """The table of numbers on request, and the spread of the maps over seeds on request."""
    with st.expander("Which pooling, which layer? Numbers that need no map"):
        _numbers(chosen, given, sheets, groups)
    if wish.method == "umap":
        with st.expander(f"How much does the map change with the seed? ({_SEEDS} seeds)"):
            _spread(sheets, wish, asked)


def _numbers(chosen: Chosen, given: Pass, sheets: Sequence[Sheet], groups: Groups) -> None:
    labels = given.table.label if given.table.labels else None
    key = key_of(sheets, labels, groups)
    work = _measure(sheets, labels, groups.codes)
    job = work_in_hand.find(key)
    done = job is not None and job.state == "done"
    jobs.draw(
        key,
        work,
        label="Measure every pooling and layer",
        finished=done,
        lane="maps",
        place="numbers",
        about="A probe is fitted five times for each pooling and layer.",
    )
    found: Sequence[Number] = job.results if job is not None else ()
    if not found:
        return
    measure = st.segmented_control(
        "Measure",
        tuple(NUMBERS),
        default="probe",
        required=True,
        **address.kept("measure"),
        format_func=lambda name: NUMBERS[name][0],
    )
    layers = sorted({one.layer for one in found})
    values = np.full((len(sheets), len(layers)), np.nan)
    for one in found:
        values[one.sheet, layers.index(one.layer)] = getattr(one, measure)
    plot = pooling_by_layer(
        values,
        [sheet.title for sheet in sheets],
        layers,
        measure,
        given.members[0] if len(given.members) == 1 else None,
        chosen.name,
        len(given.table),
        _said_of(groups, measure),
    )
    panel(plot, "map-numbers", _ABOUT[measure])
    for problem in dict.fromkeys(one.problem for one in found if one.problem):
        st.caption(f"No probe: {cards.plain(problem)}.")
    st.dataframe(_frame(found, sheets), hide_index=True)


def key_of(sheets: Sequence[Sheet], labels: np.ndarray | None, groups: Groups) -> str:
    """The job's name: other layers, labels or groups are other numbers."""
    named = repr([(sheet.key, sheet.layers) for sheet in sheets])
    named += f"{digest(labels)} {digest(groups.codes)}"
    return f"numbers-{sha256(named.encode()).hexdigest()[:20]}"


def _said_of(groups: Groups, measure: str) -> str:
    if groups.codes is None or measure == "anisotropy":
        return ""
    if measure == "probe":
        return f"Folds are grouped by {groups.name}."
    return f"A sentence is compared with those of another {groups.name} only."


def _measure(
    sheets: Sequence[Sheet], labels: np.ndarray | None, groups: np.ndarray | None
) -> Callable[[Desk], None]:
    def go(desk: Desk) -> None:
        todo = [(index, layer) for index, sheet in enumerate(sheets) for layer in sheet.layers]
        for done, (index, layer) in enumerate(todo):
            desk.check()
            desk.report(done, len(todo), f"{sheets[index].title}, layer {layer}")
            desk.keep(_one(index, layer, sheets[index].vectors[layer], labels, groups))
        desk.report(len(todo), len(todo))

    return go


def _one(
    sheet: int,
    layer: int,
    vectors: np.ndarray,
    labels: np.ndarray | None,
    groups: np.ndarray | None,
) -> Number:
    from analysis.maps.probes import anisotropy, probe, silhouette

    nothing = float("nan")
    alone = anisotropy(vectors)
    if labels is None:
        return Number(
            sheet,
            layer,
            probe=nothing,
            low=nothing,
            high=nothing,
            chance=nothing,
            silhouette=nothing,
            anisotropy=alone,
            problem="the rows have no classes",
        )
    apart = silhouette(vectors, labels, groups)
    try:
        found = probe(vectors, labels, groups)
    except ValueError as error:
        return Number(
            sheet,
            layer,
            probe=nothing,
            low=nothing,
            high=nothing,
            chance=nothing,
            silhouette=apart,
            anisotropy=alone,
            problem=str(error),
        )
    return Number(sheet, layer, found.accuracy, *found.interval, found.chance, apart, alone)


def _frame(found: Sequence[Number], sheets: Sequence[Sheet]) -> Any:
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "pooling": sheets[one.sheet].title,
                "layer": one.layer,
                "probe": round(one.probe, 3),
                "95 % from": round(one.low, 3),
                "to": round(one.high, 3),
                "most frequent class": round(one.chance, 3),
                "silhouette": round(one.silhouette, 3),
                "anisotropy": round(one.anisotropy, 3),
            }
            for one in found
        ]
    )


def _spread(sheets: Sequence[Sheet], wish: Wish, asked: Asked) -> None:
    named = repr([(sheet.key, sheet.nearest(asked.layer)) for sheet in sheets]) + repr(wish)
    key = f"seeds-{sha256(named.encode()).hexdigest()[:20]}"

    def go(desk: Desk) -> None:
        from analysis.maps.quality import spread_over_seeds

        for index, sheet in enumerate(sheets):
            layer = sheet.nearest(asked.layer)

            def tell(share: float, index: int = index, sheet: Sheet = sheet) -> None:
                desk.check()
                desk.report(
                    index * _SEEDS + round(share * _SEEDS), len(sheets) * _SEEDS, sheet.title
                )

            seeds = range(wish.seed, wish.seed + _SEEDS)
            found = spread_over_seeds(
                sheet.vectors[layer], wish.method, tuple(seeds), tell, **wish.options()
            )
            desk.keep((sheet.title, layer, found.overall))

    job = work_in_hand.find(key)
    done = job is not None and job.state == "done"
    jobs.draw(
        key,
        go,
        label=f"Lay out with {_SEEDS} seeds",
        finished=done,
        lane="maps",
        place="seeds",
        about="Each map is laid out again with other seeds and brought onto the first.",
    )
    for title, layer, overall in job.results if job is not None else ():
        st.text(
            f"{title}, layer {layer}: a point moves by {100 * overall:.0f} % of the map's radius "
            f"(root mean square over {_SEEDS} seeds, after Procrustes)."
        )
