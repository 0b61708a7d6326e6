"""The time that a study has left."""

from __future__ import annotations

from training.study_plan import PlannedRun
from training.study_progress import seconds_left


class TestTimeLeft:
    """It is that of the machine which is at work, not of those that did the runs before."""

    @staticmethod
    def _record(task, seconds, processor, share=1.0):
        return {
            "task": task,
            "share": share,
            "seconds": {"training": seconds, "evaluation": 0.0},
            "machine": {"precision": "fp32", "processor": processor},
        }

    @staticmethod
    def _run(task, share=1.0):
        return PlannedRun(task, "cls", 0, share, {})

    def test_like_runs_of_this_machine_count_and_no_others(self):
        records = [self._record("rte", 600.0, "slow"), self._record("rte", 100.0, "fast")]
        runs = [self._run("rte"), self._run("rte")]
        assert seconds_left(runs, records, records[1]) == 200.0
        assert seconds_left(runs, records, records[0]) == 1200.0

    def test_what_this_machine_has_not_done_is_scaled_by_what_both_did(self):
        fast = self._record("rte", 100.0, "fast")
        records = [self._record("rte", 400.0, "slow"), self._record("cola", 200.0, "slow"), fast]
        assert seconds_left([self._run("cola")], records, fast) == 50.0

    def test_a_run_like_none_takes_the_mean_of_all_kinds(self):
        records = [self._record("rte", 100.0, "fast"), self._record("cola", 50.0, "fast")]
        assert seconds_left([self._run("trec", 0.1)], records, records[0]) == 75.0
        assert seconds_left([], records, records[0]) == 0.0
