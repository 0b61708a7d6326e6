"""A caption to start from: what is shown, and the facts that a reader needs to make it again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.figures.marks import Grid, HeatMap
from analysis.figures.picture import Picture
from analysis.figures.style.letters import letter
from analysis.figures.style.palettes import dense, palette
from analysis.figures.style.settings import Style
from analysis.figures.style.style import printable

LONGEST_TEXT = 240  # characters of the typed text that a caption quotes
_REFERENCES = {"corpus": "the corpus mean", "zero": "zero", "custom": "a custom reference"}
# What a fact is called, alone and among others of its kind, in the order of a caption.
_KINDS = {
    "checkpoint": ("Checkpoint", "Checkpoints"),
    "text": ("Text", "Texts"),
    "pair": ("Second text", "Second texts"),
    "variant": ("Variant", "Variants"),
    "class": ("Class", "Classes"),
    "method": ("Method", "Methods"),
    "baseline": ("Baseline", "Baselines"),
    "reference": ("Reference", "References"),
    "data": ("Data", "Data"),
    "sentences": ("Sentences", "Sentences"),
    "seed": ("Seed", "Seeds"),
}
_WHOLE = ("checkpoint", "text", "pair", "variant", "seed")  # said in full, whatever else is
# A sentence ends here, but not within quotes.
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z]|\([a-z]+\) )(?=[^\u201d]*(?:\u201c|$))")
_SIGNS = re.compile(r"Orange is (towards [^,.;]+), blue and underlined is (against [^.;]+)\.")


def draft(plots: Picture | Sequence[Picture], style: Style | None = None) -> str:
    """One paragraph (plain text): each picture's own words, then the facts behind them.

    Nothing is said twice: a sentence stands where it is needed first, a fact that the words hold
    is left out, and one that is not true of all pictures names those of which it is.
    """
    pictures = [plots] if isinstance(plots, Picture) else list(plots)
    own = [_own(plot, style) for plot in pictures]
    facts = [_new(_facts(plot), words) for plot, words in zip(pictures, own, strict=True)]
    if len(pictures) > 1:
        own = [f"{letter(index)} {words}" for index, words in enumerate(own)]
    return _once(" ".join([*filter(None, own), *_together(facts)]))


def _new(facts: Mapping[str, list[str]], words: str) -> dict[str, list[str]]:
    """The facts that a picture's own words do not hold already."""
    words_before = _plain(words)
    return {
        kind: left
        for kind, values in facts.items()
        if (
            left := [
                v
                for v in (_short(v, words_before) for v in values)
                if not _holds(words_before, kind, v)
            ]
        )
    }


def _holds(words: str, kind: str, value: str) -> bool:
    """Whether words say a fact: its value alone could stand there by chance."""
    if kind in _WHOLE:
        return False
    plain = _plain(value)
    ways = {
        "class": [f" {before}{plain}" for before in ("for", "to", "of", "towards", "against")],
        "reference": [f" to{plain}"],
        "sentences": [f"{plain}sentences "],
    }
    return any(way in words for way in ways.get(kind, [plain]))


def _short(value: str, words: str) -> str:
    """A method without the part of its name that words of the caption say in full."""
    name, comma, rest = value.partition(", target minus")
    return name if comma and rest and " minus the mean of the other" in words else value


def _together(facts: Sequence[Mapping[str, list[str]]]) -> Iterator[str]:
    """A sentence for each kind of fact; a value that is not everybody's says whose it is."""
    for kind, (singular, several) in _KINDS.items():
        known = [index for index, each in enumerate(facts) if kind in each]
        values = dict.fromkeys(value for index in known for value in facts[index][kind])
        values_shown = []
        for value in values:
            here = [index for index in known if value in facts[index][kind]]
            whose = "" if len(here) == len(known) else f" in {', '.join(map(letter, here))}"
            values_shown.append(f"{value}{whose}")
        if values_shown:
            line = f"{several if len(values_shown) > 1 else singular}: {', '.join(values_shown)}"
            yield line if line.endswith("\N{RIGHT DOUBLE QUOTATION MARK}") else f"{line}."


def _plain(words: str) -> str:
    """Words as they are compared: no case, no signs that stand for letters, numbers in one way."""
    letters = words.casefold().replace("\N{MULTIPLICATION SIGN}", "x")
    units = re.findall(r"[^\W_]+", re.sub(r"(?<=\d),(?=\d{3})", "", letters))
    return f" {' '.join(units)} "


def _once(words: str) -> str:
    """A paragraph without the sentences that stood before, quoted texts left as they are."""
    sentences = dict.fromkeys(_SENTENCE.split(words))
    return " ".join(sentences)


def _own(plot: Picture, style: Style | None) -> str:
    sentences = printable(plot.caption or f"{plot.title.rstrip('.')}.")
    panels = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    if any(
        isinstance(p, HeatMap) and p.scale == "diverging" and dense(p.values.shape) for p in panels
    ):
        sentences += " Light cells are negative, dark ones positive."
    return in_colours(sentences, style or Style())


def in_colours(sentences: str, style: Style) -> str:
    """A caption that names the default colours, in the words of the style's palette."""
    colours = palette(style.palette, style.greyscale)
    if colours.grey:
        sentences = _SIGNS.sub(
            r"Darker is stronger; not underlined is \1, underlined is \2.", sentences
        )
    else:
        sentences = _SIGNS.sub(
            rf"{colours.positive.capitalize()} is \1, {colours.negative} and underlined is \2.",
            sentences,
        )
    return sentences


def _facts(plot: Picture) -> dict[str, list[str]]:
    """Facts that a reader needs to make the picture again, by their kind."""
    source = plot.provenance
    owners = [
        _owner(checkpoint)
        for checkpoint in source.get("checkpoints") or [source]
        if isinstance(checkpoint, Mapping) and checkpoint.get("checkpoint")
    ]
    classes = [
        checkpoint["target"]
        for checkpoint in source.get("checkpoints") or ()
        if isinstance(checkpoint, Mapping) and checkpoint.get("target") is not None
    ]
    facts: dict[str, list[Any]] = {
        "checkpoint": owners,
        **{
            key: [f"\u201c{printable(str(source[key]), LONGEST_TEXT)}\u201d"]
            for key in ("text", "pair", "variant")
            if source.get(key)
        },
        "class": [c for c in classes or _several(source.get("target")) if c is not None],
        "method": [str(m).replace("_", " ") for m in _several(source.get("method") or [])],
        "baseline": _several(source.get("baseline") or []),
        "reference": [_REFERENCES.get(str(r), r) for r in _several(source.get("reference") or [])],
        "data": _several(source.get("data") or []),
        "sentences": _several(source.get("sentences") or []),
        "seed": _several(source.get("seed")) if source.get("seed") not in (None, []) else [],
    }
    return {
        kind: list(dict.fromkeys(printable(str(value)) for value in values))
        for kind, values in facts.items()
        if values
    }


def _owner(checkpoint: Mapping[str, Any]) -> str:
    """A checkpoint with its pooling head and last k layers, where they are known."""
    name, head = str(checkpoint["checkpoint"]), checkpoint.get("pooling_head")
    last = (checkpoint.get("pooling_options") or {}).get("last_k")
    details = [f"pooling head {head}"] if head and str(head) not in name else []
    details += [f"last {last} layers"] if last else []
    seeds = len(checkpoint.get("members") or ())
    details += [f"{seeds} seeds"] if seeds > 1 else []
    return printable(f"{name} ({', '.join(details)})" if details else name)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
