"""libFuzzer, guided by what it reaches, on the readers of text: a result or a sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 12  # for each reader
NAMES = ("a.csv", "a.txt", "a.jsonl", "a.json")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_reader_answers_whatever_leads_to_new_code(name, tmp_path):
    pytest.importorskip("atheris", reason="Atheris is not installed: it has wheels for Linux only")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    command = [sys.executable, "-m", "tests.support.atheris_process", name, str(SECONDS), corpus]
    ended = subprocess.run(
        list(map(str, command)),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr[-4000:] + ended.stdout[-2000:]
    done = re.search(r"Done (\d+) runs in (\d+) second", ended.stderr)
    assert done is not None
    print(f"{name}: {int(done[1]):,} files in {done[2]} s by libFuzzer")
