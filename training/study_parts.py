"""The parts of a study's file, each checked as it is read: heads, families, recipes, own tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.datasets.table import TASKS
from training import metrics

# A run's hash covers these, and the file must give them all: a default that changes in the code
# must neither rename a finished run nor mean something else under the same name.
RECIPE = (
    "epochs",
    "batch_size",
    "learning_rate",
    "max_length",
    "min_steps",
    "weight_decay",
    "warmup",
    "dropout",
)
FROZEN = ("epochs", "batch_size", "rates", "min_steps", "weight_decay", "warmup", "dropout")
LORA = ("lora_rank", "lora_targets", "lora_dropout")
OWN = ("train", "dev", "text", "pair", "label", "label_kind")
FAMILY = ("name", "title", "primary", "tasks", "heads", "against", "seeds", "shares", "metrics")


@dataclass(frozen=True)
class Family:
    """Runs that are reported together, and whose tests are corrected together."""

    name: str
    title: str
    primary: bool
    tasks: tuple[str, ...]
    heads: tuple[str, ...]
    against: str
    seeds: tuple[int, ...]
    shares: tuple[float, ...]
    metrics: Mapping[str, str]


def check_kinds(entries_by_name: Mapping[str, Any]) -> None:
    """That each entry of a study's file is of its kind, before anything is read out of it.

    Raises
    ------
    ValueError
        One is not; the sentence shows it.
    """
    for name in ("heads", "own", "recipes", "encoders", "recipe"):
        entries = entries_by_name.get(name)
        if entries is None:
            continue
        _kind(name, entries, dict, "names with their options")
        for key, entry in entries.items() if name in ("heads", "own", "recipes") else ():
            if entry is not None:
                _kind(f"{name}: {key}", entry, dict, "options with their values")
    families = entries_by_name.get("families")
    if families is not None:
        _kind("families", families, list, "a list of families")
    for entry in families or ():
        _kind("families", entry, dict, "a list of families, each with a name")
        name = f"family {entry.get('name', '')!r}"
        for part in ("tasks", "heads", "shares"):
            if entry.get(part) is not None:
                _kind(f"{name}: {part}", entry[part], list, "a list")
        if entry.get("metrics") is not None:
            _kind(f"{name}: metrics", entry["metrics"], dict, "tasks with their metric")
        seeds = entry.get("seeds")
        if seeds is not None and (not isinstance(seeds, int | list) or isinstance(seeds, bool)):
            _kind(f"{name}: seeds", seeds, list, "a number of seeds, or a list of them")


def _kind(name: str, value: object, kind: type, meant: str) -> None:
    if not isinstance(value, kind):
        raise ValueError(f"'{name}' is {value!r:.60}; expected {meant}.")


def variant(key: str, entry: dict[str, Any], encoder: str) -> dict[str, Any]:
    """``KEY: {options}``, or ``NAME: {head: KEY, options}`` where one pooling head comes twice.
    An encoder of its own makes the same pooling head comparable between encoders."""
    return {
        "head": str(entry.pop("head", key)),
        "encoder": str(entry.pop("encoder", encoder)),
        "options": entry,
    }


def family(entry: dict[str, Any], heads: Mapping[str, Any], own: Mapping[str, Any]) -> Family:
    """A family of tests, against the pooling heads and own tables that are declared.

    Raises
    ------
    ValueError
        Something is missing, unknown, named twice, or there is nothing to test.
    """
    only(entry, FAMILY, "a family")
    for name in ("name", "tasks", "heads", "seeds"):
        if not entry.get(name):
            raise ValueError(f"family {entry.get('name', '')!r} has no '{name}'.")
    against = str(entry.get("against", "cls"))
    tested = tuple(str(key) for key in entry["heads"] if key != against)
    for key in (against, *tested):
        if key not in heads:
            raise ValueError(f"pooling head {key!r} is not declared under 'heads'.")
    tasks = tuple(str(task) for task in entry["tasks"])
    for task in tasks:
        if task not in TASKS and task not in own:
            raise ValueError(f"no task is called {task!r}; known: {', '.join([*TASKS, *own])}.")
    seeds = entry["seeds"]
    seeds = tuple(range(seeds)) if isinstance(seeds, int) else tuple(int(seed) for seed in seeds)
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"family {entry['name']!r} names a seed twice.")
    shares = tuple(float(share) for share in entry.get("shares", (1.0,)))
    if not shares or not all(0 < share <= 1 or share == int(share) for share in shares):
        raise ValueError(
            "'shares' are shares of the training set, above 0 and at most 1, or numbers of rows."
        )
    if not tested:
        raise ValueError(
            f"family {entry['name']!r} names no pooling head beside {against}: nothing to test."
        )
    # Counted twice a task would weigh double, and Holm would correct for tests that are one.
    for what, names in (("pooling head", tested), ("task", tasks), ("share", shares)):
        if len(set(names)) != len(names):
            raise ValueError(f"family {entry['name']!r} names a {what} twice.")
    return Family(
        name=str(entry["name"]),
        title=str(entry.get("title", entry["name"])),
        primary=bool(entry.get("primary", False)),
        tasks=tasks,
        heads=tested,
        against=against,
        seeds=seeds,
        shares=shares,
        metrics=_metrics(tasks, dict(entry.get("metrics") or {}), own),
    )


def _metrics(
    tasks: tuple[str, ...], declared: dict[str, Any], own: Mapping[str, Any]
) -> dict[str, str]:
    """The one metric per task on which the tests are made: declared, or the task's first."""
    only(declared, tasks, "'metrics'")
    chosen = {}
    for task in tasks:
        if task in TASKS:
            known: tuple[str, ...] = TASKS[task].metrics
        else:
            known = metrics.NUMBER if own[task].get("label_kind") == "number" else metrics.CLASSES
        chosen[task] = str(declared.get(task, known[0]))
        if chosen[task] not in known:
            raise ValueError(f"task {task} reports {', '.join(known)}, not {chosen[task]!r}.")
    return chosen


def recipe(
    task: str, common: dict[str, Any], special: dict[str, Any], tuning: str
) -> dict[str, Any]:
    """Recipe of a task: the common one with the task's own changes.

    Raises
    ------
    ValueError
        An entry is missing, unknown or no number.
    """
    names = {"lora": (*RECIPE, *LORA), "frozen": FROZEN}.get(tuning, RECIPE)
    merged = common | special
    only(merged, names, f"the recipe of {task}")
    missing = [name for name in names if name not in merged]
    if missing:
        raise ValueError(f"the recipe of {task} does not give {', '.join(missing)}.")
    whole = ("batch_size", "max_length", "min_steps", "lora_rank")
    try:  # 3 and 3.0 are one recipe and must have one hash
        numbers: dict[str, Any] = {
            name: int(merged[name]) if name in whole else float(merged[name])
            for name in names
            if name not in ("lora_targets", "rates")
        }
        if "rates" in names:
            numbers["rates"] = [float(rate) for rate in merged["rates"]]
    except (TypeError, ValueError) as error:
        raise ValueError(f"the recipe of {task}: {error}.") from None
    if "lora_targets" in names:
        numbers["lora_targets"] = [str(kind) for kind in merged["lora_targets"]]
    return numbers


def own_table(name: str, entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A table of one's own; its files lie beside the study's file, unless their paths say else."""
    only(entry, OWN, f"table {name!r}")
    for key in ("train", "dev", "text", "label"):
        if key not in entry:
            raise ValueError(f"table {name!r} has no '{key}'.")
    if name in TASKS:
        raise ValueError(f"table {name!r} has the name of a known task; choose another.")
    kind = entry.setdefault("label_kind", "classes")
    if kind not in ("classes", "number"):
        raise ValueError(f"table {name!r}: label_kind is {kind!r}; it is classes or number.")
    for key in ("train", "dev"):
        entry[key] = str(folder / entry[key])
    return entry


def only(entries: Mapping[str, Any], known: Any, where: str) -> None:
    """Raise ``ValueError`` where ``entries`` has an entry that is not known ``where`` it stands."""
    strangers = [str(name) for name in entries if name not in known]
    if strangers:
        raise ValueError(f"{where} has no entry {strangers[0]!r}; it has {', '.join(known)}.")
