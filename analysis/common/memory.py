"""Errors of a device that runs out of memory, turned into a sentence."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from analysis.common.faults import CheckpointError

if TYPE_CHECKING:
    import torch

    from analysis.checkpoints.loading import Classifier


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: a device's, Python's, or the CPU allocator's plain RuntimeError."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    message = str(error).lower() if isinstance(error, RuntimeError) else ""
    return any(
        words in message for words in ("allocate memory", "not enough memory", "out of memory")
    )


@contextmanager
def one_memory_error() -> Iterator[None]:
    """Every way in which memory runs out inside is raised as ``torch.OutOfMemoryError``."""
    import torch

    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError) or not is_out_of_memory(error):
            raise
        raise torch.OutOfMemoryError(str(error) or "out of memory") from error


def release(device: torch.device) -> None:
    """Hand back what a device's allocator keeps of a pass that failed."""
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextmanager
def enough_memory(classifier: Classifier, when: str) -> Iterator[None]:
    """Around what one text is asked to do; ``when`` ends "ran out of memory ...".

    Raises :class:`CheckpointError` where the memory runs out; the model is left as it was.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        release(classifier.device)
        last_resort = "" if classifier.device.type == "cpu" else ", or load with device='cpu'"
        raise CheckpointError(
            f"{classifier.checkpoint.name}: {classifier.device} ran out of memory {when}. "
            f"Shorten the text, close other programs{last_resort}."
        ) from error
