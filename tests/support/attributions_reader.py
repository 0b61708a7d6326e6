"""What a reader sees of the Attributions page: strips, bars and evidence, read from their HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import analysis
from analysis.text.tokens import tokenize
from tests.support import compare_reader as seen
from tests.support.compare_reader import Node, Unit

SENTENCE = "the plots thinned, not dully but fine"
IG, GRADIENT, LOO = "Integrated gradients", "Gradient × input", "Leave one out"
THREE = ["integrated_gradients", "gradient_x_input", "leave_one_out"]


def start(open_app: Callable[..., Any], root: Path, **chosen: Any) -> Any:
    """The AppTest on the Attributions page, run on what was chosen."""
    app = open_app(root, page="pages/4_Attributions.py", held=chosen)
    assert not app.exception, [error.value for error in app.exception]
    return app


def again(app: Any, **chosen: Any) -> Any:
    """Run once more with something else chosen."""
    for name, value in chosen.items():
        app.session_state[name] = value  # a browser carries them along; AppTest does not
    app.run()
    assert not app.exception, [error.value for error in app.exception]
    return app


@dataclass(frozen=True)
class Line:
    """One strip of the panel."""

    units: list[Unit]
    instead: str  # why there is no strip
    error: str  # integration error, as written
    time: str
    hints: str  # on hover over these

    @property
    def values(self) -> list[float]:
        return [unit.value for unit in self.units]

    @property
    def labels(self) -> list[str]:
        return [unit.label for unit in self.units]


def strips(app: Any) -> dict[str, dict[str, Line]]:
    """Title of a block -> name of a line ("" where there is only one) -> the line."""
    by_title: dict[str, dict[str, Line]] = {}
    for block in seen.pieces(app)["strips-drawing"].all("block"):
        title = block.all("what")[0].text
        by_title[title] = {}
        for line in block.all("one"):
            names = line.all("name")
            ends = line.all("ends")[0]
            numbers = [c.text for c in ends.children if isinstance(c, Node)]
            instead = "".join(node.text for node in line.all("none"))
            error, time = numbers if numbers else ("", "")
            by_title[title][names[0].text if names else ""] = Line(
                seen.strip(line), instead, error, time, ends.attributes.get("title", "")
            )
    return by_title


def focus(app: Any) -> str:
    """Title of the block whose method is in focus."""
    return seen.pieces(app)["strips-drawing"].all("on")[0].all("what")[0].text


def bars(app: Any) -> list[SimpleNamespace]:
    """Rows of the bars: label, values as written by checkpoint, what hovering tells, classes."""
    rows = []
    for node in seen.pieces(app)["bars-drawing"].all("row"):
        if "data-unit" in node.attributes:
            label, *hints = node.attributes["title"].split("\n")
            rows.append(
                SimpleNamespace(
                    label=label,
                    hints=dict(line.split(": ", 1) for line in hints),
                    values=[cell.all("num")[0].text for cell in node.all("cell")],
                    dots=[sum(n.tag == "s" for n in cell.walk()) for cell in node.all("cell")],
                    intervals=[sum(n.tag == "u" for n in cell.walk()) for cell in node.all("cell")],
                    classes=node.classes,
                )
            )
    return rows


def evidence(app: Any) -> dict[str, list[str]]:
    """Name of a row -> its numbers as written: error, comprehensiveness, sufficiency, sensitivity;
    what stands small below a number follows it after a "|"."""
    by_row = {}
    for line in seen.pieces(app)["evidence-drawing"].all("line"):
        who = line.all("who")
        if who:
            by_row[who[0].text] = [
                _cell(c) for c in line.children if isinstance(c, Node) and "who" not in c.classes
            ]
    return by_row


def _cell(node: Node) -> str:
    return "|".join(c if isinstance(c, str) else c.text for c in node.children)


def text_of(app: Any) -> str:
    """Every sentence outside the pieces, as it is read."""
    return seen.text_of(app).replace("\\", "")


def charts(app: Any) -> dict[str, list[dict[str, Any]]]:
    """Traces of every plotly figure, by the key of its widget."""
    by_key = {}
    for element in app.get("plotly_chart"):
        key = re.search(r"(curve-drawing-\w+|compared-drawing|methods-map)$", element.proto.id)
        if key:
            by_key[key.group(1)] = json.loads(element.proto.spec)["data"]
    return by_key


def attributed(folder, method="integrated_gradients", text=SENTENCE, **options):
    options = {"output": "contrast", **options}
    return analysis.attribute(analysis.load(folder), text, method=method, **options)


def tokens_of(folder, text=SENTENCE, pair=None):
    classifier = analysis.load(folder)
    return tokenize(classifier.tokenizer, text, pair, classifier.limit)


def written(values):
    return pytest.approx(np.asarray(values, float).tolist(), abs=0.0051)


def ended():
    """Wait until the session's job is over."""
    from analysis.common import jobs

    for job in list(jobs._jobs.values()):
        assert job.wait(120)
        assert job.error is None, job.error


def read_csv(content):
    import io

    import pandas as pd

    return pd.read_csv(io.BytesIO(content() if callable(content) else content))
