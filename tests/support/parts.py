"""Which cases of a parametrised test belong to the fast part, and which to the slow one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import pytest

# Examples of each property: `make test-all` tries as many as Hypothesis does by default.
EXAMPLES = 100 if os.environ.get("POOLLENS_ALL_EXAMPLES", "") not in ("", "0") else 40


def fast(cases: Iterable[Any], chosen: Callable[[Any], bool]) -> list[Any]:
    """All cases in order; those that are not chosen are marked ``slow``."""
    return [case if chosen(case) else _slow(case) for case in cases]


def _slow(case: Any) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.slow)
