"""A study has the same table however often it is killed and however many machines run it."""

from __future__ import annotations

import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.study.results import read_study
from tests.support.study_runs import scores_of
from training.study import study
from training.study_machine import processor
from training.study_progress import table

ROOT = Path(__file__).resolve().parents[2]


def _start(plan: Path, glue: Path, output: Path) -> subprocess.Popen:
    words = [
        sys.executable,
        "-m",
        "training",
        "study",
        str(plan),
        "--data",
        str(glue),
        "--output",
        str(output),
    ]
    quiet = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        words, cwd=ROOT, env=quiet, stdout=subprocess.PIPE, text=True, stderr=subprocess.STDOUT
    )


def _trained(output: str) -> list[str]:
    return re.findall(r"^\[\d+/\d+\] (\S+):", output, re.MULTILINE)


class TestMachine:
    def test_the_processor_is_named_as_the_system_names_it(self, tmp_path):
        cpuinfo = tmp_path / "cpuinfo"
        cpuinfo.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")
        assert processor(cpuinfo) == "Some CPU @ 2 GHz"
        assert processor(tmp_path / "none") in (platform.processor(), platform.machine())
        cpuinfo.write_text("Hardware : x\n")
        assert processor(cpuinfo) == processor(tmp_path / "none")


class TestLaunch:
    @pytest.mark.slow
    def test_two_processes_do_each_run_together_and_write_it_once(self, plan_file, glue, tmp_path):
        family = {"name": "main", "tasks": ["sst2"], "heads": ["max_cls"], "seeds": 1}
        path = plan_file(families=[family])
        words = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nproc-per-node",
            "2",
            "--master-port",
            str(_free_port()),
            "-m",
            "training",
            "study",
            str(path),
            "--data",
            str(glue),
            "--output",
            str(tmp_path),
        ]
        quiet = os.environ | {
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONUNBUFFERED": "1",
        }
        process = subprocess.run(
            words, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=280
        )
        assert process.returncode == 0, process.stderr[-2000:]
        assert _trained(process.stdout) == ["sst2-cls-s0", "sst2-max_cls-s0"]
        results = read_study(tmp_path / "tiny")
        assert len(results.records) == 2
        assert {record["machine"]["processes"] for record in results.records.values()} == {2}
        # One epoch of 96 rows in batches of 16: the batch is divided, not doubled.
        assert {record["steps"] for record in results.records.values()} == {6}

    @pytest.mark.parametrize(("error", "ends"), [(ValueError, False), (OSError, True)])
    def test_an_error_that_may_be_of_one_process_ends_all_of_a_launch(
        self, plan_file, tmp_path, monkeypatch, error, ends
    ):
        def fail(run, sources, scratch):
            raise error("told")

        monkeypatch.setattr("training.study._processes", lambda: 2)
        monkeypatch.setattr("training.study._agreed", lambda decision: decision)
        if ends:
            with pytest.raises(error, match="told"):
                study(plan_file(), None, None, tmp_path, do=fail)
        else:
            assert study(plan_file(), None, None, tmp_path, do=fail) == 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TestInterruption:
    @pytest.mark.slow
    def test_killed_and_shared_it_ends_as_one_never_killed(self, plan_file, glue, tmp_path):
        """kill -9 in the middle, then two processes at once: the same table, no run twice."""
        path = plan_file()
        assert study(path, str(glue), None, tmp_path / "calm") == 0

        shared = tmp_path / "killed"
        victim = _start(path, glue, shared)
        until = time.monotonic() + 200
        while len(list(shared.glob("tiny/runs/*.json"))) < 2 and time.monotonic() < until:
            assert victim.poll() is None, victim.communicate()[0]
            time.sleep(0.02)
        os.kill(victim.pid, signal.SIGKILL)
        victim.communicate()
        before = {file.name for file in shared.glob("tiny/runs/*.json")}
        assert 2 <= len(before) < 8

        both = [_start(path, glue, shared) for _ in range(2)]
        printed = [process.communicate(timeout=250)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0], printed
        trained = [name for text in printed for name in _trained(text)]
        assert len(trained) == len(set(trained)) == 8 - len(before)

        assert scores_of(shared / "tiny") == scores_of(tmp_path / "calm" / "tiny")
        assert table(read_study(shared / "tiny")) == table(read_study(tmp_path / "calm" / "tiny"))
        assert printed[0].rstrip().endswith(table(read_study(shared / "tiny")))
