"""The models behind the pages: imported after the first paint, loaded once, answers kept.

Everything kept is keyed by the checkpoint's digest, so a file that changed is read again, and
every cache is bounded.
"""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING

import streamlit as st

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.cache import Cache
from analysis.common.faults import CheckpointError, in_words
from analysis.reading.decomposition import Decomposition, NoExactSplit, decompose
from pages.ui.engine import housekeeping
from pages.ui.engine.server_wide import kept_up_to, once_a_server
from pages.ui.frame import curtain, settings
from pages.ui.kit import cards

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.reading.trace import Trace

PRECISIONS = ("float32", "bfloat16")

PAINT_SECONDS = 0.5


def wait_until_warm() -> None:
    """Load PyTorch and Transformers after the first paint, in sight of the user."""
    # Always one element here: a page whose elements move from one run to the next shows the old
    # ones until the run ends.
    waiting = st.empty()
    curtain.raise_early(not _warm.is_set())
    if not _warm.is_set():
        with waiting.status("Loading PyTorch and Transformers: a few seconds, once after a start"):
            _warm_up()
        waiting.empty()
    if _problems:
        waiting.error("\n\n".join(map(cards.plain, _problems)))


_warm = threading.Event()
_problems: list[str] = []  # of the user's own pooling heads; the rest of the app works without


def _warm_up() -> None:
    """Import what is heavy (seconds, once a server) and the user's own pooling heads."""
    # Imports block the server while the browser still fetches the scripts of the page: without
    # this pause nobody could type before they are done.
    time.sleep(PAINT_SECONDS)
    import analysis.attribution
    import analysis.reading.trace  # noqa: F401
    from analysis.checkpoints import loading

    settings.tell_if_open()
    for file in settings.read().heads:
        try:
            loading.register_heads(file)
        except ValueError as error:
            _problems.append(str(error))
    # The libraries create half a million objects that live until the process ends. Unfrozen, every
    # garbage collection walks through all of them and blocks all threads for half a second or more.
    gc.collect()
    gc.freeze()
    housekeeping.start()
    _warm.set()


def device_name() -> str:
    """The device in words."""
    from analysis.checkpoints import loading

    return loading.device_name()


def classifier(checkpoint: Checkpoint) -> Classifier:
    """The loaded checkpoint. Raises ``CheckpointError`` where it cannot be loaded."""
    _require_folder(checkpoint)
    key = _key(checkpoint)
    store = _models()
    loaded: Classifier | None = store.get(key)
    if loaded is None:
        with _loading:  # two sessions that want one model load it once
            loaded = store.get(key)
            if loaded is None:
                with in_words(checkpoint.id):
                    loaded = _load(checkpoint)
                store.put(key, loaded, _bytes_of(loaded))
    return loaded


def _require_folder(checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint whose folder was deleted, although its model may still be in memory."""
    if not checkpoint.folder.exists():
        raise CheckpointError(
            f"{checkpoint.id}: its files were removed while the app ran. Put them back, or choose "
            "another checkpoint."
        )


def told_of_memory() -> str:
    """In a sentence that models were let go to make room; empty where none was."""
    if not _let_go:
        return ""
    return (
        f"Models take up to {_models().budget / 2**30:.1f} GB here: {len(_let_go)} were let go and "
        "are loaded again when they are asked for. Choose fewer checkpoints at a time, or set "
        "POOLLENS_MODEL_GB."
    )


def precision() -> str:
    """Type of the encoder, as chosen in the sidebar."""
    return str(st.session_state.get("precision") or PRECISIONS[0])


def trace(checkpoint: Checkpoint, text: str, pair: str | None) -> Trace:
    """The recorded forward of one text; ``ValueError`` with the reason where there is none."""
    _require_folder(checkpoint)
    with in_words(checkpoint.id):
        return _trace(
            checkpoint.id, checkpoint.sha256, precision(), text, pair, _checkpoint=checkpoint
        )


def split(trace: Trace, reference: str | None) -> Decomposition | str:
    """The split of the logits, or in one sentence why there is none."""
    with in_words(trace.checkpoint.id):
        try:
            return decompose(trace, reference)
        except NoExactSplit as error:
            return str(error)
        except ValueError:  # no corpus profile for this one: the only other reference is zero
            return decompose(trace, "zero")


def leave_if_stale(share: float) -> None:
    """Progress of a long computation: ends it once newer typing has replaced this run."""
    # Any access to the session's state ends a run that newer typing has replaced.
    st.session_state.get("text")


_loading = threading.Lock()
_let_go: set[Hashable] = set()  # models that had to leave since the start
_SHARE, _LEAST = 0.3, 2 * 2**30  # of the machine's memory; more than all demo checkpoints take


def _note(key: Hashable, model: object) -> None:
    _let_go.add(key)


@once_a_server
def _models() -> Cache[Classifier]:
    """The loaded models of all sessions, bounded by bytes: no number of them is too many to keep
    as long as they fit, and what was used longest ago leaves first."""
    own = os.environ.get("POOLLENS_MODEL_GB", "")
    with contextlib.suppress(ValueError):
        return Cache(int(float(own) * 2**30), _note)
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        memory = 0
    return Cache(max(int(_SHARE * memory), _LEAST), _note)


def _key(checkpoint: Checkpoint) -> Hashable:
    return str(checkpoint.folder), checkpoint.sha256, precision()


def _load(checkpoint: Checkpoint) -> Classifier:
    from analysis.checkpoints.loading import load

    return load(str(checkpoint.folder), dtype=precision(), root=settings.read().checkpoints)


def _bytes_of(loaded: Classifier) -> dict[Hashable, int]:
    """Bytes of each of a model's weights by where it lies: heads on one frozen encoder have its
    weights in common, and they count once."""
    return {
        tensor.data_ptr(): tensor.numel() * tensor.element_size()
        for tensor in (*loaded.model.parameters(), *loaded.model.buffers())
    }


@kept_up_to(512, most=2_048)  # four for each of many visitors
def _trace(
    id: str, sha256: str, dtype: str, text: str, pair: str | None, _checkpoint: Checkpoint
) -> Trace:
    from dataclasses import replace

    from analysis.reading.trace import record

    loaded = classifier(_checkpoint)
    # A Hub checkpoint is loaded from its folder in the cache: keep the id that the user gave.
    about = replace(_checkpoint, notes=loaded.checkpoint.notes)
    return replace(record(loaded, text, pair), checkpoint=about)
