"""Everything that reads a file of a stranger: how it is called, and files that are whole."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.support import mutations, study_folders, zoo


@dataclass(frozen=True)
class Reader:
    """`read(data)` returns, or raises a ``ValueError`` with a sentence; nothing else."""

    name: str
    files: st.SearchStrategy[bytes]
    read: Callable[[bytes], object]
    corpus: tuple[bytes, ...]


def same(error: BaseException) -> bool:
    """Whether an error is a reason in words: one of this project's, or a plain ``ValueError``."""
    kind = type(error)
    return isinstance(error, ValueError) and (
        kind is ValueError or kind.__module__.startswith("analysis")
    )


@cache
def scratch() -> Path:
    """A folder for what is read from a path; gone with the shared checkpoints."""
    folder = Path(mkdtemp(dir=zoo.root()))
    return folder


def _table(name: str) -> Callable[[bytes], object]:
    from analysis.datasets.upload import peek, read_upload

    def read(data: bytes) -> object:
        seen = peek(data, name)
        made = read_upload(data, name, columns=seen.columns)
        assert all(isinstance(text, str) and text.strip() for text in made.table.text)
        return made.sentence()

    return read


def _tables() -> list[Reader]:
    import pyarrow as pa
    from pyarrow import parquet

    rows = [("A fine film.", "positive"), ("A dull film.", "negative"), ("=1+1", "positive")]
    objects = [{"text": text, "label": label} for text, label in rows]
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(objects), sink)
    nested = io.BytesIO()
    parquet.write_table(
        pa.table({"text": ["a", "b"], "label": pa.array([[1, 2], [3]]), "n": [1.5, None]}), nested
    )
    lines = "\n".join(json.dumps(value) for value in objects).encode()
    texts: dict[str, tuple[bytes, ...]] = {
        "a.csv": (
            b"text,label\n" + b"\n".join(f'"{t}",{k}'.encode() for t, k in rows),
            b"text;label;flag\na;1;0\nb;0;1\n",
        ),
        "a.tsv": (b"sentence\tlabel\nA film\t1\nA plot\t0\n",),
        "a.txt": (b"__label__good A fine film.\n__label__bad A dull one.\n", b"one\ntwo\nthree\n"),
        "a.jsonl": (lines,),
        "a.parquet": (sink.getvalue(), nested.getvalue()),
    }
    readers = [
        Reader(name, mutations.damaged(seeds), _table(name), seeds) for name, seeds in texts.items()
    ]
    shapes: tuple[Any, ...] = (
        objects,
        {"data": objects},
        {"a": objects[0], "b": objects[1]},
        {"text": ["a", "b"], "label": [0, 1]},
        {"columns": ["text", "label"], "data": [["a", 1], ["b", 0]]},
    )
    seeds = tuple(json.dumps(shape).encode() for shape in shapes)
    return [*readers, Reader("a.json", mutations.as_json(shapes), _table("a.json"), seeds)]


def _json(name: str, documents: tuple[Any, ...], read: Callable[[bytes], object]) -> Reader:
    seeds = tuple(json.dumps(document).encode() for document in documents)
    return Reader(name, mutations.as_json(documents), read, seeds)


def _pictures() -> list[Reader]:
    from analysis.figures.files import collected, saved, sidecar, store
    from tests.support.saved_figures import of_reading
    from tests.support.view_samples import every_plot

    plots = [plot for _, plot in every_plot()][:6]
    collection = collected.Collection().add(of_reading()).add(plots[0])
    beside = json.loads(saved.save(sidecar.sidecar(plots[0]), "a").sidecar)

    def drawn(data: bytes) -> object:
        read = collected.read(data)
        for figure in read.figures:
            for plot in figure.plots:
                plot.frame()
        return read.to_json()

    return [
        _json("a stored picture", tuple(store.packed(plot) for plot in plots), store.from_json),
        _json("a collection", (json.loads(collection.to_json()),), drawn),
        _json("a sidecar", (beside,), lambda data: sidecar.read(data).description()),
    ]


def _at(
    name: str, file: str, documents: tuple[Any, ...], read: Callable[[Path], object], base: Path
) -> Reader:
    """A file inside a folder whose others are whole."""
    place = scratch() / name.replace(" ", "-")
    shutil.copytree(base, place, dirs_exist_ok=True)

    def written(data: bytes) -> object:
        (place / file).write_bytes(data)
        return read(place)

    if file.endswith(".yaml"):
        import yaml

        seeds = tuple(yaml.safe_dump(document).encode() for document in documents)
        return Reader(name, mutations.as_yaml(documents), written, seeds)
    return _json(name, documents, written)


def _folders() -> list[Reader]:
    import yaml

    from analysis.checkpoints.folder import describe
    from analysis.corpus.vector_folder import open_folder
    from analysis.study.fits import read_fit
    from analysis.study.results import read_study
    from tests.support.study_runs import TINY
    from training.study_plan import read_plan

    def loaded(folder: Path, file: str) -> Any:
        text = (folder / file).read_text()
        return yaml.safe_load(text) if file.endswith(".yaml") else json.loads(text)

    study = scratch() / "toy"
    study_folders.write(study, [study_folders.family("primary", ("rte",), 2, primary=True)])
    run = sorted((study / "runs").glob("*.json"))[0]
    run_of = json.loads(run.read_text())
    plan = scratch() / "plan"
    plan.mkdir()
    fit = scratch() / "fit"
    fit.mkdir()
    from analysis.study.fits import FitScores, HeadScores, write_fit

    head = HeadScores("cls", np.ones(2), np.ones((2, 2)), np.ones((2, 2)), 3, 1.0, 0.1)
    write_fit(
        FitScores(
            "a", "e", "d", "accuracy", ("x", "y"), {"train": 3}, 2, (head,), (), 1.0,
            ("text", None), ("c",),
        ),
        fit,
    )  # fmt: skip
    vectors = scratch() / "vectors"
    vectors.mkdir()
    (vectors / "about.json").write_text(
        json.dumps({"order": {"text": "text", "pair": None, "checkpoint": "c"}})
    )
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(
        pa.table({"text": ["a"], "mean@1": pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2))}),
        vectors / "a.parquet",
    )
    yaml_beside = scratch() / "beside"
    shutil.copytree(zoo.folder("cls"), yaml_beside)
    (yaml_beside / "config.json").unlink()
    spec = {
        "weights": "model.safetensors", "encoder": str(zoo.folder("bare")), "head": "cls",
        "head_options": {}, "labels": ["a", "b", "c"], "keys": {"encoder.*": "encoder.*"},
        "problem_type": "single_label_classification", "task": "toy",
    }  # fmt: skip
    own, stock, adapter = zoo.folder("max_seq_mha"), zoo.folder("bert"), zoo.folder("lora")
    configs = [(loaded(checkpoint, "config.json"),) for checkpoint in (own, stock)]
    return [
        _at("config of a pooling head", "config.json", configs[0], describe, own),
        _at("config of a classifier", "config.json", configs[1], describe, stock),
        _at(
            "facts of a checkpoint", "training.json",
            ({"name": "a", "metrics": {"dev": {"accuracy": 0.5}}, "labels": ["a"], "seed": 0},),
            describe, own,
        ),
        _at(
            "config of an adapter", "adapter_config.json",
            (loaded(adapter, "adapter_config.json"),), describe, adapter,
        ),
        _at("YAML beside weights", "poollens.yaml", (spec,), describe, yaml_beside),
        _at("study.json", "study.json", (loaded(study, "study.json"),), read_study, study),
        _at("a run of a study", f"runs/{run.name}", (run_of,), read_study, study),
        _at(
            "a study's YAML", "study.yaml", ({**TINY, "encoder": "e"},),
            lambda folder: read_plan(folder / "study.yaml"), plan,
        ),
        _at("a fit", "fit.json", (loaded(fit, "fit.json"),), read_fit, fit),
        _at(
            "a folder of vectors", "about.json", (loaded(vectors, "about.json"),), open_folder,
            vectors,
        ),
        _bytes_of(
            "weights", "model.safetensors", own, describe,
        ),
        _bytes_of("a part of vectors", "a.parquet", vectors, open_folder),
    ]  # fmt: skip


def _bytes_of(name: str, file: str, base: Path, read: Callable[[Path], object]) -> Reader:
    place = scratch() / name.replace(" ", "-")
    shutil.copytree(base, place, dirs_exist_ok=True)
    whole = (place / file).read_bytes()

    def written(data: bytes) -> object:
        (place / file).write_bytes(data)
        return read(place)

    return Reader(name, mutations.damaged((whole,)), written, (whole,))


@cache
def readers() -> dict[str, Reader]:
    """All of them, by name."""
    return {reader.name: reader for reader in (*_tables(), *_pictures(), *_folders())}


NAMES = (
    *("a.csv", "a.tsv", "a.txt", "a.jsonl", "a.json", "a.parquet"),
    *("a stored picture", "a collection", "a sidecar"),
    *("config of a pooling head", "config of a classifier", "facts of a checkpoint"),
    *("config of an adapter", "YAML beside weights", "study.json", "a run of a study"),
    *("a study's YAML", "a fit", "a folder of vectors", "weights", "a part of vectors"),
)
