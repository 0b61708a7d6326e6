"""Probe, silhouette and anisotropy by pooling and layer; the spread of a map over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.views.maps import NUMBERS
from analysis.maps.atlas import Sheet, Wish, digest
from analysis.maps.numbers import PoolingNumbers, measured
from analysis.maps.row_groups import RowGroups
from pages.ui.embedding_map.controls import MapRequest
from pages.ui.embedding_map.drawing import MapSource
from pages.ui.engine import jobs
from pages.ui.frame import address
from pages.ui.kit import cards, tables
from pages.ui.kit.show import panel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from analysis.common.jobs import Desk

_SEEDS = 5
_ABOUT = {
    "probe": "Cross-validated accuracy of a logistic regression on the standardised vectors. It "
    "says what a linear layer could read from them, not what the checkpoint reads.",
    "silhouette": "How much closer a sentence lies to its own class than to the nearest other "
    "one, by cosine: 1 apart, 0 overlapping, below 0 mixed up (Rousseeuw 1987).",
    "anisotropy": "Mean cosine of two different sentences: near 1 all vectors point one way, and "
    "cosines tell little apart (Ethayarajh 2019).",
}


def draw(source: MapSource, sheets: Sequence[Sheet], wish: Wish, groups: RowGroups) -> None:
    """The table of numbers on request, and the spread of the maps over seeds on request."""
    with st.expander("Which pooling, which layer? Numbers that need no map"):
        _numbers(source, sheets, groups)
    if wish.method == "umap":
        with st.expander(f"How much does the map change with the seed? ({_SEEDS} seeds)"):
            _spread(sheets, wish, source.request)


def _numbers(source: MapSource, sheets: Sequence[Sheet], groups: RowGroups) -> None:
    table = source.data_pass.table
    labels = table.label if table.labels else None
    key = key_of(sheets, labels, groups)
    work = _measure(sheets, labels, groups.codes)
    job = jobs.find(key)
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
    lines: Sequence[tuple[int, int, PoolingNumbers]] = job.results if job is not None else ()
    if not lines:
        return
    measure = st.segmented_control(
        "Measure",
        tuple(NUMBERS),
        default="probe",
        required=True,
        **address.kept("measure"),
        format_func=lambda name: NUMBERS[name][0],
    )
    if done:
        plot = source.numbers(sheets, groups, str(measure), lines)
        panel(plot, "map-numbers", _ABOUT[measure])
    for problem in dict.fromkeys(number.problem for _, _, number in lines if number.problem):
        st.caption(f"No probe: {cards.plain(problem)}.")
    tables.table(_frame(lines, sheets))


def key_of(sheets: Sequence[Sheet], labels: np.ndarray | None, groups: RowGroups) -> str:
    """The job's name: other layers, labels or groups are other numbers."""
    named = repr([(sheet.key, sheet.layers) for sheet in sheets])
    named += f"{digest(labels)} {digest(groups.codes)}"
    return f"numbers-{sha256(named.encode()).hexdigest()[:20]}"


def _measure(
    sheets: Sequence[Sheet], labels: np.ndarray | None, groups: np.ndarray | None
) -> Callable[[Desk], None]:
    def go(desk: Desk) -> None:
        todo = [(index, layer) for index, sheet in enumerate(sheets) for layer in sheet.layers]
        for done, (index, layer) in enumerate(todo):
            desk.check()
            desk.report(done, len(todo), f"{sheets[index].title}, layer {layer}")
            desk.keep((index, layer, measured(sheets[index].vectors[layer], labels, groups)))
        desk.report(len(todo), len(todo))

    return go


def _frame(
    lines: Sequence[tuple[int, int, PoolingNumbers]], sheets: Sequence[Sheet]
) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "pooling": sheets[index].title,
                "layer": layer,
                "probe": round(number.probe, 3),
                "95 % from": round(number.low, 3),
                "to": round(number.high, 3),
                "most frequent class": round(number.chance, 3),
                "silhouette": round(number.silhouette, 3),
                "anisotropy": round(number.anisotropy, 3),
            }
            for index, layer, number in lines
        ]
    )


def _spread(sheets: Sequence[Sheet], wish: Wish, request: MapRequest) -> None:
    named = repr([(sheet.key, sheet.nearest(request.layer)) for sheet in sheets]) + repr(wish)
    key = f"seeds-{sha256(named.encode()).hexdigest()[:20]}"

    def go(desk: Desk) -> None:
        from analysis.maps.quality import spread_over_seeds

        for index, sheet in enumerate(sheets):
            layer = sheet.nearest(request.layer)

            def tell(share: float, index: int = index, sheet: Sheet = sheet) -> None:
                desk.check()
                desk.report(
                    index * _SEEDS + round(share * _SEEDS), len(sheets) * _SEEDS, sheet.title
                )

            seeds = range(wish.seed, wish.seed + _SEEDS)
            spread = spread_over_seeds(
                sheet.vectors[layer], wish.method, tuple(seeds), tell, **wish.options()
            )
            desk.keep((sheet.title, layer, spread.overall))

    job = jobs.find(key)
    done = job is not None and job.state == "done"
    jobs.draw(
        key,
        go,
        label=f"Lay out with {_SEEDS} seeds",
        finished=done,
        lane="maps",
        place="seeds",
        about="Each map is laid out again with other seeds and aligned with the first.",
    )
    for title, layer, overall in job.results if job is not None else ():
        st.text(
            f"{title}, layer {layer}: a point moves by {100 * overall:.0f} % of the map's radius "
            f"(root mean square over {_SEEDS} seeds, after Procrustes)."
        )
