"""The plan of a study: a YAML file in, the list of runs and the families of tests out.

Reading a plan loads no torch and no data: what a run is called depends on the file alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from analysis.datasets import TASKS
from training import metrics
from training.tasks import Recipe

# A run's hash covers these, and the file must give them all: a default that changes in the code
# must neither rename a finished run nor mean something else under the same name.
RECIPE = ("epochs", "batch_size", "learning_rate", "max_length", "min_steps", "weight_decay",
          "warmup", "dropout")  # fmt: skip
LORA = ("lora_rank", "lora_targets", "lora_dropout")
OWN = ("train", "dev", "text", "pair", "label", "label_kind")
TOP = (
    "name",
    "title",
    "note",
    "encoder",
    "tuning",
    "heads",
    "recipe",
    "recipes",
    "own",
    "families",
)
FAMILY = ("name", "title", "primary", "tasks", "heads", "against", "seeds", "shares", "metrics")


@dataclass(frozen=True)
class Run:
    """One training: task, variant (a pooling head with its options), seed and share of the rows."""

    task: str
    variant: str
    seed: int
    share: float
    config: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits of the configuration, which names the run's file."""
        text = json.dumps(self.config, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """Readable name, for progress lines."""
        share = "" if self.share == 1 else f"-{100 * self.share:g}%"
        return f"{self.task}-{self.variant}{share}-s{self.seed}"


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


@dataclass(frozen=True)
class Plan:
    """A study as its file declares it."""

    name: str
    title: str
    note: str
    encoder: str
    tuning: str
    heads: Mapping[str, Mapping[str, Any]]  # variant -> head (key), options, encoder
    families: tuple[Family, ...]
    runs: tuple[Run, ...]
    own: Mapping[str, Mapping[str, Any]]
    file: str  # its name, for the command that repeats it
    recipes: Mapping[str, Mapping[str, Any]]

    def declaration(self) -> dict[str, Any]:
        """What ``study.json`` says beside the results: all that a reader of them needs."""
        return {
            "name": self.name,
            "file": self.file,
            "title": self.title,
            "note": self.note,
            "encoder": encoder_name(self.encoder),
            "tuning": self.tuning,
            "heads": {
                key: {**value, "encoder": encoder_name(value["encoder"])}
                for key, value in self.heads.items()
            },
            "recipes": {task: dict(value) for task, value in self.recipes.items()},
            "families": [
                {
                    "name": family.name,
                    "title": family.title,
                    "primary": family.primary,
                    "against": family.against,
                    "heads": list(family.heads),
                    "seeds": list(family.seeds),
                    "strata": [
                        {
                            "task": task,
                            "share": share,
                            "metric": family.metrics[task],
                            "split": _first_split(task),
                        }
                        for task in family.tasks
                        for share in family.shares
                    ],
                }
                for family in self.families
            ],
            "runs": [[run.hash, run.task, run.variant, run.share, run.seed] for run in self.runs],
        }


def encoder_name(encoder: str) -> str:
    """A Hub id as it is; a folder by its last part, so that no path of a machine is kept."""
    return Path(encoder).name if Path(encoder).is_dir() else encoder


def read_plan(path: str | Path) -> Plan:
    """Read a study's file.

    Raises:
        ValueError: not there, no YAML, an unknown or missing entry; the sentence names the file.
    """
    import yaml

    path = Path(path)
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}). Name a study's YAML."
        ) from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML: {error}. Correct the file.") from None
    if not isinstance(given, dict):
        raise ValueError(f"{path} holds no entries. study/minilm.yaml is an example.")
    try:
        return _plan(given, path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _plan(given: dict[str, Any], path: Path) -> Plan:
    _only(given, TOP, "the file")
    for name in ("name", "encoder", "heads", "recipe", "families"):
        if name not in given:
            raise ValueError(f"'{name}' is missing. study/minilm.yaml is an example.")
    if not str(given["name"]).replace("-", "").replace("_", "").isalnum():
        raise ValueError("'name' becomes a folder: letters, digits, - and _ only.")
    tuning = str(given.get("tuning", "full"))
    if tuning not in ("full", "lora"):
        raise ValueError(f"'tuning' is {tuning!r}; it is full or lora.")
    own = {
        str(name): _own(str(name), dict(entry), path.parent)
        for name, entry in (given.get("own") or {}).items()
    }
    encoder = str(given["encoder"])
    heads = {
        str(key): _variant(str(key), dict(entry or {}), encoder)
        for key, entry in dict(given["heads"]).items()
    }
    folders: dict[str, str] = {}
    for value in heads.values():
        name = encoder_name(value["encoder"])
        if folders.setdefault(name, value["encoder"]) != value["encoder"]:
            raise ValueError(
                f"two encoders are called {name!r}: {folders[name]} and {value['encoder']}. A run "
                "is named after its encoder; rename one of the folders."
            )
    families = tuple(_family(dict(entry), heads, own) for entry in given["families"])
    if sum(family.primary for family in families) > 1:
        raise ValueError("more than one family is primary; a study has one headline.")
    names = [family.name for family in families]
    if len(set(names)) != len(names):
        raise ValueError("two families have the same name.")
    tasks = dict.fromkeys(task for family in families for task in family.tasks)
    recipes = {
        task: _recipe(
            task, dict(given["recipe"]), dict((given.get("recipes") or {}).get(task, {})), tuning
        )
        for task in tasks
    }
    runs: dict[str, Run] = {}
    for family in families:
        for run in _runs(family, heads, recipes, tuning, own):
            runs.setdefault(run.hash, run)
    return Plan(
        name=str(given["name"]),
        title=str(given.get("title", given["name"])),
        note=" ".join(str(given.get("note", "")).split()),
        encoder=encoder,
        tuning=tuning,
        heads=heads,
        families=families,
        runs=tuple(runs.values()),
        own=own,
        file=path.name,
        recipes=recipes,
    )


def _runs(
    family: Family,
    heads: Mapping[str, Mapping[str, Any]],
    recipes: Mapping[str, Mapping[str, Any]],
    tuning: str,
    own: Mapping[str, Mapping[str, Any]],
) -> Iterator[Run]:
    """Seed by seed, so that a study that is interrupted has the same seeds for every head."""
    variants = dict.fromkeys((family.against, *family.heads))
    for seed in family.seeds:
        for task in family.tasks:
            for share in family.shares:
                for variant in variants:
                    config = {
                        "task": task,
                        "head": heads[variant]["head"],
                        "options": dict(heads[variant]["options"]),
                        "encoder": encoder_name(heads[variant]["encoder"]),
                        "tuning": tuning,
                        "recipe": dict(recipes[task]),
                        "share": share,
                        "seed": seed,
                    }
                    if task in own:
                        config["own"] = {
                            name: Path(value).name if name in ("train", "dev") else value
                            for name, value in own[task].items()
                        }
                    yield Run(task, variant, seed, share, config)


def _variant(key: str, entry: dict[str, Any], encoder: str) -> dict[str, Any]:
    """``KEY: {options}``, or ``NAME: {head: KEY, options}`` where one pooling head comes twice.
    An encoder of its own makes the same pooling head comparable between encoders."""
    return {
        "head": str(entry.pop("head", key)),
        "encoder": str(entry.pop("encoder", encoder)),
        "options": entry,
    }


def _family(entry: dict[str, Any], heads: Mapping[str, Any], own: Mapping[str, Any]) -> Family:
    _only(entry, FAMILY, "a family")
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
    if not shares or not all(0 < share <= 1 for share in shares):
        raise ValueError("'shares' are shares of the training set, above 0 and at most 1.")
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
    tasks: tuple[str, ...], given: dict[str, Any], own: Mapping[str, Any]
) -> dict[str, str]:
    """The one metric per task on which the tests are made: declared, or the task's first."""
    _only(given, tasks, "'metrics'")
    chosen = {}
    for task in tasks:
        if task in TASKS:
            known: tuple[str, ...] = TASKS[task].metrics
        else:
            known = metrics.NUMBER if own[task].get("label_kind") == "number" else metrics.CLASSES
        chosen[task] = str(given.get(task, known[0]))
        if chosen[task] not in known:
            raise ValueError(f"task {task} reports {', '.join(known)}, not {chosen[task]!r}.")
    return chosen


def _recipe(
    task: str, common: dict[str, Any], special: dict[str, Any], tuning: str
) -> dict[str, Any]:
    names = (*RECIPE, *LORA) if tuning == "lora" else RECIPE
    merged = common | special
    _only(merged, names, f"the recipe of {task}")
    missing = [name for name in names if name not in merged]
    if missing:
        raise ValueError(f"the recipe of {task} does not give {', '.join(missing)}.")
    whole = ("batch_size", "max_length", "min_steps", "lora_rank")
    try:  # 3 and 3.0 are one recipe and must have one hash
        numbers: dict[str, Any] = {
            name: int(merged[name]) if name in whole else float(merged[name])
            for name in names
            if name != "lora_targets"
        }
    except (TypeError, ValueError) as error:
        raise ValueError(f"the recipe of {task}: {error}.") from None
    if "lora_targets" in names:
        numbers["lora_targets"] = [str(kind) for kind in merged["lora_targets"]]
    return numbers


def recipe_of(config: Mapping[str, Any]) -> Recipe:
    """A run's recipe as the trainer takes it."""
    given = dict(config["recipe"])
    if config["tuning"] == "full":
        given["full_learning_rate"] = given.pop("learning_rate")
    if "lora_targets" in given:
        given["lora_targets"] = tuple(given["lora_targets"])
    known = {field.name for field in fields(Recipe)}
    return Recipe(**{name: value for name, value in given.items() if name in known})


def _own(name: str, entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A table of one's own; its files lie beside the study's file, unless their paths say else."""
    _only(entry, OWN, f"table {name!r}")
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


def _first_split(task: str) -> str:
    return TASKS[task].scored[0] if task in TASKS else "dev"


def _only(given: Mapping[str, Any], known: Any, where: str) -> None:
    strangers = [str(name) for name in given if name not in known]
    if strangers:
        raise ValueError(f"{where} has no entry {strangers[0]!r}; it has {', '.join(known)}.")
