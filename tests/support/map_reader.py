"""The Embedding map as the browser gets it, once its jobs have ended."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import numpy as np

from analysis.common import jobs

PAGE = "pages/6_Embedding_map.py"
ROWS = [
    f"the {a} is {b}"
    for a in ("plot", "acting", "film", "song", "ending", "sound")
    for b in ("fine", "dull", "good", "thin")
]


def settle(app: Any) -> None:
    """Wait for what runs in the background, then draw the page once more."""
    deadline = time.monotonic() + 120
    for _ in range(6):  # vectors, then the layer in view, then the other layers, then the page
        for job in list(jobs._jobs.values()):
            assert job.wait(deadline - time.monotonic()), job.key
        for name in (
            "source",
            "own_sentences",
            "map",
            "poolings",
            "map_of",
            "vectors_folder",
            "align",
            "kept_apart",
            "colour_by",
            "layer_shown",
            "rows_shown",
            "ranked_by",
        ):
            if name in app.session_state:
                app.session_state[name] = app.session_state[name]
        app.run()
    assert not app.exception, [error.value for error in app.exception]


def shown(app: Any, kind: str = "map") -> dict[str, Any]:
    """The map's data as the browser gets them: "map", "look" or "texts"."""
    for element in app.get("bidi_component"):
        if element.proto.component_name.endswith("poollens_map"):
            data = json.loads(element.proto.json)
            if data["kind"] == kind:
                return data
    raise AssertionError(f"there is no {kind} on the page")


def points(panel: dict[str, Any], layer: int = -1) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(panel["coords"][layer]), "<u2").reshape(-1, 2)
    return flat / 65535 * 3 - 1
