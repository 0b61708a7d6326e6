"""Transformers' Trainer as this project uses it: rows, order, progress, saved state."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

import torch
from torch.utils.data import Dataset, Sampler
from transformers import (
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_pt_utils import get_length_grouped_indices

from analysis.checkpoints.tokenizers import input_rules
from analysis.common.whole import write_sums, write_whole
from analysis.datasets.table import Table
from analysis.text.batches import InputRules
from analysis.text.tokens import TokenRow, tokenize_rows
from training.resuming import earlier_seconds
from training.tasks import Recipe

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerFast

    from analysis.checkpoints.model import PoolingClassifier

    Trained = PoolingClassifier | PeftModel


class Item(TypedDict):
    """A row as token ids, and its label."""

    row: TokenRow
    labels: Any  # a class, numbers, or 0 and 1 for each class


class TokenRows(Dataset[Item]):
    """The rows of a table as token ids, cut at ``max_length``; padding is left to the batch.

    Texts come through the same door as those that are typed (:mod:`analysis.text.tokens`): what is
    cleaned there is cleaned here.
    """

    def __init__(self, table: Table, tokenizer: PreTrainedTokenizerFast, max_length: int) -> None:
        if table.label is None:
            raise ValueError(f"Split {table.split} of task {table.task} has no labels.")
        self.rows = tokenize_rows(tokenizer, table.text, table.pair, max_length)
        self.labels = table.label.tolist()
        self.lengths = [len(row.ids) for row in self.rows]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> Item:
        return {"row": self.rows[row], "labels": self.labels[row]}


class Batches:
    """Rows as one batch of tensors, padded as the model is padded wherever it runs."""

    def __init__(self, rules: InputRules) -> None:
        self.rules = rules

    def __call__(self, items: list[Item]) -> dict[str, torch.Tensor]:
        arrays = self.rules.arrays([item["row"] for item in items])
        batch = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return batch | {"labels": torch.tensor([item["labels"] for item in items])}


class LengthGroupedOrder(Sampler[int]):
    """Rows of similar length side by side, in an order that seed and epoch alone decide.

    The Trainer's own length grouping draws from the global generator, so a continued run would
    see another order than an uninterrupted one, and two pooling heads of a task would as well.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(1_000_003 * self.seed + self.epoch)
        return iter(get_length_grouped_indices(self.lengths, self.batch_size, generator=generator))


class PoolingTrainer(Trainer):
    """The Trainer with our order of rows."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        dataset = train_dataset if train_dataset is not None else self.train_dataset
        assert isinstance(dataset, TokenRows)
        return LengthGroupedOrder(dataset.lengths, self.args.train_batch_size, self.args.seed)


class Clock(TrainerCallback):
    """Prints a line of progress with the time left, and adds up the training time of all
    sittings in a file beside the saved state."""

    def __init__(self, path: Path, name: str, every_seconds: float = 15.0) -> None:
        self.path, self.name, self.every_seconds = path, name, every_seconds
        self.before = 0.0
        self.started: float | None = None
        self.first_step = 0
        self.printed = -math.inf
        self.loss = math.nan

    @property
    def seconds(self) -> float:
        """Seconds of training so far, earlier sittings included."""
        running = 0.0 if self.started is None else time.monotonic() - self.started
        return self.before + running

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.global_step:
            self.before = earlier_seconds(self.path)
        self.started, self.first_step = time.monotonic(), state.global_step

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        now = time.monotonic()
        if now - self.printed < self.every_seconds and state.global_step < state.max_steps:
            return
        self.printed = now
        assert self.started is not None
        done = state.global_step - self.first_step
        left = (now - self.started) / max(done, 1) * (state.max_steps - state.global_step)
        loss = "" if math.isnan(self.loss) else f"  loss {self.loss:.4f}"
        print(
            f"{self.name}  step {state.global_step}/{state.max_steps}{loss}  {_minutes(left)} left",
            flush=True,
        )

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        self.loss = float((logs or {}).get("loss", self.loss))
        held_out = {k: v for k, v in (logs or {}).items() if k == "eval_loss"}
        if held_out:
            print(
                f"{self.name}  step {state.global_step}  held-out loss {held_out['eval_loss']:.4f}",
                flush=True,
            )

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        write_whole(self.path, json.dumps({"seconds": self.seconds}))
        state_folder = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        if state_folder.is_dir() and state.is_world_process_zero:
            write_sums(state_folder)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.before, self.started = self.seconds, None


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def precision() -> str:
    """``"bf16"`` where the machine computes in it natively, else ``"fp32"``."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    cpu = torch.cpu.get_capabilities()
    return "bf16" if cpu.get("avx512_bf16") or cpu.get("amx_bf16") else "fp32"


def build_trainer(
    model: Trained,
    tokenizer: PreTrainedTokenizerFast,
    train: TokenRows,
    held_out: TokenRows | None,
    *,
    plan: Recipe,
    rate: float,
    epochs: float,
    seed: int,
    state: Path,
    clock: Clock,
    regression: bool,
) -> Trainer:
    """A Trainer with linear warm-up and decay that saves its state a few times per run.

    With ``held_out`` rows the epoch with the lowest loss on them is kept, else the last one.
    """
    cuda = torch.cuda.is_available()
    steps = math.ceil(math.ceil(len(train) / plan.batch_size) * epochs)
    by_epoch = held_out is not None
    arguments = TrainingArguments(
        output_dir=str(state),
        num_train_epochs=epochs,
        per_device_train_batch_size=plan.batch_size,
        per_device_eval_batch_size=2 * plan.batch_size,
        learning_rate=rate,
        weight_decay=plan.weight_decay,
        warmup_steps=plan.warmup,  # below 1: a share of all steps
        lr_scheduler_type="linear",
        bf16=precision() == "bf16",
        use_cpu=not cuda,
        save_strategy="epoch" if by_epoch else "steps",
        save_steps=max(50, steps // 5),
        save_total_limit=2,
        eval_strategy="epoch" if by_epoch else "no",
        load_best_model_at_end=by_epoch,
        metric_for_best_model="eval_loss" if by_epoch else None,
        greater_is_better=False if by_epoch else None,
        logging_steps=max(1, min(50, steps // 10)),
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        data_seed=seed,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=cuda,
    )
    trainer = PoolingTrainer(
        model=model,
        args=arguments,
        train_dataset=train,
        eval_dataset=held_out,
        data_collator=Batches(input_rules(plain(model), tokenizer)),
        processing_class=tokenizer,
        callbacks=[clock],
    )
    # The classifier's loss is a mean over its batch. Its **kwargs make the Trainer think that it
    # counts rows over all processes, and multiply the loss by their number.
    trainer.model_accepts_loss_kwargs = False
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    return trainer


def plain(model: Trained) -> PoolingClassifier:
    """The classifier itself, out of PEFT's wrapping."""
    unwrap = getattr(model, "get_base_model", None)
    return cast("PoolingClassifier", model if unwrap is None else unwrap())
