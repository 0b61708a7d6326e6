"""Saved states of an unfinished run: which of them is whole, and what is wrong with others."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analysis.common.whole import why_broken as why_part_broken
from analysis.common.whole import write_whole

SETTINGS, CLOCK, STATE = "settings.json", "clock.json", "trainer_state.json"
_NEEDED = ("optimizer.pt", "scheduler.pt")


def last_state(folder: Path) -> Path | None:
    """The newest state of which every file is whole; broken ones are named, and removed.

    A state is a folder ``checkpoint-STEP`` as the Trainer writes it. Nothing in it is unpickled to
    find out: its files are held against the sums that were written with it.
    """
    states = sorted(folder.glob("checkpoint-*"), key=_step, reverse=True)
    for state in states:
        broken = why_broken(state)
        if not broken:
            return state
        print(f"{state.name} cannot be continued ({broken}); it is left out", flush=True)
        shutil.rmtree(state, ignore_errors=True)
    if states:
        print("no saved state is whole: the run begins anew", flush=True)
    return None


@contextmanager
def written(folder: Path) -> Iterator[None]:
    """A state that PyTorch or safetensors cannot write is an ``OSError``, as any other file is."""
    from safetensors import SafetensorError

    try:
        yield
    except (RuntimeError, SafetensorError) as error:
        if not any(words in str(error) for words in ("PytorchStreamWriter", "No space left")):
            raise
        full = shutil.disk_usage(folder).free < 2**20 or "No space left" in str(error)
        code = errno.ENOSPC if full else errno.EIO
        raise OSError(code, os.strerror(code), str(folder)) from error


def _step(state: Path) -> int:
    digits = state.name.rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1


def why_broken(state: Path) -> str:
    """Fault of a saved state, missing or cut short; "" where it is whole."""
    weights = sorted(state.glob("*.safetensors"))
    missing = [name for name in (STATE, *_NEEDED) if not (state / name).is_file()]
    if missing or not weights:
        return f"no {(missing or ['weights'])[0]}"
    try:
        step = json.loads((state / STATE).read_text(encoding="utf-8"))["global_step"]
        if step != _step(state):
            return f"{STATE} is of step {step!r:.20}"
    except (OSError, ValueError, KeyError, TypeError):
        return f"{STATE} is cut short"
    return why_part_broken(state)


def open_state(state: Path, settings: dict[str, Any]) -> Path:
    """The folder of the unfinished run; one of other settings is not continued but refused.

    Raises
    ------
    ValueError
        It was begun with other settings, or its record of them cannot be read.
    """
    record = state / SETTINGS
    if record.is_file():
        try:
            then = json.loads(record.read_text(encoding="utf-8"))
            changed = sorted(key for key in settings if then.get(key) != settings[key])
        except (OSError, ValueError, AttributeError):
            raise ValueError(
                f"{record} cannot be read, so nobody can tell with which settings the unfinished "
                f"run in {state.parent} began. Remove {state} to start anew."
            ) from None
        if changed or then.keys() != settings.keys():
            raise ValueError(
                f"{state.parent} holds an unfinished run with other settings "
                f"({', '.join(changed) or 'some'} differ). Remove {state} to start anew, or repeat "
                "the earlier command to continue it."
            )
    state.mkdir(parents=True, exist_ok=True)
    write_whole(record, json.dumps(settings, indent=1))
    return state


def earlier_seconds(path: Path) -> float:
    """Training time of earlier sittings; 0, and said so, where its file cannot be read."""
    if not path.is_file():
        return 0.0
    try:
        seconds = float(json.loads(path.read_text(encoding="utf-8"))["seconds"])
        if 0 <= seconds < float("inf"):
            return seconds
    except (OSError, ValueError, KeyError, TypeError):
        pass
    print(f"{path.name} cannot be read: the training time is counted from now", flush=True)
    return 0.0
