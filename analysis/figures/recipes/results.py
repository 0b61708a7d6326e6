"""Results that recipes draw: one checkpoint with the text that it reads, and who keeps what.

A result is a function of a `Member` and of plain arguments. Who asks for one goes through
`Member.result`, so that the member's store may have it already: the command line and notebooks
keep results as long as a picture is made, the pages as long as there is room. The functions
below are those that several recipes share; any other function of a member can be asked for in the
same way, by the recipe that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from analysis.attribution import Attribution
    from analysis.attribution.registry import OptionValue
    from analysis.attribution.results import Target
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.checkpoints.loading import Classifier
    from analysis.datasets.sentences import Rows
    from analysis.interventions.effects import DropEffects, LeaveOneOut, Sweep, WhatIf
    from analysis.interventions.flips import Flips
    from analysis.reading.attention import BlockMasses, HeadDistance, HeadEntropy, ValueNorms
    from analysis.reading.layers import LayerCka, Trajectory
    from analysis.reading.margins import NoiseFlips
    from analysis.reading.trace import Trace
    from analysis.reading.winner_statistics import SeedDisagreement, WinnerSample

T = TypeVar("T")


class Store(Protocol):
    """Loads checkpoints and keeps results."""

    def classifier(self, checkpoint: Checkpoint) -> Classifier:
        """The loaded checkpoint."""
        ...

    def result(self, member: Member, compute: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """``compute(member, *arguments)``, or what is kept of it."""
        ...

    def progress(self, share: float) -> None:
        """Called by long computations; may raise to end them."""
        ...


@dataclass(frozen=True, eq=False)
class Member:
    """One checkpoint and the text (with its second text, or None) that it reads."""

    checkpoint: Checkpoint
    text: str
    pair: str | None
    store: Store

    @property
    def identity(self) -> tuple[str, str, str, str | None]:
        """Its identity: id and digest of the checkpoint, and the text."""
        return (self.checkpoint.id, self.checkpoint.sha256, self.text, self.pair)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Member) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def classifier(self) -> Classifier:
        """The loaded checkpoint."""
        return self.store.classifier(self.checkpoint)

    def result(self, compute: Callable[..., T], *arguments: Any) -> T:
        """``compute(self, *arguments)``; the arguments are hashable."""
        return self.store.result(self, compute, arguments)

    def reads(self, text: str, pair: str | None) -> Member:
        """The member with another text."""
        return replace(self, text=text, pair=pair)


class ComputedResults:
    """A store for loaded checkpoints: keeps every result as long as it lives itself."""

    def __init__(self, classifiers: Sequence[Classifier]) -> None:
        self._classifiers = {(c.checkpoint.id, c.checkpoint.sha256): c for c in classifiers}
        self._results: dict[Any, Any] = {}

    def classifier(self, checkpoint: Checkpoint) -> Classifier:
        """The loaded checkpoint."""
        return self._classifiers[checkpoint.id, checkpoint.sha256]

    def result(self, member: Member, compute: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """``compute(member, *arguments)``, computed once."""
        key = (compute, member, arguments)
        if key not in self._results:
            self._results[key] = compute(member, *arguments)
        return self._results[key]  # type: ignore[no-any-return]

    def progress(self, share: float) -> None:
        """Nobody waits here."""


def trace(member: Member) -> Trace:
    """The recorded forward, without attentions."""
    from analysis.reading.trace import record

    # A Hub checkpoint is loaded from its folder in the cache: keep the id that the user gave.
    recorded = record(member.classifier, member.text, member.pair)
    return replace(recorded, checkpoint=member.checkpoint)


def whole_trace(member: Member) -> Trace:
    """The recorded forward with all attentions, (layers, heads, T, T)."""
    from analysis.reading.trace import record

    recorded = record(member.classifier, member.text, member.pair, attentions=True)
    return replace(recorded, checkpoint=member.checkpoint)


def cls_trace(member: Member) -> Trace:
    """The forward with the [CLS] rows of the encoder's attentions alone, (layers, heads, 1, T):
    those of the token that stands for the text, which in a decoder is the last one.

    Of the hidden states only the first dimension is kept: a text of 512 tokens has 20 MB of them,
    and who reads rows of [CLS] reads none.
    """
    recorded = member.result(whole_trace)
    assert recorded.attentions is not None
    row = recorded.read_token
    return replace(
        recorded,
        attentions=recorded.attentions[:, :, row : row + 1],
        hidden=recorded.hidden[:, :, :1],
        between=None,
    )


def trajectory(member: Member, token: int | None) -> Trajectory:
    """One token through the layers; None: that which stands for the text."""
    from analysis.reading.layers import follow

    seen = member.result(trace)
    return follow(member.classifier, seen, seen.read_token if token is None else token)


def drop_effects(member: Member, by_token: bool = False) -> DropEffects:
    """The change of the logits when each competing layer leaves the pool."""
    from analysis import interventions

    return interventions.drop_effects(
        member.classifier, member.text, member.pair, by_token, progress=member.store.progress
    )


def sweep(member: Member) -> Sweep:
    """The logits over the last k layers, for every k."""
    from analysis import interventions

    return interventions.sweep_last_k(member.classifier, member.text, member.pair)


def what_if(
    member: Member, drop_layers: tuple[int, ...], mask_tokens: tuple[int, ...], where: str
) -> WhatIf:
    """The logits without some layers, some tokens, or both."""
    from analysis import interventions

    return interventions.what_if(
        member.classifier, member.text, drop_layers, mask_tokens, where, pair=member.pair
    )


def leave_one_out(member: Member, where: str, words: bool) -> LeaveOneOut:
    """The change of the logits when each token or word is left out."""
    from analysis import interventions

    return interventions.leave_one_out(
        member.classifier, member.text, member.pair, where, words, member.store.progress
    )


def word_logits(member: Member, instead: str) -> np.ndarray:
    """(1 + U, C) logits of the text as typed and without each of its words."""
    from analysis import interventions

    return interventions.word_logits(
        member.classifier, member.text, member.pair, instead, member.store.progress
    )


def flips(
    member: Member,
    members: tuple[Member, ...],
    name: str,
    kind: str,
    words: tuple[str, ...],
    most: int,
) -> Flips:
    """The smallest edits that flip the prediction of these seeds, or of the one checkpoint.

    Replacements without words are those of the first one's masked language model.
    """
    from analysis import interventions
    from analysis.interventions.replacements import fitting

    masked = kind == "replacement" and not words
    return interventions.smallest_edits(
        name,
        [member.classifier for member in members],
        member.text,
        member.pair,
        kind,
        fitting(member.classifier, member.text, member.pair) if masked else words,
        most,
        progress=member.store.progress,
    )


def cls_course(member: Member) -> Course:
    """[CLS] of the text through the layers, small enough to be kept for a thousand texts."""
    from analysis.reading.layers import trajectory

    path = trajectory(member.classifier, member.text, member.pair)
    return Course(
        path.norm,
        path.cosine_to_previous,
        path.cosine_to_last,
        path.probabilities,
        path.vectors.astype(np.float32),
    )


@dataclass(frozen=True)
class Course:
    """Of one sentence, what others are held against."""

    norm: np.ndarray  # (L+1,)
    cosine_to_previous: np.ndarray  # (L+1,)
    cosine_to_last: np.ndarray  # (L+1,)
    probabilities: np.ndarray | None  # (L+1, C)
    vectors: np.ndarray  # (L+1, d) float32


def layer_cka(member: Member, second_member: Member, rows: Rows, of: str) -> LayerCka:
    """Similarity of the layers of two checkpoints over sentences."""
    from analysis.corpus.layer_cka import layer_cka as compute

    texts, pairs = [text for text, _ in rows], [pair for _, pair in rows]
    first = member.classifier
    second = first if member == second_member else second_member.classifier
    return compute(first, second, texts, pairs, of, progress=member.store.progress)


def winner_sample(member: Member, reference: str | None) -> WinnerSample:
    """Wins and contributions of the text by token type and layer."""
    from analysis.reading.winner_statistics import collect

    return collect(member.classifier, [member.text], [member.pair], reference)


def disagreement_of_seeds(member: Member, members: tuple[Member, ...]) -> SeedDisagreement:
    """Share of places of the text to which two of these seeds give another winner."""
    from analysis.reading.winner_statistics import seed_disagreement

    return seed_disagreement(
        [member.classifier for member in members], [member.text], [member.pair]
    )


def noise_flips(member: Member) -> NoiseFlips:
    """Wins that flip under small noise."""
    from analysis.reading import margins

    return margins.noise_flips(member.result(trace))


def value_norms(member: Member) -> ValueNorms:
    """The pooling head's attention weighted by how far each token moves the pooled vector."""
    from analysis.reading import attention

    return attention.value_norms(member.classifier, member.result(cls_trace))


def cls_rollout(member: Member) -> np.ndarray:
    """(L, T) attention rollout of the token that stands for the text ([CLS], a decoder's last)."""
    from analysis.reading import attention

    # The rows of other queries are 12 MB that no picture shows.
    rolled = attention.rollout(member.result(whole_trace))
    return rolled.values[:, rolled.read_token].copy()


def head_entropy(member: Member) -> HeadEntropy:
    """Entropy of every attention head of the encoder."""
    from analysis.reading import attention

    return attention.head_entropy(member.result(whole_trace))


def head_distance(member: Member) -> HeadDistance:
    """Mean distance in tokens of every attention head of the encoder."""
    from analysis.reading import attention

    return attention.head_distance(member.result(whole_trace))


def block_masses(member: Member) -> BlockMasses:
    """Attention from each part of the input into each, by layer and attention head."""
    from analysis.reading import attention

    recorded = member.result(whole_trace)
    return attention.block_masses(attention.encoder_attention(recorded), recorded.tokens)


def attribution(
    member: Member,
    method: str,
    target: Target | None,
    unit: str = "piece",
    output: str = "contrast",
    baseline: str = "default",
    baseline_text: str | None = None,
    span: tuple[tuple[int, int, int], ...] = (),
    options: tuple[tuple[str, OptionValue], ...] = (),
    seed: int = 0,
) -> Attribution:
    """The attribution of a class by one method."""
    from analysis.attribution import attribute
    from analysis.attribution.problem import default_baseline

    if baseline == "default":
        baseline = default_baseline(member.classifier)
    return attribute(
        member.classifier,
        member.text,
        member.pair,
        method,
        target,
        unit,
        output=output,
        baseline=baseline,
        baseline_text=baseline_text,
        span=span or None,
        seed=seed,
        progress=member.store.progress,
        allow_cost=True,
        **dict(options),
    )
