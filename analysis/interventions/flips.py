"""The smallest edits of words that flip a prediction, found by beam search.

An edit strikes a word out or puts another in its place. All single edits are tried; sets of two and
three grow from the most promising ones, and the result says where not every set was tried. A flip
counts only when the library's own forward of the edited text predicts another class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from analysis.common import outputs
from analysis.common.phrases import listed
from analysis.common.records import freeze, require_shape
from analysis.interventions.edits import Span, without, word_spans

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

KINDS = ("deletion", "replacement")
MOST_EDITS = 3
BEAM = 12
READS = 1_500  # texts that a search reads at the most, of each checkpoint

Edit = tuple[Span, str]  # where, and what is put there; "" strikes the word out
Edits = tuple[Edit, ...]


@dataclass(frozen=True)
class Flips:
    """The search for the smallest edits that flip one checkpoint's or seed group's prediction."""

    name: str
    kind: str  # of `KINDS`
    label: str  # predicted as typed
    other: str  # predicted after the last edits; the same where nothing flips
    best: tuple[Edits, ...]  # (n,) the best set of 0, 1, 2 .. edits
    margins: np.ndarray  # (n,) logit of the class as typed minus the largest other one
    flips: np.ndarray  # (n,) bool: another class is predicted; only the last can
    tried: tuple[bool, ...]  # (n,) whether every set of that size was tried
    reads: int  # texts that were read
    words: int  # of the text

    def __post_init__(self) -> None:
        require_shape("margins", self.margins, len(self.best))
        require_shape("flips", self.flips, len(self.best))
        freeze(self)

    @property
    def flipped(self) -> bool:
        """Whether edits were found that flip it."""
        return bool(self.flips[-1])

    @property
    def edits(self) -> Edits:
        """Edits that flip it, in reading order; the best ones tried where none do."""
        return self.best[-1]

    @property
    def smallest(self) -> bool:
        """Whether no smaller set flips it, every one having been tried."""
        return all(self.tried[:-1])


def applied(text: str, pair: str | None, edits: Edits) -> tuple[str, str | None]:
    """Text and pair with all of these edits.

    Raises
    ------
    ValueError
        Nothing stays of the text or of its pair.
    """
    parts = [text, pair or ""]
    for (segment, start, end), instead in sorted(edits, reverse=True):
        parts[segment] = without(parts[segment], start, end, instead)
    if not parts[0].strip() or (pair is not None and not parts[1].strip()):
        raise ValueError("nothing would be left of the text: leave at least one word")
    return parts[0], None if pair is None else parts[1]


def smallest_edits(
    name: str,
    members: Sequence[Classifier],
    text: str,
    pair: str | None = None,
    kind: str = "deletion",
    words: Sequence[str] | Mapping[Span, Sequence[str]] = (),
    most: int = MOST_EDITS,
    reads: int = READS,
    progress: Callable[[float], None] | None = None,
) -> Flips:
    """Search for the smallest edits that flip a prediction.

    Parameters
    ----------
    name
        Of the checkpoint or seed group.
    members
        Loaded checkpoints; several are seeds, whose mean probabilities predict.
    text, pair
        What they read.
    kind
        "deletion": words are struck out; "replacement": one of `words` takes a word's place.
    words
        The replacements that are tried: the same for every word, or by the word's span
        (:mod:`analysis.interventions.replacements` has some).
    most
        Edits in the largest set.
    reads
        Texts that are read at the most, of each member.
    progress
        Called with the share of `most` sizes that is done; may raise to end the search.

    Raises
    ------
    ValueError
        A kind that is not known, replacements without words, a regression, or a bare encoder.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; known: {', '.join(KINDS)}")
    if kind == "replacement" and not words:
        raise ValueError("give the words that are tried as replacements")
    first = members[0].checkpoint
    if first.kind == "encoder" or first.regression or len(first.labels) < 2:
        raise ValueError(f"{name} predicts no class that could flip")
    reader = _Reader(members, text, pair)
    spans = word_spans(text, pair)
    single = [
        (span, word)
        for span in spans
        for word in (("",) if kind == "deletion" else _tried(words, span))
        if word.casefold() != _at(text, pair, span).casefold()
    ]
    target, margin = reader.start()
    best: list[Edits] = [()]
    margins, tried = [margin], [True]
    beam: list[Edits] = [()]
    for size in range(1, most + 1):
        sets, whole = _sets(single, beam, size, reads - reader.count)
        if not sets:
            break
        subset, values = reader.margins(sets, target)
        if not subset:
            break
        order = np.argsort(values, kind="stable")
        beam = [subset[place] for place in order[:BEAM].tolist()]
        best.append(beam[0])
        margins.append(float(values[order[0]]))
        tried.append(whole)
        if progress is not None:
            progress(size / most)
        if margins[-1] < 0:
            break
    new_class = reader.predicted(best[-1])
    flipped = len(best) > 1 and new_class != target
    return Flips(
        name=name,
        kind=kind,
        label=first.labels[target],
        other=first.labels[new_class],
        best=tuple(tuple(sorted(edits)) for edits in best),
        margins=np.array(margins),
        flips=np.array([*[False] * (len(best) - 1), flipped]),
        tried=tuple(tried),
        reads=reader.count,
        words=len(spans),
    )


class _Reader:
    """Margins of edited texts, several seeds by their mean probabilities."""

    def __init__(self, members: Sequence[Classifier], text: str, pair: str | None) -> None:
        self.members, self.text, self.pair = members, text, pair
        self.count = 0

    def start(self) -> tuple[int, float]:
        """(class predicted as typed, its margin)."""
        logits = self._logits([(self.text, self.pair)])
        target = int(logits[0].argmax())
        return target, float(_margins(logits, target)[0])

    def margins(self, sets: Sequence[Edits], target: int) -> tuple[list[Edits], np.ndarray]:
        """The sets that leave a text, and the margin of the class after each."""
        kept, texts = [], []
        for edits in sets:
            try:
                texts.append(applied(self.text, self.pair, edits))
            except ValueError:
                continue
            kept.append(edits)
        if not kept:
            return [], np.zeros(0)
        return kept, _margins(self._logits(texts), target)

    def predicted(self, edits: Edits) -> int:
        """The class by the library's own forward of the edited text, one text alone."""
        from analysis.reading.trace import record

        text, pair = applied(self.text, self.pair, edits)
        shares = [record(member, text, pair).probabilities for member in self.members]
        return int(np.mean(shares, axis=0).argmax())

    def _logits(self, texts: Sequence[tuple[str, str | None]]) -> np.ndarray:
        """(N, C) logits; of several seeds the logarithm of their mean probabilities."""
        from analysis.corpus.runs import logits_of

        self.count += len(texts)
        read = [logits_of(member, texts) for member in self.members]
        if len(read) == 1:
            return read[0]
        kind = self.members[0].checkpoint.output
        shares = np.mean([outputs.probabilities(kind, logits) for logits in read], axis=0)
        return np.asarray(np.log(np.maximum(shares, np.finfo(float).tiny)))


def _margins(logits: np.ndarray, target: int) -> np.ndarray:
    """(N,) logit of the class minus the largest other one; below 0 another one is predicted."""
    others = np.delete(logits, target, axis=1).max(axis=1)
    return np.asarray(logits[:, target] - others)


def _sets(
    single: Sequence[Edit], beam: Sequence[Edits], size: int, room: int
) -> tuple[list[Edits], bool]:
    """(sets of edits of that size, whether these are all): of the beam where all are too many."""
    if size == 1:
        return [(edit,) for edit in single[: max(room, 0)]], len(single) <= room
    words = {span for span, _ in single}
    each = len(single) / max(len(words), 1)
    # Every set of words times every choice of what is put in; counted before any is made.
    count = 1.0
    for step in range(size):
        count *= (len(words) - step) / (step + 1) * each
    if count <= room:
        every = [
            edits
            for edits in combinations(single, size)
            if len({span for span, _ in edits}) == size
        ]
        return every, True
    grown: dict[frozenset[Edit], Edits] = {}
    for edits in beam:
        taken = {span for span, _ in edits}
        for edit in single:
            if len(grown) >= room:
                return list(grown.values()), False
            if edit[0] not in taken:
                grown.setdefault(frozenset((*edits, edit)), (*edits, edit))
    return list(grown.values()), False


def _tried(words: Sequence[str] | Mapping[Span, Sequence[str]], span: Span) -> Sequence[str]:
    return words.get(span, ()) if isinstance(words, Mapping) else words


def _at(text: str, pair: str | None, span: Span) -> str:
    segment, start, end = span
    return ((pair or "") if segment else text)[start:end]


def in_words(flips: Flips, text: str, pair: str | None = None) -> str:
    """The flipping edits in a sentence, with the extent of the search."""
    if not flips.flipped:
        size = len(flips.best) - 1
        how = "every set was tried" if all(flips.tried) else "not every set was tried"
        what = "deletions" if flips.kind == "deletion" else "replacements"
        return (
            f"{flips.name} stays {flips.label} under up to {size} {what} ({how}, "
            f"{flips.reads:,} texts read)."
        )
    parts = [
        f"“{_at(text, pair, span)}”" if not instead else f"“{_at(text, pair, span)}” by “{instead}”"
        for span, instead in flips.edits
    ]
    how = "Without" if flips.kind == "deletion" else "Replacing"
    sure = "" if flips.smallest else " A smaller set may be enough: not every one was tried."
    return f"{how} {listed(parts)} {flips.name} predicts {flips.other}.{sure}"
