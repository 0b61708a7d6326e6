"""The title of a panel in a card, with what its numbers are; and a warning in a panel's place."""

from __future__ import annotations

from analysis.figures.marks import Strip
from analysis.figures.plot import Plot
from analysis.figures.style.style import number
from pages.ui.kit import cards
from pages.ui.kit.cards import Span

INPUT_TITLE = "Input attribution"
READING_TITLE = "Read by the pooling head"
FLOW_TITLE = "From words to the class"

# Of each panel in two sentences: what the numbers are, what they are not, and the source.
_ABOUT = {
    FLOW_TITLE: "The split of the logit difference: from each word, over the layer that it was "
    "taken from, to the class. Width: how much, on one scale in all cards; orange towards "
    "the class, blue and dashed against it. Point at a word, a layer or a class to see its number; "
    "it does not show how the encoder made these vectors. MaxPoolBERT, arXiv 2505.15696.",
    INPUT_TITLE: "How much each word moves the explained class away from the mean of the others, "
    "in logits, along the way from an empty text ([PAD]); the gap is the error of that integral, "
    "and a small one does not show that the attribution is right. Integrated gradients, "
    "Sundararajan et al. 2017.",
    READING_TITLE: "What the pooling head takes from each position of the encoder's output: a "
    "split of the same logit difference, relative to the reference named here. It is exact for a "
    "linear head; through layers of its own (tanh, GELU, a norm) it runs along a straight line, "
    "and the gap is the error of that integral. It does not show how the encoder made that output.",
    "Source layers": "What the values of each layer add to the logit difference. For a maximum "
    "over layers the left bars are the share of dimensions (in percent) whose maximum comes from "
    "each layer: the share does not show how much a win matters. MaxPoolBERT, arXiv 2505.15696.",
}


def title(name: str, note: str = "") -> str:
    """HTML of a panel's title, its question mark that explains it, and a note beside it."""
    about = cards.text(_ABOUT[name])
    mark = (
        f'<span class="about" tabindex="0" role="note" title="{about}" aria-label="{about}">'
        "?</span>"
    )
    return f'<div class="title">{name} {mark}<span class="note">{cards.text(note)}</span></div>'


def warning(message: str) -> str:
    """HTML of a line that stands where a panel cannot."""
    return f'<div class="line warn" dir="auto">{cards.text(message)}</div>'


def number_of(plot: Plot, mark: Span | None) -> str:
    """The number of the marked word in a strip, for the line above it; empty without one."""
    strip = plot.mark
    if mark is None or not isinstance(strip, Strip):
        return ""
    segment, start, end = mark
    touched = [
        place
        for place, (first, last) in enumerate(strip.spans.tolist())
        if not strip.special[place]
        and strip.segment[place] == segment
        and first < end
        and start < last
    ]
    if not touched:
        return ""
    label = " ".join(strip.labels[place] for place in touched)
    value = number(float(strip.values[touched].sum()), "signed")
    return f"{label}: {value} {strip.unit}"
