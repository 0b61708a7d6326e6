"""PDF of each view: matplotlib in here against plotly with Kaleido and Chrome, in one run.

Medians of three for ours, one run of theirs, which takes a second and more.
Kaleido is no requirement of the app: `pip install kaleido`, or the column is left out with a
sentence. Its browser is started before the clock is. Goal: no export over 1 s at sentence length.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from typing import Any

TEXT = "The plot is thin, but the acting is anything but dull."
CHECKPOINT = "sst2-max_seq_mha"
ROUNDS = 3


def run() -> list[dict[str, Any]]:
    """One row a view: medians in ms, the ratio, and pictures inside each PDF."""
    import analysis
    from analysis.figures import recipes
    from analysis.figures.paper import render

    classifier = analysis.load(CHECKPOINT)
    theirs, why_not = _kaleido()
    render(recipes.make("classes", [classifier], TEXT))  # the first figure reads the fonts
    if why_not:
        print(why_not)
    rows = []
    for name in recipes.recipes():
        try:
            plot = recipes.make(name, [classifier], TEXT)
        except ValueError as error:
            print(f"{name}: left out ({error})")
            continue
        row: dict[str, Any] = {"view": name}
        row["pdf (ms)"], data = _median(lambda plot=plot: render(plot).data)
        row["svg (ms)"], _ = _median(lambda plot=plot: render(plot, format="svg").data)
        row["pictures inside"] = _pictures(data)
        if theirs is not None:
            try:
                drawing = plot.screen()
            except ValueError:
                row["plotly + Kaleido (ms)"] = "no such chart"
            else:
                row["plotly + Kaleido (ms)"], data = _median(
                    lambda drawing=drawing: theirs(drawing), rounds=1
                )
                row["times"] = row["plotly + Kaleido (ms)"] / row["pdf (ms)"]
                row["pictures inside theirs"] = _pictures(data)
        rows.append(row)
    slowest = max(rows, key=lambda row: row["pdf (ms)"])
    print(f"slowest: {slowest['view']}, {slowest['pdf (ms)']:.0f} ms (goal: under 1000)")
    return rows


def _median(make: Callable[[], bytes], rounds: int = ROUNDS) -> tuple[float, bytes]:
    """(milliseconds, the last file)."""
    data, taken = b"", []
    for _ in range(rounds):
        started = time.perf_counter()
        data = make()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken), data


def _pictures(pdf: bytes) -> int:
    """Raster pictures in a PDF: a vector figure has none."""
    from pypdf import PdfReader

    return len(PdfReader(io.BytesIO(pdf)).pages[0].images)


def _kaleido() -> tuple[Callable[[Any], bytes] | None, str]:
    """(figure -> PDF with a browser that runs already, or None; why not)."""
    try:
        import kaleido
        import plotly.graph_objects as go
    except ImportError:
        return None, "plotly + Kaleido are left out: kaleido is not installed."
    try:
        kaleido.start_sync_server(silence_warnings=True)
        go.Figure().to_image("pdf")
    except Exception as error:  # no Chrome, or one that does not start here
        return None, f"plotly + Kaleido are left out: {type(error).__name__}: {error}"
    return lambda drawing: drawing.to_image("pdf"), ""
