"""The question a method answers: one output of one model as a function of its input embeddings."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, SupportsIndex, cast

import numpy as np

from analysis.attribution.results import BASELINES, Progress, Target
from analysis.attribution.units import Groups
from analysis.checkpoints.forward import apart, embedded, logits_of
from analysis.text.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.checkpoints.loading import Classifier
    from analysis.checkpoints.protocols import ModelWithEmbeddings

TOKENS_A_BATCH = 4096  # tokens in one batch of passes, to begin with


@dataclass(frozen=True)
class Problem:
    """A text, a model and the output that is explained, as methods see them."""

    classifier: Classifier
    tokens: Tokens
    units: Groups  # (U,) token positions of each unit
    target: Target
    output: str
    inputs: Tensor  # (1, T, e) float32 input embeddings of the text
    baseline: Tensor  # (1, T, e) of the baseline; special tokens are the text's own
    baseline_name: str  # in words
    fixed: dict[str, Tensor]  # (1, T) the other inputs: attention_mask, token_type_ids
    full: float  # the output at the text
    empty: float  # the output at the baseline
    report: Progress  # may raise to stop the computation
    seed: int
    batch_tokens: int | None = None  # fewer, where the device ran out of memory

    @property
    def free(self) -> tuple[int, ...]:
        """Indices of the units that may be perturbed: all but the special tokens."""
        special = self.tokens.special
        return tuple(i for i, unit in enumerate(self.units) if not special[unit[0]])

    @property
    def rows(self) -> int:
        """Rows of this text in one batch."""
        return max(1, (self.batch_tokens or TOKENS_A_BATCH) // len(self.tokens))

    def logits(self, embeddings: Tensor, **changed: Tensor) -> Tensor:
        """(n, T, e) -> (n, C) float32; `changed` replaces inputs such as the attention mask."""
        return logits_of(self.classifier, embeddings, self.fixed | changed)

    def value(self, embeddings: Tensor, **changed: Tensor) -> Tensor:
        """(n, T, e) -> (n,) the output that is explained."""
        self.report(0.0)  # report no progress, but allow a stop between two passes
        return self.explained(self.logits(embeddings, **changed))

    def explained(self, logits: Tensor) -> Tensor:
        """(n, C) logits -> (n,) the output that is explained."""
        kind = self.classifier.checkpoint.output
        return output_of(logits, self.target, self.output, kind)

    def by_unit(self, token_scores: np.ndarray) -> np.ndarray:
        """(T, ...) -> (U, ...) summed over the tokens of each unit."""
        scores = np.asarray(token_scores, dtype=np.float64)
        return np.array([scores[list(unit)].sum(axis=0) for unit in self.units])


def pose(
    classifier: Classifier,
    tokens: Tokens,
    units: Groups,
    target: object,
    output: str,
    baseline: str | None,
    baseline_text: str | Sequence[str] | None,
    progress: Progress | None,
    seed: int,
) -> Problem:
    """The problem with its two ends evaluated in one pass; see ``attribute`` for the errors.

    Without a baseline (None: the method needs none) the text stands at both ends.
    """
    import torch

    from analysis.reading.trace import model_inputs

    ids, fixed = apart(classifier, model_inputs(classifier, tokens))
    count = max(len(classifier.checkpoint.labels), 1)
    if target is not None:
        target = check_target(classifier.checkpoint.id, target, count, classifier.checkpoint.labels)
    done = 0.0

    def report(share: float) -> None:
        nonlocal done
        done = max(done, share)
        if progress is not None:
            progress(done)

    report(0.0)
    with torch.no_grad():
        inputs = embedded(classifier, ids)
        empty, named = inputs, "none"
        if baseline is not None:
            empty, named = baseline_of(classifier, tokens, baseline, baseline_text)
        logits = logits_of(classifier, torch.cat([inputs, empty]), fixed)
        chosen = predicted(logits[:1]) if target is None else target
        kind = classifier.checkpoint.output
        ends = output_of(logits, chosen, output, kind).tolist()
    return Problem(
        classifier,
        tokens,
        units,
        chosen,
        output,
        inputs,
        empty,
        named,
        fixed,
        ends[0],
        ends[1],
        report,
        seed,
    )


def output_of(logits: Tensor, target: Target, output: str, kind: str = "softmax") -> Tensor:
    """(n, C) logits -> (n,) the output that is explained, `kind` being what the logits mean.

    For a pair (a, b) it is the difference of the two logits (also for "contrast", where what the
    others do cancels), or of the two probabilities. A class with a probability of its own has no
    others to stand against: its contrast is its logit.
    """
    values = logits
    if output == "probability" and kind == "sigmoid":
        values = logits.sigmoid()
    elif output == "probability" and kind == "softmax" and logits.shape[1] > 1:
        values = logits.softmax(dim=1)
    if isinstance(target, tuple):
        return values[:, target[0]] - values[:, target[1]]
    if output != "contrast" or kind != "softmax" or logits.shape[1] == 1:
        return values[:, target]
    others = (logits.sum(dim=1) - logits[:, target]) / (logits.shape[1] - 1)
    return logits[:, target] - others


def predicted(logits: Tensor) -> int:
    """Index of the largest logit of one row (1, C)."""
    return int(logits[0].argmax())


def check_target(name: str, target: object, count: int, labels: Sequence[str] = ()) -> Target:
    """A class by index or name, or a pair of two different ones; ``ValueError`` otherwise."""
    names = tuple(target) if isinstance(target, (tuple, list)) else (target,)
    classes = [_class(name, label, count, labels) for label in names]
    if len(classes) == 1:
        return classes[0]
    if len(classes) != 2 or classes[0] == classes[1]:
        raise ValueError(f"target is {target!r}; a pair of two different classes is needed")
    return classes[0], classes[1]


def _class(name: str, label: object, count: int, labels: Sequence[str]) -> int:
    if isinstance(label, str):
        if label not in labels:
            known = ", ".join(labels) or "none, it predicts a number"
            raise ValueError(f"target is {label!r}; {name} has the classes: {known}")
        return list(labels).index(label)
    index = _whole(label)
    if index is None:
        raise ValueError(f"target is {label!r}; a class by index or name is needed, or a pair")
    if not 0 <= index < count:
        raise ValueError(f"target is {index}; {name} has {count} classes")
    return index


def check_seed(seed: object) -> int:
    """A whole number, at least 0; ``ValueError`` otherwise."""
    number = _whole(seed)
    if number is None or number < 0:
        raise ValueError(f"seed is {seed!r}; a whole number of at least 0 is needed")
    return number


def _whole(value: object) -> int | None:
    """An integer of any library as such; None for what only could be made one."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(cast("SupportsIndex", value))
    except TypeError:
        return None


def baseline_of(
    classifier: Classifier,
    tokens: Tokens,
    baseline: str,
    text: str | Sequence[str] | None = None,
) -> tuple[Tensor, str]:
    """(1, T, e) float32 embeddings of a baseline, and its name in words."""
    import torch

    ids = torch.tensor(tokens.ids[None], device=classifier.device)
    special = torch.tensor(tokens.special, device=ids.device)
    if baseline == "mean":
        model = cast("ModelWithEmbeddings", classifier.model)
        rows = torch.arange(model.get_input_embeddings().weight.shape[0], device=ids.device)
        # As the module gives them: some scale what stands in their table.
        mean = torch.stack(
            [embedded(classifier, part).sum(0) for part in torch.split(rows, 8192)]
        ).sum(0)
        mean /= len(rows)
        return torch.where(special[:, None], embedded(classifier, ids), mean), "mean embedding"
    if baseline == "text":
        other_ids, named = _other_text(classifier, tokens, text)
        return embedded(classifier, torch.tensor(other_ids, device=ids.device)[None]), named
    index = special_id(classifier, baseline)
    return embedded(classifier, torch.where(special, ids, index)), f"[{baseline.upper()}]"


def _other_text(
    classifier: Classifier, tokens: Tokens, text: str | Sequence[str] | None
) -> tuple[np.ndarray, str]:
    """(T,) ids with another sentence in the places of the text, padded or cut to its length."""
    if not text:
        raise ValueError("baseline='text' needs baseline_text: the sentence to compare with")
    texts = (text,) if isinstance(text, str) else tuple(text) if isinstance(text, Sequence) else ()
    if not texts or not all(isinstance(part, str) for part in texts):
        raise ValueError(f"baseline_text is {text!r}; a sentence is needed, or two for a pair")
    if len(texts) > 1 + (tokens.pair is not None):
        raise ValueError("baseline_text is a pair, and the text is not")
    ids = np.where(tokens.special, tokens.ids, special_id(classifier, "pad"))
    cut = 0
    for segment, segment_text in enumerate(texts):
        tokens_of_other = tokenize(classifier.tokenizer, segment_text, None, classifier.limit)
        words = tokens_of_other.ids[~tokens_of_other.special]
        places = np.flatnonzero(~tokens.special & (tokens.segment == segment))
        kept = min(len(words), len(places))
        ids[places[:kept]] = words[:kept]
        cut += len(words) - kept
    named = "text: " + " / ".join(texts)
    return ids, named + (f" (its last {cut} pieces cut)" if cut else "")


def default_baseline(classifier: Classifier) -> str:
    """ "pad" where the tokenizer has such a token, else "mean"."""
    return "mean" if classifier.tokenizer.pad_token_id is None else "pad"


def special_id(classifier: Classifier, name: str) -> int:
    """Vocabulary id of [PAD] or [MASK]; ``ValueError`` where the tokenizer has none."""
    index = getattr(classifier.tokenizer, f"{name}_token_id")
    if index is None:
        raise ValueError(
            f"{classifier.checkpoint.name}: its tokenizer has no [{name.upper()}] token; "
            f"choose another baseline ({', '.join(BASELINES)})"
        )
    return int(index)


def batches(count: int, size: int) -> list[slice]:
    """Slices of at most `size` that cover `count` rows."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
