"""A caption to start from: what is shown, and the facts that a reader needs to make it again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.figures.marks import Grid, HeatMap
from analysis.figures.picture import Picture
from analysis.figures.style.palettes import dense, palette
from analysis.figures.style.settings import Style
from analysis.figures.style.style import printable

LONGEST_TEXT = 240  # characters of the typed text that a caption quotes
_REFERENCES = {"corpus": "the corpus mean", "zero": "zero", "custom": "a reference of one's own"}
_SIGNS = re.compile(r"Orange is (towards [^,.;]+), blue and underlined is (against [^.;]+)\.")


def draft(plots: Picture | Sequence[Picture], style: Style | None = None) -> str:
    """One paragraph: each picture's own words, then the facts they share (plain text)."""
    given = [plots] if isinstance(plots, Picture) else list(plots)
    if len(given) == 1:
        parts = [_own(given[0], style)]
    else:
        from analysis.figures.style.letters import letter

        parts = [f"{letter(i)} {_own(plot, style)}" for i, plot in enumerate(given)]
    facts = list(dict.fromkeys(fact for plot in given for fact in _facts(plot)))
    return " ".join(part for part in [*parts, *facts] if part)


def _own(plot: Picture, style: Style | None) -> str:
    said = printable(plot.caption or f"{plot.title.rstrip('.')}.")
    panels = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    if any(
        isinstance(p, HeatMap) and p.scale == "diverging" and dense(p.values.shape) for p in panels
    ):
        said += " Light cells are negative, dark ones positive."
    return in_colours(said, style or Style())


def in_colours(said: str, style: Style) -> str:
    """A caption that names the default colours, in the words of the style's palette."""
    colours = palette(style.palette, style.greyscale)
    if colours.grey:
        said = _SIGNS.sub(r"Darker is stronger; not underlined is \1, underlined is \2.", said)
    else:
        said = _SIGNS.sub(
            rf"{colours.positive.capitalize()} is \1, {colours.negative} and underlined is \2.",
            said,
        )
    return said


def _facts(plot: Picture) -> Iterator[str]:
    source = plot.provenance
    owners = [
        _owner(one)
        for one in source.get("checkpoints") or [source]
        if isinstance(one, Mapping) and one.get("checkpoint")
    ]
    if owners:
        yield f"Checkpoint{'s' if len(owners) > 1 else ''}: {', '.join(dict.fromkeys(owners))}."
    for key, name in (("text", "Text"), ("pair", "Second text"), ("variant", "Variant")):
        if source.get(key):
            yield f"{name}: \u201c{printable(str(source[key]), LONGEST_TEXT)}\u201d"
    classes = [
        one["target"]
        for one in source.get("checkpoints") or ()
        if isinstance(one, Mapping) and one.get("target") is not None
    ]
    classes = classes or _several(source.get("target"))
    named = list(dict.fromkeys(str(class_) for class_ in classes if class_ is not None))
    if named:
        yield f"Class{'es' if len(named) > 1 else ''}: {printable(', '.join(named))}."
    if source.get("method"):
        many = len(set(map(str, _several(source["method"])))) > 1
        yield f"Method{'s' if many else ''}: {_list(source['method']).replace('_', ' ')}."
    if source.get("baseline"):
        yield f"Baseline: {_list(source['baseline'])}."
    if source.get("reference"):
        named = [_REFERENCES.get(str(r), str(r)) for r in _several(source["reference"])]
        yield f"Reference: {', '.join(dict.fromkeys(named))}."
    if source.get("data"):
        yield f"Data: {_list(source['data'])}."
    if source.get("sentences"):
        yield f"Sentences: {_list(source['sentences'])}."
    if source.get("seed") not in (None, []):
        seeds = list(dict.fromkeys(map(str, _several(source["seed"]))))
        yield f"Seed{'s' if len(seeds) > 1 else ''}: {', '.join(seeds)}."


def _owner(one: Mapping[str, Any]) -> str:
    """A checkpoint with its pooling head and last k layers, where they are known."""
    name, head = str(one["checkpoint"]), one.get("pooling_head")
    last = (one.get("pooling_options") or {}).get("last_k")
    told = [f"pooling head {head}"] if head and str(head) not in name else []
    told += [f"last {last} layers"] if last else []
    seeds = len(one.get("members") or ())
    told += [f"{seeds} seeds"] if seeds > 1 else []
    return printable(f"{name} ({', '.join(told)})" if told else name)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _list(value: Any) -> str:
    return printable(", ".join(dict.fromkeys(map(str, _several(value)))))
