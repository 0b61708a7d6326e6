"""Vectors of files: the loop, Ray Data, and what becomes of a run that was stopped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny

import analysis
from analysis.__main__ import main
from analysis.bulk import Embedder, Order, run
from analysis.embedding import embed
from analysis.vector_folder import open_folder

WORDS = ("plot", "acting", "film", "song", "ending", "sound")
TEXTS = [f"the {a} is thin but the {b} is {c}" for a in WORDS for b in WORDS
         for c in ("fine", "dull", "good")]  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "toy"
    tiny.make_pooling_checkpoint(folder, "mha", ("a", "b", "c"), task="toy", seed=1)
    return folder


@pytest.fixture
def order(checkpoint):
    return Order(str(checkpoint), "text", poolings=("mean", "cls"), layers=(1, -1))


def write(folder: Path, kind: str, texts=TEXTS) -> Path:
    frame = pd.DataFrame({"id": range(len(texts)), "text": texts, "label": "x"})
    path = folder / f"rows.{kind}"
    if kind == "parquet":
        frame.to_parquet(path, index=False)
    elif kind == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
    return path


def vectors(folder: Path) -> pd.DataFrame:
    parts = [pd.read_parquet(path) for path in sorted(folder.rglob("*.parquet"))]
    return pd.concat(parts).sort_values("id").reset_index(drop=True)


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_file_comes_out_with_its_columns_and_the_vectors(tmp_path, order, kind):
    out = run([write(tmp_path, kind)], tmp_path / "out", order)
    found = vectors(out)
    assert list(found["text"]) == TEXTS
    made = embed(analysis.load(order.checkpoint), TEXTS, pooling=("mean", "cls"), layers=(1, -1))
    for pooling, layer in made:
        drawn = np.stack(found[f"{pooling}@{layer}"])
        np.testing.assert_allclose(drawn, made[pooling, layer], atol=1e-5)


def test_a_run_that_was_stopped_goes_on_and_equals_one_that_was_not(tmp_path, order, monkeypatch):
    monkeypatch.setattr("analysis.bulk.BATCH_ROWS", 20)
    source = write(tmp_path, "parquet")
    whole = vectors(run([source], tmp_path / "whole", order))

    def stop(name, rows):
        if rows >= 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([source], tmp_path / "parts", order, report=stop)
    there = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("*.parquet")}
    assert len(there) == 3
    again = vectors(run([source], tmp_path / "parts", order))
    pd.testing.assert_frame_equal(again, whole)
    for name, when in there.items():
        assert (tmp_path / "parts" / name).stat().st_mtime_ns == when


class Dying:
    """An embedder whose first worker is killed in the middle of its work."""

    def __init__(self, order: Order) -> None:
        self.inner, self.mark = Embedder(order), Path(os.environ["DYING_MARK"])

    def __call__(self, batch):
        if not self.mark.exists():
            self.mark.touch()
            os._exit(1)
        return self.inner(batch)


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray", reason="Ray Data is not installed: poollens[scale]")
    os.environ["RAY_DISABLE_IMPORT_WARNING"] = "1"
    here = Path(__file__).resolve().parent
    # Two CPUs would starve the readers behind the actors.
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, configure_logging=False,
             runtime_env={"env_vars": {"PYTHONPATH": f"{here}:{here.parent}"}})  # fmt: skip
    yield ray
    ray.shutdown()


def test_ray_gives_the_vectors_of_the_loop(tmp_path, order, ray):
    source = write(tmp_path, "parquet")
    local = vectors(run([source], tmp_path / "local", order))
    spread = vectors(run([source], tmp_path / "ray", order, engine="ray", workers=1))
    assert list(spread["text"]) == list(local["text"])
    for column in ("mean@1", "mean@4", "cls@4"):
        np.testing.assert_allclose(np.stack(spread[column]), np.stack(local[column]), atol=1e-5)


def test_no_row_is_lost_or_doubled_when_a_worker_dies(tmp_path, order, ray, monkeypatch):
    monkeypatch.setenv("DYING_MARK", str(tmp_path / "died"))
    monkeypatch.setattr("analysis.bulk.BATCH_ROWS", 30)
    files = []
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        some = TEXTS[36 * number : 36 * number + 36]
        files.append(write(tmp_path / str(number), "parquet", some))
    mark = str(tmp_path / "died")

    class Once(Dying):
        def __init__(self, order: Order) -> None:
            os.environ["DYING_MARK"] = mark
            super().__init__(order)

    found = vectors(run(files, tmp_path / "out", order, engine="ray", workers=1, work=Once))
    assert (tmp_path / "died").exists()
    assert sorted(found["text"]) == sorted(TEXTS)


def test_mistakes_are_named(tmp_path, order, checkpoint):
    source = write(tmp_path, "csv")
    with pytest.raises(ValueError, match="no column 'sentence'; the columns are id, text, label"):
        run([source], tmp_path / "a", Order(str(checkpoint), "sentence"))
    with pytest.raises(ValueError, match="is not there"):
        run([tmp_path / "none.csv"], tmp_path / "b", order)
    (tmp_path / "x.xlsx").touch()
    with pytest.raises(ValueError, match=r"cannot be read; known: \.csv"):
        run([tmp_path / "x.xlsx"], tmp_path / "c", order)
    run([source], tmp_path / "d", order)
    with pytest.raises(ValueError, match="vectors of another run"):
        run([source], tmp_path / "d", Order(str(checkpoint), "text"))
    blank = write(tmp_path, "parquet", [*TEXTS[:3], " "])
    with pytest.raises(ValueError, match=r"rows\.parquet, rows 1 to 4: .*Row 4 has no text"):
        run([blank], tmp_path / "e", order)


def test_the_command_writes_a_folder_that_can_be_opened(tmp_path, checkpoint, capsys):
    source = write(tmp_path, "csv")
    out = tmp_path / "out"
    code = main(["embed", "--input", str(source), "--checkpoint", str(checkpoint), "--pooling",
                 "mean", "head", "--layers", "all", "--output", str(out)])  # fmt: skip
    assert code == 0
    assert capsys.readouterr().out.strip() == str(out)
    opened = open_folder(out)
    assert opened.table.text == tuple(TEXTS)
    assert opened.table.labels == ("x",)
    assert {key for key in opened.vectors} == {("mean", k) for k in range(5)} | {("head", 4)}
    assert str(tmp_path) not in (out / "about.json").read_text()
    with pytest.raises(ValueError, match="is no folder of vectors"):
        open_folder(tmp_path)
