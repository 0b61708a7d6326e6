"""PoolingClassifier: any Transformers encoder, a pooling head, dropout and one linear layer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from analysis import heads
from analysis.checkpoints.encoders import resolve_encoder
from analysis.checkpoints.opening import (
    attention_of,
    auto_class,
    key_report,
    load_encoder,
    size_of,
    without_pooler,
)
from analysis.checkpoints.refusals.models import check_states, refuse_missing
from analysis.heads import linear_layers

if TYPE_CHECKING:
    from analysis.checkpoints.protocols import EncoderOutput

SEVERAL = "multi_label_classification"


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

    def __init__(self, config: PoolingConfig, encoder: PreTrainedModel | None = None) -> None:
        """One of random weights, or around an `encoder` that is there."""
        super().__init__(config)
        encoder_config = config.encoder_config()
        if encoder is None:
            auto = auto_class(encoder_config)
            encoder_config._attn_implementation = attention_of(
                auto, encoder_config, config._attn_implementation
            )
            encoder = auto.from_config(encoder_config, **without_pooler(encoder_config))
        self.encoder: PreTrainedModel = encoder
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
        weights = None
        if self.head.reads_attentions():
            if not attentions or any(layer is None for layer in attentions):
                raise ValueError(
                    f"the pooling head {self.head.key!r} reads the encoder's attentions, and "
                    "fused attention keeps none: load with attn_implementation='eager'"
                )
            weights = torch.stack(tuple(attentions)).to(hidden.dtype)
        pooled: heads.Pooled = self.head(hidden, attention_mask, weights)
        return pooled

    def encode(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **inputs: Tensor | bool | None,
    ) -> EncoderOutput:
        """The encoder's own output for `input_ids` (B, T), with all hidden states (B, T, d)."""
        inputs = {name: value for name, value in inputs.items() if value is not None}
        if inputs.get("inputs_embeds") is None:
            inputs["input_ids"] = input_ids
        if self.head.reads_attentions():
            inputs["output_attentions"] = True
        output: EncoderOutput = self.encoder(
            attention_mask=attention_mask, output_hidden_states=True, return_dict=True, **inputs
        )
        return output

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
        inputs = input_ids if inputs_embeds is None else inputs_embeds
        if inputs is None:
            raise ValueError("give input_ids or inputs_embeds")
        if attention_mask is None:
            attention_mask = torch.ones(inputs.shape[:2], dtype=torch.long, device=inputs.device)
        encoded = self.encode(
            input_ids,
            attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            output_attentions=output_attentions or None,
        )
        with torch.autocast(inputs.device.type, enabled=False):
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


def _try_encoder(name: str, encoder: PreTrainedModel) -> None:
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
    each class is given or not by its own sigmoid.

    Raises ``ValueError`` where the encoder is not found or the options are impossible.
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
