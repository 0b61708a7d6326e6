"""Collections and sidecars of strangers: read and drawn, or refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.common.strict_json import read_json
from analysis.figures import Bars, Plot
from analysis.figures.files import collected, sidecar, store
from analysis.figures.files.collected import BadCollection, Collection
from analysis.figures.files.saved import save
from analysis.figures.paper import render

PLOT = Plot("logits", "Logits", Bars(np.ones((1, 2)), ("a", "b"), ("s",), "class", "logit"))


def _collection() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(Collection().add(PLOT).to_json())
    return value


def _in(*way: str | int) -> Callable[[dict[str, Any], Any], None]:
    def put(data: Any, value: Any) -> None:
        for step in way[:-1]:
            data = data[step]
        data[way[-1]] = value

    return put


FIGURE, PICTURE = ("figures", 0), ("figures", 0, "plots", 0)
ODD = {
    "columns infinite": (_in(*FIGURE, "columns"), float("inf")),
    "columns of many digits": (_in(*FIGURE, "columns"), "DIGITS"),
    "columns a text": (_in(*FIGURE, "columns"), "2"),
    "columns a half": (_in(*FIGURE, "columns"), 1.5),
    "caption a list": (_in(*FIGURE, "caption"), []),
    "wide a list": (_in(*FIGURE, "wide"), [1]),
    "height NaN": (_in(*FIGURE, "height"), float("nan")),
    "pictures an object": (_in(*FIGURE, "plots"), {"a": 1}),
    "greyscale a list": (_in("style", "greyscale"), []),
    "letters an object": (_in("style", "letters"), {}),
    "palette a list": (_in("style", "palette"), ["default"]),
    "width a list": (_in("style", "width"), [3]),
    "style a text": (_in("style"), "acl"),
    "author an object": (_in("signed"), {"author": {}}),
    "signed a list": (_in("signed"), ["me"]),
    "signed with another name": (_in("signed"), {"owner": "me"}),
    "title NaN": (_in(*PICTURE, "title"), float("nan")),
    "title a number": (_in(*PICTURE, "title"), 3),
    "notes numbers": (_in(*PICTURE, "notes"), [1]),
    "figures an object": (_in("figures"), {}),
    "a figure that is none": (_in("figures"), [3]),
    "more categories than can be drawn": (
        _in(*PICTURE, "mark"),
        store.jsonable(
            Bars(np.ones((1, 20_000)), tuple(map(str, range(20_000))), ("s",), "class", "logit")
        ),
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_in_a_collection_is_refused_in_words(name):
    put, value = ODD[name]
    data = _collection()
    put(data, value)
    with pytest.raises(BadCollection):
        collected.read(json.dumps(data).replace('"DIGITS"', "9" * 5000))


@pytest.mark.parametrize("name", [name for name in ODD if name.startswith(("greyscale", "width"))])
def test_an_odd_style_in_a_sidecar_is_refused_in_words(name):
    put, value = ODD[name]
    data = json.loads(save(sidecar.sidecar(PLOT), "figure").sidecar)
    put(data, value)
    with pytest.raises(sidecar.BadSidecar):
        sidecar.read(json.dumps(data))


def test_half_a_character_is_replaced_and_the_collection_can_be_written_and_drawn():
    data = _collection()
    data["figures"][0]["caption"] = "cut \ud83d here"
    data["figures"][0]["plots"][0]["title"] = "\udc00 title"
    collection = collected.read(json.dumps(data))
    assert collection.figures[0].caption == "cut � here"
    collection.to_json().encode("utf-8")
    assert render(collection.sidecar(0).plots[0], format="svg").data


@pytest.mark.parametrize(
    "text", ["NaN", "[1e999]", "[-Infinity]", "[" * 100_000, "9" * 5000, "{", b"\xff\xfe{"]
)
def test_what_json_does_not_have_is_no_json(text):
    with pytest.raises(ValueError, match="it"):
        read_json(text)


def test_json_is_read_as_the_library_reads_it():
    value = {"a": [1, 2.5, None, True, "é", {"b": "\U0001f600"}]}
    assert read_json(json.dumps(value)) == value
