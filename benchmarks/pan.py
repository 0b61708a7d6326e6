"""Moving maps of many points in Chromium: the page's own component, and regl-scatterplot beside it.

The peer is the npm package; the folder that holds its ``node_modules`` is named by ``BENCH_REGL``
(``npm install regl-scatterplot`` there). Without it only the page's own component is measured.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

POINTS = int(os.environ.get("BENCH_POINTS", "100000"))
STEPS = 80
_UI = Path(__file__).resolve().parent.parent / "pages" / "ui" / "embedding_map"
_PEER = os.environ.get("BENCH_REGL", "")
_HOST = "http://benchmark.localhost/"

_PAGE = """<!doctype html><html><head><style>{css}</style></head><body style="margin:0">
<div id="place"><div class="maps"></div></div><div id="look"><div class="maps"></div></div>
<div id="words"><div class="maps"></div></div>
<script type="module">
const given = {data};
{script}
const draw = (id, data) => component({{ data, parentElement: document.getElementById(id),
  setTriggerValue: (name, value) => {{ window.told = [name, value]; }} }});
draw("words", given.texts); draw("look", given.look); draw("place", given.map);
</script></body></html>"""

_PEER_PAGE = """<!doctype html><html><head><script type="importmap">
{{"imports": {{"pub-sub-es": "/pub-sub-es.js", "regl": "/regl.js"}}}}</script>
<script src="/regl.min.js"></script></head><body style="margin:0">
<canvas id="canvas" style="width:{width}px;height:{height}px"></canvas>
<script type="module">
import create from "/regl-scatterplot.js";
const canvas = document.getElementById("canvas");
const plot = create({{ canvas, width: {width}, height: {height}, pointSize: 3.5, opacity: 0.85,
  colorBy: "category", pointColor: {colours} }});
const {{ x, y, codes }} = {data};
await plot.draw({{ x, y, z: codes }}, {{ zDataType: "categorical" }});
window.plot = plot;
</script></body></html>"""

# A frame ends with the next one. The map is dragged to and fro over half its width.
_FRAMES = """
const next = () => new Promise((done) => requestAnimationFrame(done));
const timed = async (steps, act) => {
  const times = [];
  for (let i = 0; i < steps; i++) {
    const began = performance.now();
    act(Math.round(250 * Math.sin((i * 2 * Math.PI) / 40)));
    await next(); await next();
    times.push((performance.now() - began) / 2);
  }
  return times;
};
const around = (x, y, radius, count) => Array.from({ length: count }, (_, i) =>
  [Math.cos, Math.sin].map((f, k) => [x, y][k] + radius * f((2 * Math.PI * i) / count)));
"""
_MOVE = (
    "async (steps) => {"
    + _FRAMES
    + """
  const over = document.querySelector('.over');
  const r = document.querySelector('figure:not([hidden]) .box').getBoundingClientRect();
  const x = r.left + r.width / 2, y = r.top + r.height / 2;
  const tell = (kind, dx, dy = 0) => over.dispatchEvent(new PointerEvent(kind, {
    clientX: x + dx, clientY: y + dy, pointerId: 1, bubbles: true }));
  over.setPointerCapture = () => {};
  tell('pointermove', 0); await next();
  const hover = await timed(steps, (dx) => tell('pointermove', dx / 8));
  tell('pointerdown', 0);
  const pan = await timed(steps, (dx) => tell('pointermove', dx));
  tell('pointermove', 0); tell('pointerup', 0);
  document.querySelector('[data-gesture=lasso]').click();
  const lasso = [];
  for (let i = 0; i < 10; i++) {
    const path = around(0, 0, 0.2 * r.height, 100);
    tell('pointerdown', ...path[0]);
    for (const place of path) tell('pointermove', ...place);
    await next(); await next();
    const began = performance.now();
    tell('pointerup', ...path[0]);
    await next();
    lasso.push(performance.now() - began);
  }
  return { pan, hover, lasso, painter: document.querySelector('.maps').dataset.painter,
    caught: window.told[1].rows.length };
}"""
)
_MOVE_PEER = (
    "async (steps) => {"
    + _FRAMES
    + """
  const { canvas, plot } = window, r = document.getElementById('canvas').getBoundingClientRect();
  const x = r.left + r.width / 2, y = r.top + r.height / 2;
  const tell = (kind, dx) => document.getElementById('canvas').dispatchEvent(new MouseEvent(kind, {
    clientX: x + dx, clientY: y, buttons: 1, bubbles: true }));
  tell('mousemove', 0); await next();
  const hover = await timed(steps, (dx) => tell('mousemove', dx / 8));
  const before = JSON.stringify([...plot.get('cameraView')]);
  tell('mousedown', 0);
  const pan = await timed(steps, (dx) => tell('mousemove', dx));
  const moved = before !== JSON.stringify([...plot.get('cameraView')]);
  tell('mouseup', 0);
  const lasso = [];
  let caught = 0;
  plot.subscribe('select', ({ points }) => { caught = points.length; });
  for (let i = 0; i < 10; i++) {
    const began = performance.now();
    plot.lassoSelect(around(0, 0, 0.4, 100), { isGl: true });
    await next();
    lasso.push(performance.now() - began);
  }
  return { pan, hover, lasso, painter: 'regl-scatterplot', caught, moved };
}"""
)


def pan() -> list[dict[str, Any]]:
    """Median and 95th percentile of the time between two frames, in milliseconds."""
    rows: list[dict[str, Any]] = []
    with chromium.browser() as browser:
        for panels, mode in ((1, "one"), (3, "many")):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_content(_html(panels))
            page.wait_for_function("document.querySelector('.maps')?.dataset.part === '1.00'")
            if mode == "many":
                page.locator("[data-do=many]").click()
                page.wait_for_timeout(500)
            frames = page.evaluate(_MOVE, STEPS)
            what = "one map" if panels == 1 else f"{panels} maps side by side"
            rows += _rows(f"{what} of {POINTS:,} points ({frames['painter']})", frames)
            page.close()
        if _PEER:
            rows += _peer(browser)
    return rows


def _rows(of: str, frames: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for what in ("pan", "hover", "lasso"):
        times = np.array(frames[what])
        named = f"lasso around {frames['caught']:,} points" if what == "lasso" else what
        rows.append(
            {
                "what": f"time of a frame, {named}",
                "of": f"{of}, Chromium without a GPU",
                "seconds": float(np.median(times)) / 1000,
                "95th percentile, s": float(np.percentile(times, 95)) / 1000,
                "frames a second": 1000 / float(times.mean()),
            }
        )
    return rows


def _peer(browser: Browser) -> list[dict[str, Any]]:
    modules = Path(_PEER) / "node_modules"
    files = {
        "regl-scatterplot.js": modules / "regl-scatterplot/dist/regl-scatterplot.esm.js",
        "pub-sub-es.js": modules / "pub-sub-es/dist/index.js",
        "regl.min.js": modules / "regl/dist/regl.min.js",
    }
    points, codes = _points(), _codes()
    data = {
        "x": (2 * points[:, 0] - 1).round(5).tolist(),
        "y": (2 * points[:, 1] - 1).round(5).tolist(),
        "codes": codes.tolist(),
    }
    html = _PEER_PAGE.format(
        width=1280, height=585, colours=json.dumps(_COLOURS), data=json.dumps(data)
    )

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(_HOST)
        if name == "regl.js":
            script = "export default window.createREGL;"
            route.fulfill(body=script, content_type="text/javascript")
        elif name in files:
            route.fulfill(body=files[name].read_text("utf-8"), content_type="text/javascript")
        else:
            route.fulfill(body=html, content_type="text/html")

    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.route(f"{_HOST}**", answer)
    page.goto(_HOST)
    page.wait_for_function("window.plot")
    page.wait_for_timeout(1000)
    frames = page.evaluate(_MOVE_PEER, STEPS)
    assert frames["moved"], "the peer's map did not move"
    page.close()
    return _rows(f"one map of {POINTS:,} points (regl-scatterplot)", frames)


_COLOURS = ["#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377"]


def _points(seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(0.5, 0.15, (POINTS, 2))
    return np.asarray(points.clip(0, 1))


def _codes() -> np.ndarray:
    return np.random.default_rng(9).integers(0, 6, POINTS).astype(np.uint8)


def _html(panels: int) -> str:
    from pages.ui.embedding_map.component import SCRIPTS

    packed = [
        base64.b64encode(np.rint((_points(i) + 1) / 3 * 65535).astype("<u2").tobytes()).decode()
        for i in range(panels)
    ]
    data = {
        "map": {
            "kind": "map",
            "id": "a",
            "count": POINTS,
            "panels": [
                {"title": f"map {i + 1}", "coords": [coordinates]}
                for i, coordinates in enumerate(packed)
            ],
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
            "colours": {"light": _COLOURS, "dark": _COLOURS},
            "counts": [1] * 6,
            "codes": base64.b64encode(_codes().tobytes()).decode(),
            "subtitles": [],
        },
    }
    script = "".join((_UI / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = script.replace("export default function", "function component", 1)
    css = (_UI / "component.css").read_text(encoding="utf-8")
    return _PAGE.format(css=css, script=script, data=json.dumps(data))
