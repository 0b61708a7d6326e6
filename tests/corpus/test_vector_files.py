"""Vectors of other programs are read as they are, and what is none is refused with the way out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.corpus.vector_files import open_vectors

TEXTS = ("a film", "a song", "=1+1", "")


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)


def test_what_sentence_transformers_encodes_is_a_map_with_the_texts_beside_it(tmp_path):
    from sentence_transformers import SentenceTransformer

    from analysis.checkpoints.encoders import resolve_encoder

    folder = str(resolve_encoder("sentence-transformers/all-MiniLM-L6-v2").path)
    encoded = SentenceTransformer(folder, device="cpu").encode(list(TEXTS[:3]))
    np.save(tmp_path / "vectors.npy", encoded)
    pd.DataFrame({"sentence": TEXTS[:3], "label": ["x", "y", "x"]}).to_csv(
        tmp_path / "vectors.csv", index=False
    )
    opened = open_vectors(tmp_path / "vectors.npy")
    np.testing.assert_array_equal(opened.vectors["vectors", 0], encoded)
    assert opened.table.text == TEXTS[:3]
    assert opened.table.labels == ("x", "y")
    assert opened.table.label.tolist() == [0, 1, 0]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "txt", "parquet"])
def test_texts_may_lie_beside_the_vectors_in_any_table(tmp_path, vectors, kind):
    np.save(tmp_path / "v.npy", vectors)
    frame, beside = pd.DataFrame({"text": TEXTS, "film": list("abcd")}), tmp_path / f"v.{kind}"
    {
        "csv": lambda: frame.to_csv(beside, index=False),
        "tsv": lambda: frame.to_csv(beside, index=False, sep="\t"),
        "jsonl": lambda: frame.to_json(beside, orient="records", lines=True),
        "json": lambda: frame.to_json(beside, orient="records"),
        "txt": lambda: beside.write_text("\n".join([*TEXTS[:3], "."]) + "\n"),
        "parquet": lambda: frame.to_parquet(beside),
    }[kind]()
    opened = open_vectors(tmp_path / "v.npy")
    assert opened.table.text[:3] == TEXTS[:3]
    assert len(opened.table) == 4
    if kind != "txt":
        assert opened.table.text[3] == "(empty)"
        assert opened.more["film"] == ("a", "b", "c", "d")


def test_every_column_of_lists_in_parquet_is_a_map(tmp_path, vectors):
    frame = pd.DataFrame({"id": range(4), "sentence": (*TEXTS[:3], "z"), "year": [1, 2, 3, 4]})
    frame["embedding"] = vectors.tolist()
    frame["other"] = (2 * vectors[:, :3]).tolist()
    frame.to_parquet(tmp_path / "v.parquet")
    opened = open_vectors(tmp_path / "v.parquet")
    assert list(opened.vectors) == [("embedding", 0), ("other", 0)]
    np.testing.assert_allclose(opened.vectors["other", 0], 2 * vectors[:, :3])
    assert opened.table.text == (*TEXTS[:3], "z")
    assert opened.more["year"] == ("1", "2", "3", "4")


def test_rows_without_texts_are_named_by_their_numbers(tmp_path, vectors):
    np.save(tmp_path / "v.npy", vectors.astype(np.float16))
    opened = open_vectors(tmp_path / "v.npy")
    assert opened.table.text == ("row 1", "row 2", "row 3", "row 4")
    assert opened.vectors["vectors", 0].dtype == np.float32


def test_many_rows_are_sampled_with_their_texts(tmp_path):
    np.save(tmp_path / "v.npy", np.arange(40.0).reshape(20, 2))
    pd.DataFrame({"text": [f"t{i}" for i in range(20)]}).to_csv(tmp_path / "v.csv", index=False)
    opened = open_vectors(tmp_path / "v.npy", most=7)
    assert len(opened.table) == 7
    firsts = opened.vectors["vectors", 0][:, 0] / 2
    assert opened.table.text == tuple(f"t{int(first)}" for first in firsts)
    assert "sample of 7" in opened.notes[0]


def test_other_vectors_have_another_name(tmp_path, vectors):
    np.save(tmp_path / "v.npy", vectors)
    digest = open_vectors(tmp_path / "v.npy").weights
    np.save(tmp_path / "v.npy", vectors + 1)
    assert open_vectors(tmp_path / "v.npy").weights != digest


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (np.array([{"a": 1}], dtype=object), "Python objects, which are never unpickled"),
        (np.zeros(5), "holds 5 values"),
        (np.zeros((3, 4, 2)), "3 × 4 × 2"),
        (np.zeros((0, 4)), "0 vectors"),
        (np.array([["a", "b"]]), "type <U1"),
        (b"not an array", "damaged"),
    ],
)
def test_what_is_no_array_of_vectors_is_refused_with_the_way_to_write_one(tmp_path, content, words):
    if isinstance(content, bytes):
        (tmp_path / "v.npy").write_bytes(content)
    else:
        np.save(tmp_path / "v.npy", content, allow_pickle=True)
    with pytest.raises(ValueError, match=words):
        open_vectors(tmp_path / "v.npy")


def test_files_that_do_not_belong_together_are_refused(tmp_path, vectors):
    np.save(tmp_path / "v.npy", vectors)
    (tmp_path / "v.txt").write_text("one\ntwo\n")
    with pytest.raises(ValueError, match=r"4 vectors and v\.txt 2 rows"):
        open_vectors(tmp_path / "v.npy")
    with pytest.raises(ValueError, match=r"numpy\.save"):
        open_vectors(tmp_path / "model.pt")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(ValueError, match="no columns of vectors"):
        open_vectors(tmp_path / "p.parquet")
    ragged = pd.DataFrame({"e": [[1.0, 2.0], [1.0]]})
    ragged.to_parquet(tmp_path / "r.parquet")
    with pytest.raises(ValueError, match="lists of one length"):
        open_vectors(tmp_path / "r.parquet")


PLAIN = "text;label;year\n" + "".join(f"é {n};{'ab'[n % 2]};{n}\n" for n in range(12))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vectors.csv", PLAIN.encode()),
        ("vectors.csv", PLAIN.encode("cp1252")),
        ("vectors.csv", PLAIN.encode("utf-16")),
        ("vectors.csv", ("sep=;\n" + PLAIN).encode("utf-8-sig")),
        ("vectors.csv", PLAIN.replace(";", ",").title().encode()),
        ("vectors.tsv", PLAIN.replace(";", "\t").replace("text", "review").encode()),
        ("vectors.csv", PLAIN.replace("text", "review").replace("label", "sentiment").encode()),
    ],
)
def test_a_table_beside_vectors_is_read_as_any_data_set_is(tmp_path, name, content):
    np.save(tmp_path / "vectors.npy", np.eye(12, 4))
    (tmp_path / name).write_bytes(content)
    opened = open_vectors(tmp_path / "vectors.npy")
    assert [text.casefold() for text in opened.table.text] == [f"é {n}" for n in range(12)]
    assert [label.casefold() for label in opened.table.labels] == ["a", "b"]
    assert opened.table.label.tolist() == [n % 2 for n in range(12)]
    assert list(map(str.casefold, opened.more)) == ["year"]


def test_a_line_of_plain_text_is_a_row_whatever_stands_in_it(tmp_path):
    lines = ["a, b", "", "c\u2028d", '"e', "f\x07g"]
    np.save(tmp_path / "vectors.npy", np.eye(5))
    (tmp_path / "vectors.txt").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    opened = open_vectors(tmp_path / "vectors.npy")
    assert list(opened.table.text) == ["a, b", "(empty)", "c\u2028d", '"e', "f g"]


def test_a_row_whose_columns_cannot_be_told_is_named(tmp_path):
    np.save(tmp_path / "vectors.npy", np.eye(2))
    (tmp_path / "vectors.csv").write_text("text,label\none,a\ntwo, three,b\n")
    with pytest.raises(ValueError, match=r"row 3: 3 fields"):
        open_vectors(tmp_path / "vectors.npy")
