"""A loaded model asked once: with tokens or with input embeddings, on whatever it was loaded as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from torch import Tensor, nn

    from analysis.checkpoints.loading import Classifier
    from analysis.checkpoints.protocols import EncoderOutput, ModelWithEmbeddings
    from analysis.heads.base import Pooled


def forward(
    classifier: Classifier,
    inputs: dict[str, Tensor],
    outputs: Mapping[str, bool],
    kept: bool = False,
) -> tuple[EncoderOutput, Pooled | None, Tensor | None]:
    """(encoder's output with all hidden states, Pooled or None, logits (B, C) or None).

    With `kept`, pooling heads on one frozen encoder share its output for the same inputs.

    The logits of a stock model are its own; where it runs in another type than float32, its
    classification layers run in float32 after it, as every pooling head does.
    """
    import torch

    from analysis.checkpoints.shared import encoded

    model = classifier.pooling_model
    if model is not None:
        output = (
            encoded(classifier, model, inputs, outputs)
            if kept
            else model.encode(**inputs, **outputs)
        )
        attentions = output.attentions if model.head.reads_attentions() else None
        pooled = model.pool(output.hidden_states, inputs["attention_mask"], attentions)
        layer = model.classifier
        return output, pooled, None if layer is None else layer(pooled.vector)
    output = classifier.model(**inputs, **outputs, output_hidden_states=True, return_dict=True)
    head = classifier.head
    if head is None:
        return output, None, getattr(output, "logits", None)
    hidden = output.hidden_states[-1][None].float()
    pooled = head.read(hidden, inputs["attention_mask"])
    pooled = replace(pooled, vector=head.finish(pooled.vector))
    if classifier.dtype == torch.float32:
        return output, pooled, output.logits
    layer = classifier.output_layer
    return output, pooled, None if layer is None else layer(pooled.vector)


def embedded(classifier: Classifier, ids: Tensor) -> Tensor:
    """(n, T) ids -> (n, T, e) input embeddings in float32, whatever the encoder's type."""
    model = cast("ModelWithEmbeddings", classifier.model)
    vectors: Tensor = model.get_input_embeddings()(ids).float()
    return vectors


def logits_of(classifier: Classifier, embeddings: Tensor, inputs: dict[str, Tensor]) -> Tensor:
    """(n, T, e) input embeddings -> (n, C) logits in float32; inputs of one row are repeated.

    One batch at a time holds the model: others may ask it in between.
    """
    import torch

    model = classifier.model
    tensors = {
        name: tensor.expand(len(embeddings), -1) if len(tensor) == 1 else tensor
        for name, tensor in inputs.items()
    }
    vectors = embeddings.to(classifier.dtype)
    with classifier.lock:
        if "input_ids" not in tensors:
            logits: Tensor = model(inputs_embeds=vectors, **tensors).logits
            return logits.float()
        table = cast("ModelWithEmbeddings", model).get_input_embeddings()

        def put(module: nn.Module, args: tuple[object, ...], own: Tensor) -> Tensor:
            # A model that attends within windows has padded the text: its padding stays.
            return torch.cat([vectors, own[:, vectors.shape[1] :].to(vectors.dtype)], 1)

        handle = table.register_forward_hook(put)
        try:
            logits = model(**tensors).logits
        finally:
            handle.remove()
    return logits.float()


def apart(classifier: Classifier, inputs: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """(ids (n, T), what the model is given beside embeddings).

    A model that counts positions by ids, or looks for the last token that is no padding, is given
    the ids as well: the embeddings then take the place of what its table gives for them.
    """
    ids = inputs["input_ids"]
    if classifier.inputs.by_ids:
        return ids, inputs
    return ids, {name: tensor for name, tensor in inputs.items() if name != "input_ids"}
