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

from analysis.common.faults import FileError
from analysis.datasets.table import TASKS
from training import study_parts as parts
from training.study_parts import Family
from training.tasks import Recipe

TOP = (
    "name",
    "title",
    "note",
    "encoder",
    "encoders",
    "tuning",
    "heads",
    "recipe",
    "recipes",
    "own",
    "families",
)


@dataclass(frozen=True)
class PlannedRun:
    """One training: task, variant (a pooling head with its options), seed and share of the rows.

    A share above 1 is a number of rows. On a frozen encoder all ``seeds`` are one run.
    """

    task: str
    variant: str
    seed: int
    share: float
    config: Mapping[str, Any]
    seeds: tuple[int, ...] = ()

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits of the configuration, which names the run's file."""
        text = json.dumps(self.config, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """Readable name, for progress lines."""
        share = "" if self.share == 1 else f"-{100 * self.share:g}%"
        if self.share > 1:
            share = f"-{self.share:g}rows"
        seeds = f"{len(self.seeds)} seeds" if self.seeds else f"s{self.seed}"
        return f"{self.task}-{self.variant}{share}-{seeds}"


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
    runs: tuple[PlannedRun, ...]
    own: Mapping[str, Mapping[str, Any]]
    file: str  # its name, for the command that repeats it
    recipes: Mapping[str, Mapping[str, Any]]

    def declaration(self) -> dict[str, Any]:
        """Declaration in ``study.json``: all that a reader of the results needs."""
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
            "runs": [
                [run.hash, run.task, run.variant, run.share, list(run.seeds) or run.seed]
                for run in self.runs
            ],
        }


def encoder_name(encoder: str) -> str:
    """A Hub id as it is; a folder by its last part, so that no path of a machine is kept."""
    return Path(encoder).name if Path(encoder).is_dir() else encoder


def read_plan(path: str | Path) -> Plan:
    """Read a study's file.

    Raises
    ------
    ValueError
        Not there, no YAML, an unknown or missing entry; the sentence names the file.
    """
    import yaml

    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}). Name a study's YAML."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileError(f"{path} is no YAML: {error}. Correct the file.") from None
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply for a study. Correct the file.") from None
    if not isinstance(data, dict):
        raise ValueError(f"{path} holds no entries. study/minilm.yaml is an example.")
    try:
        parts.check_kinds(data)
        return _plan(data, path)
    except (TypeError, AttributeError, LookupError, OverflowError, OSError) as error:
        raise FileError(f"{path}: an entry is not of its kind ({error}). Correct it.") from None
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None


def _for_each_encoder(data: dict[str, Any]) -> dict[str, Any]:
    """``encoders: {short: name}`` in place of ``encoder``: heads and families once for each.

    Those of the first keep their names, those of another are called ``short/name``.
    """
    encoders = data.get("encoders")
    if encoders is None:
        return data
    if "encoder" in data or not isinstance(encoders, dict) or not encoders:
        raise ValueError("'encoders' maps short names to encoders, in place of 'encoder'.")
    heads: dict[str, Any] = {}
    families = []
    for place, (short, encoder) in enumerate(encoders.items()):
        prefix = f"{short}/" if place else ""
        for key, entry in dict(data.get("heads") or {}).items():
            heads[f"{prefix}{key}"] = {"head": key, **dict(entry or {}), "encoder": encoder}
        for entry in data.get("families") or ():
            named = {
                "against": f"{prefix}{entry.get('against', 'cls')}",
                "heads": [f"{prefix}{key}" for key in entry.get("heads", ())],
                "name": f"{prefix}{entry.get('name', '')}",
                "title": f"{encoder.rpartition('/')[2]}: {entry.get('title', entry.get('name'))}",
                "primary": bool(entry.get("primary")) and not place,
            }
            families.append({**entry, **named})
    kept = {name: value for name, value in data.items() if name != "encoders"}
    return kept | {"encoder": next(iter(encoders.values())), "heads": heads, "families": families}


def _plan(data: dict[str, Any], path: Path) -> Plan:
    parts.only(data, TOP, "the file")
    data = _for_each_encoder(data)
    for name in ("name", "encoder", "heads", "recipe", "families"):
        if name not in data:
            raise ValueError(f"'{name}' is missing. study/minilm.yaml is an example.")
    if not str(data["name"]).replace("-", "").replace("_", "").isalnum():
        raise ValueError("'name' becomes a folder: letters, digits, - and _ only.")
    tuning = str(data.get("tuning", "full"))
    if tuning not in ("full", "lora", "frozen"):
        raise ValueError(f"'tuning' is {tuning!r}; it is full, lora or frozen.")
    own = {
        str(name): parts.own_table(str(name), dict(entry), path.parent)
        for name, entry in (data.get("own") or {}).items()
    }
    encoder = str(data["encoder"])
    heads = {
        str(key): parts.variant(str(key), dict(entry or {}), encoder)
        for key, entry in dict(data["heads"]).items()
    }
    folders: dict[str, str] = {}
    for value in heads.values():
        name = encoder_name(value["encoder"])
        if folders.setdefault(name, value["encoder"]) != value["encoder"]:
            raise ValueError(
                f"two encoders are called {name!r}: {folders[name]} and {value['encoder']}. A run "
                "is named after its encoder; rename one of the folders."
            )
    families = tuple(parts.family(dict(entry), heads, own) for entry in data["families"])
    if sum(family.primary for family in families) > 1:
        raise ValueError("more than one family is primary; a study has one headline.")
    names = [family.name for family in families]
    if len(set(names)) != len(names):
        raise ValueError("two families have the same name.")
    tasks = dict.fromkeys(task for family in families for task in family.tasks)
    recipes = {
        task: parts.recipe(
            task, dict(data["recipe"]), dict((data.get("recipes") or {}).get(task, {})), tuning
        )
        for task in tasks
    }
    runs: dict[str, PlannedRun] = {}
    for family in families:
        for run in _runs(family, heads, recipes, tuning, own):
            runs.setdefault(run.hash, run)
    return Plan(
        name=str(data["name"]),
        title=str(data.get("title", data["name"])),
        note=" ".join(str(data.get("note", "")).split()),
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
) -> Iterator[PlannedRun]:
    """Seed by seed, so that a study that is interrupted has the same seeds for every head."""
    variants = dict.fromkeys((family.against, *family.heads))
    frozen = tuning == "frozen"
    for seed in family.seeds[:1] if frozen else family.seeds:
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
                        **({"seeds": list(family.seeds)} if frozen else {"seed": seed}),
                    }
                    if task in own:
                        config["own"] = {
                            name: Path(value).name if name in ("train", "dev") else value
                            for name, value in own[task].items()
                        }
                    seeds = family.seeds if frozen else ()
                    yield PlannedRun(task, variant, seed, share, config, seeds)


def recipe_of(config: Mapping[str, Any]) -> Recipe:
    """A run's recipe as the trainer takes it."""
    settings = dict(config["recipe"])
    if config["tuning"] == "full":
        settings["full_learning_rate"] = settings.pop("learning_rate")
    if "lora_targets" in settings:
        settings["lora_targets"] = tuple(settings["lora_targets"])
    known = {field.name for field in fields(Recipe)}
    return Recipe(**{name: value for name, value in settings.items() if name in known})


def _first_split(task: str) -> str:
    return TASKS[task].scored[0] if task in TASKS else "dev"
