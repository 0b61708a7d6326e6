"""The classes of a checkpoint: their names and number, from its configuration and its weights."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from analysis.common.faults import CheckpointError

_PROBLEMS = ("single_label_classification", "multi_label_classification", "regression")
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


def labels_of(name: str, config: Mapping[str, Any], outputs: int | None = None) -> tuple[str, ...]:
    """The names of the classes in order, each of them once.

    `outputs` is how many the weights hold: it decides where the configuration names no number.

    Raises
    ------
    CheckpointError
        ``id2label`` is no table of numbers and names, or its number is not that of the weights.
    """
    check_problem(name, config.get("problem_type"))
    number = config.get("num_labels")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
        raise CheckpointError(
            f"{name}: num_labels in config.json is {number!r}, and should be a whole number. "
            "Correct it there."
        )
    names = config.get("id2label")
    if names is None:
        names = _numbered(config.get("label2id"))
    if names is None:
        count = number or outputs or 2
        labels = [f"LABEL_{index}" for index in range(count)]
    else:
        labels = _named(name, names)
    if outputs is not None and len(labels) != outputs:
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


def _numbered(table: Any) -> dict[str, str] | None:
    """``label2id`` the right way round; None where it leads to no numbers, each of them once."""
    numbers = list(table.values()) if isinstance(table, dict) else []
    whole = all((isinstance(n, int) and not isinstance(n, bool)) or _is_digits(n) for n in numbers)
    if not numbers or not whole or len(set(map(int, numbers))) < len(numbers):
        return None
    return {str(int(number)): str(label) for label, number in table.items()}


def _is_digits(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit()


def contradiction_in(config: Mapping[str, Any]) -> str:
    """A sentence where the two tables of a configuration's classes differ; "" where they agree."""
    names, numbers = config.get("id2label"), _numbered(config.get("label2id"))
    if not isinstance(names, dict) or numbers is None:
        return ""
    differ = [n for n in names if str(n) in numbers and str(names[n]) != numbers[str(n)]]
    if not differ:
        return ""
    first = sorted(map(str, differ))[0]
    return (
        f"Its config.json contradicts itself: class {first} is {names.get(first)} by id2label, "
        f"which is used here, and {numbers[first]} by label2id. Correct the wrong one."
    )


def _named(name: str, names: Any) -> list[str]:
    if isinstance(names, dict):
        try:
            places = sorted(names, key=int)
        except ValueError:
            _refuse(name, {str(v): k for k, v in names.items()})
        return [
            str(names[place]) if str(names[place] or "").strip() else f"LABEL_{place}"
            for place in places
        ]
    return _refuse(name, dict(enumerate(names)) if isinstance(names, list) else {})


def _refuse(name: str, table: Mapping[Any, Any]) -> list[str]:
    example = (
        table if table and all(str(key).isdigit() for key in table) else {"0": "no", "1": "yes"}
    )
    raise CheckpointError(
        f"{name}: id2label in config.json should lead from numbers to names, as in "
        f"{json.dumps(example, ensure_ascii=False, default=str)[:200]}. Correct it there."
    )


def check_problem(name: str, problem: Any) -> None:
    """Raise :class:`CheckpointError` where ``problem_type`` is none that Transformers knows: with
    a misspelt one the outputs would be read as something else than they are."""
    if problem is not None and problem not in _PROBLEMS:
        raise CheckpointError(
            f"{name}: problem_type is {problem!r}, which nobody knows; known: "
            f"{', '.join(_PROBLEMS)}. Correct it in its configuration."
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
