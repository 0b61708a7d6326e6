"""Faults put into the library on purpose: each must break the truth that guards against it.

The battery of truths is also run as it is. A fault is a function that patches the library; the
table at the end says which truth has to catch it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis import attribution, heads
from analysis.heads import of_cls, of_layers, pooling, with_attention
from analysis.reading import decomposition, trace
from tests.support import zoo
from tests.support.truths import (
    BATTERY,
    NAMES,
    logits_split_as_the_formulas_say,
    padding_never_counts,
    the_class_asked_for_is_explained,
    ties_go_to_the_earliest,
    winners_are_absolute_layers,
)


@pytest.mark.parametrize("truth", BATTERY, ids=lambda truth: truth.__name__)
def test_the_battery_holds(truth):
    truth()


# --- the faults -------------------------------------------------------------------------------


def padding_unmasked_in_poolings(patch) -> None:
    patch.setattr(pooling, "real_tokens", lambda mask: torch.ones_like(mask, dtype=torch.bool))


def padding_is_zero_before_the_maximum(patch) -> None:
    def leaky(hidden, mask):
        return pooling._earliest_maximum(hidden.masked_fill(mask[:, :, None] == 0, 0.0), 1)

    patch.setattr(pooling, "max_over_tokens", leaky)


def padding_unmasked_in_attention(patch) -> None:
    attend = heads.AttentionPooling.attend
    patch.setattr(
        heads.AttentionPooling,
        "attend",
        lambda self, query, values, mask: attend(self, query, values, torch.ones_like(mask)),
    )


def mean_divides_by_all(patch) -> None:
    patch.setitem(
        pooling._WEIGHTS, "mean", lambda real: (real / real.shape[1])[:, None].to(torch.float32)
    )


def _shift(patch, change) -> None:
    original = of_layers.pool_last_layers
    for room in (of_cls, of_layers, with_attention):
        patch.setattr(room, "pool_last_layers", lambda *arguments: change(original, *arguments))


def layer_index_one_too_low(patch) -> None:
    def change(original, hidden, last_k):
        vector, winners = original(hidden, last_k)
        lower = tuple(layer - 1 for layer in winners.layers)
        return vector, replace(winners, layer=winners.layer - 1, layers=lower)

    _shift(patch, change)


def layer_index_relative_to_the_last_k(patch) -> None:
    def change(original, hidden, last_k):
        vector, winners = original(hidden, last_k)
        first = winners.layers[0]
        own = tuple(range(last_k))
        return vector, replace(winners, layer=winners.layer - first, layers=own)

    _shift(patch, change)


def pools_one_layer_too_early(patch) -> None:
    def change(original, hidden, last_k):
        return original(torch.cat([hidden[:1], hidden[:-1]]), last_k)

    _shift(patch, change)


def ties_to_the_latest(patch) -> None:
    original = pooling._earliest_maximum

    def latest(values, dim):
        best = original(values, dim)
        flipped = original(values.flip(dim), dim)
        return replace(best, winner=values.shape[dim] - 1 - flipped.winner)

    patch.setattr(pooling, "_earliest_maximum", latest)


def _through(change):
    original = heads.AttentionPooling._through_attention

    def through(self, weight):
        return change(self, weight, original)

    return through


def output_bias_dropped(patch) -> None:
    def change(self, weight, original):
        readout, constant = original(self, weight)
        return readout, constant - weight @ self.attention.out_proj.bias

    patch.setattr(heads.AttentionPooling, "_through_attention", _through(change))


def value_bias_dropped(patch) -> None:
    def change(self, weight, original):
        readout, _ = original(self, weight)
        return readout, weight @ self.attention.out_proj.bias

    patch.setattr(heads.AttentionPooling, "_through_attention", _through(change))


def value_weights_transposed(patch) -> None:
    def change(self, weight, original):
        layer, d = self.attention, self.hidden_size
        value = layer.in_proj_weight[2 * d :]
        kept = value.detach().clone()
        with torch.no_grad():
            value.copy_(kept.T.clone())
            result = original(self, weight)
            value.copy_(kept)
        return result

    patch.setattr(heads.AttentionPooling, "_through_attention", _through(change))


def attention_heads_swapped(patch) -> None:
    def change(self, weight, original):
        readout, constant = original(self, weight)
        return readout.flip(1), constant

    patch.setattr(heads.AttentionPooling, "_through_attention", _through(change))


def attention_weights_ignored_by_the_split(patch) -> None:
    original = trace.HeadTrace.__post_init__

    def uniform(self):
        if self.attention is not None:
            object.__setattr__(self, "weights", np.full_like(self.weights, 1 / len(self.values)))
        original(self)

    patch.setattr(trace.HeadTrace, "__post_init__", uniform)


def attention_weights_ignored_by_the_head(patch) -> None:
    attend = heads.AttentionPooling.attend

    def uniform(self, query, values, mask):
        output, attention = attend(self, query, values, mask)
        return output, torch.full_like(attention, 1 / attention.shape[-1])

    patch.setattr(heads.AttentionPooling, "attend", uniform)


def the_next_class_contrasted(patch) -> None:
    original = decomposition.contrast_of
    patch.setattr(
        decomposition,
        "contrast_of",
        lambda values, target: original(values, (target + 1) % len(values)),
    )


def the_next_class_attributed(patch) -> None:
    original = attribution.problem.output_of
    patch.setattr(
        attribution.problem,
        "output_of",
        lambda logits, target, *rest: original(logits, (target + 1) % logits.shape[1], *rest),
    )


def the_least_likely_class_by_default(patch) -> None:
    patch.setattr(attribution.problem, "predicted", lambda logits: int(logits[0].argmin()))


def the_least_likely_class_predicted(patch) -> None:
    patch.setattr(trace.Trace, "predicted", property(lambda self: int(self.logits.argmin())))


FAULTS = {
    padding_unmasked_in_poolings: padding_never_counts,
    padding_is_zero_before_the_maximum: padding_never_counts,
    padding_unmasked_in_attention: padding_never_counts,
    mean_divides_by_all: padding_never_counts,
    layer_index_one_too_low: winners_are_absolute_layers,
    layer_index_relative_to_the_last_k: winners_are_absolute_layers,
    pools_one_layer_too_early: winners_are_absolute_layers,
    ties_to_the_latest: ties_go_to_the_earliest,
    output_bias_dropped: logits_split_as_the_formulas_say,
    value_bias_dropped: logits_split_as_the_formulas_say,
    value_weights_transposed: logits_split_as_the_formulas_say,
    attention_heads_swapped: logits_split_as_the_formulas_say,
    attention_weights_ignored_by_the_split: logits_split_as_the_formulas_say,
    attention_weights_ignored_by_the_head: logits_split_as_the_formulas_say,
    the_next_class_contrasted: the_class_asked_for_is_explained,
    the_next_class_attributed: the_class_asked_for_is_explained,
    the_least_likely_class_by_default: the_class_asked_for_is_explained,
    the_least_likely_class_predicted: the_class_asked_for_is_explained,
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_breaks_the_truth_that_guards_against_it(fault, monkeypatch):
    for name in NAMES:
        zoo.loaded(name)  # made before the fault, so that the fault alone is new
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        FAULTS[fault]()
    monkeypatch.undo()
    FAULTS[fault]()
