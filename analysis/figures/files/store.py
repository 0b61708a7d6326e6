"""A Picture as JSON and back, without loss: what a sidecar holds and a collection keeps.

Arrays travel as base64 of their little-endian bytes with dtype and shape, small ones as lists that
a person can read. What is read back is checked as if a stranger had written it: only the marks
of the closed list, only arrays of numbers, never more than the text itself could hold.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import fields
from typing import Any, get_args

import numpy as np

from analysis.common.faults import FileError
from analysis.common.strict_json import read_json
from analysis.common.typed import require
from analysis.figures.marks import Grid, Panel
from analysis.figures.picture import Picture

VERSION = 1
# Names that a stored mark may bring along: what has more cannot be read on any page, and takes
# minutes to draw. Places of a text and points of a map have bounds of their own.
MOST_NAMES = {
    "Bars": {"categories": 500, "series": 100},
    "HeatMap": {"rows": 1_100, "columns": 1_100},
    "Lines": {"series": 200, "places": 20_000},
    "Points": {"groups": 500, "labels": 200_000, "regions": 100},
    "Strip": {"labels": 20_000},
    "Flow": {"labels": 20_000, "layers": 500},
    "Grid": {"panels": 200},
}
READABLE = 64  # values up to which an array is written as a list
_MARKS: dict[str, type] = {c.__name__: c for c in (*get_args(Panel), Grid)}
_PLOT = ("view", "title", "params", "provenance", "notes", "caption", "recipe")
_JSON = ("params", "provenance", "recipe")
_KINDS = "biuf"  # booleans, integers, floats: nothing that could hold an object


class BadPlot(FileError):
    """A stored picture that cannot be read; the message says what is wrong with it."""


def to_json(plot: Picture, indent: int | None = None) -> str:
    """The plot as JSON text (ASCII): the same plot gives the same text."""
    return json.dumps(packed(plot), indent=indent, allow_nan=False)


def from_json(text: str | bytes) -> Picture:
    """The plot that `to_json` wrote. Raises `BadPlot` for anything else."""
    try:
        value = read_json(text)
    except ValueError as error:
        raise BadPlot(f"this is not the JSON of a picture: {error}") from None
    return unpacked(value)


def packed(plot: Picture) -> dict[str, Any]:
    """The plot as plain JSON values."""
    return (
        {"version": VERSION}
        | {name: jsonable(getattr(plot, name)) for name in _PLOT}
        | {"mark": jsonable(plot.mark)}
    )


def unpacked(data: Any) -> Picture:
    """The plot of such values. Raises `BadPlot`."""
    if not isinstance(data, dict) or "mark" not in data or "view" not in data:
        raise BadPlot("this is not a stored picture: it has no view and no mark")
    if data.get("version") != VERSION:
        raise BadPlot(
            f"this picture was stored in version {data.get('version')!r} of the format, and this "
            f"program reads version {VERSION}"
        )
    try:
        fields_read = {name: _unpack(data[name]) for name in _PLOT if name in data}
        fields_read |= {name: _as_lists(fields_read[name]) for name in _JSON if name in fields_read}
        for name, kind in (
            ("view", str),
            ("title", str),
            ("caption", str),
            ("notes", tuple),
            ("params", dict),
            ("provenance", dict),
            ("recipe", dict),
        ):
            if not isinstance(fields_read.get(name, kind()), kind):
                raise BadPlot(f"a stored picture is broken: its {name} is not a {kind.__name__}")
        if not all(isinstance(note, str) for note in fields_read.get("notes", ())):
            raise BadPlot("a stored picture is broken: its notes are not all text")
        _check_source(fields_read.get("provenance", {}))
        return Picture(mark=_unpack(data["mark"]), **fields_read)
    except BadPlot:
        raise
    except (
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        KeyError,
        OverflowError,
        RecursionError,
    ) as error:
        raise BadPlot(f"a stored picture is broken: {error}") from None


# What is read from a provenance, with its type; anything else in it is only handed on.
_SOURCE: dict[str, type | tuple[type, ...]] = {
    "checkpoint": str,
    "sha256": str,
    "pooling_head": str,
    "pooling_options": dict,
    "text": str,
    "pair": (str, type(None)),
    "variant": str,
}


def _check_source(source: Any) -> None:
    """Raises `BadPlot` for a provenance that names its checkpoints in another way."""
    if not isinstance(source, dict):
        raise BadPlot("a stored picture is broken: a checkpoint in it is not a JSON object")
    for name, kind in _SOURCE.items():
        if name in source and not isinstance(source[name], kind):
            raise BadPlot(f"a stored picture is broken: its {name} is {source[name]!r:.60}")
    for name in ("checkpoints", "members"):
        if name in source:
            if not isinstance(source[name], list):
                raise BadPlot(f"a stored picture is broken: its {name} are not a list")
            for member in source[name]:
                _check_source(member)
            if name == "members" and not all("checkpoint" in member for member in source[name]):
                raise BadPlot("a stored picture is broken: a seed of it has no name")


def jsonable(value: Any) -> Any:
    """Marks, arrays and numbers that JSON does not have, as plain JSON values."""
    if isinstance(value, np.ndarray):
        return _pack_array(value)
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if type(value).__name__ in _MARKS:
        name = type(value).__name__
        return {"$mark": name} | {f.name: jsonable(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    return value


def _pack_array(array: np.ndarray) -> dict[str, Any]:
    if array.dtype.kind not in _KINDS:
        raise ValueError(f"an array of {array.dtype} cannot be stored: a picture holds numbers")
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    shape: dict[str, Any] = {"$array": array.dtype.str, "shape": list(array.shape)}
    if array.size <= READABLE and (array.dtype.kind != "f" or np.isfinite(array).all()):
        return shape | {"values": array.ravel().tolist()}
    return shape | {"base64": base64.b64encode(array.tobytes()).decode("ascii")}


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_unpack(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        return _unpack_array(value)
    if "$float" in value:
        return float(value["$float"])
    if "$mark" in value:
        kind = _MARKS.get(value["$mark"])
        if kind is None:
            raise BadPlot(f"no mark is called {value['$mark']!r}; known: {', '.join(_MARKS)}")
        known = {f.name for f in fields(kind)}
        fields_read = {name: _unpack(item) for name, item in value.items() if name != "$mark"}
        if unknown := sorted(fields_read.keys() - known):
            raise BadPlot(
                f"a {value['$mark']} has no {', '.join(unknown)} here: the picture was stored by "
                "another version of PoolLens"
            )
        require(kind, fields_read, f"its {value['$mark']} is broken: ")
        for name, most in MOST_NAMES.get(value["$mark"], {}).items():
            if len(fields_read.get(name, ())) > most:
                raise BadPlot(
                    f"its {value['$mark']} has {len(fields_read[name]):,} {name}, and at most "
                    f"{most:,} can be drawn: choose fewer where it is made"
                )
        return kind(**fields_read)
    return {key: _unpack(item) for key, item in value.items()}


def _unpack_array(value: dict[str, Any]) -> np.ndarray:
    dtype = np.dtype(str(value["$array"]))
    if dtype.kind not in _KINDS or dtype.itemsize > 8:
        raise BadPlot(f"an array of {dtype} is not an array of numbers")
    shape = tuple(value["shape"])
    if not all(isinstance(side, int) and side >= 0 for side in shape) or len(shape) > 8:
        raise BadPlot(f"an array's shape is {shape!r}")
    size = math.prod(shape)
    if "values" in value:
        flat = value["values"]
        if not isinstance(flat, list) or len(flat) != size:
            raise BadPlot(f"an array of shape {shape} does not have {size} values")
        return np.array(flat, dtype).reshape(shape)
    try:
        raw = base64.b64decode(value["base64"], validate=True)
    except (binascii.Error, TypeError) as error:
        raise BadPlot(f"an array is broken: {error}") from None
    if len(raw) != size * dtype.itemsize:
        raise BadPlot(f"an array of shape {shape} has {len(raw)} bytes, not its own")
    return np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="), copy=True).reshape(shape)


def _as_lists(value: Any) -> Any:
    """Tuples as lists again: parameters and provenance are plain JSON."""
    if isinstance(value, dict):
        return {key: _as_lists(item) for key, item in value.items()}
    return [_as_lists(item) for item in value] if isinstance(value, (list, tuple)) else value
