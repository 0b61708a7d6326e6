"""One fine-tuning run: settings in, a finished checkpoint folder out.

The run keeps its state in ``OUTPUT/.training`` and continues from there after an interruption.
The checkpoint itself appears by one rename, so a folder with a ``config.json`` is a whole one.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.checkpoints.encoders import EncoderLocation, resolve_encoder
from analysis.datasets.table import Table
from training.folder import Spent, facts_of, finish, move_into_place, recover, write_weights
from training.resuming import last_state, open_state, written
from training.settings import Settings, all_options, load_splits
from training.tasks import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.trainer import Trained

STATE = ".training"


def finetune(settings: Settings, *, overwrite: bool = False, report_every: float = 15.0) -> Path:
    """Train, write the checkpoint folder and return its path.

    A line of progress is printed every ``report_every`` seconds.

    Raises
    ------
    ValueError
        The output holds a finished checkpoint and ``overwrite`` is false; settings that cannot
        work; data that cannot be read.
    """
    output = settings.output
    if (output / "config.json").is_file() and not overwrite:
        raise ValueError(
            f"{output} holds a finished checkpoint. Give another --output, or "
            "--overwrite to replace it."
        )
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file. Give a folder as --output.")
    settings = replace(settings, options=all_options(settings.head, settings.options))
    splits = load_splits(settings)
    building = output.parent / f".{output.name}.building"
    recover(output)
    state = open_state(output / STATE, settings.fingerprint())
    model, tokenizer, location = prepare(settings, splits.train)
    spent = fit(model, tokenizer, splits.train, settings, state, report_every=report_every)
    if int(os.environ.get("RANK", "0")) != 0:
        return output  # under torchrun one process writes the folder

    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        write_weights(model, tokenizer, building, settings)
        finish(building, facts_of(settings, splits, model, location, spent), splits)
        move_into_place(building, output)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return output


def require_encoder(reference: str) -> EncoderLocation:
    """Where an encoder lies that can be fine-tuned.

    Raises
    ------
    EncoderNotFound
        There is none of this name; each place looked in is named.
    ValueError
        It is a checkpoint with a pooling head, not an encoder.
    """
    location = resolve_encoder(reference)
    try:
        config = json.loads((location.path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return location  # whoever builds the model says what is wrong with it
    if isinstance(config, dict) and "PoolingClassifier" in (config.get("architectures") or ()):
        made_of = config.get("encoder_name") or "the one that it was made of"
        raise ValueError(
            f"{Path(reference).name} is a checkpoint with a pooling head, and fine-tuning begins "
            f"from an encoder: name {made_of}."
        )
    return location


def prepare(
    settings: Settings, train: Table
) -> tuple[Trained, PreTrainedTokenizerFast, EncoderLocation]:
    """The classifier (wrapped by PEFT for LoRA), its tokenizer, and where the encoder lies."""
    from transformers import set_seed

    from analysis.checkpoints.model import build_classifier
    from analysis.checkpoints.tokenizers import load_tokenizer

    location = require_encoder(settings.encoder)
    tokenizer = load_tokenizer(location.path)
    # A tokenizer.json may hold a cut and a fixed padding of its own (this encoder's: 128).
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
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
        several=train.several,
    )
    if settings.tuning == "lora":
        if location.source == "folder":
            # The adapter alone is saved, so the folder must remember where its encoder lies.
            model.config.encoder_name = str(location.path.resolve())
        from peft import LoraConfig, get_peft_model

        model = get_peft_model(
            model,
            LoraConfig(
                r=settings.recipe.lora_rank,
                lora_alpha=2 * settings.recipe.lora_rank,
                lora_dropout=settings.recipe.lora_dropout,
                bias="none",
                target_modules=model.encoder_linear_names(settings.recipe.lora_targets),
                modules_to_save=["head", "classifier"],
            ),
        )
        # PEFT asks the Hub about this name at every save; the finished folder gets it back.
        model.peft_config["default"].base_model_name_or_path = None
    return model, tokenizer, location


def fit(
    model: Trained,
    tokenizer: PreTrainedTokenizerFast,
    table: Table,
    settings: Settings,
    state: Path,
    *,
    keep_states: bool = True,
    report_every: float = 15.0,
) -> Spent:
    """Run the Trainer, from its last saved state where there is one; trains ``model`` in place.

    ``keep_states=False`` saves none: a run of minutes is done again sooner than it is saved.
    """
    from transformers.trainer_utils import SaveStrategy

    from analysis.text.tokens import changed_rows
    from training.trainer import Clock, TokenRows, build_trainer

    plan = settings.recipe
    train, held_out = table, None
    if settings.selection == "heldout":
        train, held_out = _hold_out(table, settings.seed)
    length = longest(model, tokenizer, plan)
    epochs = plan.epochs_for(len(train))
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if plan.batch_size % processes:
        raise ValueError(
            f"A batch of {plan.batch_size} rows cannot be shared by {processes} processes. "
            "Launch a number of them that divides it."
        )
    # The recipe's batch is that of a step: under torchrun each process has its share of it.
    plan = replace(plan, batch_size=plan.batch_size // processes)
    clock = Clock(state / "clock.json", settings.output.name, report_every)
    trainer = build_trainer(
        model,
        tokenizer,
        TokenRows(train, tokenizer, length),
        None if held_out is None else TokenRows(held_out, tokenizer, length),
        plan=plan,
        rate=plan.rate(settings.tuning),
        epochs=epochs,
        seed=settings.seed,
        state=state,
        clock=clock,
        regression=table.regression,
    )
    if not keep_states:
        trainer.args.save_strategy = SaveStrategy.NO
    whole = last_state(state)
    with written(state):
        trainer.train(resume_from_checkpoint=None if whole is None else str(whole))
    changed = changed_rows(train.text, train.pair)
    return Spent(clock.seconds, int(trainer.state.global_step), epochs, len(train), changed)


def _hold_out(table: Table, seed: int) -> tuple[Table, Table]:
    """Nine tenths to train on, one to choose the epoch by; drawn by the seed."""
    if len(table) < 20:
        raise ValueError(
            f"{len(table)} training rows are too few to hold out a tenth; use --selection last."
        )
    order = np.random.default_rng(seed).permutation(len(table))
    cut = len(table) // 10
    return table.take(np.sort(order[cut:])), table.take(np.sort(order[:cut]))


def longest(model: Trained, tokenizer: PreTrainedTokenizerFast, plan: Recipe) -> int:
    """Where texts are cut, in tokens: by the recipe, or where the encoder's positions end."""
    from analysis.checkpoints.tokenizers import token_limit
    from training.trainer import plain

    return min(plan.max_length, token_limit(plain(model), tokenizer))
