"""A run that was interrupted goes on from its last whole state, whatever became of the others."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import pytest

from analysis.common.whole import SUMS, why_not_written, write_sums
from training import resuming, trainer
from training.finetune import finetune

STATES = ("trainer_state.json", "optimizer.pt", "scheduler.pt", "adapter_model.safetensors")


@pytest.fixture(scope="module")
def stopped(make_run, tmp_path_factory) -> Path:
    """The folder of a run that was stopped after its first saved state."""
    output = tmp_path_factory.mktemp("stopped") / "out"
    original = trainer.Clock.on_save

    def stop(self, args, state, control, **kwargs):
        original(self, args, state, control, **kwargs)
        raise KeyboardInterrupt

    trainer.Clock.on_save = stop
    try:
        with pytest.raises(KeyboardInterrupt):
            finetune(make_run(output=output))
    finally:
        trainer.Clock.on_save = original
    return output


@pytest.fixture
def states(stopped, tmp_path) -> Path:
    """Two equal states of it, the second as of a later step."""
    folder = tmp_path / "out" / ".training"
    shutil.copytree(stopped / ".training", folder)
    (first,) = folder.glob("checkpoint-*")
    later = folder / "checkpoint-999"
    shutil.copytree(first, later)
    about = json.loads((later / "trainer_state.json").read_text())
    (later / "trainer_state.json").write_text(json.dumps({**about, "global_step": 999}))
    write_sums(later)
    assert resuming.last_state(folder) == later
    return folder


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("how", ["cut", "zeros", "gone"])
def test_a_broken_state_is_named_and_the_one_before_goes_on(states, name, how, capsys):
    file = states / "checkpoint-999" / name
    content = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] if how == "cut" else bytes(len(content)))
    last = resuming.last_state(states)
    assert last is not None
    assert last.name != "checkpoint-999"
    assert name in capsys.readouterr().out or name.startswith("adapter")
    assert not (states / "checkpoint-999").exists()


@pytest.mark.parametrize("name", STATES)
def test_a_bit_that_changed_in_a_saved_state_is_noticed(states, name):
    file = states / "checkpoint-999" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    assert resuming.last_state(states).name != "checkpoint-999"


def test_a_state_without_its_sums_is_checked_by_what_each_file_says_of_itself(states):
    later = states / "checkpoint-999"
    (later / SUMS).unlink()
    assert resuming.last_state(states) == later
    (later / "optimizer.pt").write_bytes((later / "optimizer.pt").read_bytes()[:-100])
    assert resuming.last_state(states) != later


def test_where_no_state_is_whole_the_run_begins_anew(states, capsys):
    for state in states.glob("checkpoint-*"):
        (state / "optimizer.pt").write_bytes(b"")
    assert resuming.last_state(states) is None
    assert "begins anew" in capsys.readouterr().out


def test_a_run_whose_state_and_clock_are_broken_is_finished(stopped, make_run, tmp_path):
    output = tmp_path / "out"
    shutil.copytree(stopped, output)
    (state,) = (output / ".training").glob("checkpoint-*")
    (state / "optimizer.pt").write_bytes(b"PK")
    (output / ".training" / "clock.json").write_text("{")
    finetune(make_run(output=output))
    assert (output / "config.json").is_file()


def test_settings_that_cannot_be_read_say_how_to_start_anew(states):
    (states / "settings.json").write_text('{"head": ')
    with pytest.raises(ValueError, match=r"Remove .* to start anew"):
        resuming.open_state(states, {"head": "cls"})


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"seconds": "x"}', '{"seconds": NaN}'])
def test_a_clock_that_cannot_be_read_begins_at_nought(tmp_path, content):
    (tmp_path / "clock.json").write_text(content)
    assert resuming.earlier_seconds(tmp_path / "clock.json") == 0


def test_a_disk_that_is_full_is_told_as_one(tmp_path):
    with pytest.raises(OSError, match="No space left") as refusal, resuming.written(tmp_path):
        raise RuntimeError("PytorchStreamWriter failed: No space left on device")
    assert refusal.value.errno == errno.ENOSPC
    assert "is full" in why_not_written(refusal.value, tmp_path)
