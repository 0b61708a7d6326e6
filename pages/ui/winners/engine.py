"""What the winners page reruns, kept as long as text and checkpoint stay the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.checkpoints.folder import Checkpoint
from analysis.common.faults import reason
from pages.ui.engine import models

if TYPE_CHECKING:
    from analysis.interventions.effects import DropEffects, Sweep, WhatIf
    from analysis.reading.margins import NoiseFlips
    from analysis.reading.trace import Trace


def drop_effects(
    checkpoint: Checkpoint, text: str, pair: str | None, by_token: bool = False
) -> DropEffects:
    """The true change when each competing layer leaves the pool; at one token only, if asked."""
    return _drop_effects(
        checkpoint.id,
        checkpoint.sha256,
        models.precision(),
        text,
        pair,
        by_token,
        _checkpoint=checkpoint,
    )


def sweep(checkpoint: Checkpoint, text: str, pair: str | None) -> Sweep:
    """The answer over the last k layers for every k."""
    return _sweep(
        checkpoint.id, checkpoint.sha256, models.precision(), text, pair, _checkpoint=checkpoint
    )


def what_if(
    checkpoint: Checkpoint,
    text: str,
    pair: str | None,
    drop_layers: tuple[int, ...],
    mask_tokens: tuple[int, ...],
    where: str,
) -> WhatIf:
    """The answer without some layers, without some tokens, or both."""
    from analysis import interventions

    return interventions.what_if(
        models.classifier(checkpoint), text, drop_layers, mask_tokens, where, pair=pair
    )


def noise_flips(trace: Trace, text: str, pair: str | None) -> NoiseFlips | str:
    """Wins that flip under small noise; or why that is not known."""
    one = trace.checkpoint
    return _noise_flips(one.id, one.sha256, models.precision(), text, pair, _trace=trace)


@st.cache_resource(max_entries=64, show_spinner=False)
def _noise_flips(
    id: str, sha256: str, dtype: str, text: str, pair: str | None, _trace: Trace
) -> NoiseFlips | str:
    from analysis.reading import margins

    try:
        return margins.noise_flips(_trace)
    except Exception as error:
        return f"Not known how many wins flip under noise: {reason(error).rstrip('.')}."


@st.cache_resource(max_entries=64, show_spinner=False)
def _drop_effects(
    id: str,
    sha256: str,
    dtype: str,
    text: str,
    pair: str | None,
    by_token: bool,
    _checkpoint: Checkpoint,
) -> DropEffects:
    from analysis import interventions

    return interventions.drop_effects(
        models.classifier(_checkpoint), text, pair, by_token, progress=models.leave_if_stale
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def _sweep(
    id: str, sha256: str, dtype: str, text: str, pair: str | None, _checkpoint: Checkpoint
) -> Sweep:
    from analysis import interventions

    return interventions.sweep_last_k(models.classifier(_checkpoint), text, pair)
