"""Everything that PoolLens writes to a disk, each as it writes, goes on and is read again."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.support import frozen_data, zoo
from tests.support.study_runs import TINY, record_without_training, scores_of


@dataclass(frozen=True)
class Writer:
    """`write(place)` does all that is missing, as the next start would; `read` gives it back."""

    name: str
    write: Callable[[Path], object]
    read: Callable[[Path], Any]
    killed_at: int = 40  # at most so many of its changes are tried


WRITERS: dict[str, Callable[[pytest.MonkeyPatch, Path], Writer]] = {}


def writer(make: Callable[[pytest.MonkeyPatch, Path], Writer]) -> Callable[..., Writer]:
    """Register by name; `make(monkeypatch, sources)` may lay out what the writer reads."""
    WRITERS[make.__name__.replace("_", " ")] = make
    return make


def _arrays(value: Any) -> Any:
    return np.asarray(value).round(5).tolist()


@writer
def evidence_over_data(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    from analysis.attribution.evidence.faithfulness import MEASURES
    from analysis.attribution.texts.records import COLUMNS, TextEvidence
    from analysis.attribution.texts.store import EvidenceStore

    zeros = np.zeros((2, len(MEASURES)))
    made = [
        TextEvidence(
            row, "c", "m", "a", ("w",), np.array([row + 0.5]), "logit", np.zeros(len(COLUMNS)),
            *zeros, 0.1, "",
        )
        for row in range(3)
    ]  # fmt: skip

    def opened(place: Path) -> Any:
        return EvidenceStore.opened(place / "evidence" / "a.jsonl", {"rows": "abc"})

    def write(place: Path) -> None:
        store = opened(place)
        known = {item.key for item in store.items}
        for item in made:
            if item.key not in known:
                store.append(item)

    def read(place: Path) -> Any:
        items = opened(place).items
        assert len({item.key for item in items}) == len(items)
        return sorted((item.row, item.scores.tolist()) for item in items)

    return Writer("evidence over data", write, read)


class _Vectors:
    def __init__(self, order: Any) -> None:
        self.order = order

    def __call__(self, batch: Any) -> Any:
        import pyarrow as pa

        lengths = [float(len(text)) for text in batch["text"].to_pylist()]
        flat = pa.array(np.repeat(lengths, 2).astype(np.float32))
        return batch.append_column("mean@1", pa.FixedSizeListArray.from_arrays(flat, 2))


@writer
def embed_parts(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    from analysis.corpus import bulk
    from analysis.corpus.vector_folder import open_folder

    patch.setattr(bulk, "BATCH_ROWS", 3)
    table = sources / "rows.csv"
    table.write_text("text\n" + "\n".join(f"text {'x' * row}" for row in range(8)) + "\n")
    order = bulk.Order(str(zoo.folder("cls")), "text", layers=(1,), dtype="float32")

    def write(place: Path) -> None:
        bulk.run([table], place / "out", order, work=_Vectors)

    def read(place: Path) -> Any:
        opened = open_folder(place / "out")
        return list(opened.table.text), _arrays(opened.vectors["mean", 1])

    return Writer("embed parts", write, read)


def _of_data(patch: pytest.MonkeyPatch, kind: str) -> Writer:
    from analysis.corpus import embedding, passes, predictions, runs

    patch.setattr(passes, "PART_ROWS", 3)
    patch.setattr(runs, "WINDOW", 3)
    loaded, table = zoo.loaded("cls"), frozen_data.table(8, 1)
    readers = (runs.PREDICTION,) if kind == "answers" else embedding.readers_of(
        loaded, ("mean",), (1,)
    )  # fmt: skip

    def write(place: Path) -> None:
        runs.compute(loaded, table, place, readers)

    def read(place: Path) -> Any:
        if kind == "answers":
            answers = predictions.read(place, loaded.checkpoint, table)
            return answers.rows.tolist(), _arrays(answers.logits)
        return tuple(map(_arrays, embedding.stored(place, loaded.checkpoint, table, ("mean", 1))))

    return Writer(kind, write, read)


@writer
def evaluation_parts(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    return _of_data(patch, "answers")


@writer
def map_vectors(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    return _of_data(patch, "vectors")


@writer
def study_files(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    import yaml

    from training.study import study

    plan = sources / "tiny.yaml"
    content = {**TINY, "encoder": str(zoo.folder("bare")), "families": [TINY["families"][0]]}
    plan.write_text(yaml.safe_dump(content))

    def write(place: Path) -> None:
        study(plan, str(sources), None, place, do=record_without_training)

    return Writer("study files", write, lambda place: scores_of(place / "tiny"))


@writer
def collections(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    from analysis.figures.files.collected import Collection, read
    from pages.ui.export import saved
    from tests.support.saved_figures import of_reading

    name, text = "a" * 32, Collection().add(of_reading()).to_json()

    def write(place: Path) -> str:
        os.environ["POOLLENS_FIGURES"] = str(place)
        return saved.write(name, text)

    def again(place: Path) -> Any:
        os.environ["POOLLENS_FIGURES"] = str(place)
        content = saved.read(name)
        return None if content is None else read(content).to_json()

    patch.setenv("POOLLENS_FIGURES", str(sources))
    return Writer("collections", write, again)


@writer
def states(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    from training.frozen import states as module

    patch.setattr(module, "_WINDOW_ROWS", 3)
    data, loaded = frozen_data.table(8, 1), zoo.loaded("bare")

    def computed(place: Path) -> Any:
        return module.states(loaded, data, folder=place / "states", precision="float32")

    def read(place: Path) -> Any:
        made = computed(place)
        return [_arrays(made.view(view).vectors) for view in module.standard_views(4, 3)]

    return Writer("states", lambda place: computed(place) and None, read)


@writer
def fits(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    import analysis
    import training
    from analysis.common.whole import whole_folder
    from analysis.study.fits import read_fit, write_fit
    from training.frozen.problem import split_rows
    from training.frozen.record import record_of

    made = frozen_data.states(sources, frozen_data.table(40, 1))
    fitted = training.fit(made, ["cls"], seeds=1)
    _, rows = split_rows(made.table, fitted.problem)

    def write(place: Path) -> None:
        if (place / "fit").is_dir():
            return
        with whole_folder(place / "fit") as building:
            folders = training.save(fitted, building, name="mine")
            record = record_of(
                fitted, made.table.take(rows), name="mine", data="rows", checkpoints=folders
            )
            write_fit(record, building)

    def read(place: Path) -> Any:
        record = read_fit(place / "fit")
        loaded = analysis.load(place / "fit" / "mine-cls-s0", device="cpu")
        weights = {k: _arrays(v) for k, v in loaded.model.classifier.state_dict().items()}
        return record.name, [_arrays(head.scores) for head in record.heads], weights

    return Writer("fits", write, read)


@writer
def uploads(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    from pages.ui.data import file

    content = b"text,label\n" + b"a good film,1\n" * 50

    def write(place: Path) -> None:
        (place / "uploads").mkdir(exist_ok=True)
        patch.setattr(file, "_folder", lambda: SimpleNamespace(name=str(place / "uploads")))
        file.keep(content, "mine.csv")

    def read(place: Path) -> Any:
        (only,) = [path for path in (place / "uploads").iterdir() if path.suffix == ".csv"]
        return only.read_bytes()

    return Writer("uploads", write, read)


@writer
def exported_figures(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    from analysis.figures.files.sidecar import read as read_sidecar
    from analysis.figures.files.store import to_json
    from tests.support.saved_figures import of_reading

    plot = of_reading()

    def read(place: Path) -> Any:
        sidecar = read_sidecar((place / "figure.json").read_bytes())
        return [to_json(plot) for plot in sidecar.plots], (place / "figure.svg").read_bytes()

    def write(place: Path) -> None:
        plot.save(place, "figure", "svg")

    return Writer("exported figures", write, read)


@writer
def files_of_commands(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    from analysis.commands.options import write as write_files

    def read(place: Path) -> Any:
        return [(place / "out" / name).read_bytes() for name in ("a.svg", "a.json")]

    files = [("a.svg", b"<svg/>" * 900), ("a.json", b"{}")]
    return Writer(
        "files of commands", lambda place: write_files(place / "out", files) and None, read
    )


@writer
def fine_tuning(patch: pytest.MonkeyPatch, sources: Path) -> Writer:
    import analysis
    from tests.support.training_data import QUICK, write_sst2
    from training import trainer
    from training.finetune import finetune
    from training.settings import Settings

    glue, build = write_sst2(sources), trainer.build_trainer

    def often(*plan: Any, **named: Any) -> Any:
        made = build(*plan, **named)
        made.args.save_steps = 12  # three states of 36 steps
        return made

    patch.setattr(trainer, "build_trainer", often)

    def write(place: Path) -> None:
        output = place / "sst2-tiny"
        if not (output / "config.json").is_file():
            finetune(
                Settings(
                    "sst2", "cls", str(zoo.folder("bare")), output, str(glue), recipe=QUICK
                )
            )  # fmt: skip

    def read(place: Path) -> Any:
        loaded = analysis.load(place / "sst2-tiny", device="cpu")
        weights = loaded.model.classifier.state_dict()
        return {name: np.asarray(value).round(3).tolist() for name, value in weights.items()}

    return Writer("fine tuning", write, read, killed_at=6)
