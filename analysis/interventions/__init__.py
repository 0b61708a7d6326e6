"""What reruns the model: sweep over last k layers, drop a layer, mask a token, leave one out.

The results are records of `effects`; every effect is before minus after.

A layer leaves the pool by being minus infinity there: it then wins no maximum, and nothing else
of the pooling head changes. No weights are changed, and nothing is trained: a pooling head that
was trained on the last 3 layers answers for another k with weights that never saw it.
"""

from __future__ import annotations

from analysis.interventions.changes import depth_logits, part_norms, sweep_last_k, what_if
from analysis.interventions.effects import WHERE, DropEffects, LeaveOneOut, Sweep, WhatIf
from analysis.interventions.leaving import drop_effects, leave_one_out

__all__ = [
    "WHERE",
    "DropEffects",
    "LeaveOneOut",
    "Sweep",
    "WhatIf",
    "depth_logits",
    "drop_effects",
    "leave_one_out",
    "part_norms",
    "sweep_last_k",
    "what_if",
]
