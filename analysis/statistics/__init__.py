"""Statistics that several results need, and the tests of a study with the words they allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.common.lazy import lazy

if TYPE_CHECKING:
    from analysis.statistics.basics import Agreement as Agreement
    from analysis.statistics.basics import kendall as kendall
    from analysis.statistics.basics import mean_interval as mean_interval
    from analysis.statistics.family_tests import compare as compare
    from analysis.statistics.family_tests import holm as holm
    from analysis.statistics.paired import mcnemar as mcnemar
    from analysis.statistics.paired import paired_bootstrap as paired_bootstrap
    from analysis.statistics.permutation import permutation_p as permutation_p

_MODULES = {
    "analysis.statistics.basics": ("Agreement", "kendall", "mean_interval"),
    "analysis.statistics.family_tests": ("compare", "holm"),
    "analysis.statistics.paired": ("mcnemar", "paired_bootstrap"),
    "analysis.statistics.permutation": ("permutation_p",),
}
__all__ = sorted(name for names in _MODULES.values() for name in names)
__getattr__ = lazy(__name__, _MODULES)
