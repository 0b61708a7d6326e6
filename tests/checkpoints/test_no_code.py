"""Nothing that comes with a checkpoint is executed: no Python beside it, no pickle."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

import analysis
from analysis.checkpoints import CheckpointError
from tests.support import tiny

TRAP = "from pathlib import Path\nPath({mark!r}).write_text('executed')\n"


class _Trap:
    """Executes code as soon as it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return exec, (TRAP.format(mark=str(self.mark)),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "checkpoint"
    tiny.make_foreign_checkpoint(place, "bert")
    return place


def test_the_python_files_of_a_checkpoint_are_not_run(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for name in ("modeling_own", "configuration_own", "tokenization_own"):
        (folder / f"{name}.py").write_text(TRAP.format(mark=str(mark)))
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {
        "AutoConfig": "configuration_own.OwnConfig",
        "AutoModel": "modeling_own.OwnModel",
        "AutoModelForSequenceClassification": "modeling_own.OwnModel",
        "AutoTokenizer": ["tokenization_own.OwnTokenizer", None],
    }
    (folder / "config.json").write_text(json.dumps(config))
    trace = analysis.record(analysis.load(folder), tiny.SENTENCE)
    assert len(trace.logits)
    assert not mark.exists()


def test_a_model_that_only_its_own_code_could_build_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    (folder / "modeling_own.py").write_text(TRAP.format(mark=str(mark)))
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "of_my_own", "auto_map": {"AutoModel": "modeling_own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError):
        analysis.load(folder)
    assert not mark.exists()


def test_pickled_weights_are_not_opened(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with (folder / "pytorch_model.bin").open("wb") as file:
        pickle.dump(_Trap(mark), file)
    for weights in folder.glob("*.safetensors"):
        weights.unlink()
    with pytest.raises(CheckpointError):
        analysis.load(folder)
    assert not mark.exists()
    with (folder / "pytorch_model.bin").open("rb") as file, pytest.raises(AttributeError):
        pickle.load(file).no_such_thing  # noqa: B018 - the trap works: without the refusal it is set
    assert mark.read_text() == "executed"
