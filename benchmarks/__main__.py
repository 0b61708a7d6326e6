"""python -m benchmarks: run all benchmarks (or those named), print a table, write it as JSON."""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import (
    attribution,
    bertviz,
    busy,
    dataset,
    figures,
    first_map,
    fit,
    live,
    load,
    loading,
    maps,
    pan,
    record,
    similarity,
    soak,
)

RESULTS = Path(__file__).parent / "results"
BENCHMARKS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "record": record.run,
    "loading": loading.run,
    "busy": busy.run,
    "live": live.run,
    "bertviz": bertviz.run,
    "dataset": dataset.run,
    "attribution": attribution.run,
    "maps": maps.run,
    "pan": pan.pan,
    "first_map": first_map.run,
    "figures": figures.run,
    "similarity": similarity.run,
    "fit": fit.run,
    "load": load.run,
    "soak": soak.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; default: all")
    names = parser.parse_args().names or list(BENCHMARKS)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}")
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        rows = BENCHMARKS[name]()
        print(_table(name, rows))
        report = {"benchmark": name, "machine": _machine(), "rows": rows}
        (RESULTS / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")


def _machine() -> dict[str, Any]:
    import torch

    packages = ("torch", "transformers", "streamlit", "captum")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "cores": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        **{name: metadata.version(name) for name in packages},
    }


def _table(name: str, rows: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_cell(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [columns, *cells]) for i in range(len(columns))]
    lines = [
        "  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip()
        for line in [columns, *cells]
    ]
    return "\n".join([f"\n{name}", *lines])


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
