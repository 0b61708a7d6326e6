"""How much memory a process has taken at most."""

from __future__ import annotations

import re
import resource
from pathlib import Path


def peak_memory() -> int:
    """Bytes, of this process alone.

    ``ru_maxrss`` would not do: on Linux a program inherits the peak of the process that began it.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        peak = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if peak:
            return int(peak[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
