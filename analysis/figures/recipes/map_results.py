"""Results behind maps of a data set: the sample, vectors and answers, numbers of each pooling."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.recipes.request import Data, columns_at
from analysis.figures.recipes.results import Member
from analysis.maps.atlas import Layouts
from analysis.maps.row_groups import row_groups
from analysis.maps.sample import stratified

if TYPE_CHECKING:
    from analysis.corpus.predictions import Predictions
    from analysis.corpus.readers import Reader
    from analysis.datasets.table import Table
    from analysis.maps.numbers import PoolingNumbers

Key = tuple[str, int]  # pooling and layer


@dataclass(frozen=True)
class MapRows:
    """The rows of a data set that a map shows, and what is known of them beside their vectors."""

    table: Table  # the sample
    columns: Mapping[str, Sequence[str]]  # further columns of it
    name: str = ""  # of the data set, in words


@dataclass(frozen=True)
class MapPass:
    """Results of a checkpoint for a map: vectors (N, d) of the sample, and its predictions."""

    vectors: Mapping[Key, np.ndarray]
    answers: Predictions | None  # None: a bare encoder


def rows_of(data: Data, rows: int, seed: int) -> MapRows:
    """A seeded sample of a data set that keeps the shares of the classes."""
    chosen = stratified(data.table, rows, seed)
    columns = columns_at(data.columns, chosen)
    # the classes of a row that has several are one colour
    return MapRows(data.table.by_sets().take(chosen), columns, data.name)


def texts_of(table: Table) -> list[str]:
    """The texts of the rows as the map shows them, both of a pair."""
    if table.pair is None:
        return list(table.text)
    return [f"{a} ⁄ {b}" for a, b in zip(table.text, table.pair, strict=True)]


def map_pass(
    member: Member, data: Data, rows: int, seed: int, keys: tuple[Key, ...], precision: str
) -> MapPass:
    """The sample once through a checkpoint: vectors of these poolings and layers, and answers."""
    from analysis.corpus import predictions, runs
    from analysis.corpus.embedding import PoolingReader, stored
    from analysis.corpus.readers import PREDICTION

    table = rows_of(data, rows, seed).table
    classifier = runs.open_for_data(member.checkpoint, dtype=precision)
    predicts = member.checkpoint.kind != "encoder"
    readers: list[Reader] = [PoolingReader(*key) for key in keys]
    if predicts:
        readers.insert(0, PREDICTION)
    with tempfile.TemporaryDirectory(prefix="poollens-map-") as folder:
        runs.compute(classifier, table, folder, readers)
        own = {
            key: np.array(stored(folder, member.checkpoint, table, key, precision)[1])
            for key in keys
        }
        answers = (
            predictions.read(folder, member.checkpoint, table, precision) if predicts else None
        )
    return MapPass(own, answers)


def typed_vector(
    member: Member, text: str, pair: str | None, pooling: str, layer: int
) -> np.ndarray:
    """The vector (d,) of a typed sentence, in the type that the encoder was loaded in."""
    from analysis.corpus.embedding import embed

    pairs = None if pair is None else [pair]
    vectors = embed(member.classifier, [text], pairs, (pooling,), (layer,), "loaded")
    return np.array(vectors[pooling, layer][0])


def layouts_of(member: Member) -> Layouts:
    """Where layouts are kept; a page has one for all."""
    return Layouts()


def pooling_numbers(
    member: Member,
    data: Data,
    rows: int,
    seed: int,
    keys: tuple[Key, ...],
    apart: str | None,
    precision: str,
) -> dict[Key, PoolingNumbers]:
    """Probe, silhouette and anisotropy of these poolings and layers of a checkpoint."""
    from analysis.maps.numbers import measured

    sample = rows_of(data, rows, seed)
    vectors = member.result(map_pass, data, rows, seed, keys, precision).vectors
    labels = sample.table.label if sample.table.labels else None
    groups = row_groups(sample.columns, apart).codes
    return {key: measured(vectors[key], labels, groups) for key in keys}
