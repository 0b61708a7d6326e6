"""Parts of scikit-learn are imported by several threads at once, as the work of a map does."""

from __future__ import annotations

import subprocess
import sys

TOGETHER = """
import threading
import numpy as np
from analysis.maps.clusters import clusters
from analysis.maps.projection import project
from analysis.maps.ranked import outliers
from analysis.text.telling import telling_words

rng = np.random.default_rng(0)
x = rng.normal(size=(60, 5)).astype(np.float32)
texts = [f"word{row % 7} other" for row in range(60)]
codes = np.arange(60) % 2
work = [
    lambda: project(x, "pca"),
    lambda: clusters(x[:, :2], texts),
    lambda: outliers(x),
    lambda: telling_words(texts, codes, 2, 2),
]
begin, failed = threading.Barrier(len(work)), []

def run(one):
    begin.wait()
    try:
        one()
    except Exception as error:
        failed.append(repr(error))

threads = [threading.Thread(target=run, args=(one,)) for one in work]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failed)
"""


def test_threads_that_need_it_first_at_the_same_moment_all_have_it():
    process = subprocess.run(
        [sys.executable, "-c", TOGETHER], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"
