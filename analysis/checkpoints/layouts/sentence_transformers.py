"""A sentence-transformers folder: its modules, poolings, prompts and limits as it declares them.

The vector is that of ``SentenceTransformer.encode``. Where a SetFit classifier lies beside it as
safetensors, it answers with that classifier's logits; as a pickle it is refused in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from analysis.checkpoints import cross_encoders
from analysis.checkpoints.adapters import base_of
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.encoders import digest_of, sha256_of, weight_files
from analysis.checkpoints.layouts import Layout, chem_mrl
from analysis.checkpoints.refusals.weights import check_weights
from analysis.common.faults import CheckpointError

if TYPE_CHECKING:
    from torch import nn

    from analysis.checkpoints.loading import Classifier
    from analysis.checkpoints.weights import Loaded
    from analysis.heads import PoolingHead

SETFIT_PICKLE, SETFIT_HEAD = "model_head.pkl", "model_head.safetensors"
_CONVERT = (
    "import joblib; from safetensors.numpy import save_file; h = joblib.load('model_head.pkl'); "
    "save_file({'weight': h.coef_.astype('float32', 'C'), 'bias': h.intercept_.astype('float32')}, "
    f"'{SETFIT_HEAD}')"
)
# Mode as sentence-transformers calls it, or its older switch -> as it is called here, in its order.
_MODES = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt_len",
    "weightedmean": "position_weighted_mean",
    "lasttoken": "last_token",
}
_SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_AFTER = ("Dense", "Normalize", "LayerNorm", "Dropout")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path.parent.name}/{path.name} cannot be read ({error})") from error


def _modules(folder: Path) -> list[tuple[str, Path, dict[str, Any]]]:
    """(last part of its type, its folder, its config.json) of each module, in order."""
    modules = []
    for module in _json(folder / "modules.json") or []:
        place = folder / str(module.get("path", ""))
        kind = str(module.get("type", "")).rsplit(".", 1)[-1]
        modules.append((kind, place, {} if kind == "Transformer" else _json(place / "config.json")))
    return modules


def _pools(kind: str, config: dict[str, Any]) -> bool:
    return kind == "Pooling" or chem_mrl.is_one(config)


def _recognise(folder: Path, config: dict[str, Any]) -> bool:
    modules = _modules(folder)
    return any(_pools(kind, own) for kind, _, own in modules)


def modes_of(config: dict[str, Any]) -> tuple[str, ...]:
    """The poolings that a Pooling module's config.json switches on, as they are called here.

    Raises
    ------
    CheckpointError
        A mode is unknown here.
    """
    declared = config.get("pooling_mode")
    if declared is None:
        declared = [mode for switch, mode in _SWITCHES.items() if config.get(switch)] or ["mean"]
    names = [declared] if isinstance(declared, str) else list(declared)
    unknown = [name for name in names if name not in _MODES]
    if unknown:
        raise CheckpointError(
            f"its pooling mode {unknown[0]!r} is unknown; known: {', '.join(_MODES)}"
        )
    return tuple(_MODES[name] for name in names)


def _describe(folder: Path, name: str, source: str, config: dict[str, Any]) -> Checkpoint:
    modules = _modules(folder)
    _check_modules(folder, name, modules)
    encoder = modules[0][1]
    base = _base(encoder, name)
    own = _json((base or encoder) / "config.json")
    weights = [*check_weights(encoder, name), *(weight_files(base) if base else ())]
    head, options = "", {}
    for kind, place, module in modules[1:]:
        if kind == "Pooling":
            head = "+".join(modes_of(module))
        elif chem_mrl.is_one(module):
            head, options = str(module["pooling_strategy"]), chem_mrl.options(module)
        if place not in (folder, encoder):
            weights += weight_files(place)
            weights += [place / "config.json"] if (place / "config.json").is_file() else []
    labels: tuple[str, ...] = ()
    if (folder / SETFIT_HEAD).is_file():
        weights.append(folder / SETFIT_HEAD)
        labels = _setfit_labels(folder)
    declared = (
        folder / cross_encoders.SETTINGS,
        encoder / "config.json",
        encoder / "sentence_bert_config.json",
    )
    weights += [file for file in declared if file.is_file()]
    digest = "".join(sha256_of(file) for file in weights) + sha256_of(folder / "modules.json")
    after = [kind for kind, _, settings in modules[1:] if not _pools(kind, settings)]
    notes = [f"Its own pooling is {head}, as its sentence-transformers modules declare."]
    if after:
        notes.append(f"Behind it: {', '.join(after)}.")
    settings = _json(folder / cross_encoders.SETTINGS)
    kept = settings.get("truncate_dim")
    if isinstance(kept, int) and kept > 0:
        notes.append(f"Its vectors are cut to their first {kept} numbers, as it declares.")
    notes += [note for note in [cross_encoders.prompt_note(settings)] if note]
    return Checkpoint(
        id=name,
        folder=folder,
        kind="pooling" if labels else "encoder",
        encoder=str(own.get("model_type", "")),
        head=head,
        head_options=options,
        labels=labels,
        task=None,
        pairs=False,
        output="softmax",
        source=source,
        sha256=hashlib.sha256(digest.encode()).hexdigest(),
        weights_sha256=digest_of((*weight_files(encoder), *(weight_files(base) if base else ()))),
        adapter=base is not None,
        layout="sentence_transformers",
        notes=tuple(notes),
        spec={
            "prompt": cross_encoders.prompt_of(settings),
            **({"truncate_dim": kept} if isinstance(kept, int) and kept > 0 else {}),
        },
    )


def _check_modules(
    folder: Path, name: str, modules: list[tuple[str, Path, dict[str, Any]]]
) -> None:
    if (folder / SETFIT_PICKLE).is_file() and not (folder / SETFIT_HEAD).is_file():
        raise CheckpointError(
            f"{name}: its classifier is a pickle ({SETFIT_PICKLE}, of SetFit), which can run code "
            f"when it is opened. Convert it once, where you trust it, in that folder: {_CONVERT}"
        )
    kinds = [kind for kind, _, _ in modules]
    for kind, _, settings in modules[1:]:
        if not _pools(kind, settings) and kind not in _AFTER:
            raise CheckpointError(
                f"{name}: its module {kind} is none that PoolLens reads; known: Transformer, "
                f"Pooling, {', '.join(_AFTER)}."
            )
    if kinds[0] != "Transformer" or sum(_pools(kind, own) for kind, _, own in modules) != 1:
        raise CheckpointError(
            f"{name}: its modules are {', '.join(kinds)}; a Transformer and one pooling after it "
            "are needed."
        )
    files = ("config.json", "adapter_config.json")
    if not any((modules[0][1] / file).is_file() for file in files):
        raise CheckpointError(f"{name}: {modules[0][1].name}/config.json of its encoder is missing")
    for kind, _, settings in modules:
        if (
            kind == "Pooling"
            and settings.get("include_prompt") is False
            and cross_encoders.prompt_of(_json(folder / cross_encoders.SETTINGS))
        ):
            raise CheckpointError(
                f"{name}: its pooling leaves its own prompt out, which PoolLens cannot do. Set "
                "default_prompt_name to null in config_sentence_transformers.json."
            )


def _base(encoder: Path, name: str) -> Path | None:
    """The folder of the model that an adapter in the encoder's place was trained on; None where
    the encoder is whole."""
    adapter = encoder / "adapter_config.json"
    if not adapter.is_file():
        return None
    return base_of(encoder, str(_json(adapter).get("base_model_name_or_path") or ""), name).path


def _setfit_labels(folder: Path) -> tuple[str, ...]:
    from analysis.checkpoints.sizes import shapes_of

    rows = shapes_of([folder / SETFIT_HEAD])["bias"][0]
    rows = 2 if rows == 1 else rows
    names = _json(folder / "config_setfit.json").get("labels")
    if isinstance(names, list) and len(names) == rows:
        return tuple(map(str, names))
    return tuple(f"LABEL_{index}" for index in range(rows))


def _read(checkpoint: Checkpoint, attn_implementation: str) -> Loaded:
    from analysis.checkpoints import peft_folders
    from analysis.checkpoints.opening import KeyReport, key_report, load_encoder, size_of
    from analysis.checkpoints.refusals.models import refuse_missing
    from analysis.heads.of_sentences import SentenceEncoder, SentencePooling

    folder = checkpoint.folder
    modules = _modules(folder)
    place: Path = modules[0][1]
    if checkpoint.adapter:
        alone = replace(checkpoint, folder=place, kind="encoder", labels=())
        encoder, report, place = peft_folders.read(alone, attn_implementation)
    else:
        encoder, info = load_encoder(place, attn_implementation)
        refuse_missing(checkpoint.id, key_report(info).missing)
        report = KeyReport((), key_report(info).unexpected)
    size = size_of(encoder.config)
    modes: tuple[str, ...] = ()
    inner: PoolingHead | None = None
    after: list[nn.Module] = []
    for kind, where, config in modules[1:]:
        if kind == "Pooling":
            modes = modes_of(config)
        elif chem_mrl.is_one(config):
            inner = chem_mrl.build(checkpoint.id, where, config, size)
        else:
            after += _module(checkpoint.id, kind, where, config)
    if checkpoint.spec.get("truncate_dim"):
        after.append(_first_numbers(modes, inner, after, size, checkpoint.spec["truncate_dim"]))
    width = _width(after)
    head = SentencePooling(
        size["hidden_size"], size["num_layers"], modes or ("mean",), inner, after, width
    )
    classifier = _setfit(checkpoint, head) if checkpoint.labels else None
    return SentenceEncoder(encoder, head, classifier), report, place


def _width(after: Sequence[nn.Module]) -> int | None:
    """Size of the vector behind these modules; None where none of them changes it."""
    sizes = (m.out_features for m in reversed(after) if hasattr(m, "out_features"))
    return cast("int | None", next(sizes, None))


def _first_numbers(
    modes: tuple[str, ...],
    inner: PoolingHead | None,
    after: Sequence[nn.Module],
    size: dict[str, int],
    kept: int,
) -> nn.Linear:
    """The first `kept` numbers of a vector, as a linear layer that only chooses."""
    import torch
    from torch import nn

    whole = _width(after) or (
        inner.output_size if inner is not None else len(modes) * size["hidden_size"]
    )
    chosen = nn.Linear(whole, min(kept, whole), bias=False)
    with torch.no_grad():
        chosen.weight.copy_(torch.eye(min(kept, whole), whole))
    return chosen


def _module(name: str, kind: str, place: Path, config: dict[str, Any]) -> list[nn.Module]:
    from torch import nn

    from analysis.checkpoints.layouts.parts import fill, tensors
    from analysis.heads.of_sentences import Residual, UnitLength

    if kind == "Dropout":
        return []
    if kind == "Normalize":
        return [UnitLength()]
    check_weights(place, name)
    state = tensors(weight_files(place))
    if kind == "LayerNorm":
        norm = nn.LayerNorm(int(config["dimension"]))
        fill(name, norm, {key.removeprefix("norm."): t for key, t in state.items()}, "norm.")
        return [norm]
    wide, out = int(config["in_features"]), int(config["out_features"])
    linear = nn.Linear(wide, out, bias=bool(config.get("bias", True)))
    parts = {key: t for key, t in state.items() if key.startswith("linear.")}
    fill(name, linear, {key.removeprefix("linear."): t for key, t in parts.items()}, "linear.")
    activation = _activation(name, str(config.get("activation_function", "torch.nn.Tanh")))
    if not config.get("use_residual"):
        return [linear, activation]
    beside = state.get("residual.weight")
    return [Residual(linear, activation, beside)]


def _activation(name: str, full: str) -> nn.Module:
    from torch import nn

    last = full.rsplit(".", 1)[-1]
    known = {"Identity", "Tanh", "GELU", "ReLU", "SiLU", "Sigmoid"}
    if not full.startswith("torch.nn.") or last not in known:
        raise CheckpointError(
            f"{name}: the activation {full} of its Dense module is none that PoolLens knows "
            f"({', '.join(sorted(known))})."
        )
    layer: nn.Module = getattr(nn, last)()
    return layer


def _setfit(checkpoint: Checkpoint, head: PoolingHead) -> nn.Linear:
    import torch
    from torch import nn

    from analysis.checkpoints.layouts.parts import tensors

    state = tensors([checkpoint.folder / SETFIT_HEAD])
    weight, bias = state["weight"], state["bias"]
    if len(bias) == 1:  # scikit-learn keeps one row for two classes: the other's logit is 0
        weight = torch.cat([torch.zeros_like(weight), weight])
        bias = torch.cat([torch.zeros_like(bias), bias])
    if weight.shape != (len(checkpoint.labels), head.output_size):
        raise CheckpointError(
            f"{checkpoint.name}: {SETFIT_HEAD} is of another size than its vectors"
        )
    classifier = nn.Linear(head.output_size, len(bias))
    classifier.load_state_dict({"weight": weight, "bias": bias})
    return classifier


def as_encoder(classifier: Classifier) -> Classifier:
    """The classifier without what :func:`settle` took over: another head reads its encoder so."""
    from analysis.checkpoints.tokenizers import load_tokenizer, token_limit

    if classifier.checkpoint.layout == LAYOUT.key:
        classifier.tokenizer = load_tokenizer(_modules(classifier.checkpoint.folder)[0][1])
        classifier.limit = token_limit(classifier.model, classifier.tokenizer)
    return classifier


def settle(classifier: Classifier) -> None:
    """Take over what the folder says of its inputs: length and lower case."""
    from tokenizers import normalizers

    folder = classifier.checkpoint.folder
    encoder = _modules(folder)[0][1]
    settings = _json(encoder / "sentence_bert_config.json")
    # Where the folder does not say, sentence-transformers takes the tokenizer's own limit.
    longest = settings.get("max_seq_length") or classifier.tokenizer.model_max_length
    if isinstance(longest, int) and longest > 0:
        classifier.limit = min(classifier.limit, longest)
    backend = classifier.tokenizer.backend_tokenizer
    if settings.get("do_lower_case"):
        own = [] if backend.normalizer is None else [backend.normalizer]
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])


LAYOUT = Layout("sentence_transformers", _recognise, _describe, _read)
