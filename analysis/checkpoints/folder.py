"""Checkpoints on disk: discover, verify, describe. No torch: the first page shows before it is in.

A checkpoint is a folder with config.json, weights in safetensors (a full model or a PEFT adapter)
and, where it has its own, tokenizer files. What can be told without loading is told here; what
only loading shows (NaN weights, keys that do not fit) is told by :mod:`analysis.checkpoints.loading`.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.checkpoints import architectures, cross_encoders, frozen, layouts, other_weights
from analysis.checkpoints.encoders import (
    EncoderLocation,
    EncoderNotFound,
    digest_of,
    download,
    folder_named,
    in_hub_cache,
    resolve_encoder,
    sha256_of,
    weight_files,
)
from analysis.checkpoints.classes import contradiction_in, gaps_in, labels_of, outputs_of
from analysis.common.outputs import kind_of
from analysis.checkpoints.checkpoint import Broken, Checkpoint
from analysis.common.faults import CheckpointError
from analysis.checkpoints.sizes import excess, shapes_of
from analysis.common.places import DEMO_FOLDER

POOLING_MODEL_TYPE = "pooling_classifier"
_ENCODER_SUFFIXES = (
    "Model",
    "ForMaskedLM",
    "ForCausalLM",
    "ForConditionalGeneration",
    "ForPreTraining",
    "ForQuestionAnswering",
    "ForTokenClassification",
    "ForMultipleChoice",
)


def discover(root: Path | str = DEMO_FOLDER) -> tuple[list[Checkpoint], list[Broken]]:
    """Every folder in `root`, each either described or listed as broken with its reason."""
    checkpoints: list[Checkpoint] = []
    broken: list[Broken] = []
    root = Path(root)
    if not root.is_dir():
        return checkpoints, broken
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if folder.name.startswith((".", "_")):
            continue
        try:
            checkpoints.append(describe(folder))
        except CheckpointError as error:
            broken.append(Broken(folder.name, folder, str(error)))
    return checkpoints, broken


def locate(reference: str | Path, root: Path | str = DEMO_FOLDER) -> tuple[Path, str, str]:
    """(folder, id, source) of a folder, a registered name in `root`, or a Hub id.

    Raises :class:`CheckpointError` naming each place looked in.
    """
    name = str(reference).strip()
    if not name:
        raise CheckpointError("no checkpoint was named: give a folder or a Hub id")
    folder = folder_named(name)
    if folder is not None:
        inside = folder.resolve().parent == Path(root).resolve()
        return folder, folder.resolve().name if inside else name, "folder"
    if name.endswith((".yaml", ".yml")) and Path(name).expanduser().is_file():
        return Path(name).expanduser(), name, "folder"
    file = _file_named(name)
    if file is not None:
        raise CheckpointError(other_weights.of_file(file))
    registered = folder_named(str(Path(root) / name))
    if registered is not None and registered.resolve().parent == Path(root).resolve():
        return registered, name, "folder"
    looked = [f"folder {name!r}", f"checkpoints/{name}"]
    path = in_hub_cache(name, looked) or (
        download(name, looked) if re.fullmatch(r"[\w.-]+/[\w.-]+", name) else None
    )
    if path is None:
        raise CheckpointError(f"{name!r} was not found. Looked in: {'; '.join(looked)}.")
    return path, name, "Hub"


def _file_named(name: str) -> Path | None:
    """The file of that name, or None: whatever was typed, it raises nothing."""
    try:
        file = Path(name).expanduser()
        return file if file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def describe(folder: Path | str, id: str | None = None, source: str = "folder") -> Checkpoint:
    """Read and verify a checkpoint's files without loading its weights.

    Raises :class:`CheckpointError` for: no or unreadable config.json, a pickle instead of
    safetensors, a truncated file, code to be executed, an architecture that is no text encoder
    or classifier, an encoder that cannot be found (each place looked in is named), or anything
    else that its files do to their reader: one folder never takes the list of all down.
    """
    folder = Path(folder)
    name = id or folder.name
    if folder.is_file():
        from analysis.checkpoints.layouts import keys

        return keys.describe_file(folder, name, source)
    try:
        return _describe(folder, name, source)
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"{name}: its files cannot be understood ({type(error).__name__}: {error}). "
            "Copy the checkpoint again from where it was made."
        ) from error


def _describe(folder: Path, name: str, source: str) -> Checkpoint:
    foreign = layouts.layout_of(folder, _config_or_none(folder))
    if foreign is not None:
        return foreign.describe(folder, name, source, _config_or_none(folder))
    if (folder / "adapter_config.json").is_file() and not _is_own(folder):
        return _describe_adapter(folder, name, source)
    config = _read_config(folder)
    if config.get("auto_map") and not architectures.is_known(str(config.get("model_type", ""))):
        raise CheckpointError(
            f"{name}: config.json asks to run Python code from the checkpoint (auto_map), and "
            f"Transformers has no architecture {config.get('model_type')!r} of its own. "
            "PoolLens never runs code from a checkpoint; use a model that Transformers supports."
        )
    weights = check_weights(folder, name)
    if not (folder / "adapter_config.json").is_file():
        _check_sizes(name, config, weights)
    facts = _read_json(folder / "training.json") if (folder / "training.json").is_file() else {}
    _check_sums(name, facts, weights)
    if config.get("model_type") == POOLING_MODEL_TYPE:
        return _describe_pooling(folder, name, source, config, weights, facts)
    _check_quantised(name, config)
    outputs = outputs_of(shapes_of(weights))
    kind = _kind_of(name, config, outputs)
    cross_encoder = cross_encoders.settings_of(folder)
    config = cross_encoders.with_activation(config, cross_encoder) | declared(folder, name)
    labels: tuple[str, ...] = ()
    if kind == "classifier":
        labels = labels_of(name, config, outputs)
    return Checkpoint(
        id=name,
        folder=folder,
        kind=kind,
        encoder=str(config.get("model_type", "")),
        head=None,
        head_options={},
        labels=labels,
        task=config.get("finetuning_task"),
        pairs=False,
        output=kind_of(config, len(labels)),
        source=source,
        sha256=_with_sidecar(digest_of(weights), folder),
        facts=facts,
        notes=tuple(
            note
            for note in (
                gaps_in(config),
                contradiction_in(config),
                "" if kind == "classifier" else _without_pooling(folder),
                "" if kind == "classifier" else _unread_layer(config, outputs),
                cross_encoders.prompt_note(cross_encoder),
                _blocks(config),
            )
            if note
        ),
    )


def _without_pooling(folder: Path) -> str:
    """What is said of a folder of sentence-transformers whose modules pool nothing."""
    if not (folder / "modules.json").is_file():
        return ""
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    return (
        f"Its modules.json declares {', '.join(kinds) or 'no modules'} and no Pooling, so it has no "
        "sentence vector of its own: it opens as its Transformer alone, and you choose a pooling."
    )


_SIDECAR = ("labels", "problem_type", "task")


def declared(folder: Path, name: str) -> dict[str, Any]:
    """What a ``poollens.yaml`` says of a folder that opens without it, as its config.json would.

    Raises
    ------
    CheckpointError
        It cannot be read, or says something else than labels, problem_type and task.
    """
    from analysis.checkpoints.layouts import keys

    file = folder / keys.FILE
    if not file.is_file():
        return {}
    spec = keys.spec_of(file)
    unknown = sorted(set(map(str, spec)) - set(_SIDECAR))
    if unknown:
        raise CheckpointError(
            f"{name}: {', '.join(unknown)} in {file.name} is unknown beside a folder that opens "
            f"without it; known: {', '.join(_SIDECAR)}"
        )
    found: dict[str, Any] = {}
    if spec.get("labels"):
        found["id2label"] = dict(enumerate(map(str, spec["labels"])))
    if spec.get("problem_type"):
        found["problem_type"] = spec["problem_type"]
    if spec.get("task"):
        found["finetuning_task"] = str(spec["task"])
    return found


def _with_sidecar(digest: str, folder: Path) -> str:
    """The digest of weights, and of what is declared beside them."""
    file = folder / "poollens.yaml"
    if not file.is_file():
        return digest
    return hashlib.sha256((digest + sha256_of(file)).encode()).hexdigest()


def _config_or_none(folder: Path) -> dict[str, Any]:
    """config.json where there is one that can be read; {} otherwise."""
    try:
        return _read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    except CheckpointError:
        return {}


def _is_own(folder: Path) -> bool:
    """Whether the folder's config.json is that of this project's own kind."""
    path = folder / "config.json"
    return path.is_file() and _read_json(path).get("model_type") == POOLING_MODEL_TYPE


def _describe_adapter(folder: Path, name: str, source: str) -> Checkpoint:
    """A folder of PEFT's: an adapter, whose base model lies elsewhere."""
    adapter = _read_json(folder / "adapter_config.json")
    weights = check_weights(folder, name)
    outputs = outputs_of(shapes_of(weights))
    task = adapter.get("task_type") or ("FEATURE_EXTRACTION" if outputs is None else "SEQ_CLS")
    if task not in _ADAPTER_KINDS:
        raise CheckpointError(
            f"{name}: it is an adapter for the task {task}, and PoolLens takes those for "
            f"{' and '.join(map(str, _ADAPTER_KINDS))}. Join it with its base once and save that: "
            "model.merge_and_unload().save_pretrained(folder)."
        )
    kind = _ADAPTER_KINDS[task]
    base = base_of(folder, str(adapter.get("base_model_name_or_path") or ""), name)
    own = folder / "config.json"
    config = _read_json(own if own.is_file() else base.path / "config.json")
    told = declared(folder, name)
    labels: tuple[str, ...] = ()
    notes: list[str] = []
    if kind == "classifier":
        # The base may have had other classes, which the adapter's layer replaced.
        if not own.is_file() and outputs is not None and len(labels_of(name, config)) != outputs:
            config = {**config, "id2label": None, "num_labels": None, "problem_type": None}
        config |= told
        labels = labels_of(name, config, outputs)
        if len(labels) > 1 and not config.get("problem_type"):
            notes.append(
                "Neither the adapter nor its base says whether several of its classes may be true "
                "at once: it is read as one class of several. If they may, write problem_type: "
                "multi_label_classification into poollens.yaml in its folder."
            )
    return Checkpoint(
        id=name,
        folder=folder,
        kind=kind,
        encoder=base.name,
        head=None,
        head_options={},
        labels=labels,
        task=config.get("finetuning_task"),
        pairs=False,
        output=kind_of(config, len(labels)),
        source=source,
        sha256=_with_sidecar(
            hashlib.sha256((digest_of(weights) + base.sha256).encode()).hexdigest(), folder
        ),
        adapter=True,
        notes=tuple(notes),
    )


# Task of an adapter -> kind of checkpoint.
_ADAPTER_KINDS = {"SEQ_CLS": "classifier", "FEATURE_EXTRACTION": "encoder"}


def base_of(folder: Path, base: str, name: str) -> EncoderLocation:
    """Where the base model of an adapter lies: where it says, or beside the adapter's folder.

    Raises :class:`CheckpointError` naming each place looked in.
    """
    if not base:
        raise CheckpointError(
            f"{name}: adapter_config.json names no base model (base_model_name_or_path). Write the "
            "folder or Hub id of the model that it was trained on there."
        )
    for beside in (folder / base, folder.parent / Path(base).name):
        if (beside / "config.json").is_file() and not Path(base).is_dir():
            base = str(beside)
            break
    try:
        return resolve_encoder(base)
    except EncoderNotFound as error:
        raise CheckpointError(
            f"{name}: the base model of this adapter is not here: {error}"
        ) from error


def _describe_pooling(
    folder: Path,
    name: str,
    source: str,
    config: dict[str, Any],
    weights: tuple[Path, ...],
    facts: dict[str, Any],
) -> Checkpoint:
    adapter = (folder / "adapter_config.json").is_file()
    encoder_name = str(config.get("encoder_name", ""))
    digest = digest_of(weights)
    if adapter:
        try:
            encoder = resolve_encoder(encoder_name)
        except EncoderNotFound as error:
            raise CheckpointError(f"{name}: {error}") from error
        expected = config.get("encoder_sha256")
        if expected and encoder.sha256 != expected:
            raise CheckpointError(
                f"{name}: the encoder {encoder_name!r} found as {encoder.source} has other weights "
                f"(sha256 {encoder.sha256[:12]}) than the adapter was trained on "
                f"({str(expected)[:12]})."
            )
        digest = f"{digest}{encoder.sha256}"
    base = None
    if frozen.is_frozen(folder):
        try:
            base = frozen.encoder_of(
                folder,
                encoder_name,
                str(config.get("encoder_sha256", "")),
                describe,
                lambda found: found.encoder_digest,
            )
        except ValueError as error:
            raise CheckpointError(f"{name}: {error}") from error
        digest = f"{digest}{base.sha256}"
    labels = labels_of(name, config)
    if not labels:
        raise CheckpointError(f"{name}: config.json names no classes (id2label)")
    return Checkpoint(
        id=name,
        folder=folder,
        kind="pooling",
        encoder=encoder_name,
        head=str(config.get("head", "")),
        head_options=dict(config.get("head_options") or {}),
        labels=labels,
        task=config.get("task"),
        pairs=bool(config.get("pairs")),
        # Its own classifier of one label is trained on numbers, whatever its file leaves out.
        output=kind_of({"problem_type": "regression"} if len(labels) == 1 else config, len(labels)),
        source=source,
        sha256=short_digest(digest, folder),
        seed=config.get("seed"),
        adapter=adapter,
        base=base,
        facts=facts,
    )


def short_digest(weights: str, folder: Path) -> str:
    # The configuration decides what the weights mean, so it belongs to the identity.
    parts = weights + sha256_of(folder / "config.json")
    return hashlib.sha256(parts.encode()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(
            f"{path.parent.name}: {path.name} cannot be read ({error}). "
            "Copy the checkpoint again from where it was made."
        ) from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path.parent.name}: {path.name} holds no JSON object")
    return values


def _read_config(folder: Path) -> dict[str, Any]:
    if not any(folder.iterdir()):
        raise CheckpointError(
            f"{folder.name}: the folder is empty. A checkpoint has config.json and "
            "model.safetensors or a PEFT adapter."
        )
    if not (folder / "config.json").is_file():
        other = "" if weight_files(folder) else other_weights.in_folder(folder)
        if other:
            raise CheckpointError(f"{folder.name}: its weights are {other}")
        raise CheckpointError(
            f"{folder.name}: there is no config.json. A checkpoint has config.json and "
            f"model.safetensors or a PEFT adapter.{_inside(folder)}"
        )
    return _read_json(folder / "config.json")


def _inside(folder: Path) -> str:
    """In a sentence, which folders inside this one may be meant: a trainer's, or an adapter's."""
    files = ("config.json", "adapter_config.json", "modules.json")
    inside = sorted(p.name for p in folder.iterdir() if any((p / file).is_file() for file in files))
    if not inside:
        return ""
    more = f" (or {', '.join(inside[1:4])})" if inside[1:] else ""
    return f" There is one in the folder {inside[0]}{more} inside it: name that."


def check_weights(folder: Path, name: str) -> tuple[Path, ...]:
    """The safetensors files of a folder.

    Raises
    ------
    CheckpointError
        There are none; what lies there in another format is answered with the way to convert it.
    """
    files = weight_files(folder)
    adapter = (folder / "adapter_config.json").is_file()
    prefix = "adapter_model" if adapter else "head" if frozen.is_frozen(folder) else "model"
    files = tuple(file for file in files if file.name.startswith(prefix))
    if not files or (prefix == "model" and not _plain(folder, files)):
        known = other_weights.in_folder(folder)
        if known:
            raise CheckpointError(f"{name}: its weights are {known}")
        raise CheckpointError(f"{name}: there is no {prefix}.safetensors beside config.json.")
    for file in files:
        _check_safetensors(file, name)
    _check_shards(folder, name)
    return files


def _plain(folder: Path, files: Sequence[Path]) -> bool:
    """Whether these are the files that Transformers opens: one, or those of an index."""
    names = {file.name for file in files}
    return "model.safetensors" in names or (folder / "model.safetensors.index.json").is_file()


def _check_shards(folder: Path, name: str) -> None:
    """Every file that the index of weights in several files names is there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file() or (folder / "model.safetensors").is_file():
        return
    table = _read_json(index).get("weight_map")
    wanted = sorted(set(map(str, table.values()))) if isinstance(table, dict) else []
    lost = [file for file in wanted if not (folder / file).is_file()]
    if lost:
        raise CheckpointError(
            f"{name}: {', '.join(lost[:3])}{' and more' if len(lost) > 3 else ''} of the "
            f"{len(wanted)} files of its weights {'is' if len(lost) == 1 else 'are'} not there "
            f"({index.name} names them). Copy or download the folder again."
        )


def _check_safetensors(file: Path, name: str) -> None:
    """The header says how long the file must be: a cut download is found without loading it."""
    size = file.stat().st_size
    with open(file, "rb") as opened:
        start = opened.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        header = opened.read(length) if 0 < length <= min(size - 8, 100_000_000) else b""
        opened.seek(0)
        pointer = other_weights.is_pointer(opened.read(64))
    if pointer:
        raise CheckpointError(
            f"{name}: {file.name} is a pointer of Git LFS, {size} bytes in the place of the weights. "
            "Fetch them in that folder: git lfs pull."
        )
    try:
        tensors = {key: value for key, value in json.loads(header).items() if key != "__metadata__"}
        wanted = 8 + length + max((t["data_offsets"][1] for t in tensors.values()), default=0)
    except (ValueError, LookupError, TypeError, AttributeError):
        wanted = -1
    if wanted != size:
        phrase = f"it should have {wanted:,} bytes and has {size:,}" if wanted > 0 else "no header"
        raise CheckpointError(
            f"{name}: {file.name} is truncated or damaged ({phrase}). Copy or download it again."
        )


def _check_sizes(name: str, config: dict[str, Any], weights: tuple[Path, ...]) -> None:
    reason = excess(config, shapes_of(weights))
    if reason:
        raise CheckpointError(f"{name}: {reason}. Its config.json is of another model.")


def sums_of(weights: Sequence[Path]) -> dict[str, str]:
    """The sha256 of each file of weights, as ``training.json`` keeps them."""
    return {file.name: sha256_of(file) for file in weights}


def _check_sums(name: str, facts: dict[str, Any], weights: tuple[Path, ...]) -> None:
    """One changed bit would change logits, and nobody would notice."""
    given = facts.get("weights")
    known = given if isinstance(given, dict) else {}
    for file in weights:
        if known.get(file.name, sha256_of(file)) != sha256_of(file):
            raise CheckpointError(
                f"{name}: {file.name} is not the file that was trained: it was damaged or replaced "
                "since. Copy the checkpoint again; where you changed it yourself, take 'weights' "
                "out of training.json."
            )


def _check_quantised(name: str, config: dict[str, Any]) -> None:
    """Weights of a few bits have their own arithmetic and no gradients of their inputs."""
    given = config.get("quantization_config")
    if isinstance(given, dict):
        raise CheckpointError(
            f"{name}: its weights are quantised ({given.get('quant_method', 'quantization_config')})"
            ", and PoolLens reads whole ones. Take the model that was quantised, or write it whole "
            "where that library is installed: model.dequantize().save_pretrained(folder)."
        )


def _kind_of(name: str, config: dict[str, Any], outputs: int | None) -> str:
    """What a configuration declares; where it names no architecture, what its weights hold."""
    if not config.get("model_type"):
        raise CheckpointError(
            f"{name}: its config.json names no model_type, so its weights are of no known "
            'architecture. Write it there, such as "model_type": "bert".'
        )
    architectures: Sequence[str] = config.get("architectures") or []
    shown = ", ".join(architectures) or str(config.get("model_type", "unknown"))
    if any(a.endswith("ForSequenceClassification") for a in architectures):
        return "classifier"
    is_text = "vocab_size" in config
    if is_text and architectures and architectures[0].endswith(_ENCODER_SUFFIXES):
        return "encoder"
    if is_text and not architectures:
        return "encoder" if outputs is None else "classifier"
    raise CheckpointError(
        f"{name}: its architecture is {shown}. PoolLens takes its own checkpoints, any "
        "*ForSequenceClassification, and text encoders such as BertModel."
    )


def _blocks(config: dict[str, Any]) -> str:
    """In a sentence that attention in blocks is not used; "" where it is not declared."""
    if config.get("attention_type") != "block_sparse":
        return ""
    size, random = config.get("block_size", 64), config.get("num_random_blocks", 3)
    return (
        "Every token attends to every other here, as Transformers does for texts of up to "
        f"{(5 + 2 * random) * size} tokens; in longer ones its own attention would be in blocks."
    )


def _unread_layer(config: dict[str, Any], outputs: int | None) -> str:
    """In a sentence that a classification layer lies unread beside an encoder; "" where none does."""
    named = (config.get("architectures") or [""])[0]
    if outputs is None or not named.endswith("Model"):
        return ""
    meant = f"{named.removesuffix('Model')}ForSequenceClassification"
    return (
        f"Its weights hold a classification layer of {outputs} outputs, and its config.json "
        f"declares a {named}, which has none: it is not read. If it is meant, write architectures: "
        f'["{meant}"] into config.json.'
    )
