"""Effects of leaving tokens out, kept or still to be computed, and how attention agrees with them.

Attentions are recorded on this page alone: 512 tokens of a 12-layer, 12-head encoder are 151 MB of
them, so whole ones are kept only while there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from analysis.common.faults import reason
from analysis.figures.recipes import results
from analysis.figures.recipes.results import Member
from analysis.interventions.effects import LeaveOneOut
from analysis.reading import attention
from analysis.statistics.basics import Agreement
from pages.ui.engine.results import STORE, Held, Reason, key_of, once

if TYPE_CHECKING:
    import numpy as np


def known_effects(member: Member, where: str, words: bool) -> LeaveOneOut | str | None:
    """Leave-one-out effects, or in one sentence why there are none; None: not computed yet."""
    held = STORE.known(member, results.leave_one_out, (where, words))
    if isinstance(held, Reason):
        return held.text
    return held.value if isinstance(held, Held) else None


def find_effects(
    member: Member, where: str, words: bool, progress: Callable[[float], None]
) -> None:
    """Compute what `known_effects` then knows; `progress` may end it."""
    from analysis.interventions import leave_one_out

    arguments = (where, words)
    try:
        effects = leave_one_out(member.classifier, member.text, member.pair, where, words, progress)
    except Exception as error:
        STORE.keep_reason(
            member, results.leave_one_out, arguments, reason(error, member.checkpoint.id)
        )
    else:
        STORE.keep(member, results.leave_one_out, arguments, effects)


def agreement(
    member: Member, rows: np.ndarray, effects: LeaveOneOut, target: int, *name: Hashable
) -> Agreement:
    """Kendall's tau between attention and the size of leave-one-out effects; `name` of the rows."""
    words = len(effects.units) < len(effects.tokens)
    key: tuple[Hashable, ...] = ("tau", effects.where, words, target, *name)
    return once(key_of(member, agreement, key), lambda: attention.agreement(rows, effects, target))
