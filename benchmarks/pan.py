"""Moving maps of many points in Chromium: the page's own component on a page of its own."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import chromium

POINTS = int(os.environ.get("BENCH_POINTS", "50000"))
PANELS = 3
STEPS = 60
_UI = Path(__file__).resolve().parent.parent / "pages" / "ui" / "embedding_map"

_PAGE = """<!doctype html><html><head><style>{css}</style></head><body>
<div id="place"><div class="maps"></div></div><div id="look"><div class="maps"></div></div>
<div id="words"><div class="maps"></div></div>
<script type="module">
const given = {data};
{script}
const draw = (id, data) => component({{ data, parentElement: document.getElementById(id),
  setTriggerValue: () => {{}} }});
draw("words", given.texts); draw("look", given.look); draw("place", given.map);
</script></body></html>"""

# A frame ends with the next one; hovering asks for the point below the pointer.
_MOVE = """async (steps) => {
  const over = document.querySelector('.over'), box = document.querySelector('.box');
  const r = box.getBoundingClientRect(), x = r.left + r.width / 2, y = r.top + r.height / 2;
  const tell = (kind, dx) => over.dispatchEvent(new PointerEvent(kind, {
    clientX: x + dx, clientY: y, pointerId: 1, bubbles: true }));
  over.setPointerCapture = () => {};
  const next = () => new Promise((done) => requestAnimationFrame(done));
  const timed = async (act) => {
    const found = [];
    for (let i = 0; i < steps; i++) {
      const began = performance.now();
      act(i); await next(); await next();
      found.push((performance.now() - began) / 2);
    }
    return found;
  };
  tell('pointermove', 0); await next();
  const hover = await timed((i) => tell('pointermove', (i % 30) - 15));
  tell('pointerdown', 0);
  const pan = await timed((i) => tell('pointermove', 5 + i));
  tell('pointerup', 5 + steps);
  return { pan, hover, painter: document.querySelector('.maps').dataset.painter };
}"""


def pan() -> list[dict[str, Any]]:
    """Median and 95th percentile of the time between two frames, in milliseconds."""
    with chromium.browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_content(_html())
        page.wait_for_function("document.querySelector('.maps')?.dataset.part === '1.00'")
        told = page.evaluate(_MOVE, STEPS)
    rows = []
    for what in ("pan", "hover"):
        times = np.array(told[what])
        rows.append(
            {
                "what": f"time of a frame, {what}",
                "of": f"{PANELS} maps of {POINTS:,} points, "
                f"Chromium without a GPU ({told['painter']})",
                "seconds": float(np.median(times)) / 1000,
                "95th percentile, s": float(np.percentile(times, 95)) / 1000,
            }
        )
    return rows


def _html() -> str:
    rng = np.random.default_rng(0)
    packed = [
        base64.b64encode(
            np.rint((rng.normal(0.5, 0.15, (POINTS, 2)).clip(-1, 2) + 1) / 3 * 65535)
            .astype("<u2")
            .tobytes()
        ).decode()
        for _ in range(PANELS)
    ]
    codes = base64.b64encode(rng.integers(0, 6, POINTS).astype(np.uint8).tobytes()).decode()
    colours = ["#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377"]
    data = {
        "map": {
            "kind": "map",
            "id": "a",
            "count": POINTS,
            "panels": [{"title": f"map {i + 1}", "coords": [one]} for i, one in enumerate(packed)],
        },
        "texts": {"kind": "texts", "id": "a", "texts": ["a sentence"] * POINTS},
        "look": {
            "kind": "look",
            "id": "a",
            "layer": 0,
            "title": "label",
            "centres": True,
            "rings": [],
            "ramp": False,
            "names": list("abcdef"),
            "colours": colours,
            "counts": [1] * 6,
            "codes": codes,
            "subtitles": [],
        },
    }
    parts = ("paint.js", "parts.js", "look.js", "over.js", "component.js")
    script = "".join((_UI / name).read_text(encoding="utf-8") for name in parts)
    script = script.replace("export default function", "function component", 1)
    css = (_UI / "component.css").read_text(encoding="utf-8")
    return _PAGE.format(css=css, script=script, data=json.dumps(data))
