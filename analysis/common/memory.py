"""A device that runs out of memory, as a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from analysis.common.faults import CheckpointError

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier


@contextmanager
def enough_memory(classifier: Classifier, when: str) -> Iterator[None]:
    """Around what one text is asked to do; ``when`` ends "ran out of memory ...".

    Raises :class:`CheckpointError` where the memory runs out; the model is left as it was.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise CheckpointError(
            f"{classifier.checkpoint.id}: {classifier.device} ran out of memory {when}. "
            "Shorten the text, or load with device='cpu'."
        ) from error
