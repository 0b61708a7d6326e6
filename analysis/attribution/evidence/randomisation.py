"""Does an attribution follow the model? The parameter-randomisation check.

Weights are drawn anew from the classifier downwards, one stage after another, on a copy of the
model. An attribution that still ranks the units alike at the end does not depend on what the
model has learned.

Source: Adebayo et al. 2018, "Sanity Checks for Saliency Maps", section 4.1 (cascading).
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.attribution.results import Attribution, Progress
from analysis.attribution.run import attribute
from analysis.common.records import freeze, require_shape
from analysis.text.tokens import tokenize

if TYPE_CHECKING:
    import torch
    from torch import nn

    from analysis.checkpoints.loading import Classifier

_ABOVE, _LAYER = ("classifier", "pooling head", "pooler"), "layer "


@dataclass(frozen=True)
class Randomisation:
    """Rank agreement of an attribution with itself while the model loses what it has learned."""

    method: str
    target: int | tuple[int, int]
    stages: tuple[str, ...]  # (S,) what was drawn anew last; all before it stays so
    spearman: np.ndarray  # (S,) of the scores; NaN where they are constant or not finite
    absolute: np.ndarray  # (S,) of the absolute scores
    null: tuple[float, float]  # middle 95 % for unrelated rankings of as many units
    units: int  # compared: all but special tokens
    seed: int  # of the weights

    def __post_init__(self) -> None:
        require_shape("spearman", self.spearman, len(self.stages))
        require_shape("absolute", self.absolute, len(self.stages))
        freeze(self)


def randomisation(
    classifier: Classifier,
    text: str,
    pair: str | None = None,
    *,
    weight_seed: int = 0,
    progress: Progress | None = None,
    **arguments: Any,
) -> Randomisation:
    """Spearman's rank correlation with the attribution of the trained model, stage by stage.

    Stages go from the output downwards: classifier, pooling head (or pooler), layers L .. 1,
    embeddings. Every weight tensor of a stage is drawn from a normal distribution with the
    tensor's own mean and standard deviation, so that values keep their size and only what was
    learned is gone; constant tensors stay. The model itself is not touched: a copy is (its memory
    once more). `arguments` are those of :func:`analysis.attribution.attribute`; the class that the
    trained model predicts stays the target. It costs one attribution a stage, and one.

    What `progress` raises ends the work. Raises ``ValueError`` as ``attribute`` does.
    """
    import torch

    correlations: list[tuple[float, float]] = []
    with classifier.lock:  # nobody's hooks may be copied
        # Together: the head of a stock model holds layers of that model. One in another type than
        # the model's holds its own, which no drawing of the model's weights would reach.
        own = classifier.stock if classifier.dtype == torch.float32 else None
        model, stock = copy.deepcopy((classifier.model, own))
    stages = weight_stages(model)

    def progress_of(number: int) -> Progress | None:
        if progress is None:
            return None
        report = progress
        return lambda share: report((number + share) / (len(stages) + 1))

    original = attribute(classifier, text, pair, progress=progress_of(0), **arguments)
    tokens = tokenize(classifier.tokenizer, text, pair, classifier.limit)
    places = [i for i, u in enumerate(original.unit_tokens) if not tokens.special[list(u)].any()]
    again = {**arguments, "target": original.target}
    draw = torch.Generator().manual_seed(weight_seed)
    for number, (_, parameters) in enumerate(stages):
        for parameter in parameters:
            _redraw(parameter, draw)
        # Anew each time: what a classifier remembers of its head's weights has changed.
        copied = replace(classifier, model=model, stock=stock, lock=threading.RLock())
        try:
            now = attribute(copied, text, pair, progress=progress_of(number + 1), **again)
        except ValueError:  # random weights may well have no finite gradient
            correlations.append((float("nan"), float("nan")))
            continue
        correlations.append(_alike(original, now, places))
    return Randomisation(
        method=original.method,
        target=original.target,
        stages=tuple(name for name, _ in stages),
        spearman=np.array([signed for signed, _ in correlations]),
        absolute=np.array([size for _, size in correlations]),
        null=spearman_band(len(places)),
        units=len(places),
        seed=weight_seed,
    )


def weight_stages(model: nn.Module) -> list[tuple[str, list[nn.Parameter]]]:
    """Every weight of a model once, in stages from the output down to the embeddings."""
    prefix = str(getattr(model, "base_model_prefix", ""))
    encoder = f"{prefix}." if prefix and hasattr(model, prefix) else ""
    stages: dict[str, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        stages.setdefault(_stage(name, encoder), []).append(parameter)
    layers = sorted(int(n.removeprefix(_LAYER)) for n in stages if n.startswith(_LAYER))
    downwards = (*_ABOVE, *(f"{_LAYER}{number}" for number in reversed(layers)), "embeddings")
    return [(name, stages[name]) for name in downwards if name in stages]


def spearman_band(n: int) -> tuple[float, float]:
    """Middle 95 % of Spearman's correlation of unrelated rankings: normal, sd 1 / sqrt(n - 1)."""
    end = 1.0 if n < 3 else min(1.0, 1.959964 / float(np.sqrt(n - 1)))
    return (-end, end)


def _stage(name: str, encoder: str) -> str:
    if not name.startswith(encoder) or not encoder:
        return "pooling head" if name.startswith("head.") else "classifier"
    rest = name.removeprefix(encoder).split(".")
    # encoder.layer.3.output..., transformer.layer.3..., layers.3...
    for part, following in pairwise(rest):
        if part in ("layer", "layers", "h", "block") and following.isdigit():
            return f"{_LAYER}{int(following) + 1}"
    return "embeddings" if "embed" in rest[0] else "pooler"


def _redraw(parameter: nn.Parameter, draw: torch.Generator) -> None:
    import torch

    with torch.no_grad():
        values = parameter.float()
        spread = values.std(correction=0)
        noise = torch.randn(parameter.shape, generator=draw).to(values.device)
        parameter.copy_(values.mean() + spread * noise)


def _alike(first: Attribution, second: Attribution, places: Sequence[int]) -> tuple[float, float]:
    from scipy.stats import spearmanr

    pairs = []
    for change in (np.asarray, np.abs):
        left, right = (change(a.scores[list(places)]) for a in (first, second))
        constant = len(places) < 2 or np.ptp(left) == 0 or np.ptp(right) == 0
        pairs.append(float("nan") if constant else float(spearmanr(left, right).statistic))
    return pairs[0], pairs[1]
