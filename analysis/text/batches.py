"""From token ids to what a model is given: as tokenizer and configuration say, no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Row(Protocol):
    """Ids of one row, and its token types where the tokenizer gives them."""

    @property
    def ids(self) -> Sequence[int] | np.ndarray: ...

    @property
    def types(self) -> Sequence[int] | np.ndarray | None: ...


@dataclass(frozen=True)
class InputRules:
    """Rules by which rows become a batch of one model; found when it is loaded."""

    pad_id: int = 0  # what stands behind a row that is shorter than its batch
    types: bool = True  # whether the model takes token types
    alike: bool = False  # whether rows of a batch must be of equal length: the model reads padding
    # Whether embeddings are put in under the text's ids: given alone they are read otherwise.
    by_ids: bool = False

    def arrays(self, rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """B rows -> input_ids, attention_mask and, where taken, token_type_ids: (B, T) int64.

        Padding stands on the right, whatever side the tokenizer prefers: no row then changes its
        positions, and what a row is run with changes none of its answers.
        """
        shape = (len(rows), max(len(row.ids) for row in rows))
        ids = np.full(shape, self.pad_id, dtype=np.int64)
        mask, types = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for index, row in enumerate(rows):
            ids[index, : len(row.ids)] = row.ids
            mask[index, : len(row.ids)] = 1
            if row.types is not None:
                types[index, : len(row.ids)] = row.types
        arrays = {"input_ids": ids, "attention_mask": mask}
        if self.types and all(row.types is not None for row in rows):
            arrays["token_type_ids"] = types
        return arrays
