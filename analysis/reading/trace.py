"""record(): the one forward without gradients, and everything it saw, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.forward import forward
from analysis.checkpoints.profiles import Moments, Profile
from analysis.common import outputs
from analysis.common.faults import CheckpointError
from analysis.common.phrases import listed
from analysis.common.records import freeze, require_shape
from analysis.reading.course import course
from analysis.reading.winners import Winners
from analysis.straight_line.layers import HeadLayers
from analysis.text.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.checkpoints.loading import Classifier
    from analysis.checkpoints.protocols import EncoderOutput
    from analysis.heads.base import Pooled

    Readout = tuple[Tensor, Tensor]  # (C, P, d), (C,)


_READS = {
    "cls": "[CLS]",
    "last_token": "the last token",
    "mean": "the mean of the tokens",
    "max": "the maximum over the tokens",
    "mean_sqrt_len": "the sum of the tokens by the root of their number",
}


@dataclass(frozen=True)
class HeadTrace:
    """Record of the pooling head. All None for a bare encoder, or a head without one.

    Where `readout` is not None, ``logits[c] = constant[c] + sum over p, t, j of
    readout[c, p, j] * weights[p, t(, j)] * values[t, j]``. Where `rest` is not None, layers of the
    head's own come between these weighted sums and the logits. Values of several layers that are
    added up are (K, T, d), of `layers`, and their weights (P, K, T).
    """

    pooled: np.ndarray | None = None  # (D,) input of the classifier
    winners: Winners | None = None
    attention: np.ndarray | None = None  # (P, T) rows sum to 1
    weights: np.ndarray | None = None  # (P, T) or (P, T, d); (P, K, T) beside values by layer
    values: np.ndarray | None = None  # (T, d), or (K, T, d)
    readout: np.ndarray | None = None  # (C, P, d)
    constant: np.ndarray | None = None  # (C,)
    parts: tuple[str, ...] = ()  # (P,) names
    layers: tuple[int, ...] = ()  # (K,) absolute indices, where values are by layer
    rest: HeadLayers | None = None  # the head's own layers, where it is not linear

    def __post_init__(self) -> None:
        if self.weights is not None and self.values is not None:
            *places, size = self.values.shape
            by_dimension = self.weights.ndim == 3 and self.values.ndim == 2
            weights = self.weights[..., 0] if by_dimension else self.weights
            require_shape("weights", weights, len(self.parts), *places)
            if self.values.ndim == 3:
                require_shape("values", self.values, len(self.layers), None, None)
            if self.readout is not None:
                classes = None if self.constant is None else len(self.constant)
                require_shape("readout", self.readout, classes, len(self.parts), size)
        elif self.readout is not None or self.rest is not None:
            raise ValueError("a readout needs weights and values beside it")
        if self.readout is not None and self.constant is None:
            raise ValueError("a readout needs a constant beside it")
        freeze(self)

    @property
    def reads(self) -> str:
        """Input of a head that pools the last layer, and the layers that follow, in words."""
        read = _READS.get(self.parts[0], "") if len(self.parts) == 1 else ""
        follow = () if self.rest is None else self.rest.names
        return f"{read}, then {listed(follow)}" if read and follow else read

    @property
    def splits(self) -> bool:
        """Whether the logits can be split over what the head read."""
        return self.readout is not None or self.rest is not None


@dataclass(frozen=True)
class Trace:
    """One text through one checkpoint."""

    checkpoint: Checkpoint
    tokens: Tokens
    # (L+1, T, d); index 0 is the embedding output. Each layer as the encoder would give it if it
    # ended there: in a pre-norm encoder with its final norm.
    hidden: np.ndarray
    head: HeadTrace
    logits: np.ndarray | None  # (C,); None for a bare encoder
    attentions: np.ndarray | None = None  # (L, H, T, T), only when asked for
    # (L+1, T, d) what lies between the layers, where that is not `hidden`: below the last layer of
    # a pre-norm encoder, without its final norm. A pooling head over several layers reads these.
    between: np.ndarray | None = None
    # The token that stands for the whole text: the one that the pooling head reads, where it reads
    # one alone; else the last one where no token sees those behind it, and [CLS] everywhere else.
    read_token: int = 0

    def __post_init__(self) -> None:
        require_shape("hidden", self.hidden, None, len(self.tokens), None)
        if self.between is not None:
            require_shape("between", self.between, *self.hidden.shape)
        if self.logits is not None:
            require_shape("logits", self.logits, max(len(self.checkpoint.labels), 1))
        freeze(self)

    @property
    def read_name(self) -> str:
        """Name of :attr:`read_token` in a sentence: "[CLS]", or the last token by name."""
        if self.read_token == 0:
            return "[CLS]"
        where = "last token" if self.read_token == len(self.tokens) - 1 else "token read"
        label = self.tokens.labels[self.read_token]
        return f"the {where}, {label if self.tokens.special[self.read_token] else f'“{label}”'}"

    @property
    def states(self) -> np.ndarray:
        """(L+1, T, d) the hidden states as a pooling head reads them."""
        return self.hidden if self.between is None else self.between

    @property
    def compares(self) -> str:
        """Note on the layers that a maximum compares; "" where there is nothing to say."""
        won = self.head.winners
        last = len(self.hidden) - 1
        if self.between is None or won is None or won.token is not None or len(won.layers) == 1:
            return ""
        below = ", ".join(str(layer) for layer in won.layers if layer != last)
        return (
            f"This encoder normalises its last state alone: the maximum compares layer {last} "
            f"after the final norm with layer {below} before it."
        )

    @property
    def probabilities(self) -> np.ndarray:
        """(C,) what the logits mean: softmax, sigmoid of each class, or the values themselves."""
        return outputs.probabilities(self.checkpoint.output, self._need_logits())

    @property
    def predicted(self) -> int:
        """Index of the class with the largest logit (0 for one number)."""
        return int(self._need_logits().argmax())

    def class_gap(self, target: int | None = None) -> float:
        """Margin of `target` (default: predicted) over the best other class.

        Of a class with a probability of its own: how far it is above the threshold.
        """
        return float(outputs.class_gap(self.checkpoint.output, self.probabilities, target))

    def _need_logits(self) -> np.ndarray:
        if self.logits is None:
            raise ValueError(
                f"{self.checkpoint.name} is a {self.checkpoint.encoder_kind}: it has hidden "
                "states and no prediction"
            )
        return self.logits


def record(
    classifier: Classifier, text: str, pair: str | None = None, attentions: bool = False
) -> Trace:
    """Run one text (or pair) through a checkpoint and keep what was seen.

    Deterministic; a text longer than the model's limit is cut, and ``trace.tokens.dropped`` says
    by how many tokens. `attentions` costs L * H * T * T floats and needs eager attention.

    Raises ``ValueError`` for a blank text, and :class:`CheckpointError` where the device runs
    out of memory or attentions cannot be had.
    """
    tokens = tokenize(classifier.tokenizer, text, pair, classifier.limit)
    return record_tokens(classifier, tokens, attentions)


def record_tokens(classifier: Classifier, tokens: Tokens, attentions: bool = False) -> Trace:
    """:func:`record` of tokens that exist already, such as a text's without some of them."""
    import torch

    from analysis.common.memory import enough_memory

    inputs = model_inputs(classifier, tokens)
    head = classifier.head
    # Kept as well where the pooling head reads them: whoever runs it again needs them.
    attentions = attentions or (head is not None and head.reads_attentions())
    outputs = {"output_attentions": True} if attentions else {}
    with enough_memory(classifier, f"at {len(tokens)} tokens"), torch.no_grad():
        output, pooled, logits = forward(classifier, inputs, outputs, kept=True)
        readout = folded_readout(classifier, pooled)
        states = output.hidden_states
        hidden = _stacked([classifier.ended_at(states, layer) for layer in range(len(states))])
    between = None if classifier.final_norm is None else _stacked(states)
    read = head_trace(classifier, pooled, readout)
    return Trace(
        checkpoint=classifier.checkpoint,
        tokens=tokens,
        hidden=hidden,
        head=read,
        read_token=_read_token(read, len(tokens) - 1 if classifier.causal else 0),
        logits=None if logits is None else _numpy(logits[0].float()),
        attentions=_attentions(classifier, output) if attentions else None,
        between=between,
    )


def _read_token(head: HeadTrace, otherwise: int) -> int:
    """The only token with a weight in the pooling head, or `otherwise`."""
    weights = head.weights
    if weights is None or weights.ndim != 2 or len(weights) != 1:
        return otherwise
    places = np.flatnonzero(weights[0])
    return int(places[0]) if len(places) == 1 else otherwise


def model_inputs(classifier: Classifier, tokens: Tokens) -> dict[str, Tensor]:
    """Tensors (1, T) on the model's device, with token types only where the model takes them."""
    import torch

    arrays = classifier.inputs.arrays([tokens])
    return {name: torch.from_numpy(array).to(classifier.device) for name, array in arrays.items()}


def folded_readout(classifier: Classifier, pooled: Pooled | None) -> Readout | None:
    """(readout (C, P, d), constant (C,)) of the pooling head, or None where it has none."""
    if pooled is None or pooled.weights is None or pooled.values is None:
        return None
    head, layer = classifier.head, classifier.output_layer
    if head is None or layer is None:
        return None
    bias = layer.weight.new_zeros(len(layer.weight)) if layer.bias is None else layer.bias
    return head.readout(layer.weight, bias)


def head_trace(
    classifier: Classifier, pooled: Pooled | None, readout: Readout | None, row: int = 0
) -> HeadTrace:
    """The record of the pooling head for one row of a batch."""
    if pooled is None:
        return HeadTrace()
    winners, head = pooled.winners, classifier.head
    weights = _row(pooled.weights, row)
    return HeadTrace(
        pooled=_row(pooled.vector, row),
        winners=None
        if winners is None
        else Winners(
            layer=_numpy(winners.layer[row]),
            token=_row(winners.token, row),
            margin=_numpy(winners.margin[row]),
            layers=winners.layers,
        ),
        attention=_row(pooled.attention, row),
        weights=weights,
        values=_row(pooled.values, row),
        readout=None if readout is None else _numpy(readout[0]),
        constant=None if readout is None else _numpy(readout[1]),
        parts=() if weights is None or head is None else tuple(head.parts),
        layers=pooled.layers,
        rest=None if readout is not None or weights is None else classifier.rest,
    )


def _attentions(classifier: Classifier, output: EncoderOutput) -> np.ndarray:
    reason = classifier.unable.get("attentions", "")
    if reason:
        raise CheckpointError(f"{classifier.checkpoint.name}: {reason}")
    if not output.attentions or any(layer is None for layer in output.attentions):
        raise CheckpointError(
            f"{classifier.checkpoint.name}: the encoder gave no attentions. Fused attention keeps "
            "none: load with attn_implementation='eager'."
        )
    # Written to their place one by one: of 512 tokens all layers are 151 MB, and more in a copy.
    kept = np.empty((len(output.attentions), *output.attentions[0][0].shape), dtype=np.float32)
    for place, layer in zip(kept, output.attentions, strict=True):
        place[:] = _numpy(layer[0].float())
    kept.setflags(write=False)
    return kept


def _stacked(states: Sequence[Tensor]) -> np.ndarray:
    import torch

    return _numpy(torch.stack([state[0].float() for state in states]))


def _row(tensor: Tensor | None, row: int) -> np.ndarray | None:
    return None if tensor is None else _numpy(tensor[row])


def _numpy(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().cpu().numpy()
    return array


def measure_profile(
    classifier: Classifier, texts: Iterable[str], pairs: Iterable[str | None] | None, corpus: str
) -> Profile | None:
    """Profile of a checkpoint's pooling head over texts; None where it has no linear values.

    Raises
    ------
    ValueError
        There is no text.
    """
    total: np.ndarray | float = 0.0
    count: np.ndarray | float = 0.0
    shares: list[np.ndarray] = []
    layers: tuple[int, ...] = ()
    sentences = 0
    of_cls, of_tokens = Moments(), Moments()
    courses: list[np.ndarray] = []
    pairs = [None] * len(texts := list(texts)) if pairs is None else list(pairs)
    for text, pair in zip(texts, pairs, strict=True):
        trace = record(classifier, text, pair)
        head = trace.head
        if head.weights is None or head.values is None:
            return None
        read = (head.weights != 0).any(axis=0)  # (T,), (T, d) or (K, T): what has any say at all
        if read.shape != head.values.shape:
            read = np.broadcast_to(read[..., None], head.values.shape)
        places = tuple(range(head.values.ndim - 1))
        total = total + np.where(read, head.values, 0).sum(axis=places, dtype=np.float64)
        count = count + read.sum(axis=places)
        if head.winners is not None:
            layers = head.winners.layers
            shares.append(head.winners.share_by_layer())
        sentences += 1
        of_cls.add(trace.hidden[None, :, 0])
        courses.append(course(trace.hidden[:, 0]))
        of_tokens.add(trace.hidden.swapaxes(0, 1))
    if not sentences:
        raise ValueError("a profile needs at least one text")
    norm, previous, last = np.stack(courses, axis=1)
    return Profile(
        value_mean=np.asarray(total / np.maximum(count, 1)),
        share_of_wins=np.array(shares) if shares else np.zeros((sentences, 0)),
        layers=layers,
        sentences=sentences,
        corpus=corpus,
        cls_mean=of_cls.mean(),
        cls_deviation=of_cls.deviation(),
        token_mean=of_tokens.mean(),
        token_deviation=of_tokens.deviation(),
        cls_norm=norm,
        cls_cosine_to_previous=previous,
        cls_cosine_to_last=last,
    )
