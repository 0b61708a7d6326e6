"""AOPC beside ferret's on a stock classifier: its numbers are kept here, and asked anew on demand.

ferret-xai 0.4.2 (its module calls itself 0.4.1) with transformers 4.57.6 and NumPy 1.26.4, through
``ferret_process.py``, which says how. It takes numbers of tokens, not shares rounded up, decodes
and tokenises each shortened text again: the texts below are made of whole words.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.attribution import faithfulness
from tests.support import zoo

TEXTS = ("the plot is thin but the acting is not dull", "he said it was a very good story and film")
COUNTS = [1, 2, 5]  # of ten words: 10, 20 and 50 %
# (text, replace, target) -> ferret's comprehensiveness and sufficiency
FERRET = {
    (0, "remove", 0): (0.05783255770802498, 0.29607993364334106),
    (0, "remove", 2): (0.16897930204868317, 0.11391337215900421),
    (0, "mask", 0): (0.10598170757293701, 0.34433552622795105),
    (0, "mask", 2): (0.09352898597717285, -0.10131525993347168),
    (1, "remove", 0): (-0.10477141290903091, -0.2572740316390991),
    (1, "remove", 2): (0.11518886685371399, 0.3507090210914612),
    (1, "mask", 0): (-0.24886664748191833, -0.2196904420852661),
    (1, "mask", 2): (0.24845542013645172, 0.24215447902679443),
}
PYTHON = os.environ.get("FERRET_PYTHON", "")


def scores_of(text: int, target: int) -> np.ndarray:
    """(12,) above zero: ferret ranks no others."""
    return np.random.default_rng(10 * text + target).uniform(0.1, 1, size=12).round(3)


def ours(text: int, replace: str, target: int) -> list[float]:
    attribution = SimpleNamespace(
        method="given",
        target=target,
        scores=scores_of(text, target),
        unit_tokens=tuple((t,) for t in range(12)),
    )
    measured = faithfulness(
        zoo.loaded("bert"),
        TEXTS[text],
        attribution,
        replace=replace,
        shares=(0.1, 0.2, 0.5),
        repeats=2,
    )
    assert measured.counts.tolist() == COUNTS
    return [measured.measure(key).value for key in ("comprehensiveness", "sufficiency")]


@pytest.mark.parametrize("case", FERRET, ids=str)
def test_aopc_is_ferrets_on_a_stock_classifier(case):
    assert ours(*case) == pytest.approx(FERRET[case], abs=2e-6)


if PYTHON:  # collected only where there is a ferret to ask: nothing is skipped elsewhere

    def test_ferret_still_says_so():
        cases = [
            {
                "text": TEXTS[text],
                "replace": replace,
                "target": target,
                "counts": COUNTS,
                "scores": scores_of(text, target).tolist(),
            }
            for text, replace, target in FERRET
        ]
        answer = subprocess.run(
            [PYTHON, str(Path(__file__).parents[1] / "support" / "ferret_process.py")],
            input=json.dumps({"folder": str(zoo.folder("bert")), "cases": cases}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr[-2000:]
        scores = json.loads(answer.stdout.strip().splitlines()[-1])["answers"]
        np.testing.assert_allclose(scores, list(FERRET.values()), atol=2e-6)
