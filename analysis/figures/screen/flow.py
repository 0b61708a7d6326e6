"""A flow as SVG inside a page: what each unit gives, through which source layer, to which class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape

from analysis.figures.marks import Flow
from analysis.figures.screen.streams import Row, Stream, Streams, streams
from analysis.figures.style.style import number, printable

CSS = """
.pl-flow{display:block;width:100%;max-width:17rem;height:auto;overflow:visible}
.pl-flow text{font-size:10.5px;fill:currentColor}
.pl-flow .quiet{fill:color-mix(in srgb,currentColor 72%,transparent)}
.pl-flow .special text{font-size:8.5px;fill:color-mix(in srgb,currentColor 72%,transparent)}
.pl-flow .stream{fill:#E08214;fill:light-dark(#E08214,#E08A24);opacity:.8}
.pl-flow .stream.neg{fill:#4393C3;fill:light-dark(#4393C3,#5AA5DA);
stroke:#2166AC;stroke:light-dark(#2166AC,#9CCBEA);stroke-width:.7;stroke-dasharray:2.5 1.5}
.pl-flow .node{fill:color-mix(in srgb,currentColor 70%,transparent)}
.pl-flow .layer text{paint-order:stroke;stroke:var(--st-background-color,Canvas);
stroke-width:3.5px;stroke-linejoin:round}
.pl-flow .attention{fill:color-mix(in srgb,currentColor 45%,transparent)}
.pl-flow [data-point]{cursor:pointer;outline:none}
.pl-flow [data-point]:focus-visible text{text-decoration:underline;font-weight:700}
.pl-flow .marked text{font-weight:700;text-decoration:var(--pl-struck,underline)}
.pl-flow.pointed .stream:not(.lit){opacity:.12}
.pl-flow .stream.lit{opacity:1}
.pl-flow .lit>text{font-weight:700}
.pl-told{font-size:.8rem;min-height:1.35em;color:var(--pl-faint)}
"""
# Columns of the drawing, in its own units.
_WIDTH, _LABEL, _ATTENTION, _FROM, _LAYER, _END = 190.0, 60.0, 63.0, 76.0, 127.0, 179.0
_NODE, _HEAD, _FOOT, _PITCH = 5.0, 12.0, 13.0, 15.0
_LONGEST = 11  # characters of a label


def svg(flow: Flow, span: tuple[int, int, int] | None = None) -> str:
    """The drawing, and under it a line that says the number of what is pointed at.

    Every unit, layer and class carries ``data-point``, the same in all flows of one text, so that
    a script can light up its stream in all of them. `span` marks the units that it touches.
    """
    placed = streams(flow, _PITCH)
    readings = json.dumps(dict(_readings(flow, placed)))
    rest = f"sum {number(sum(flow.ends), 'signed')} {flow.unit}"
    marked = [row for row in placed.rows if _is_marked(flow, row, span)]
    if marked:
        rest = " · ".join(_number_of(flow, row) for row in marked)
    return (
        f'<svg class="pl-flow" viewBox="0 0 {_WIDTH:g} {placed.height + _HEAD + _FOOT:g}" '
        f'role="group" aria-label="{_text(_summary(flow, placed))}" data-told="{escape(readings)}">'
        + "".join(_drawing(flow, placed, span))
        + f'</svg><div class="pl-told" data-rest="{_text(rest)}">{_text(rest)}</div>'
    )


def key_of(flow: Flow, units: tuple[int, ...]) -> str:
    """Key of a unit in every flow of one text; none for the summed rest."""
    if len(units) > 1:
        return "rest"
    unit = units[0]
    if flow.special[unit]:
        nth = sum(flow.special[:unit])
        return f"t:-1:{nth}:{nth}"
    start, end = flow.spans[unit].tolist()
    return f"t:{flow.segment[unit]}:{start}:{end}"


def _summary(flow: Flow, placed: Streams) -> str:
    largest = max(placed.rows, key=lambda row: abs(row.value))
    return (
        f"Contributions to {flow.classes[0]} through the pooling head: {largest.label} has the "
        f"largest, {number(largest.value, 'signed')} of {number(sum(flow.ends), 'signed')} "
        f"{flow.unit}"
    )


def _readings(flow: Flow, placed: Streams) -> Iterator[tuple[str, str]]:
    for row in placed.rows:
        words = _number_of(flow, row)
        if row.attention is not None:
            words += f", attention {number(100 * row.attention, 'percent')} %"
        yield key_of(flow, row.units), words
    for node in placed.layers:
        yield f"l:{node.name}", f"layer {node.name} {number(node.value, 'signed')} {flow.unit}"
    for end, node in enumerate(placed.ends):
        side = "towards" if end == 0 else "against"
        words = (
            f"{side} {printable(flow.classes[0], 18)} {number(node.value, 'signed')} {flow.unit}"
        )
        yield f"c:{end}", words


def _number_of(flow: Flow, row: Row) -> str:
    return f"{printable(row.label, 24)} {number(row.value, 'signed')} {flow.unit}"


def _is_marked(flow: Flow, row: Row, span: tuple[int, int, int] | None) -> bool:
    if span is None or len(row.units) > 1 or flow.special[row.units[0]]:
        return False
    start, end = flow.spans[row.units[0]].tolist()
    return span[0] == flow.segment[row.units[0]] and start < span[2] and span[1] < end


def _drawing(flow: Flow, placed: Streams, span: tuple[int, int, int] | None) -> Iterator[str]:
    if flow.attention is not None:
        yield f'<text class="quiet" x="{_LABEL}" y="9" text-anchor="middle">att.</text>'
    yield f'<g transform="translate(0 {_HEAD})">'
    for stream in placed.streams:
        yield _ribbon(flow, placed, stream)
    most = max((row.attention or 0.0 for row in placed.rows), default=0.0) or 1.0
    for nth, row in enumerate(placed.rows):
        # one stop of the Tab key a flow; the arrow keys go along it
        yield from _row(flow, row, most, span, -1 if nth else 0)
    for nth, node in enumerate(placed.layers):
        before = "" if nth else '<tspan class="quiet">layer </tspan>'
        yield (
            f'<g class="layer" data-point="l:{_text(node.name)}" tabindex="-1" role="img" '
            f'aria-label="layer {_text(node.name)}: {number(node.value, "signed")} {flow.unit}">'
            f'<rect class="node" x="{_LAYER}" y="{node.top:.2f}" width="{_NODE}" '
            f'height="{max(node.height, 1):.2f}"/><text x="{_LAYER + _NODE / 2}" '
            f'y="{node.top - 3:.2f}" text-anchor="middle">{before}{_text(node.name)}</text></g>'
        )
    for end, node in enumerate(placed.ends):
        y = 9 - _HEAD if end == 0 else placed.height + 11
        shown = f"{printable(node.name, 14)} {number(node.value, 'signed')}"
        yield (
            f'<g data-point="c:{end}" tabindex="-1" role="img" aria-label="{_text(shown)}">'
            f'<rect class="node" x="{_END}" y="{node.top:.2f}" width="{_NODE}" '
            f'height="{max(node.height, 1):.2f}"/><text x="{_WIDTH}" y="{y:.2f}" '
            f'text-anchor="end">{_text(shown)}</text></g>'
        )
    yield "</g>"


def _row(
    flow: Flow, row: Row, most: float, span: tuple[int, int, int] | None, tab: int
) -> Iterator[str]:
    unit = row.units[0]
    alone = len(row.units) == 1
    start, end = flow.spans[unit].tolist()
    classes = ["unit"]
    place = ""
    if alone and flow.special[unit]:
        classes.append("special")
        place = f' data-special="{sum(flow.special[:unit])}"'
    elif alone:
        place = f' data-segment="{flow.segment[unit]}" data-start="{start}" data-end="{end}"'
        if _is_marked(flow, row, span):
            classes.append("marked")
    key, middle = key_of(flow, row.units), row.middle
    role = "button" if place else "img"
    value = number(row.value, "signed")
    label = row.label
    attention = row.attention
    yield (
        f'<g class="{" ".join(classes)}" data-point="{key}"{place} tabindex="{tab}" role="{role}" '
        f'aria-label="{_text(label)}: {value} {flow.unit}"><title>{_text(label)}</title>'
        f'<rect x="0" y="{middle - _PITCH / 2:.2f}" width="{_FROM}" height="{_PITCH}" '
        f'fill="transparent"/>'
    )
    if attention is not None:
        wide = (_FROM - _ATTENTION - 2) * attention / most
        yield (
            f'<rect class="attention" x="{_ATTENTION}" y="{middle - 2.5:.2f}" '
            f'width="{wide:.2f}" height="5"/>'
        )
    yield (
        f'<text x="{_LABEL}" y="{middle + 3.5:.2f}" text-anchor="end">'
        f"{_text(printable(label, _LONGEST))}</text></g>"
    )


def _ribbon(flow: Flow, placed: Streams, stream: Stream) -> str:
    row, layer = stream.row, stream.layer
    value, thick = stream.value, stream.thickness
    a, b, c = stream.tops
    xs = ((_FROM, _LAYER), (_LAYER + _NODE, _END))
    (p, q), (r, s) = xs
    m, n = (p + q) / 2, (r + s) / 2
    path = (
        f"M{p} {a:.2f}C{m} {a:.2f} {m} {b:.2f} {q} {b:.2f}H{r}C{n} {b:.2f} {n} {c:.2f} {s} {c:.2f}"
        f"v{thick:.2f}C{n} {c + thick:.2f} {n} {b + thick:.2f} {r} {b + thick:.2f}H{q}"
        f"C{m} {b + thick:.2f} {m} {a + thick:.2f} {p} {a + thick:.2f}z"
    )
    keys = " ".join(
        (
            key_of(flow, placed.rows[row].units),
            f"l:{flow.layers[layer]}",
            f"c:{0 if value > 0 else 1}",
        )
    )
    sign = "" if value > 0 else " neg"
    return f'<path class="stream{sign}" data-keys="{_text(keys)}" d="{path}"/>'


def _text(text: str) -> str:
    return escape(printable(text), quote=True)
