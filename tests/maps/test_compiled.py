"""umap-learn's machine code is kept from one process to the next."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

from analysis.maps import compiled

ROOT = Path(__file__).resolve().parents[2]
FIT = """
import json
from importlib import import_module
import numpy as np
from analysis.maps import compiled, projection

vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
made = projection.fit(vectors, "umap", n_neighbors=5)
made.place(vectors[0])
told = {}
for module, names in compiled.KEPT.items():
    for name in names:
        stats = vars(import_module(module))[name].stats
        told[name] = [sum(stats.cache_hits.values()), sum(stats.cache_misses.values())]
print(json.dumps([told, made.projection.points.tolist()]))
"""


def fitted():
    """{function: (found on disk, compiled)} and the map, of a process of its own."""
    answer = subprocess.run(
        [sys.executable, "-c", FIT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout.splitlines()[-1])


def test_a_second_process_finds_what_the_first_compiled_and_draws_the_same_map():
    first, points = fitted()
    second, same = fitted()
    used = {name for name, (cached, made) in first.items() if cached + made}
    assert {"smooth_knn_dist", "compute_membership_strengths"} <= used
    assert {name for name, (cached, _) in second.items() if cached} == used
    assert not [name for name, (_, made) in second.items() if made]
    assert same == points


def test_every_function_that_is_named_exists_and_is_kept():
    assert len(compiled.keep()) == sum(map(len, compiled.KEPT.values()))


@pytest.fixture
def asked_anew():
    compiled.keep()  # umap-learn is imported: what it declares itself is kept before this
    compiled.keep.cache_clear()
    yield
    compiled.keep.cache_clear()


def test_where_no_folder_can_be_written_nothing_is_kept_and_nothing_fails(monkeypatch, asked_anew):
    def nowhere(self):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(Dispatcher, "enable_caching", nowhere)
    assert compiled.keep() == ()
