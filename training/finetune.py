"""One fine-tuning run: settings in, a finished checkpoint folder out.

The run keeps its state in ``OUTPUT/.training`` and continues from there after an interruption.
The checkpoint itself appears by one rename, so a folder with a ``config.json`` is a whole one.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from analysis.datasets import HUB, TASKS, Table, read, read_file
from training import metrics
from training.evaluate import evaluate
from training.tasks import Recipe, recipe

STATE = ".training"
PROFILE_ROWS = 500


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a run computes. ``options`` are the pooling head's own."""

    task: str
    head: str
    encoder: str
    output: Path
    data: str | None = None
    tuning: Literal["lora", "full"] = "lora"
    seed: int = 0
    recipe: Recipe = field(default_factory=Recipe)
    options: dict[str, Any] = field(default_factory=dict)
    selection: Literal["last", "heldout"] = "last"
    max_train_rows: int | None = None
    group: str | None = None
    train: Path | None = None
    dev: Path | None = None
    text: str | None = None
    pair: str | None = None
    label: str | None = None
    label_kind: Literal["auto", "classes", "number"] = "auto"

    def fingerprint(self) -> dict[str, Any]:
        """What must be equal for an interrupted run to be continued."""
        facts = asdict(replace(self, output=Path()))
        return json.loads(json.dumps(facts, default=str, sort_keys=True))


@dataclass(frozen=True)
class Splits:
    """The tables of a run: what is trained on, and what a score is reported on."""

    train: Table
    scored: dict[str, Table]
    metrics: tuple[str, ...]


def finetune(settings: Settings, *, overwrite: bool = False) -> Path:
    """Train, write the checkpoint folder and return its path.

    Raises:
        ValueError: the output holds a finished checkpoint and ``overwrite`` is false; settings
            that cannot work; data that cannot be read.
    """
    output = settings.output
    if (output / "config.json").is_file() and not overwrite:
        raise ValueError(
            f"{output} holds a finished checkpoint. Give another --output, or "
            "--overwrite to replace it."
        )
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file. Give a folder as --output.")
    settings = replace(settings, options=_all_options(settings.head, settings.options))
    splits = load_splits(settings)
    state = _open_state(output / STATE, settings)
    model, tokenizer, location = _prepare(settings, splits.train)
    seconds, steps, epochs = _train(model, tokenizer, splits.train, settings, state)

    building = output.parent / f".{output.name}.{os.getpid()}"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        write_weights(model, tokenizer, building, settings)
        facts = _facts(settings, splits, model, location, seconds, steps, epochs)
        finish(building, facts, splits)
        _move_into_place(building, output)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return output


def _all_options(head: str, given: dict[str, Any]) -> dict[str, Any]:
    """The pooling head's options with its defaults written out, so that a later change of a
    default changes no finished checkpoint."""
    from analysis.heads import HEADS, check_options, options_of

    known = check_options(head, given)
    strangers = sorted(set(given) - set(known))
    if strangers:
        raise ValueError(
            f"Pooling head {head} has no option {', '.join(strangers)}; it has "
            f"{', '.join(sorted(options_of(HEADS[head])))}."
        )
    return options_of(HEADS[head]) | known


def load_splits(settings: Settings) -> Splits:
    """Read the tables that the settings name, cut to ``max_train_rows`` (drawn by the seed)."""
    if settings.task == "csv":
        splits = _own_splits(settings)
    else:
        if settings.data is None:
            raise ValueError(f"Task {settings.task} needs --data: a GLUE folder, or 'hub'.")
        train = read(settings.task, "train", settings.data)
        entry = TASKS[settings.task]
        scored = {split: read(settings.task, split, settings.data) for split in entry.scored}
        splits = Splits(train, scored, entry.metrics)
    limit = settings.max_train_rows
    if limit is not None and limit < len(splits.train):
        rows = np.random.default_rng(settings.seed).permutation(len(splits.train))[:limit]
        splits = replace(splits, train=splits.train.take(np.sort(rows)))
    return splits


def _own_splits(settings: Settings) -> Splits:
    missing = [
        name for name in ("train", "dev", "text", "label") if getattr(settings, name) is None
    ]
    if missing:
        raise ValueError("--task csv needs " + ", ".join(f"--{name}" for name in missing) + ".")
    assert settings.train is not None
    assert settings.dev is not None
    assert settings.text is not None
    train = read_file(
        settings.train, settings.text, settings.pair, settings.label, kind=settings.label_kind
    )
    if len(train.labels) == 1:
        raise ValueError(
            f"{settings.train}: every row of column {settings.label!r} is "
            f"{train.labels[0]!r}. At least two classes are needed."
        )
    dev = read_file(
        settings.dev, settings.text, settings.pair, settings.label, labels=train.labels, split="dev"
    )
    names = metrics.NUMBER if train.regression else metrics.CLASSES
    return Splits(train, {"dev": dev}, names)


def _prepare(settings: Settings, train: Table) -> tuple[Any, Any, Any]:
    """The classifier (wrapped by PEFT for LoRA), its tokenizer, and where the encoder lies."""
    from transformers import set_seed

    from analysis.encoders import resolve_encoder
    from analysis.model import build_classifier

    location = resolve_encoder(settings.encoder)
    tokenizer = encoder_tokenizer(location.path)
    set_seed(settings.seed)
    model: Any = build_classifier(
        settings.encoder,
        settings.head,
        settings.options,
        None if train.regression else train.labels,
        dropout=settings.recipe.dropout,
        task=settings.task,
        pairs=train.pair is not None,
        seed=settings.seed,
    )
    if settings.tuning == "lora":
        from peft import LoraConfig, get_peft_model

        model = get_peft_model(
            model,
            LoraConfig(
                r=settings.recipe.lora_rank,
                lora_alpha=2 * settings.recipe.lora_rank,
                lora_dropout=settings.recipe.lora_dropout,
                bias="none",
                target_modules=model.encoder_linear_names(("query", "value")),
                modules_to_save=["head", "classifier"],
            ),
        )
        # PEFT asks the Hub about this name at every save; the finished folder gets it back.
        model.peft_config["default"].base_model_name_or_path = None
    return model, tokenizer, location


def encoder_tokenizer(folder: str | Path) -> Any:
    """The tokenizer of an encoder folder, without the fixed padding and cut that may be stored
    in its ``tokenizer.json``."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_padding()
        backend.no_truncation()
    return tokenizer


def _train(
    model: Any, tokenizer: Any, table: Table, settings: Settings, state: Path
) -> tuple[float, int, float]:
    """Run the Trainer, from its last saved state where there is one. Returns the seconds spent
    training (over all sittings), the number of steps and of epochs."""
    from training.trainer import Clock, TokenRows, build_trainer, last_state

    plan = settings.recipe
    train, held_out = table, None
    if settings.selection == "heldout":
        train, held_out = _hold_out(table, settings.seed)
    longest = min(plan.max_length, _positions(model))
    epochs = plan.epochs_for(len(train))
    clock = Clock(state / "clock.json", name=settings.output.name)
    trainer = build_trainer(
        model,
        tokenizer,
        TokenRows(train, tokenizer, longest),
        None if held_out is None else TokenRows(held_out, tokenizer, longest),
        plan=plan,
        rate=plan.rate(settings.tuning),
        epochs=epochs,
        seed=settings.seed,
        state=state,
        clock=clock,
        regression=table.regression,
    )
    trainer.train(resume_from_checkpoint=last_state(state))
    return clock.seconds, int(trainer.state.global_step), epochs


def _hold_out(table: Table, seed: int) -> tuple[Table, Table]:
    """Nine tenths to train on, one to choose the epoch by; drawn by the seed."""
    if len(table) < 20:
        raise ValueError(
            f"{len(table)} training rows are too few to hold out a tenth; use --selection last."
        )
    order = np.random.default_rng(seed).permutation(len(table))
    cut = len(table) // 10
    return table.take(np.sort(order[cut:])), table.take(np.sort(order[:cut]))


def _positions(model: Any) -> int:
    """How many tokens the encoder has positions for."""
    config = model.config.encoder_config()
    positions = int(getattr(config, "max_position_embeddings", 512))
    # RoBERTa and its kin count positions from padding_idx + 1.
    offset = 2 if "roberta" in config.model_type or config.model_type == "camembert" else 0
    return positions - offset


def _open_state(state: Path, settings: Settings) -> Path:
    """The folder of the unfinished run; one of other settings is not continued but refused."""
    record = state / "settings.json"
    now = settings.fingerprint()
    if record.is_file():
        then = json.loads(record.read_text())
        if then != now:
            changed = sorted(key for key in now if then.get(key) != now[key])
            raise ValueError(
                f"{state.parent} holds an unfinished run with other settings "
                f"({', '.join(changed)} differ). Remove {state} to start anew, or repeat the "
                "earlier command to continue it."
            )
    state.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(now, indent=1))
    return state


def write_weights(model: Any, tokenizer: Any, folder: Path, settings: Settings) -> None:
    """config.json and the adapter (LoRA) or the whole model; no path of this machine in any."""
    if settings.tuning == "lora":
        model.peft_config["default"].base_model_name_or_path = settings.encoder
        # False: otherwise PEFT looks for the encoder's configuration on the Hub.
        model.save_pretrained(folder, save_embedding_layers=False)
        classifier = model.get_base_model()
    else:
        classifier = model
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    classifier.config.architectures = [type(classifier).__name__]
    classifier.config.save_pretrained(folder)
    path = folder / "adapter_config.json"
    if path.is_file():
        adapter = json.loads(path.read_text())
        adapter["base_model_name_or_path"] = settings.encoder
        adapter["target_modules"] = sorted(adapter["target_modules"])
        path.write_text(json.dumps(adapter, indent=2, sort_keys=True) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors creates its files readable by the owner alone


def finish(folder: Path, facts: dict[str, Any], splits: Splits) -> dict[str, Any]:
    """Measure the folder as reloaded, add the profile, ``training.json`` and the model card."""
    import analysis
    from training.card import write_card

    classifier = analysis.load(folder)
    facts["metrics"] = {
        split: evaluate(classifier, table, splits.metrics).metrics
        for split, table in splits.scored.items()
    }
    facts["profile_rows"] = _write_profile(classifier, folder, next(iter(splits.scored.values())))
    (folder / "training.json").write_text(
        json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    write_card(folder, facts)
    return facts


def refresh(folder: Path, data: str, text_data: str | None = None) -> dict[str, Any]:
    """Measure a finished folder of a known task again and rewrite its profile and card.

    Raises:
        ValueError: no ``training.json``, or a table of one's own (which is not named in it).
    """
    record = folder / "training.json"
    if not record.is_file():
        raise ValueError(
            f"{record} does not exist; only a folder written by this command can be measured again."
        )
    facts: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    entry = TASKS.get(facts["task"])
    if entry is None:
        raise ValueError(f"{folder} was trained on files of its owner, which it does not name.")
    source = text_data if facts["task"] == "trec" and text_data else data
    scored = {split: read(entry.key, split, source) for split in entry.scored}
    return finish(folder, facts, Splits(next(iter(scored.values())), scored, entry.metrics))


def _write_profile(classifier: Any, folder: Path, table: Table) -> int:
    """``profile.safetensors``: what the pooling head usually reads, over the first rows of a
    scored split. Returns the number of texts (0: this pooling head has no profile)."""
    from analysis.trace import measure_profile

    rows = table.take(range(min(PROFILE_ROWS, len(table))))
    corpus = f"the first {len(rows)} rows of {table.task}, split {table.split}"
    profile = measure_profile(classifier, rows.text, rows.pair, corpus)
    if profile is None:
        return 0
    profile.save(folder)
    (folder / "profile.safetensors").chmod(0o644)
    return len(rows)


def _facts(
    settings: Settings,
    splits: Splits,
    model: Any,
    location: Any,
    seconds: float,
    steps: int,
    epochs: float,
) -> dict[str, Any]:
    """All that the card says, but for the scores; names of files and folders only, no paths."""
    base = model.get_base_model() if settings.tuning == "lora" else model
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    plan = asdict(settings.recipe)
    plan["epochs"] = epochs
    plan["learning_rate"] = settings.recipe.rate(settings.tuning)
    for name in ("full_learning_rate", "min_steps"):
        plan.pop(name)
    if settings.tuning == "full":
        for name in ("lora_rank", "lora_dropout"):
            plan.pop(name)
    from training.trainer import precision

    return {
        "task": settings.task,
        "head": settings.head,
        "head_options": dict(base.config.head_options or {}),
        "tuning": settings.tuning,
        "encoder": settings.encoder,
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
            "train": len(splits.train),
            **{split: len(table) for split, table in splits.scored.items()},
        },
        "recipe": plan,
        "steps": steps,
        "trained_parameters": trained,
        "training_seconds": round(seconds, 1),
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


def command(settings: Settings) -> str:
    """The command that repeats the run, with placeholders for what differs between machines."""
    words = [
        "python -m training finetune",
        f"--task {settings.task}",
        f"--head {settings.head}",
        f"--encoder {settings.encoder}",
        f"--tuning {settings.tuning}",
    ]
    if settings.task == "csv":
        words += [
            f"--{name} {Path(value).name if name in ('train', 'dev') else repr(value)}"
            for name in ("train", "dev", "text", "pair", "label")
            if (value := getattr(settings, name)) is not None
        ]
        if settings.label_kind != "auto":
            words.append(f"--label-kind {settings.label_kind}")
    else:
        folder = "TREC_FOLDER" if settings.task == "trec" else "GLUE_FOLDER"
        words.append(f"--data {HUB if settings.data == HUB else folder}")
    words.append(f"--seed {settings.seed}")
    for name, value in settings.options.items():
        if value is True:
            words.append(f"--{name.replace('_', '-')}")
        elif value is not False and value != "none":
            words.append(f"--{name.replace('_', '-')} {value}")
    standard = recipe(settings.task)
    for name, value in asdict(settings.recipe).items():
        if value != getattr(standard, name):
            words.append(f"--{name.replace('full_', '').replace('_', '-')} {value}")
    if settings.selection != "last":
        words.append(f"--selection {settings.selection}")
    if settings.max_train_rows is not None:
        words.append(f"--max-train-rows {settings.max_train_rows}")
    return " ".join([*words, f"--output {settings.output.name}"])


def _move_into_place(building: Path, output: Path) -> None:
    """Replace ``output`` by the finished folder; at no moment is a half-written one there."""
    old = output.parent / f".{output.name}.old.{os.getpid()}"
    if output.exists():
        output.rename(old)
    building.rename(output)
    shutil.rmtree(old, ignore_errors=True)
