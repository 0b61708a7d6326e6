"""The results of a study over seeds, their tests, and the sentences that these allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.common.lazy import lazy

if TYPE_CHECKING:
    from analysis.study.results import Cell as Cell
    from analysis.study.results import Family as Family
    from analysis.study.results import Scores as Scores
    from analysis.study.results import Stratum as Stratum
    from analysis.study.results import Study as Study
    from analysis.study.results import read_study as read_study
    from analysis.study.results import studies_in as studies_in

_MODULES = {
    "analysis.study.results": (
        "Cell",
        "Family",
        "Scores",
        "Stratum",
        "Study",
        "read_study",
        "studies_in",
    ),
}
__all__ = sorted(name for names in _MODULES.values() for name in names)
__getattr__ = lazy(__name__, _MODULES)
