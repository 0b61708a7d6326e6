"""The finished checkpoint folder: weights, measured scores, profile, facts and model card."""

from __future__ import annotations

import json
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.checkpoints.refusals.weights import check_weights, sums_of
from analysis.common.whole import sync, write_whole
from analysis.datasets.table import HUB, TASKS, Table, read
from training.card import write_card
from training.evaluate import evaluate
from training.settings import Settings, Splits, command

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from analysis.checkpoints.encoders import EncoderLocation
    from analysis.checkpoints.loading import Classifier
    from training.trainer import Trained

PROFILE_ROWS = 500


@dataclass(frozen=True)
class Spent:
    """Cost of a training: seconds in all, steps, epochs, rows trained on and rows changed."""

    seconds: float
    steps: int
    epochs: float
    rows: int
    changed: int = 0  # of these rows, in how many cleaning replaced characters


def write_weights(
    model: Trained, tokenizer: PreTrainedTokenizerFast, folder: Path, settings: Settings
) -> None:
    """config.json and the adapter (LoRA) or the whole model. No path of this machine in any of
    it, except where an adapter's encoder is a folder of one's own and has no other name."""
    from training.trainer import plain

    if settings.tuning == "lora":
        # False: otherwise PEFT looks for the encoder's configuration on the Hub.
        model.save_pretrained(str(folder), save_embedding_layers=False)
    else:
        model.save_pretrained(str(folder))
        tokenizer.save_pretrained(folder)
    classifier = plain(model)
    classifier.config.architectures = [type(classifier).__name__]
    classifier.config.save_pretrained(folder)
    path = folder / "adapter_config.json"
    if path.is_file():
        adapter = json.loads(path.read_text())
        adapter["base_model_name_or_path"] = settings.encoder_name
        adapter["target_modules"] = sorted(adapter["target_modules"])
        write_whole(path, json.dumps(adapter, indent=2, sort_keys=True) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors creates its files readable by the owner alone


def finish(folder: Path, facts: dict[str, Any], splits: Splits) -> dict[str, Any]:
    """Measure the folder as reloaded, add the profile, ``training.json`` and the model card."""
    import analysis

    classifier = analysis.load(folder)
    facts["metrics"] = {
        split: evaluate(classifier, table, splits.metrics).metrics
        for split, table in splits.scored.items()
    }
    facts["weights"] = sums_of(check_weights(folder, folder.name))
    facts["profile_rows"] = _write_profile(classifier, folder, next(iter(splits.scored.values())))
    write_whole(folder / "training.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    write_card(folder, facts)
    return facts


def refresh(folder: Path, data: str, text_data: str | None = None) -> dict[str, Any]:
    """Measure a finished folder of a known task again and rewrite its profile and card.

    Raises
    ------
    ValueError
        No ``training.json``, or a table of one's own (which is not named in it).
    """
    record = folder / "training.json"
    if not record.is_file():
        raise ValueError(
            f"{record} does not exist; only a folder written by this command can be measured again."
        )
    facts: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    facts = {"name": folder.resolve().name} | facts
    entry = TASKS.get(facts["task"])
    if entry is None:
        raise ValueError(f"{folder} was trained on files of its owner, which it does not name.")
    source = text_data if facts["task"] == "trec" and text_data else data
    scored = {split: read(entry.key, split, source) for split in entry.scored}
    return finish(folder, facts, Splits(next(iter(scored.values())), scored, entry.metrics))


def _write_profile(classifier: Classifier, folder: Path, table: Table) -> int:
    """``profile.safetensors``: what the pooling head usually reads, over the first rows of a
    scored split. Returns the number of texts (0: this pooling head has no profile)."""
    from analysis.reading.trace import measure_profile

    rows = table.take(range(min(PROFILE_ROWS, len(table))))
    corpus = f"the first {len(rows)} rows of {table.task}, split {table.split}"
    profile = measure_profile(classifier, rows.text, rows.pair, corpus)
    if profile is None:
        return 0
    profile.save(folder)
    (folder / "profile.safetensors").chmod(0o644)
    return len(rows)


def facts_of(
    settings: Settings, splits: Splits, model: Trained, location: EncoderLocation, spent: Spent
) -> dict[str, Any]:
    """Facts of the card except the scores; names of files and folders only, no paths."""
    lora = settings.tuning == "lora"
    plan = asdict(settings.recipe) | {
        "epochs": spent.epochs,
        "learning_rate": settings.recipe.rate(settings.tuning),
    }
    unused = ("lora_rank", "lora_targets", "lora_dropout")
    for name in ("full_learning_rate", "min_steps", *(() if lora else unused)):
        plan.pop(name)
    from training.trainer import precision

    return {
        "name": settings.output.name,
        "task": settings.task,
        "head": settings.head,
        "head_options": settings.options,
        "tuning": settings.tuning,
        "encoder": settings.encoder_name,
        "encoder_sha256": location.sha256,
        "labels": list(splits.train.labels),
        "regression": splits.train.regression,
        "pairs": splits.train.pair is not None,
        "seed": settings.seed,
        "group": settings.group,
        "selection": settings.selection,
        "command": command(settings),
        "source": "hub" if settings.data == HUB else "files",
        "rows": {
            "train": spent.rows,
            **{split: len(table) for split, table in splits.scored.items()},
        },
        "recipe": plan,
        "steps": spent.steps,
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "changed_rows": spent.changed,
        "training_seconds": round(spent.seconds, 1),
        "precision": precision(),
        "device": _device(),
        "threads": _threads(),
        "versions": versions(),
    }


def _device() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def versions() -> dict[str, str]:
    """Versions of what computed the result."""
    from importlib.metadata import version

    names = ("torch", "transformers", "peft", "accelerate", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def move_into_place(building: Path, output: Path) -> None:
    """Replace ``output`` by the finished folder; at no moment is a half-written one there."""
    sync(building)
    old = _aside(output)
    if output.exists():
        output.rename(old)
    building.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def recover(output: Path) -> None:
    """Put back what an interruption in the middle of :func:`move_into_place` left aside."""
    old = _aside(output)
    if old.exists() and not output.exists():
        old.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def _aside(output: Path) -> Path:
    return output.parent / f".{output.name}.old"
