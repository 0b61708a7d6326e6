"""Scores of checkpoints on a data set, and where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.common.lazy import lazy

if TYPE_CHECKING:
    from analysis.evaluation.score_records import Evaluation as Evaluation
    from analysis.evaluation.score_records import Floats as Floats
    from analysis.evaluation.score_records import Score as Score
    from analysis.evaluation.scores import BOOTSTRAP as BOOTSTRAP
    from analysis.evaluation.scores import DRAWS as DRAWS
    from analysis.evaluation.scores import evaluate as evaluate

_MODULES = {
    "analysis.evaluation.scores": (
        "BOOTSTRAP",
        "DRAWS",
        "evaluate",
    ),
    "analysis.evaluation.score_records": ("Evaluation", "Floats", "Score"),
}
__all__ = sorted(name for names in _MODULES.values() for name in names)
__getattr__ = lazy(__name__, _MODULES)
