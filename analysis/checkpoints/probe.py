"""One tiny forward and backward when a model is loaded: what would fail later is found now.

What every page needs (hidden states of all layers, one vector a token) is a condition; the rest
is noted with its reason in `Classifier.unable`, and is refused by name wherever it is asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from analysis.checkpoints import CheckpointError
from analysis.checkpoints.forward import apart, embedded, forward, logits_of
from analysis.checkpoints.refusals.models import check_states
from analysis.text.tokens import TokenRow, tokenize_rows

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.checkpoints.loading import Classifier
    from analysis.checkpoints.protocols import EncoderOutput

    Answer = tuple[EncoderOutput, Tensor | None]

TEXTS = ("A short text, to see what this model can do.", "Another one.")
GRADIENTS, ATTENTIONS = "gradients", "attentions"


def probe(classifier: Classifier) -> None:
    """Run a short text through the model; fills `unable` and `causal`, completes `inputs`.

    Raises :class:`CheckpointError` where the model gives no hidden states of all layers, or
    cannot read a text at all.
    """
    rows = tokenize_rows(classifier.tokenizer, TEXTS, None, classifier.limit)
    long, short = (_cut(row) for row in rows)
    with torch.no_grad():
        alone = _forward(classifier, [short])
        output, logits = _forward(classifier, [long])
        check_states(classifier.checkpoint.id, classifier.model, output, len(long.ids))
        if not classifier.inputs.alike and _reads_padding(classifier, [long, short], alone):
            classifier.inputs = replace(classifier.inputs, alike=True)
        note = _first_is_no_special_token(classifier, long, output)
    if note:
        known = classifier.checkpoint
        classifier.checkpoint = replace(known, notes=(*known.notes, note))
    unable = {
        ATTENTIONS: _no_attentions(classifier, long),
        GRADIENTS: _no_gradients(classifier, long, logits),
    }
    classifier.unable = {what: why for what, why in unable.items() if why}


def _first_is_no_special_token(classifier: Classifier, row: TokenRow, output: EncoderOutput) -> str:
    """In a sentence that [CLS] is a piece of the text here, where the pooling head reads it.

    A head reads the first token where it answers otherwise once that changes places with the next,
    and not once two others do.
    """
    head, tokenizer, length = classifier.head, classifier.tokenizer, len(row.ids)
    if head is None or length < 4 or row.ids[0] in tokenizer.all_special_ids:
        return ""
    if head.reads_attentions():
        return ""
    hidden = torch.stack(tuple(output.hidden_states)).float()
    mask = torch.ones(hidden.shape[1:3], dtype=torch.long, device=hidden.device)

    def read(*order: int) -> Tensor:
        places = [*order, *range(len(order), length)]
        vector: Tensor = head.read(hidden[:, :, places], mask).vector
        return vector

    plain = read()
    if not _differ(plain, read(1, 0), 1e-4) or _differ(plain, read(0, 2, 1), 1e-4):
        return ""
    piece = tokenizer.convert_ids_to_tokens(row.ids[0])
    return (
        "Its tokenizer puts no special token before a text: what is called [CLS] here is the "
        f"text's first piece (of a text that begins with A, {piece!r})."
    )


def _cut(row: TokenRow) -> TokenRow:
    return row if len(row.ids) else TokenRow([0], None if row.types is None else [0], 0)


def _forward(classifier: Classifier, rows: list[TokenRow], **outputs: bool) -> Answer:
    """(encoder's output, logits (B, C) or None); any failure is the checkpoint's."""
    try:
        output, _, logits = forward(classifier, _inputs(classifier, rows), outputs)
    except CheckpointError:
        raise
    except Exception as error:
        head = classifier.head
        advice = (
            "PoolLens needs a text encoder or classifier that reads token ids of any length, such "
            "as BERT, ModernBERT or DeBERTa."
            if head is None or type(head).__module__.startswith("analysis.")
            else f"Its pooling head {head.key} is of a file of your own: correct it there."
        )
        raise CheckpointError(
            f"{classifier.checkpoint.name}: {_name(classifier)} cannot read a short text "
            f"({_first_line(error)}). {advice}"
        ) from error
    return output, logits


def _inputs(classifier: Classifier, rows: list[TokenRow]) -> dict[str, Tensor]:
    arrays = classifier.inputs.arrays(rows)
    return {name: torch.from_numpy(array).to(classifier.device) for name, array in arrays.items()}


def _reads_padding(classifier: Classifier, rows: list[TokenRow], alone: Answer) -> bool:
    """Whether padding behind a text changes what the model makes of it, or is no way to run it."""
    short = len(rows[1].ids)
    if len(rows[0].ids) == short:
        return False
    try:
        output, logits = _forward(classifier, rows)
    except CheckpointError:
        return True
    pairs = [(alone[0].hidden_states[-1][0], output.hidden_states[-1][1, :short])]
    if logits is not None and alone[1] is not None:
        pairs.append((alone[1][0], logits[1]))
    share = 1e-3 if classifier.dtype == torch.float32 else 0.1
    return any(_differ(before.float(), after.float(), share) for before, after in pairs)


def _differ(before: Tensor, after: Tensor, share: float) -> bool:
    return bool((before - after).abs().max() > share * (1e-3 + before.abs().max()))


def _no_attentions(classifier: Classifier, row: TokenRow) -> str:
    """Why there are no attentions of every token to every token; "" where there are."""
    encoder = classifier.encoder
    if getattr(encoder.config, "_attn_implementation", "eager") not in ("eager", None):
        return ""  # fused attention keeps none, which whoever asks is told
    name, length = _name(classifier), len(row.ids)
    try:
        with torch.no_grad():
            output, _ = _forward(classifier, [row], output_attentions=True)
    except CheckpointError as error:
        return f"{name} returns no attentions ({_first_line(error)})"
    attentions = getattr(output, "attentions", None) or ()
    if not attentions or any(layer is None for layer in attentions):
        return f"{name} returns no attentions"
    if any(
        not hasattr(layer, "shape") or layer.shape[-2:] != (length, length) for layer in attentions
    ):
        return (
            f"{name} attends within windows or to groups of tokens, so it has no attention from "
            "every token to every token"
        )
    if any(_differ(layer.float().sum(-1), torch.ones(()), 0.1) for layer in attentions):
        return f"{name} returns scores instead of attentions: their rows do not add up to 1"
    if len({tuple(layer.shape) for layer in attentions}) > 1:
        return f"{name} has layers with different numbers of attention heads"
    classifier.causal = length > 1 and not any(bool(layer.triu(1).any()) for layer in attentions)
    return ""


def _no_gradients(classifier: Classifier, row: TokenRow, logits: Tensor | None) -> str:
    """Why the output is no function of input embeddings with a gradient; "" where it is.

    Given alone first, and where that does not give the same answer, under the text's ids.
    """
    if logits is None:
        return ""
    reason = _no_gradient(classifier, row, logits)
    if reason and not classifier.inputs.by_ids:
        alone = classifier.inputs
        classifier.inputs = replace(alone, by_ids=True)
        if _no_gradient(classifier, row, logits):
            classifier.inputs = alone
        else:
            reason = ""
    return reason


def _no_gradient(classifier: Classifier, row: TokenRow, logits: Tensor) -> str:
    name = _name(classifier)
    ids, inputs = apart(classifier, _inputs(classifier, [row]))
    try:
        with torch.enable_grad():
            vectors = embedded(classifier, ids).detach().requires_grad_()
            answer = logits_of(classifier, vectors, inputs)
            (slope,) = torch.autograd.grad(answer.sum(), vectors)
    except Exception as error:
        return (
            f"{name} takes no input embeddings, or has no gradient ({_first_line(error)}). Methods "
            "that leave tokens out, such as occlusion, need neither"
        )
    share = 1e-3 if classifier.dtype == torch.float32 else 0.1
    if _differ(logits.float(), answer.detach(), share):
        return f"{name} gives other logits for input embeddings than for the tokens they belong to"
    if not torch.isfinite(slope).all():
        return f"{name} has no finite gradient for a short text"
    return ""


def _name(classifier: Classifier) -> str:
    return type(classifier.model).__name__


def _first_line(error: BaseException) -> str:
    lines = (str(error).strip() or type(error).__name__).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}"
