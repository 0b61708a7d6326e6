"""Settings of PyTorch's threads while they wait. To be called before torch is first imported."""

from __future__ import annotations

import os

# Each of them says how OpenMP's threads wait; whoever has set one knows why.
OWN_SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def wait_passively() -> None:
    """Let OpenMP's threads sleep while they wait, where the user has set nothing else.

    By default they spin. A thread that spins takes a core from the one it waits for as soon as
    another process is at work: a forward of 15 tokens then takes 0.2 to 1.2 s instead of 0.015
    (``python -m benchmarks busy``). OpenMP reads the environment when torch is imported.
    """
    if not any(name in os.environ for name in OWN_SETTINGS):
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
