"""The machine of a run, for its record: device, processor, precision, versions."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """As it stands in a record: all that another machine might do otherwise."""
    import torch

    from training.folder import versions
    from training.trainer import precision

    return {
        "precision": precision(),
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU",
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions(),
    }


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's model; what Python knows of it where the system does not say."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(filter(None, named), "") or platform.processor() or platform.machine()
