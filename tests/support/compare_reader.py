"""What a reader sees of the Compare page: cards, strips and bars, read back from their HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_VOID = {"br", "img", "input", "hr", "meta", "link"}


@dataclass
class Node:
    """An element of a parsed page: tag, attributes, and children (elements and texts)."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def text(self) -> str:
        """The text as a browser shows it, entities resolved."""
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, name: str) -> list[Node]:
        """Every element below with this class, in reading order."""
        return [node for node in self.walk() if name in node.classes]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("page")
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in _VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(html: str) -> Node:
    """The tree of a piece of HTML; an unbalanced tag is an error."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is never closed"
    return reader.root


@dataclass(frozen=True)
class Unit:
    """A coloured unit of a strip."""

    label: str
    value: float  # as written on hover: two decimals, or scientific where it is tiny
    classes: frozenset[str]
    positions: tuple[int, ...]

    @property
    def negative(self) -> bool:
        """Whether it is underlined, the sign that stays in greyscale."""
        return "neg" in self.classes


def strip(piece: Node) -> list[Unit]:
    """The units of a strip, in reading order."""
    units = []
    for node in piece.all("tok"):
        value = node.attributes["title"].rsplit(": ", 1)[1].split()[0]
        units.append(
            Unit(
                node.text,
                float(value),
                frozenset(node.classes - {"tok"}),
                tuple(map(int, node.attributes["data-token"].split())),
            )
        )
    return units


@dataclass(frozen=True)
class Card:
    """One card: everything on it."""

    id: str
    answer: Node
    reading: Node | None
    attribution: Node | None

    @property
    def how(self) -> str:
        return self.answer.all("how")[0].text

    @property
    def label(self) -> str:
        return self.answer.all("label")[0].text

    @property
    def shown(self) -> str:
        """The number beside the label."""
        return self.answer.all("p")[0].text

    @property
    def bars(self) -> dict[str, str]:
        """Class name -> number as shown."""
        return {
            bar.all("name")[0].text: bar.all("num")[0].text
            for bar in self.answer.all("bar")
            if "data-class" in bar.attributes
        }

    @property
    def explained(self) -> list[str]:
        return [bar.all("name")[0].text for bar in self.answer.all("chosen")]

    @property
    def lines(self) -> list[str]:
        return [node.text for node in self.answer.all("line")]

    @property
    def reads(self) -> list[Unit]:
        assert self.reading is not None
        return strip(self.reading)

    @property
    def attributes(self) -> list[Unit]:
        assert self.attribution is not None
        return strip(self.attribution)

    @property
    def source_layers(self) -> dict[int, tuple[float, float]]:
        """Source layer -> (share of wins in percent, contribution)."""
        assert self.reading is not None
        wins, contributions = self.reading.all("panel")
        numbers = [
            {b.attributes["title"].split(":")[0]: float(b.all("num")[0].text) for b in p.all("bar")}
            for p in (wins, contributions)
        ]
        return {int(layer): (share, numbers[1][layer]) for layer, share in numbers[0].items()}


def pieces(app: Any) -> dict[str, Node]:
    """Everything that the page draws as HTML of its own, by key."""
    sent = {element.key: json.loads(element.proto.json) for element in app.get("bidi_component")}
    return {key: parse(data["html"]) for key, data in sent.items() if "html" in data}


def cards(app: Any) -> dict[str, Card]:
    """The cards by the id of their checkpoint, in the order of the page."""
    assert not app.exception, [error.value for error in app.exception]
    by_key = pieces(app)
    names = [key.removeprefix("answer-") for key in by_key if key.startswith("answer-")]
    return {
        name: Card(
            name,
            by_key[f"answer-{name}"],
            by_key.get(f"reading-{name}"),
            by_key.get(f"attr-{name}"),
        )
        for name in names
    }


def verdict(app: Any) -> str:
    """The sentence above the cards."""
    # The first run of a process has an empty place above it, where libraries were loading.
    return next((text.value for text in app.main.text if text.value), "")


def text_of(app: Any) -> str:
    """Every sentence on the page outside the cards, one a line."""
    kinds = ("text", "caption", "info", "warning", "error", "markdown")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind))


def charts(app: Any, key: str) -> dict[str, dict[str, Any]]:
    """Plotly figures of the page by the part of their widget's id that matches ``key``."""
    by_key = {}
    for element in app.get("plotly_chart"):
        named = re.search(key, element.proto.id)
        by_key[named.group(0) if named else element.proto.id] = json.loads(element.proto.spec)
    return by_key
