"""Reruns of the model: sweep over last k layers, drop a layer, mask a token, leave one out.

The results are records of `effects`; every effect is before minus after.

A layer leaves the pool by being minus infinity there: it then wins no maximum, and nothing else
of the pooling head changes. No weights are changed, and nothing is trained: a pooling head that
was trained on the last 3 layers answers for another k with weights that never saw it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.common.lazy import lazy

if TYPE_CHECKING:
    from analysis.interventions.changes import sweep_last_k as sweep_last_k
    from analysis.interventions.changes import what_if as what_if
    from analysis.interventions.doubt import Doubt as Doubt
    from analysis.interventions.doubt import WordEffects as WordEffects
    from analysis.interventions.doubt import word_effects as word_effects
    from analysis.interventions.doubt import word_logits as word_logits
    from analysis.interventions.effects import WHERE as WHERE
    from analysis.interventions.effects import DropEffects as DropEffects
    from analysis.interventions.effects import LeaveOneOut as LeaveOneOut
    from analysis.interventions.effects import Sweep as Sweep
    from analysis.interventions.effects import WhatIf as WhatIf
    from analysis.interventions.flips import Flips as Flips
    from analysis.interventions.flips import smallest_edits as smallest_edits
    from analysis.interventions.flips_over_texts import FlipRate as FlipRate
    from analysis.interventions.flips_over_texts import FlipStore as FlipStore
    from analysis.interventions.flips_over_texts import TextFlip as TextFlip
    from analysis.interventions.flips_over_texts import flip_rates as flip_rates
    from analysis.interventions.flips_over_texts import flips_over as flips_over
    from analysis.interventions.leaving import drop_effects as drop_effects
    from analysis.interventions.leaving import leave_one_out as leave_one_out
    from analysis.reading.reread import depth_logits as depth_logits
    from analysis.reading.reread import part_norms as part_norms

_MODULES = {
    "analysis.interventions.changes": ("sweep_last_k", "what_if"),
    "analysis.interventions.doubt": ("Doubt", "WordEffects", "word_effects", "word_logits"),
    "analysis.interventions.effects": ("WHERE", "DropEffects", "LeaveOneOut", "Sweep", "WhatIf"),
    "analysis.interventions.flips_over_texts": (
        "FlipRate",
        "FlipStore",
        "TextFlip",
        "flip_rates",
        "flips_over",
    ),
    "analysis.interventions.flips": ("Flips", "smallest_edits"),
    "analysis.interventions.leaving": ("drop_effects", "leave_one_out"),
    "analysis.reading.reread": ("depth_logits", "part_norms"),
}
__all__ = sorted(name for names in _MODULES.values() for name in names)
__getattr__ = lazy(__name__, _MODULES)
