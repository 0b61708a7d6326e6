"""Sentence vectors: every pooling at every layer asked for, read off one forward pass.

:class:`PoolingReader` is what :mod:`analysis.corpus.runs` keeps of a pass; :func:`embed` holds the
vectors in memory, :func:`stored` reads those of a larger set from disk. Vectors are float32
whatever the encoder's type; what a text is run with changes none of them beyond rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.records import freeze
from analysis.corpus import predictions
from analysis.corpus.readers import Step, fixed_lists
from analysis.corpus.runs import precision_of, predict_batch
from analysis.heads import pooling
from analysis.text.tokens import clean

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.datasets.table import Table

Key = tuple[str, int]
# What can be had of any encoder; the pooling head's own vector ("head") needs one.
FREE = ("mean", "max", "cls", "last_token", "concat", "adaptive_mean")
TITLES = {
    "mean": "mean",
    "max": "max",
    "cls": "[CLS]",
    "last_token": "last token",
    "concat": "[CLS], mean and max",
    "adaptive_mean": "mean of two halves",
    "weighted_mean": "learned weighted mean",
    "head": "the pooling head's vector",
}
_SEGMENTS = 2  # of the adaptive mean
_WINDOW = 4_096  # rows of one batch that `embed` asks for


@dataclass(frozen=True)
class Embeddings(Mapping[Key, np.ndarray]):
    """(pooling, layer) -> (N, d) float32, rows in the order of the texts; layer -1 is the last."""

    vectors: Mapping[Key, np.ndarray]
    checkpoint: Checkpoint
    layers: int  # L: the last layer's index

    def __post_init__(self) -> None:
        freeze(self)
        for array in self.vectors.values():
            array.setflags(write=False)

    def __getitem__(self, key: Key) -> np.ndarray:
        pooling, layer = key
        absolute = layer + self.layers + 1 if layer < 0 else layer
        if (pooling, absolute) not in self.vectors:
            there = ", ".join(f"({name!r}, {number})" for name, number in self.vectors)
            raise KeyError(f"no vectors of {pooling!r} at layer {layer}; there are {there}")
        return self.vectors[pooling, absolute]

    def __iter__(self) -> Iterator[Key]:
        return iter(self.vectors)

    def __len__(self) -> int:
        return len(self.vectors)


def poolings_of(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Poolings of a checkpoint: the free ones, a learned one, its pooling head's vector."""
    learned = ("weighted_mean",) if checkpoint.head == "weighted_mean" else ()
    own = () if checkpoint.kind == "encoder" and not checkpoint.head else ("head",)
    return (*FREE, *learned, *own)


def own_pooling(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The pooling to take where none is asked for: a sentence encoder's own, or the mean."""
    return ("head",) if checkpoint.kind == "encoder" and checkpoint.head else ("mean",)


def keys_of(
    classifier: Classifier, pooling: Sequence[str], layers: Sequence[int] | str
) -> tuple[Key, ...]:
    """(pooling, absolute layer) of everything asked for; ``layers`` "all" is 0 to L.

    The pooling head's vector exists at the last layer alone, where it was trained. Raises
    ``ValueError`` for a pooling this checkpoint does not have, or a layer that does not exist.
    """
    last = layer_count(classifier)
    known = poolings_of(classifier.checkpoint)
    for name in pooling:
        if name not in known:
            raise ValueError(
                f"{classifier.checkpoint.name} has no pooling {name!r}; it has {', '.join(known)}"
            )
    if "head" in pooling and classifier.head is None:
        raise ValueError(
            f"{classifier.checkpoint.name}: its classification layers are none that are known, so "
            "its own vector cannot be told. Choose mean, max or [CLS] instead."
        )
    requested = range(last + 1) if isinstance(layers, str) else layers
    if isinstance(layers, str) and layers != "all":
        raise ValueError(f"layers is {layers!r}; give numbers, or 'all'")
    for layer in requested:
        if not -last - 1 <= layer <= last:
            raise ValueError(
                f"{classifier.checkpoint.name} has layers 0 to {last}; there is no {layer}"
            )
    numbers = tuple(dict.fromkeys(layer % (last + 1) for layer in requested))
    return tuple(
        (name, layer)
        for name in dict.fromkeys(pooling)
        for layer in ((last,) if name == "head" else numbers)
    )


def layer_count(classifier: Classifier) -> int:
    """L: how many layers the encoder has."""
    config: Any = classifier.encoder.config
    return int(getattr(config, "num_hidden_layers", None) or config.n_layers)


@dataclass(frozen=True)
class PoolingReader:
    """One pooling of one (absolute) layer, as a column of vectors."""

    pooling: str
    layer: int

    @property
    def name(self) -> str:
        """Name of the folder and of the column: ``mean@6``."""
        return f"{self.pooling}@{self.layer}"

    def fields(self, classifier: Classifier) -> list[pa.Field]:
        config: Any = classifier.encoder.config
        width = int(config.hidden_size)
        if self.pooling == "head":
            width = int(classifier.head.output_size)  # type: ignore[union-attr]
        width *= {"concat": 3, "adaptive_mean": _SEGMENTS}.get(self.pooling, 1)
        return [pa.field(self.name, pa.list_(pa.float32(), width))]

    def read(self, step: Step) -> list[pa.Array]:
        return [fixed_lists(self.vectors(step).float().cpu().numpy())]

    def vectors(self, step: Step) -> torch.Tensor:
        """(B, d) of one pass."""
        if self.pooling == "head":
            assert step.vector is not None  # `keys_of` asks no bare encoder for it
            return step.vector
        hidden = step.classifier.ended_at(step.hidden, self.layer).float()
        if self.pooling == "weighted_mean":
            model = step.classifier.pooling_model
            assert model is not None  # `poolings_of` offers it of no other
            return torch.as_tensor(model.head(hidden[None], step.mask).vector)
        options = {"segments": _SEGMENTS} if self.pooling == "adaptive_mean" else {}
        return pooling.pool(self.pooling, hidden, step.mask, **options)


def readers_of(
    classifier: Classifier, poolings: Sequence[str], layers: Sequence[int] | str
) -> tuple[PoolingReader, ...]:
    """A reader for everything asked for; raises ``ValueError`` as :func:`keys_of`."""
    return tuple(PoolingReader(*key) for key in keys_of(classifier, poolings, layers))


def embed(
    classifier: Classifier,
    texts: Sequence[str],
    pairs: Sequence[str | None] | None = None,
    pooling: Sequence[str] | None = None,
    layers: Sequence[int] | str = (-1,),
    dtype: str = "auto",
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Embeddings:
    """Vectors of texts (or pairs), held in memory.

    ``pooling`` names one or several; by default it is the one that a sentence encoder declares as
    its own ("head"), and the mean for any other checkpoint.

    ``dtype`` is that in which the encoder computes: "loaded" (as its weights are), "bfloat16"
    (autocast), or "auto" (bfloat16 on a GPU that has it, else as loaded); "float32" is "loaded"
    for a checkpoint in float32. Poolings and the pooling head compute in float32. ``progress`` is
    told (done, total) now and then; whatever it raises ends the computation.

    Raises ``ValueError`` for no texts, a blank one (its row is named), another number of pairs
    than of texts, a pooling or a layer that is not there, an unknown dtype, or "float32" of a
    checkpoint that was loaded in half precision.
    """
    if pooling is None:
        pooling = own_pooling(classifier.checkpoint)
    readers = readers_of(classifier, (pooling,) if isinstance(pooling, str) else pooling, layers)
    cleaned = [clean(text)[0] for text in texts]
    if not cleaned:
        raise ValueError("there are no texts to embed")
    if pairs is not None and len(pairs) != len(cleaned):
        raise ValueError(
            f"there are {len(cleaned):,} texts and {len(pairs):,} pairs: give each text its pair, "
            "None where it has none"
        )
    second = None if pairs is None else [clean(pair or "")[0] for pair in pairs]
    pieces: list[pa.RecordBatch] = []
    with _precision(classifier, dtype):
        for start in range(0, len(cleaned), _WINDOW):
            rows = range(start, min(start + _WINDOW, len(cleaned)))
            columns = {"row": pa.array(rows), "text": pa.array([cleaned[i] for i in rows])}
            if second is not None:
                columns["pair"] = pa.array([second[i] for i in rows])
            batch = pa.RecordBatch.from_pydict(columns)
            pieces.append(predict_batch(classifier, batch, readers=readers))
            if progress is not None:
                progress(rows.stop, len(cleaned))
    table = pa.Table.from_batches(pieces)
    held = {(reader.pooling, reader.layer): matrix(table, reader.name) for reader in readers}
    return Embeddings(held, classifier.checkpoint, layer_count(classifier))


def stored(
    root: str | Path, checkpoint: Checkpoint, table: Table, key: Key, precision: str = "float32"
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors that :func:`analysis.corpus.compute` has written of one pooling and layer.

    Returns ascending row numbers (M,) and their vectors (M, d); none where nothing is on disk.
    """
    reader = PoolingReader(*key)
    place = predictions.place_of(root, checkpoint, table, precision)
    parts = predictions.read_parts(place, reader.name)
    if parts is None:
        return np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
    rows, first = np.unique(parts["row"].to_numpy(), return_index=True)
    return rows, matrix(parts, reader.name)[first]


def stored_at(
    root: str | Path,
    checkpoint: Checkpoint,
    table: Table,
    key: Key,
    precision: str,
    rows: Sequence[int] | np.ndarray,
) -> np.ndarray | None:
    """Vectors (M, d) of ascending ``rows`` (M,), read-only; None where some are not on disk."""
    numbers, vectors = stored(root, checkpoint, table, key, precision)
    chosen = vectors[np.isin(numbers, rows)]
    chosen.setflags(write=False)
    return chosen if len(chosen) == len(rows) else None


def matrix(table: pa.Table, column: str) -> np.ndarray:
    """A column of lists of equal length as (N, d) float32."""
    width = table.schema.field(column).type.list_size
    chunks = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in table[column].chunks]
    return np.concatenate(chunks).reshape(-1, width)


def precision_for(dtype: str, device: str) -> str:
    """The precision of "auto" on this machine, as :func:`analysis.corpus.open_for_data` has it."""
    if dtype != "auto":
        return dtype
    return "bfloat16" if torch.cuda.is_available() and device != "cpu" else "float32"


@contextmanager
def _precision(classifier: Classifier, dtype: str) -> Iterator[None]:
    """Autocast to bfloat16 where asked for, around the encoder alone: poolings stay in float32."""
    if dtype not in ("auto", "float32", "bfloat16", "loaded"):
        raise ValueError(f"dtype is {dtype!r}; known: auto, float32, bfloat16, loaded")
    if dtype == "float32" and precision_of(classifier) != "float32":
        raise ValueError(
            f"{classifier.checkpoint.name} was loaded in {precision_of(classifier)}: load it with "
            "dtype='float32' to have its vectors in it"
        )
    cuda = classifier.device.type == "cuda"
    half = dtype == "bfloat16" or (dtype == "auto" and cuda and torch.cuda.is_bf16_supported())
    if not half:
        yield
        return
    mine = get_ident()
    region: Any = torch.autocast(classifier.device.type, torch.bfloat16)

    def enter(*_: object) -> None:
        if get_ident() == mine:  # others may use the same model meanwhile
            region.__enter__()

    def leave(*_: object) -> None:
        if get_ident() == mine:
            region.__exit__(None, None, None)

    encoder = classifier.encoder
    hooks = [
        encoder.register_forward_pre_hook(enter),
        encoder.register_forward_hook(leave, always_call=True),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
