"""Vectors computed elsewhere on the Embedding map: shown, coloured, and named where broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.map_reader import ROWS, shown
from tests.support.sentences import in_order


def test_a_folder_of_vectors_is_opened_without_a_checkpoint(open_map, four, tmp_path):
    import pandas as pd

    from analysis.corpus.bulk import Order, run

    source = tmp_path / "rows.parquet"
    pd.DataFrame({"text": ROWS, "label": ["a", "b"] * 12}).to_parquet(source)
    order = Order(str(four / "toy-cls"), "text", poolings=("mean",), layers="all")
    out = run([source], tmp_path / "vectors", order)
    app = open_map(four, vectors_folder=str(out))
    assert [panel["title"] for panel in shown(app)["panels"]] == ["mean"]
    assert "k-NN" in shown(app, "look")["subtitles"][0]
    assert any(in_order(caption.value, "typed sentence", "not") for caption in app.caption)
    app = open_map(four, vectors_folder=str(tmp_path / "nothing"))
    assert any("is no folder of vectors" in error.value for error in app.error)


def test_vectors_of_another_program_are_a_map_and_their_texts_are_read_by_compares_card(
    open_map, four, tmp_path
):
    vectors = np.random.default_rng(0).normal(size=(len(ROWS), 7)).astype(np.float32)
    np.save(tmp_path / "mine.npy", vectors)
    (tmp_path / "mine.txt").write_text("\n".join(ROWS) + "\n")
    app = open_map(four, vectors_folder=str(tmp_path / "mine.npy"), point=3)
    data = shown(app)
    assert [panel["title"] for panel in data["panels"]] == ["vectors"]
    assert shown(app, "texts")["texts"] == ROWS
    assert shown(app, "dock")["pinned"] == 3
    assert any(ROWS[3] in text.value for text in app.text)
    np.save(tmp_path / "mine.npy", vectors[:5])
    app = open_map(four, vectors_folder=str(tmp_path / "mine.npy"))
    assert any("5 vectors and mine" in error.value.replace("\\", "") for error in app.error)


def broken_folder(root: Path, place: Path) -> Path:
    """A folder of vectors of which two rows of the mean at layer 2 are not numbers."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    from analysis.corpus.bulk import Order, run

    source = place / "rows.parquet"
    pd.DataFrame({"text": ROWS, "label": ["a", "b"] * 12, "film": ["x", "y", "z"] * 8}).to_parquet(
        source
    )
    order = Order(str(root / "toy-mha"), "text", poolings=("mean", "max"), layers="all")
    out = run([source], place / "vectors", order)
    (part,) = out.glob("*.parquet")
    table = parquet.read_table(part)
    vectors = np.stack(table["mean@2"].to_pylist()).astype(np.float32)
    vectors[[3, 7]] = np.nan
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    place_of = table.column_names.index("mean@2")
    parquet.write_table(table.set_column(place_of, "mean@2", lists), part)
    return out


def test_vectors_that_are_not_numbers_are_named_and_the_rest_is_drawn(open_map, four, tmp_path):
    out = broken_folder(four, tmp_path)
    app = open_map(four, vectors_folder=str(out))
    warnings = [warning.value.replace("\\", "") for warning in app.warning]
    assert any(
        in_order(warning, "mean, layer 2", "2 of 24 vectors", "not finite", "rows 4, 8")
        for warning in warnings
    ), warnings
    assert [panel["title"] for panel in shown(app)["panels"]] == ["mean", "max"]
    app = open_map(four, vectors_folder=str(out), layer_shown=2)
    assert [panel["title"] for panel in shown(app)["panels"]] == ["max"]


def test_any_column_of_a_folder_colours_and_keeps_rows_apart(open_map, four, tmp_path):
    out = broken_folder(four, tmp_path)
    app = open_map(four, vectors_folder=str(out), kept_apart="film", colour_by="film")
    look = shown(app, "look")
    assert look["names"] == ["x", "y", "z"]
    assert "another film" in look["subtitles"][0]
    assert (
        "another film"
        not in shown(open_map(four, vectors_folder=str(out), kept_apart="nothing"), "look")[
            "subtitles"
        ][0]
    )
