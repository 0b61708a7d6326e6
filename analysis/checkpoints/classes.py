"""The classes of a checkpoint: their names and number, from its configuration and its weights."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from analysis.common.faults import CheckpointError

# Names of the last layer of a classifier, the longer ones first.
_LAST = ("classifier.out_proj.weight", "classifier.weight", "score.weight")


def outputs_of(shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """Number of outputs of the classification layer among these tensors; None: there is none."""
    for name in _LAST:
        for key, shape in shapes.items():
            plain = key.replace(".modules_to_save", "").replace(".default", "")
            if f".{plain}".endswith(f".{name}") and len(shape) == 2:
                return shape[0]
    return None


def labels_of(
    name: str, config: Mapping[str, Any], outputs: int | None = None
) -> tuple[str, ...]:
    """The names of the classes in order, each of them once.

    `outputs` is how many the weights hold: it decides where the configuration names no number.

    Raises
    ------
    CheckpointError
        ``id2label`` is no table of numbers and names, or its number is not that of the weights.
    """
    names = config.get("id2label")
    if names is None:
        count = int(config.get("num_labels") or outputs or 2)
        labels = [f"LABEL_{index}" for index in range(count)]
    else:
        labels = _named(name, names)
    if outputs is not None and labels and len(labels) != outputs:
        raise CheckpointError(
            f"{name}: config.json names {len(labels)} classes (id2label), and the classification "
            f"layer of its weights has {outputs} outputs. Take the config.json that was saved with "
            f"these weights, or write {outputs} names into its id2label."
        )
    often = Counter(labels)
    return tuple(
        f"{label} (LABEL_{index})" if often[label] > 1 else label
        for index, label in enumerate(labels)
    )


def _named(name: str, names: Any) -> list[str]:
    if isinstance(names, dict):
        try:
            places = sorted(names, key=int)
        except ValueError:
            _refuse(name, {str(v): k for k, v in names.items()})
        return [
            f"LABEL_{place}" if names[place] is None else str(names[place]) for place in places
        ]
    return _refuse(name, dict(enumerate(names)) if isinstance(names, list) else {})


def _refuse(name: str, table: Mapping[Any, Any]) -> list[str]:
    example = table if table and all(str(key).isdigit() for key in table) else {"0": "no", "1": "yes"}
    raise CheckpointError(
        f"{name}: id2label in config.json should lead from numbers to names, as in "
        f"{json.dumps(example, ensure_ascii=False, default=str)[:200]}. Correct it there."
    )


def gaps_in(config: Mapping[str, Any]) -> str:
    """In a sentence that the numbers of the classes have gaps; "" where they have none."""
    names = config.get("id2label")
    try:
        numbers = sorted(map(int, names)) if isinstance(names, dict) else []
    except ValueError:
        return ""
    if numbers == list(range(len(numbers))):
        return ""
    return "The numbers of its classes (id2label) have gaps: their names are taken in order."
