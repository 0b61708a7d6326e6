"""What a reader sees of the Attention page: tables and matrices, read back from their HTML."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from analysis.figures.style.style import number
from tests.support.compare_reader import Node


def start(open_app: Callable[..., Any], root: Path, **chosen: Any) -> Any:
    """The AppTest on the Attention page, run on what was chosen."""
    app = open_app(root, page="pages/3_Attention.py", held=chosen)
    assert not app.exception, [error.value for error in app.exception]
    return app


def rows(piece: Node) -> list[SimpleNamespace]:
    """Rows of a table: label, what hovering tells of each quantity, and classes."""
    table_rows = []
    for node in piece.all("row"):
        if "data-unit" in node.attributes:
            label, *hints = node.attributes["title"].split("\n")
            values = dict(line.rsplit(": ", 1) for line in hints)
            table_rows.append(SimpleNamespace(label=label, hints=values, classes=node.classes))
    return table_rows


def matrices(piece: Node) -> list[np.ndarray]:
    """Every matrix of a piece, decoded as the browser decodes it."""
    arrays = []
    for node in piece.walk():
        if node.tag == "canvas":
            attributes = node.attributes
            cells = np.frombuffer(base64.b64decode(attributes["data-cells"]), "<u2")
            shape = int(attributes["height"]), int(attributes["width"])
            arrays.append(cells.reshape(shape) / 65535 * float(attributes["data-top"]))
    return arrays


def eager_attentions(folder: Path, text: str) -> np.ndarray:
    """(L, H, T, T) by Transformers itself, from the checkpoint's files."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    sizes = dict(json.loads((folder / "config.json").read_text())["encoder"])
    config = AutoConfig.for_model(sizes.pop("model_type"), **sizes)
    encoder = AutoModel.from_config(config, attn_implementation="eager").eval()
    tensors = load_file(folder / "model.safetensors")
    own = {k.removeprefix("encoder."): v for k, v in tensors.items() if k.startswith("encoder.")}
    encoder.load_state_dict(own, strict=False)
    inputs = AutoTokenizer.from_pretrained(folder)(
        text, padding=False, truncation=False, return_tensors="pt"
    )
    with torch.no_grad():
        return torch.stack(encoder(**inputs, output_attentions=True).attentions)[:, 0].numpy()


def percent(value: float) -> str:
    """As the page writes a share."""
    return number(100 * float(value), "percent") + " %"
