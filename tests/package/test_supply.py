"""What the app is installed from: locked by hash, and the same as what the tests ran with."""

from __future__ import annotations

import json
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from package import supply

ROOT = Path(__file__).resolve().parents[2]


def _locked() -> dict[str, Requirement]:
    entries = [e for path in supply.LOCKS for e in supply.entries(path.read_text("utf-8"))]
    requirements = [Requirement(entry.partition(" \\\n")[0]) for entry in entries]
    return {canonicalize_name(each.name): each for each in requirements}


def test_each_locked_package_has_its_hashes_and_no_address() -> None:
    for path in supply.LOCKS:
        text = path.read_text("utf-8")
        assert "://" not in text
        assert not [entry for entry in supply.entries(text) if "--hash=sha256:" not in entry]


def test_the_lock_holds_every_pin_at_its_version() -> None:
    locked = _locked()
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            assert locked[canonicalize_name(pin.name)].specifier == pin.specifier


def test_the_tests_ran_with_what_is_locked() -> None:
    """PyTorch's CUDA libraries aside: its CPU build brings none."""
    text = supply.LOCKS[0].read_text("utf-8")
    requirements = [Requirement(e.partition(" \\\n")[0]) for e in supply.entries(text)]
    other = {
        f"{each.name}: {metadata.version(each.name)}"
        for each in requirements
        if (each.marker is None or each.marker.evaluate())
        and not each.specifier.contains(metadata.version(each.name).partition("+")[0])
    }
    assert not other


@pytest.mark.parametrize(
    ("packages", "status", "message"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, "Nothing is known against 1 of 1"),
        (
            [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}],
            1,
            "a 1: X-1, mended in 2",
        ),
        ([{"name": "a", "skip_reason": "a was not found"}], 0, "NOT AUDITED"),
        (None, 0, "NOT AUDITED"),
    ],
)
def test_the_audit_fails_on_a_vulnerability_and_tells_where_nobody_could_be_asked(
    packages: list[object] | None,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = "" if packages is None else json.dumps({"dependencies": packages})
    answer = subprocess.CompletedProcess([], 1, out, "ConnectionError: no network")
    monkeypatch.setattr(supply.subprocess, "run", lambda *_, **__: answer)
    assert supply.audit() == status
    assert message in capsys.readouterr().out
