"""PoolingClassifier: any Transformers encoder, a pooling head, dropout and one linear layer."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTextEncoding,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from analysis import heads
from analysis.checkpoints.encoders import resolve_encoder, weight_files
from analysis.checkpoints.sizes import shapes_of
from analysis.common.faults import CheckpointError
from analysis.heads import linear_layers


class PoolingConfig(PretrainedConfig):
    """Configuration of a :class:`PoolingClassifier`.

    `encoder` is the encoder's own configuration as a dictionary, `encoder_name` and
    `encoder_sha256` say whose weights an adapter was trained on.
    """

    model_type = "pooling_classifier"

    encoder: dict[str, Any] | None = None
    encoder_name: str = ""
    encoder_sha256: str = ""
    head: str = "cls"
    head_options: dict[str, Any] | None = None
    classifier_dropout: float = 0.1
    task: str | None = None
    pairs: bool = False
    seed: int | None = None

    def encoder_config(self) -> PretrainedConfig:
        """The encoder's configuration as an object of its own class.

        Raises
        ------
        ValueError
            `encoder` names no model type.
        """
        values = dict(self.encoder or {})
        if "model_type" not in values:
            raise ValueError(
                "config.json: 'encoder' names no model_type; it should hold the encoder's "
                "own configuration"
            )
        config: PretrainedConfig = AutoConfig.for_model(values.pop("model_type"), **values)
        return config


class PoolingClassifier(PreTrainedModel):
    """Encoder -> all hidden states -> pooling head -> dropout -> linear layer.

    The pooling head and the classifier run in float32 also where the encoder runs in bfloat16
    (by type or by autocast): an exact split of a logit in half precision would not be exact.
    One label makes it a regression (mean squared error), several a classification.
    """

    config_class = PoolingConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True
    _keep_in_fp32_modules_strict = {"head", "classifier"}  # noqa: RUF012 (Transformers' own name)

    def __init__(self, config: PoolingConfig) -> None:
        super().__init__(config)
        encoder_config = config.encoder_config()
        auto = auto_class(encoder_config)
        encoder_config._attn_implementation = attention_of(
            auto, encoder_config, config._attn_implementation
        )
        self.encoder = auto.from_config(encoder_config, **without_pooler(encoder_config))
        self.head = heads.build(
            config.head,
            **size_of(encoder_config),
            **(config.head_options or {}),
        )
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(self.head.output_size, int(config.num_labels or 1))
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        # Transformers calls this for whatever a file did not supply; its patched nn.init leaves
        # alone what was loaded.
        if module is self.classifier:
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
        elif isinstance(module, heads.PoolingHead):
            module.reset_parameters()
        elif any(module is part for part in self.head.modules()):
            # A head without parameters of its own counts as loaded: its parts come one by one.
            heads.initialise(module)

    def get_input_embeddings(self) -> nn.Module:
        embeddings: nn.Module = self.encoder.get_input_embeddings()
        return embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.encoder.set_input_embeddings(value)

    def pool(
        self,
        hidden_states: Sequence[Tensor],
        attention_mask: Tensor,
        attentions: Sequence[Tensor] | None = None,
    ) -> heads.Pooled:
        """Hidden states of all L+1 layers, (B, T, d) each -> Pooled, in the head's own type.

        `attentions` of all L layers, (B, H, T, T) each, are needed by a head that reads them.

        Raises
        ------
        ValueError
            The head reads the encoder's attentions, and fused attention keeps none.
        """
        hidden = torch.stack(tuple(hidden_states)).to(next(self.classifier.parameters()).dtype)
        given = None
        if self.head.reads_attentions():
            if not attentions or any(layer is None for layer in attentions):
                raise ValueError(
                    f"the pooling head {self.head.key!r} reads the encoder's attentions, and "
                    "fused attention keeps none: load with attn_implementation='eager'"
                )
            given = torch.stack(tuple(attentions)).to(hidden.dtype)
        pooled: heads.Pooled = self.head(hidden, attention_mask, given)
        return pooled

    def encode(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **inputs: Any,
    ) -> Any:
        """The encoder's own output for `input_ids` (B, T), with all hidden states (B, T, d)."""
        inputs = {name: value for name, value in inputs.items() if value is not None}
        if inputs.get("inputs_embeds") is None:
            inputs["input_ids"] = input_ids
        if self.head.reads_attentions():
            inputs["output_attentions"] = True
        return self.encoder(
            attention_mask=attention_mask, output_hidden_states=True, return_dict=True, **inputs
        )

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        **ignored: Any,
    ) -> SequenceClassifierOutput:
        """Logits (B, C) of `input_ids` (B, T) or `inputs_embeds` (B, T, e), with the loss where
        `labels` (B,) are given.

        Raises
        ------
        ValueError
            Neither ids nor embeddings are given.
        """
        given = input_ids if inputs_embeds is None else inputs_embeds
        if given is None:
            raise ValueError("give input_ids or inputs_embeds")
        if attention_mask is None:
            attention_mask = torch.ones(given.shape[:2], dtype=torch.long, device=given.device)
        encoded = self.encode(
            input_ids,
            attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            output_attentions=output_attentions or None,
        )
        with torch.autocast(given.device.type, enabled=False):
            attentions = encoded.attentions if self.head.reads_attentions() else None
            pooled = self.pool(encoded.hidden_states, attention_mask, attentions)
            logits = self.classifier(self.dropout(pooled.vector))
        return SequenceClassifierOutput(
            loss=None if labels is None else self._loss(logits, labels),
            logits=logits,
            hidden_states=encoded.hidden_states if output_hidden_states else None,
            attentions=encoded.attentions if output_attentions else None,
        )

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.config.num_labels == 1:
            return nn.functional.mse_loss(logits[:, 0].float(), labels.float())
        if self.config.problem_type == SEVERAL:
            return nn.functional.binary_cross_entropy_with_logits(logits.float(), labels.float())
        return nn.functional.cross_entropy(logits.float(), labels)

    def encoder_linear_names(self, kinds: Sequence[str] = ("query", "value")) -> list[str]:
        """Full names of the encoder's linear layers of these kinds, for LoRA's target_modules.

        See :func:`analysis.heads.linear_layers.names_of`.
        """
        return [f"encoder.{name}" for name in linear_layers.names_of(self.encoder, kinds)]


AutoConfig.register(PoolingConfig.model_type, PoolingConfig, exist_ok=True)
AutoModelForSequenceClassification.register(PoolingConfig, PoolingClassifier, exist_ok=True)


def auto_class(config: PretrainedConfig) -> Any:
    """The Auto class that opens this configuration's encoder; for T5 and its kin the encoder half.

    Raises ``ValueError`` for an encoder-decoder whose encoder has no class of its own.
    """
    half = model_class(AutoModelForTextEncoding, config)
    if half is not None and half.__name__.endswith("EncoderModel"):
        return AutoModelForTextEncoding
    if not getattr(config, "is_encoder_decoder", False):
        return AutoModel
    raise ValueError(ENCODER_DECODER.format(name=type(config).__name__.removesuffix("Config")))


SEVERAL = "multi_label_classification"
ENCODER_DECODER = (
    "{name} reads the text in an encoder and once more in a decoder, and hidden states and "
    "poolings here are those of one encoder. Use a model that is one, such as a RoBERTa or DeBERTa "
    "for the same task; of T5 the encoder alone opens (T5EncoderModel)"
)


def model_class(auto: Any, config: PretrainedConfig) -> Any:
    """The class that an Auto class opens this configuration with; None where it has none."""
    mapping = auto._model_mapping
    try:
        found = mapping[type(config)]
    except KeyError:
        return None
    return found[0] if isinstance(found, tuple) else found


def attention_of(auto: Any, config: PretrainedConfig, wanted: str) -> str:
    """`wanted`, or "eager" where the architecture has no fused attention: the same numbers."""
    found = model_class(auto, config)
    fused = wanted != "sdpa" or found is None or getattr(found, "_supports_sdpa", False)
    return wanted if fused else "eager"


def without_pooler(config: PretrainedConfig) -> dict[str, Any]:
    """Keyword arguments that build an encoder without its own pooler, where it knows how to."""
    found = model_class(auto_class(config), config)
    takes_it = "add_pooling_layer" in inspect.signature(found.__init__).parameters
    return {"add_pooling_layer": False} if takes_it else {}


def size_of(config: PretrainedConfig) -> dict[str, int]:
    """hidden_size and num_layers of an encoder, for :func:`analysis.heads.build`.

    Raises ``ValueError`` where its configuration does not state them.
    """
    own = config.get_text_config()
    width, depth = (getattr(own, name, None) for name in ("hidden_size", "num_hidden_layers"))
    if width is None or depth is None:
        raise ValueError(
            f"{type(config).__name__} states no hidden_size and num_hidden_layers, as encoders do "
            "whose layers all have one vector for each token. Use such an encoder."
        )
    return {"hidden_size": int(width), "num_layers": int(depth)}


@dataclass(frozen=True)
class KeyReport:
    """Which tensors of the file the model did not use, and which the file did not have."""

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


def key_report(info: Any) -> KeyReport:
    """Transformers' loading report; a tensor of another shape counts as missing."""

    def listed(name: str) -> list[Any]:
        return list(info.get(name, []) if isinstance(info, dict) else getattr(info, name, []))

    mismatched = [key[0] if isinstance(key, tuple) else key for key in listed("mismatched_keys")]
    missing = sorted({*listed("missing_keys"), *mismatched})
    return KeyReport(tuple(missing), tuple(sorted(listed("unexpected_keys"))))


def refuse_missing(name: str, missing: Iterable[str]) -> None:
    """Raise :class:`CheckpointError` naming the tensors that would be random, if there are any."""
    keys = tuple(missing)
    if keys:
        shown = ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
        raise CheckpointError(
            f"{name}: its file lacks {len(keys)} tensors that the model needs, or holds them in "
            f"another shape ({shown}). They would be random, so it is not loaded; save the whole "
            "model again."
        )


# How every model is read: nothing from the network, nothing pickled, and a report on its keys.
FROM_DISK: dict[str, Any] = {
    "dtype": torch.float32,
    "use_safetensors": True,
    "local_files_only": True,
    "ignore_mismatched_sizes": True,  # whoever reads refuses what the report lists, by name
    "output_loading_info": True,
}


def wrapper_of(keys: Iterable[str], wanted: Iterable[str]) -> str:
    """What a training script's wrapper put before the names of the tensors; "" for nothing.

    ``module.`` of DataParallel, ``_orig_mod.`` of torch.compile, a Lightning module's own: whatever
    its name, it is the beginning behind which all of the `wanted` names stand in the file.
    """
    names, every = set(keys), list(wanted)
    beginnings = {
        ".".join(parts[:length]) + "."
        for parts in (key.split(".") for key in names)
        for length in range(1, min(len(parts), 4))
    }
    fitting = [b for b in beginnings if all(b + name in names for name in every)]
    return min(fitting, key=len, default="") if every else ""


def opened(
    auto: Any, folder: str | os.PathLike[str], **arguments: Any
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """A model of Transformers in float32 from a folder, and its report on the keys.

    Where the file has none of its tensors under their own names, but all behind the prefix that a
    wrapper of the training script left, these are taken.
    """
    model, report = auto.from_pretrained(folder, **arguments, **FROM_DISK)
    own = [name for name, _ in model.named_parameters()]
    if not set(own) <= set(key_report(report).missing):
        return model, report
    prefix = wrapper_of(shapes_of(weight_files(Path(folder))), own)
    if prefix:
        model, report = auto.from_pretrained(
            folder, key_mapping={f"^{re.escape(prefix)}": ""}, **arguments, **FROM_DISK
        )
    return model, report


def load_encoder(
    folder: str | os.PathLike[str], attn_implementation: str = "eager"
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """A pretrained encoder in float32 from a folder, and Transformers' report on its keys."""
    config = _without_blocks(AutoConfig.from_pretrained(folder, trust_remote_code=False))
    auto = auto_class(config)
    return opened(
        auto,
        folder,
        config=config,
        attn_implementation=attention_of(auto, config, attn_implementation),
        trust_remote_code=False,
        **without_pooler(config),
    )


def load_stock_classifier(
    folder: str | os.PathLike[str], attn_implementation: str = "eager", **changes: Any
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """One of Transformers' own classifiers in float32, and its report on the keys.

    `changes` go to its configuration (num_labels, ...). Raises ``ValueError`` for an
    encoder-decoder, whose classifier reads more than one encoder's states.
    """
    config = _without_blocks(
        AutoConfig.from_pretrained(folder, trust_remote_code=False, **changes)
    )
    auto = AutoModelForSequenceClassification
    if getattr(config, "is_encoder_decoder", False):
        found = model_class(auto, config)
        raise ValueError(ENCODER_DECODER.format(name=getattr(found, "__name__", "This model")))
    return opened(
        auto,
        folder,
        config=config,
        attn_implementation=attention_of(auto, config, attn_implementation),
        trust_remote_code=False,
    )


def _without_blocks(config: Any) -> Any:
    """The same configuration with attention of all tokens to all.

    BigBird's own forward goes over to it at the first short text and stays there: its answer to a
    long text would depend on what was read before.
    """
    if getattr(config, "attention_type", None) == "block_sparse":
        config.attention_type = "original_full"
    return config


def check_states(name: str, model: nn.Module, output: Any, length: int) -> None:
    """The input of every pooling head: hidden states of all layers, one vector for each token.

    Raises :class:`CheckpointError` where the output of `length` tokens has none.
    """
    kind, states = type(model).__name__, getattr(output, "hidden_states", None)
    if not states:
        raise CheckpointError(
            f"{name}: {kind} gives no hidden states of its layers, and every page here reads them. "
            "Use an encoder that does, such as BERT, ModernBERT or DeBERTa."
        )
    shapes = {tuple(state.shape[:2]) for state in states}
    sizes = {int(state.shape[-1]) for state in states}
    if shapes != {(1, length)} or len(sizes) > 1:
        seen = ", ".join("×".join(map(str, state.shape[1:])) for state in states[:6])
        raise CheckpointError(
            f"{name}: {kind} makes hidden states of different length or size on its way up (of "
            f"{length} tokens: {seen}), so its layers cannot be set side by side. Use an encoder "
            "that keeps one vector of one size for each token."
        )


def _try_encoder(name: str, encoder: Any) -> None:
    """A few ids through an encoder, before a pooling head is built on it."""
    size_of(encoder.config)
    ids = torch.arange(8, device=encoder.device)[None] % int(encoder.config.vocab_size)
    with torch.no_grad():
        output = encoder.eval()(input_ids=ids, output_hidden_states=True)
    check_states(name, encoder, output, ids.shape[1])


def build_classifier(
    encoder: str | os.PathLike[str],
    head: str,
    head_options: dict[str, Any] | None = None,
    labels: Sequence[str] | None = None,
    *,
    dropout: float = 0.1,
    task: str | None = None,
    pairs: bool = False,
    seed: int | None = None,
    attn_implementation: str = "sdpa",
    several: bool = False,
) -> PoolingClassifier:
    """Pretrained encoder, new pooling head and classifier (set the torch seed before).

    `labels` names the classes in order; None makes a regression with one output. With `several`
    each class is given or not by its own sigmoid. Raises ``ValueError`` where the encoder is not found or the options are impossible.
    """
    location = resolve_encoder(encoder)
    attn_implementation = heads.attention_for(head, attn_implementation)
    pretrained, info = load_encoder(location.path, attn_implementation)
    refuse_missing(location.name, key_report(info).missing)
    _try_encoder(location.name, pretrained)
    names = {"score": 0} if labels is None else {name: i for i, name in enumerate(labels)}
    if labels is not None and len(names) != len(labels):
        raise ValueError(f"labels repeat: {', '.join(labels)}")
    problem: Any = SEVERAL if several else "single_label_classification"
    problem = "regression" if labels is None else problem
    config = PoolingConfig(  # type: ignore[call-arg]
        encoder=portable(pretrained.config),
        encoder_name=location.name if location.source != "folder" else location.path.name,
        encoder_sha256=location.sha256,
        head=head,
        head_options=heads.check_options(head, head_options or {}),
        classifier_dropout=dropout,
        task=task,
        pairs=pairs,
        seed=seed,
        id2label={index: name for name, index in names.items()},
        label2id=names,
        problem_type=problem,
        attn_implementation=attn_implementation,
    )
    model = PoolingClassifier(config)
    model.encoder = pretrained
    return model


def portable(config: PretrainedConfig) -> dict[str, Any]:
    """An encoder's configuration without what belongs to one machine, one task or one type."""
    local = {"_name_or_path", "id2label", "label2id", "problem_type", "dtype"}
    values = config.to_dict()
    return {name: value for name, value in values.items() if name not in local}


def float_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Names and values of all floating-point parameters and buffers, (...) each."""
    for named in (model.named_parameters(), model.named_buffers()):
        for name, tensor in named:
            if tensor.is_floating_point():
                yield name, tensor
