"""Training: pooling heads on a frozen encoder, or encoder and pooling head together.

:func:`states` and :func:`fit` fit heads in seconds (:mod:`training.frozen`), :func:`tune`
fine-tunes several heads and seeds, a process each;
``python -m training --help`` lists the commands. Importing this package loads no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.common.lazy import lazy
from analysis.common.threads import wait_passively

if TYPE_CHECKING:
    from training.frozen.fit import fit as fit
    from training.frozen.save import save as save
    from training.frozen.states import states as states
    from training.tuning import Tuning as Tuning
    from training.tuning import tune as tune

wait_passively()  # before anything here imports torch

_MODULES = {
    "training.frozen.fit": ("fit",),
    "training.frozen.save": ("save",),
    "training.frozen.states": ("states",),
    "training.tuning": ("Tuning", "tune"),
}
__all__ = sorted(name for names in _MODULES.values() for name in names)
__getattr__ = lazy(__name__, _MODULES)
