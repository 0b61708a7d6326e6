"""PyTorch's threads: how they wait (to be set before torch is first imported), how many there are,
and what they take for zero."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Each of them says how OpenMP's threads wait; whoever has set one knows why.
OWN_SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")

# Overlapping calls in several threads must not end on each other's few.
_LOCK = threading.Lock()
_inside, _outside = 0, 1


def wait_passively() -> None:
    """Let OpenMP's threads sleep while they wait, where the user has set nothing else.

    By default they spin. A thread that spins takes a core from the one it waits for as soon as
    another process is at work: a forward of 15 tokens then takes 0.2 to 1.2 s instead of 0.015
    (``python -m benchmarks busy``). OpenMP reads the environment when torch is imported.
    """
    if not any(name in os.environ for name in OWN_SETTINGS):
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


@contextmanager
def few_threads(count: int) -> Iterator[None]:
    """Compute with so many threads of PyTorch's inside.

    A pass over a short text takes more processor time with two threads than with one, which pays
    only while nobody else wants the other core. The number holds for the calling thread, and for
    threads that begin meanwhile.
    """
    import torch

    global _inside, _outside
    with _LOCK:
        if not _inside:
            _outside = torch.get_num_threads()
        _inside += 1
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(_outside)
        with _LOCK:
            _inside -= 1


def all_threads() -> int:
    """Threads of PyTorch's outside of any :func:`few_threads`."""
    import torch

    with _LOCK:
        return _outside if _inside else torch.get_num_threads()


@contextmanager
def without_denormals() -> Iterator[None]:
    """Take numbers too small for a float's full precision (below 1e-38) for zero, in this thread.

    Where a table is learnt to the last row the gradients fade into such numbers, and processors
    compute with them many times as slowly.
    """
    import torch

    known = torch.set_flush_denormal(True)
    try:
        yield
    finally:
        if known:
            torch.set_flush_denormal(False)
