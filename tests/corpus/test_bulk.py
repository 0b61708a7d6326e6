"""Vectors of files: the loop, Ray Data, and what becomes of a run that was stopped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.__main__ import main
from analysis.corpus.bulk import Order, run
from analysis.corpus.embedding import embed
from analysis.corpus.vector_folder import open_folder
from tests.support import tiny
from tests.support.sentences import in_order

WORDS = ("plot", "acting", "film", "song", "ending", "sound")
TEXTS = [
    f"the {a} is thin but the {b} is {c}"
    for a in WORDS
    for b in WORDS
    for c in ("fine", "dull", "good")
]
QUOTED = ['He said " I am fine .', '" The plot is thin , " she said .', "plain", '"', "12"]


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
    columns = vectors(out)
    assert list(columns["text"]) == TEXTS
    made = embed(analysis.load(order.checkpoint), TEXTS, pooling=("mean", "cls"), layers=(1, -1))
    for pooling, layer in made:
        drawn = np.stack(columns[f"{pooling}@{layer}"])
        np.testing.assert_allclose(drawn, made[pooling, layer], atol=1e-5)


def test_a_run_that_was_stopped_goes_on_and_equals_one_that_was_not(tmp_path, order, monkeypatch):
    monkeypatch.setattr("analysis.corpus.bulk.BATCH_ROWS", 20)
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


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: bytes(len(b))]
)
def test_a_part_that_is_not_whole_is_made_again(tmp_path, order, monkeypatch, damage):
    monkeypatch.setattr("analysis.corpus.bulk.BATCH_ROWS", 20)
    source = write(tmp_path, "parquet")
    out = run([source], tmp_path / "out", order)
    whole = vectors(out)
    part = sorted(out.glob("*.parquet"))[1]
    part.write_bytes(damage(part.read_bytes()))
    pd.testing.assert_frame_equal(vectors(run([source], out, order)), whole)


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray", reason="Ray Data is not installed: poollens[scale]")
    os.environ["RAY_DISABLE_IMPORT_WARNING"] = "1"
    here = Path(__file__).resolve().parents[1]
    # Inherited by the workers; as an environment of Ray's own each would be prepared anew.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{here}{os.pathsep}{here.parent}")
        # Two CPUs would starve the readers behind the actors; each more starts workers of its own.
        ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, configure_logging=False)
        yield ray
        ray.shutdown()


@pytest.mark.slow
def test_ray_gives_the_vectors_of_the_loop(tmp_path, checkpoint, ray):
    """Of a file whose quotation marks belong to its texts, and of pairs."""
    source = tmp_path / "msr.tsv"
    rows = [f"{index}\t{text}\t{text} too" for index, text in enumerate([*TEXTS, *QUOTED])]
    source.write_text("\n".join(["id\t#1 String\t#2 String", *rows]) + "\n")
    order = Order(str(checkpoint), "#1 String", "#2 String", ("mean", "cls"), (1, -1))
    local = vectors(run([source], tmp_path / "local", order))
    spread = vectors(run([source], tmp_path / "ray", order, engine="ray", workers=1))
    assert list(spread["#1 String"]) == list(local["#1 String"]) == [*TEXTS, *QUOTED]
    assert list(spread["#2 String"]) == list(local["#2 String"])
    for column in ("mean@1", "mean@4", "cls@4"):
        np.testing.assert_allclose(np.stack(spread[column]), np.stack(local[column]), atol=1e-5)


@pytest.mark.slow
def test_no_row_is_lost_or_doubled_when_a_worker_dies(tmp_path, order, ray, monkeypatch):
    monkeypatch.setattr("analysis.corpus.bulk.BATCH_ROWS", 30)
    files = []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        some = TEXTS[54 * number : 54 * number + 54]
        files.append(write(tmp_path / str(number), "parquet", some))
    mark = tmp_path / "died"

    class Dying:
        """Its first worker is killed in the middle of its work."""

        def __init__(self, order: Order) -> None:
            pass

        def __call__(self, batch):
            if not mark.exists():
                mark.touch()
                os._exit(1)
            return batch

    columns = vectors(run(files, tmp_path / "out", order, engine="ray", workers=1, work=Dying))
    assert mark.exists()
    assert sorted(columns["text"]) == sorted(TEXTS)


def test_mistakes_are_named(tmp_path, order, checkpoint):
    source = write(tmp_path, "csv")
    with pytest.raises(ValueError, match=r"'sentence'.*id, text, label"):
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
    with pytest.raises(ValueError, match=r"rows\.parquet, row 4: no text"):
        run([blank], tmp_path / "e", order)


def test_the_command_writes_a_folder_that_can_be_opened(tmp_path, checkpoint, capsys):
    source = write(tmp_path, "csv")
    out = tmp_path / "out"
    code = main(
        [
            "embed",
            "--input",
            str(source),
            "--checkpoint",
            str(checkpoint),
            "--pooling",
            "mean",
            "head",
            "--layers",
            "all",
            "--output",
            str(out),
        ]
    )
    assert code == 0
    assert capsys.readouterr().out.strip() == str(out)
    opened = open_folder(out)
    assert opened.table.text == tuple(TEXTS)
    assert opened.table.labels == ("x",)
    assert {key for key in opened.vectors} == {("mean", k) for k in range(5)} | {("head", 4)}
    assert str(tmp_path) not in (out / "about.json").read_text()
    with pytest.raises(ValueError, match="is no folder of vectors"):
        open_folder(tmp_path)


def test_quotation_marks_of_a_tsv_take_no_rows_along(tmp_path, checkpoint):
    source = tmp_path / "msr.tsv"
    rows = [f"1\t{i}\t{i}\t{text}\t{text}" for i, text in enumerate(QUOTED)]
    source.write_text("\n".join(["Quality\tid\tother\t#1 String\t#2 String", *rows]) + "\n")
    order = Order(str(checkpoint), "#1 String", "#2 String")
    columns = vectors(run([source], tmp_path / "out", order))
    assert list(columns["#1 String"]) == QUOTED
    assert list(columns["#2 String"]) == QUOTED


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_a_column_of_texts_stays_text_where_it_begins_with_numbers(tmp_path, checkpoint, kind):
    texts = ["1", "02", "3.50", *TEXTS[:3]]
    source = write(tmp_path, kind, texts)
    assert (
        list(vectors(run([source], tmp_path / "out", Order(str(checkpoint), "text")))["text"])
        == texts
    )


def test_a_run_never_goes_on_with_other_weights(tmp_path):
    folder = tmp_path / "toy"
    tiny.make_pooling_checkpoint(folder, "mha", ("a", "b", "c"), task="toy", seed=1)
    source, order = write(tmp_path, "csv"), Order(str(folder), "text", poolings=("head",))
    run([source], tmp_path / "out", order)
    tiny.make_pooling_checkpoint(folder, "mha", ("a", "b", "c"), task="toy", seed=7)
    with pytest.raises(ValueError, match=r"other weights.*--output"):
        run([source], tmp_path / "out", order)


def test_the_folder_says_the_precision_that_auto_was(tmp_path, checkpoint):
    import json

    source = write(tmp_path, "csv")
    out = run([source], tmp_path / "out", Order(str(checkpoint), "text", device="cpu"))
    about = json.loads((out / "about.json").read_text())
    assert about["order"]["dtype"] == "float32"
    assert about["sha256"] == analysis.load(checkpoint).checkpoint.sha256
    run([source], tmp_path / "out", Order(str(checkpoint), "text", dtype="float32", device="cpu"))


def test_a_folder_is_opened_with_its_columns_and_a_stopped_run_is_called_one(
    tmp_path, checkpoint, monkeypatch
):
    monkeypatch.setattr("analysis.corpus.bulk.BATCH_ROWS", 30)
    source = tmp_path / "rows.parquet"
    frame = pd.DataFrame(
        {"text": TEXTS, "label": ["a", "b"] * 54, "user@1": "someone", "length": range(108)}
    )
    frame.to_parquet(source)

    def stop(name, rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([source], tmp_path / "out", Order(str(checkpoint), "text"), report=stop)
    part = open_folder(tmp_path / "out")
    (note,) = part.notes
    assert in_order(note, "not ended", "30 rows")
    whole = open_folder(run([source], tmp_path / "out", Order(str(checkpoint), "text")))
    assert whole.notes == ()
    assert set(whole.more) == {"user@1", "length"}
    assert whole.more["length"][:3] == ("0", "1", "2")
    assert set(whole.vectors) == {("mean", 4)}
    some = open_folder(tmp_path / "out", most=20)
    (note,) = some.notes
    assert in_order(note, "random sample", "20", "108 rows")
    rows = [TEXTS.index(text) for text in some.table.text]
    assert rows == sorted(rows) != list(range(20))
    np.testing.assert_array_equal(some.vectors["mean", 4], whole.vectors["mean", 4][rows])


def test_a_column_that_is_called_like_the_vectors_is_refused(tmp_path, checkpoint):
    source = tmp_path / "rows.parquet"
    pd.DataFrame({"text": TEXTS[:3], "mean@4": "x"}).to_parquet(source)
    with pytest.raises(ValueError, match=r"'mean@4'.*already"):
        run([source], tmp_path / "out", Order(str(checkpoint), "text"))


@pytest.mark.slow
def test_a_run_of_ray_that_failed_can_be_begun_anew(tmp_path, order, ray):
    source = write(tmp_path, "csv")  # Ray reads it with fewer processes than Parquet

    class Failing:
        def __init__(self, order):
            pass

        def __call__(self, batch):
            raise RuntimeError("no")

    class Passing(Failing):
        def __call__(self, batch):
            return batch

    with pytest.raises(Exception, match="no"):
        run([source], tmp_path / "out", order, engine="ray", work=Failing)
    columns = vectors(run([source], tmp_path / "out", order, engine="ray", work=Passing))
    assert sorted(columns["text"]) == sorted(TEXTS)
    with pytest.raises(ValueError, match="written by Ray already"):
        run([source], tmp_path / "out", order, engine="ray")


@pytest.mark.parametrize(
    ("mark", "encoding", "first"),
    [
        (";", "utf-8", ""),
        ("\t", "utf-8-sig", ""),
        (",", "cp1252", ""),
        (";", "utf-16", ""),
        ("|", "utf-8", ""),
        (";", "utf-8", "sep=;\n"),
    ],
)
def test_a_table_of_any_delimiter_and_encoding_is_read(tmp_path, order, mark, encoding, first):
    texts = ["é film", f"a {mark} song", 'the "best" end']
    frame = pd.DataFrame({"id": range(3), "text": texts})
    file = tmp_path / "rows.csv"
    file.write_bytes((first + frame.to_csv(index=False, sep=mark)).encode(encoding))
    assert list(vectors(run([file], tmp_path / "out", order))["text"]) == texts


def test_a_row_without_a_text_is_named_by_its_number_in_the_file(tmp_path, order, monkeypatch):
    monkeypatch.setattr("analysis.corpus.bulk.BATCH_ROWS", 2)
    file = write(tmp_path, "parquet", ["a film", "a song", "an end", " ", "a plot"])
    with pytest.raises(ValueError, match=r"rows\.parquet, row 4: no text in column 'text'"):
        run([file], tmp_path / "out", order)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("rows.csv", b"", "is empty"),
        ("rows.csv", b"text,label\na,b\nc,d,e,f\n", "cannot be read .*Expected 2 columns, got 4"),
        ("rows.jsonl", b'{"text": "a"}\n{"text": \n', "cannot be read"),
        ("rows.csv", b"PK\x03\x04", "spreadsheet"),
    ],
)
def test_a_broken_file_is_told_by_its_name(tmp_path, order, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"rows\.\w+ .*{words}"):
        run([tmp_path / name], tmp_path / "out", order)
