"""Strategies of files that somebody damaged, or made with bad intentions, from whole ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

TOKENS = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b"\t", b'"', b"'"),
    *(b",", b"[", b"{", b"}", b"]", b":", b"null", b"NaN", b"1e999", b"-Infinity", b"9" * 5_000),
    *(b"[" * 3_000, b'{"a":' * 1_000, b"\\ud800", b"__label__", b"PAR1", b"=1+1", b"<script>"),
    *(b"a" * 10_000, b"text", b"label", b"&a [*a,*a]", b"!!python/object/apply:os.system ['id']"),
)
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 1.5, 10**30, 10**400, 1e300, -0.0, "", "a", "\x00", "\ud800", "<b>"),
    *("=1+1", "a" * 5_000, [], {}, [[]], [1, "a", None], {"a": 1}, {"": []}, [[1, 2], [3]]),
    *([None] * 300, {"$array": "<f8", "shape": [10**9], "base64": ""}, {"$mark": "Bars"}),
    {"$float": "nan"},
)


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """One of the files with up to four changes: cut, taken out, put in, turned over, repeated."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        kind = draw(st.sampled_from(("cut", "out", "in", "bytes", "flip", "again")))
        if kind == "cut":
            del data[start:]
        elif kind == "out":
            del data[start : start + length]
        elif kind == "in":
            data[start:start] = draw(st.sampled_from(TOKENS))
        elif kind == "bytes":
            data[start : start + length] = draw(st.binary(max_size=40))
        elif kind == "flip" and start < len(data):
            data[start] ^= 1 << draw(st.integers(0, 7))
        elif kind == "again":
            data[start:start] = data[start : start + length] * draw(st.integers(1, 200))
    return bytes(data)


def _ways(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to every value inside a JSON document."""
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [(*way, key) for key, _ in inside] + [
        place for key, item in inside for place in _ways(item, (*way, key))
    ]


def _anything() -> st.SearchStrategy[Any]:
    plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
        max_leaves=8,
    )


@st.composite
def odd_documents(draw: st.DrawFn, documents: tuple[Any, ...]) -> Any:
    """One of the documents with up to three values of another kind, gone, or under another name."""
    data = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 3))):
        ways = _ways(data)
        if not ways:
            return draw(_anything())
        way = draw(st.sampled_from(ways))
        place = data
        for step in way[:-1]:
            place = place[step]
        kind = draw(st.sampled_from(("odd", "odd", "any", "gone", "name", "twice")))
        if kind == "odd":
            place[way[-1]] = copy.deepcopy(draw(st.sampled_from(ODD)))
        elif kind == "any":
            place[way[-1]] = draw(_anything())
        elif kind == "gone":
            del place[way[-1]]
        elif kind == "name" and isinstance(place, dict):
            place[draw(st.text(max_size=10))] = place.pop(way[-1])
        elif kind == "twice" and isinstance(place, list):
            place.append(copy.deepcopy(place[way[-1]]))
    return data


def as_json(documents: tuple[Any, ...]) -> st.SearchStrategy[bytes]:
    """Odd documents as JSON, and the text of whole ones damaged."""
    texts = tuple(json.dumps(document).encode() for document in documents)
    return _written(odd_documents(documents), json.dumps) | damaged(texts)


def as_yaml(documents: tuple[Any, ...]) -> st.SearchStrategy[bytes]:
    """Odd documents as YAML, and the text of whole ones damaged."""
    import yaml

    texts = tuple(yaml.safe_dump(document).encode() for document in documents)
    return _written(odd_documents(documents), yaml.safe_dump) | damaged(texts)


def _written(values: st.SearchStrategy[Any], dump: Callable[[Any], str]) -> Any:
    def write(value: Any) -> bytes:
        try:
            return dump(value).encode("utf-8", "surrogatepass")
        except ValueError:  # an integer of more digits than Python writes
            return b"9" * 5_000

    return values.map(write)
