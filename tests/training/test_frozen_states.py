"""The states of a table: the encoder's own, kept once, resumed, bounded, flat in memory."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch

import analysis
import training
from tests.support import frozen_data, zoo
from training.frozen import states as module
from training.frozen import store
from training.frozen.batches import batch_of
from training.frozen.reading import View
from training.frozen.states import Stopped

ROOT = Path(__file__).parents[2]


def test_a_rows_states_are_those_of_the_row_alone(tmp_path):
    data = frozen_data.table(40, 1)
    states = frozen_data.states(tmp_path, data)
    bare = analysis.load(zoo.folder("bare"), device="cpu")
    for row in (0, 7, 39):
        ids = bare.tokenizer(data.text[row], return_tensors="pt", padding=False)
        with torch.no_grad():
            hidden = bare.model(**ids, output_hidden_states=True).hidden_states
        last, mask = batch_of(states.view(View("layer", (4,))), [row])
        most, _ = batch_of(states.view(View("max", (2, 3, 4))), [row])
        assert mask.all()
        torch.testing.assert_close(last, hidden[4], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(most, torch.stack(hidden[2:]).amax(0), atol=1e-5, rtol=1e-5)


def test_padding_of_a_batch_is_zero_and_masked(tmp_path):
    states = frozen_data.states(tmp_path, frozen_data.table(20, 1))
    vectors, mask = batch_of(states.view(View("layer", (4,))), np.arange(20))
    assert (mask.sum(1).numpy() == states.lengths).all()
    assert (vectors[~mask] == 0).all()


def test_half_precision_is_kept_apart_and_close(tmp_path):
    data = frozen_data.table(20, 1)
    full = frozen_data.states(tmp_path, data)
    half = frozen_data.states(tmp_path, data, precision="float16")
    assert half.folder != full.folder
    assert 2 * half.size == full.size
    view = View("layer", (4,))
    first, other = (batch_of(each.view(view), range(20))[0] for each in (full, half))
    torch.testing.assert_close(first, other, atol=2e-3, rtol=2e-3)


def test_what_is_on_disk_is_not_computed_again(tmp_path, monkeypatch):
    data = frozen_data.table(20, 1)
    first = frozen_data.states(tmp_path, data)
    monkeypatch.setattr(module, "_windows", None)
    again = frozen_data.states(tmp_path, data)
    assert (first.folder, again.seconds) == (again.folder, 0.0)
    with pytest.raises(TypeError):  # other texts are another pass
        frozen_data.states(tmp_path, frozen_data.table(20, 2))


def test_a_stopped_pass_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_WINDOW_ROWS", 8)
    data, stop, reports = frozen_data.table(40, 1), Event(), []

    def progress(done, total, left):
        reports.append(done)
        if len(reports) == 2:
            stop.set()

    with pytest.raises(Stopped, match="16 of 40"):
        frozen_data.states(tmp_path, data, progress=progress, cancel=stop)
    reports.clear()
    states = frozen_data.states(tmp_path, data, progress=lambda done, *_: reports.append(done))
    assert reports[0] == 24
    whole = frozen_data.states(tmp_path / "other", data)
    view = View("layer", (4,))
    torch.testing.assert_close(states.view(view).vectors, whole.view(view).vectors)


KILLED = """
import os, sys
from tests.support import frozen_data
from training.frozen import states as module
module._WINDOW_ROWS = 8
def progress(done, total, left):
    if done >= 24:
        os.kill(os.getpid(), 9)
frozen_data.training.states(sys.argv[2], frozen_data.table(40, 1), folder=sys.argv[1],
                            precision="float32", progress=progress)
"""


def test_a_killed_pass_goes_on_and_has_the_same_states(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(zoo.folder("bare"))]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    assert subprocess.run(command, env=environment, cwd=tmp_path).returncode == -9
    (place,) = [path for path in (tmp_path / "killed").iterdir() if path.is_dir()]
    with (place / "layer-4" / "vectors.bin").open("ab") as file:
        file.write(b"half a window")
    reports = []
    data = frozen_data.table(40, 1)
    states = frozen_data.states(
        tmp_path / "killed", data, progress=lambda done, *_: reports.append(done)
    )
    assert len(reports) == 1  # the last sixteen rows alone
    whole = frozen_data.states(tmp_path / "whole", data)
    for view in (View("layer", (4,)), View("max", (2, 3, 4))):
        torch.testing.assert_close(states.view(view).vectors, whole.view(view).vectors)


def test_a_full_disk_is_said_and_what_is_whole_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_WINDOW_ROWS", 8)
    data, calls = frozen_data.table(40, 1), []
    sync = os.fsync

    def full(handle):
        calls.append(handle)
        if len(calls) == 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(ValueError, match=r"full.*kept"):
        frozen_data.states(tmp_path, data)
    monkeypatch.setattr(store.os, "fsync", sync)
    states = frozen_data.states(tmp_path, data)
    whole = frozen_data.states(tmp_path / "whole", data)
    view = View("max", (2, 3, 4))
    torch.testing.assert_close(states.view(view).vectors, whole.view(view).vectors)


def test_states_that_half_precision_cannot_hold_are_refused(tmp_path):
    file = store.ViewFile(tmp_path / "view", 2, "float16")
    huge = np.array([[1e6, 0.0]], np.float32)
    row = np.array([1], np.int32)
    with pytest.raises(ValueError, match="precision='float32'"):
        file.add(huge, row, row)
    with pytest.raises(ValueError, match="damaged"):
        file.add(huge * np.nan, row, row)


def test_old_states_go_when_there_are_too_many_bytes(tmp_path):
    old = frozen_data.states(tmp_path, frozen_data.table(20, 1))
    os.utime(old.folder, (1, 1))
    for inside in old.folder.iterdir():
        os.utime(inside, (1, 1))
    new = frozen_data.states(tmp_path, frozen_data.table(20, 2), most_bytes=1)
    assert not old.folder.exists()
    assert new.folder.exists()


def test_rows_beyond_the_limit_are_cut_and_counted(tmp_path):
    data = frozen_data.table(60, 1)
    states = frozen_data.states(tmp_path, data, limit=6)
    assert states.lengths.max() == 6
    full = frozen_data.states(tmp_path, data)
    assert ((states.cut > 0) == (full.lengths > 6)).all()
    fitted = training.fit(states, ["mean"], seeds=1, epochs=1, min_steps=1, learning_rate=1e-3)
    assert any("longer than 6 tokens" in note for note in fitted.notes)


MEMORY = """
import sys, numpy as np
from tests.support import frozen_data
from training.frozen.states import states
data = frozen_data.table(500, 1)
many = data.take(np.arange(32_000) % 500)
used = []
def progress(*_):
    text = open("/proc/self/status").read()
    used.append(int(text.split("RssAnon:")[1].split()[0]) / 1024)
found = states(sys.argv[2], many, folder=sys.argv[1], progress=progress)
half = len(used) // 2
print(max(used[half:]) - max(used[:half]), found.size / 2**20)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_rows(tmp_path):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-c", MEMORY, str(tmp_path), str(zoo.folder("bare"))]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    growth, size = map(float, done.stdout.split())
    assert size > 25
    assert growth < size / 2 / 2  # half of what the second half of the rows wrote


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"precision": "float8"}, "known: float16, float32"),
        ({"last_k": 9}, "4 layers: choose from 1 to 4"),
        ({"limit": 1_000}, "choose from 4 to the encoder's own"),
    ],
)
def test_options_that_cannot_be_are_named(tmp_path, change, reason):
    with pytest.raises(ValueError, match=reason):
        training.states(zoo.folder("bare"), frozen_data.table(20, 1), folder=tmp_path, **change)


def test_an_encoder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(analysis.checkpoints.CheckpointError, match="no-such-encoder"):
        training.states(tmp_path / "no-such-encoder", frozen_data.table(20, 1), folder=tmp_path)


def test_a_blank_text_is_named(tmp_path):
    data = frozen_data.table(20, 1)
    blank = replace(data, text=(*data.text[:5], "  ", *data.text[6:]))
    with pytest.raises(ValueError, match="Row 6 has no text"):
        frozen_data.states(tmp_path, blank)


@pytest.mark.parametrize("name", ["vectors.bin", "rows.bin"])
def test_a_bit_that_changed_on_disk_has_the_view_computed_again(tmp_path, name):
    data, view = frozen_data.table(20, 1), View("layer", (4,))
    first = frozen_data.states(tmp_path, data)
    whole = first.view(view).vectors.clone()
    file = first.folder / "layer-4" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(bytes(content))
    again = frozen_data.states(tmp_path, data)
    torch.testing.assert_close(again.view(view).vectors, whole, atol=1e-6, rtol=0)


def test_a_bit_that_changed_in_a_saved_head_is_noticed_when_it_is_opened(tmp_path):
    states = frozen_data.states(tmp_path / "states", frozen_data.table(40, 1))
    fitted = training.fit(states, ["cls"], seeds=1)
    (folder,) = training.save(fitted, tmp_path, name="mine")
    assert analysis.load(folder, device="cpu").checkpoint.head == "cls"
    file = next(folder.glob("head*.safetensors"))
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="not the file"):
        analysis.load(folder, device="cpu")
