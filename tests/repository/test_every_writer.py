"""One table: everything that is written x every way in which a disk or a process can fail."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.disk_faults import DIED, child
from tests.support.parts import fast
from tests.support.writers import WRITERS, Writer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")


FEW, ALL = 12, 1_000  # changes that are tried, evenly spread; ALL: as many as the writer names
LONG = ("fine tuning",)  # seconds each time it is written
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in WRITERS]


@pytest.fixture(scope="module", params=NAMES)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Writer, Path, Any, int]]:
    """A writer, what it leaves where nothing fails, how that reads, and its number of changes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # threads do not survive a fork
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["app.py"])
        writer = WRITERS[request.param](patch, tmp_path_factory.mktemp("sources"))
        place = tmp_path_factory.mktemp("whole") / "place"
        place.mkdir()
        ending = child(writer.write, place)()
        assert ending.code == 0, ending
        assert ending.changes > 1
        yield writer, place, writer.read(place), ending.changes
    torch.set_num_threads(before)


def _files(place: Path) -> list[Path]:
    return sorted(
        path for path in place.rglob("*") if path.is_file() and not path.name.endswith(".lock")
    )


def _steps(changes: int, most: int) -> list[int]:
    if changes <= most:
        return list(range(changes))
    return sorted({round(i * changes / most) for i in range(most)})


def _fresh(tmp_path: Path, name: object) -> Path:
    place = tmp_path / str(name)
    place.mkdir()
    return place


@pytest.mark.parametrize("most", [FEW, pytest.param(ALL, marks=pytest.mark.slow)])
def test_killed_before_during_or_after_any_change_nothing_is_lost(case, tmp_path, most):
    writer, _, whole, changes = case
    for at in _steps(changes, min(most, writer.killed_at)):
        place = _fresh(tmp_path, at)
        assert child(writer.write, place, "killed", at)().code == DIED
        writer.write(place)
        assert writer.read(place) == whole, f"killed at change {at} of {changes}"


@pytest.mark.parametrize(
    ("how", "most"),
    fast(
        [("disk full", FEW), ("disk full", ALL), ("read-only", ALL)],
        lambda case: case == ("disk full", FEW),
    ),
)
def test_where_nothing_can_be_written_that_is_said_and_nothing_is_lost(case, tmp_path, how, most):
    writer, _, whole, changes = case
    for at in _steps(changes, min(most, writer.killed_at)):
        place = _fresh(tmp_path, at)
        ending = child(writer.write, place, how, at)()
        reported = ending.kind in ("OSError", "ValueError") or (ending.code == 0 and ending.text)
        if not reported:  # what failed was of no use: a lock's folder, a file to be removed
            assert ending.code == 0, (at, ending)
            assert writer.read(place) == whole, (at, ending)
        writer.write(place)  # there is room again
        assert writer.read(place) == whole, (at, ending)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="cut"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: bytes(len(data)), id="zeros"),
    ],
)
def test_a_file_that_is_damaged_is_made_again_or_named(
    case, tmp_path, damage: Callable[[bytes], bytes]
):
    writer, place, whole, _ = case
    for index, file in enumerate(_files(place)):
        broken = tmp_path / str(index)
        shutil.copytree(place, broken)
        target = broken / file.relative_to(place)
        target.write_bytes(damage(target.read_bytes()))
        refusal = None
        try:
            writer.write(broken)
            assert writer.read(broken) == whole, file.name
        except ValueError as error:
            refusal = error
        assert type(refusal).__name__ not in ("JSONDecodeError", "UnicodeDecodeError"), file.name
        assert type(refusal).__module__.startswith(("analysis", "builtins")), (file.name, refusal)


SUMMED = (".jsonl", ".parquet", ".arrow", ".bin", ".safetensors")


def test_one_bit_that_changed_among_numbers_never_goes_unnoticed(case, tmp_path):
    writer, place, whole, _ = case
    for index, file in enumerate(path for path in _files(place) if path.suffix in SUMMED):
        size = file.stat().st_size
        for part, at in enumerate((size // 3, size // 2, size - 9)):
            broken = tmp_path / f"{index}-{part}"
            shutil.copytree(place, broken)
            target = broken / file.relative_to(place)
            content = bytearray(target.read_bytes())
            content[at] ^= 8
            target.write_bytes(bytes(content))
            refused = False
            try:
                writer.write(broken)
                readback = writer.read(broken)
            except ValueError:
                refused = True
            assert refused or readback == whole, (file.name, at, size)


def test_a_clock_that_went_back_changes_nothing(case, tmp_path, monkeypatch):
    writer, place, whole, _ = case
    again = tmp_path / "again"
    shutil.copytree(place, again)
    later = time.time() + 400 * 86_400
    for path in again.rglob("*"):
        os.utime(path, (later, later))
    writer.write(again)
    assert writer.read(again) == whole
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 400 * 86_400)
    writer.write(again)
    assert writer.read(again) == whole


def test_two_processes_at_once_lose_and_double_nothing(case, tmp_path):
    writer, _, whole, _ = case
    place = _fresh(tmp_path, "both")
    endings = [wait() for wait in [child(writer.write, place) for _ in range(2)]]
    for ending in endings:  # the second may be told that the place is taken
        assert ending.code == 0 or ending.kind in ("OSError", "ValueError"), ending
    writer.write(place)
    assert writer.read(place) == whole
