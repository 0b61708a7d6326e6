"""What the Layers page computes, kept: trajectories, and passes over many sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from analysis.checkpoints import profiles
from analysis.checkpoints.folder import Checkpoint
from analysis.common.faults import reason
from analysis.figures.style.style import printable
from pages.ui.data.sentence_sets import Rows, digest
from pages.ui.engine import models
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.inputs import Choice
from pages.ui.kit.selection import Followed

if TYPE_CHECKING:
    from analysis.reading.layers import LayerCka, Standing, Trajectory
    from analysis.reading.trace import Trace


@dataclass(frozen=True)
class Way:
    """The way up of one token in one entry: a trace and a trajectory for each member."""

    entry: Entry
    traces: tuple[Trace, ...] = ()
    paths: tuple[Trajectory, ...] = ()
    token: int = 0
    problem: str = ""  # why there is none

    @property
    def depth(self) -> int:
        """Number of layers, the embeddings not counted."""
        return len(self.paths[0].norm) - 1

    @property
    def name(self) -> str:
        """The token followed, as a text calls it."""
        tokens = self.paths[0].tokens
        label = printable(tokens.labels[self.token], 40)
        return label if tokens.special[self.token] else f"“{label}”"

    @property
    def probabilities(self) -> np.ndarray | None:
        """(L+1, C) mean over the members; None without a pooling head."""
        rows = [path.probabilities for path in self.paths if path.probabilities is not None]
        return np.asarray(np.mean(rows, axis=0)) if rows else None

    def mean(self, name: str) -> np.ndarray:
        """(L+1,) a number of the trajectory, mean over the members."""
        return np.asarray(np.mean([getattr(path, name) for path in self.paths], axis=0))


def ways(choice: Choice, chosen: Followed) -> list[Way]:
    """One for each chosen checkpoint or seed group; a failure stays in its own."""
    found = []
    for entry in choice.entries:
        try:
            traces = tuple(models.trace(one, choice.text, choice.pair) for one in entry.members)
            token = chosen.position(traces[0].tokens)
            paths = tuple(path(trace, choice.text, choice.pair, token) for trace in traces)
            found.append(Way(entry, traces, paths, token))
        except Exception as error:
            found.append(Way(entry, problem=reason(error)))
    return found


def path(trace: Trace, text: str, pair: str | None, token: int) -> Trajectory:
    """The trajectory of one token."""
    one = trace.checkpoint
    return _path(one.id, one.sha256, models.precision(), text, pair, token, _trace=trace)


@dataclass(frozen=True)
class Course:
    """Of one sentence, what others are held against; a thousand of them are some megabytes."""

    norm: np.ndarray  # (L+1,)
    cosine_to_previous: np.ndarray  # (L+1,)
    cosine_to_last: np.ndarray  # (L+1,)
    probabilities: np.ndarray | None  # (L+1, C)
    vectors: np.ndarray  # (L+1, d) float32


def courses(checkpoint: Checkpoint, rows: Rows) -> tuple[Course, ...]:
    """[CLS] of many sentences; leaves at once when the page moves on."""
    return _courses(
        checkpoint.id,
        checkpoint.sha256,
        models.precision(),
        digest(rows),
        _checkpoint=checkpoint,
        _rows=rows,
    )


PREDICTION, REFERENCE = "prediction", "reference"


def standings(
    way: Way, rows: Rows, target: int, references: Sequence[Trace] = ()
) -> dict[str, np.ndarray]:
    """Percentiles by depth among the sentences, mean over the members.

    Also of the probability of class `target`, where there is a pooling head, and of the cosine to
    the reference text, where there is one (`references` has a trace for each member).
    """
    from analysis.reading.layers import COURSE, standing

    found: list[Standing] = [
        standing(one, courses(member, rows), target)  # type: ignore[arg-type]
        for one, member in zip(way.paths, way.entry.members, strict=True)
    ]
    ranks = {name: np.mean([getattr(one, name) for one in found], axis=0) for name in COURSE}
    predictions = [one.prediction for one in found if one.prediction is not None]
    if len(predictions) == len(found):
        ranks[PREDICTION] = np.mean(predictions, axis=0)
    if references:
        ranks[REFERENCE] = np.mean(
            [
                _near(path, reference, courses(member, rows))
                for path, reference, member in zip(
                    way.paths, references, way.entry.members, strict=True
                )
            ],
            axis=0,
        )
    return ranks


def _near(path: Trajectory, reference: Trace, others: Sequence[Course]) -> np.ndarray:
    """(L+1,) percent of the sentences whose [CLS] is less alike to that of the reference text."""
    from analysis.reading.layers import cosine_between

    theirs = reference.hidden[:, 0]
    among = np.stack([cosine_between(one.vectors, theirs) for one in others])
    # In the same precision, or a sentence equal to this one would count as another.
    own = cosine_between(path.vectors.astype(np.float32), theirs)
    return profiles.percentile(among, own)


def in_corpus(way: Way) -> tuple[dict[str, np.ndarray], int] | None:
    """Percentiles by depth in the corpus of the checkpoint's own profile, and its sentences.

    Mean over the members; None for another token than [CLS], or where a profile does not hold them.
    """
    from analysis.reading.layers import COURSE, standing_in_corpus

    try:
        found = [standing_in_corpus(one, profiles.read(one.checkpoint.folder)) for one in way.paths]
    except ValueError:
        return None
    ranks = {name: np.mean([getattr(one, name) for one in found], axis=0) for name in COURSE}
    return ranks, found[0].sentences


def cka(first: Checkpoint, second: Checkpoint, rows: Rows, of: str) -> LayerCka:
    """Similarity of the layers of two checkpoints over the sentences."""
    return _cka(
        first.id,
        first.sha256,
        second.id,
        second.sha256,
        models.precision(),
        digest(rows),
        of,
        _pair=(first, second),
        _rows=rows,
    )


def _stay() -> Callable[[float], None]:
    # Any access to the session's state ends a run that newer typing has replaced.
    return lambda share: st.session_state.get("text")


@st.cache_resource(max_entries=256, show_spinner=False)
def _path(
    id: str, sha256: str, dtype: str, text: str, pair: str | None, token: int, _trace: Trace
) -> Trajectory:
    from analysis.reading.layers import follow

    return follow(models.classifier(_trace.checkpoint), _trace, token)


@st.cache_resource(max_entries=8, show_spinner=False)
def _courses(
    id: str, sha256: str, dtype: str, rows: str, _checkpoint: Checkpoint, _rows: Rows
) -> tuple[Course, ...]:
    from analysis.reading.layers import trajectory

    model, stay, found = models.classifier(_checkpoint), _stay(), []
    for index, (text, pair) in enumerate(_rows):
        one: Any = trajectory(model, text, pair)
        found.append(
            Course(
                one.norm,
                one.cosine_to_previous,
                one.cosine_to_last,
                one.probabilities,
                one.vectors.astype(np.float32),
            )
        )
        stay((index + 1) / len(_rows))
    return tuple(found)


@st.cache_resource(max_entries=64, show_spinner=False)
def _cka(
    id: str,
    sha256: str,
    other_id: str,
    other_sha256: str,
    dtype: str,
    rows: str,
    of: str,
    _pair: tuple[Checkpoint, Checkpoint],
    _rows: Rows,
) -> LayerCka:
    from analysis.reading.layers import layer_cka

    first, second = (models.classifier(one) for one in _pair)
    texts: Sequence[str] = [text for text, _ in _rows]
    return layer_cka(first, second, texts, [pair for _, pair in _rows], of, progress=_stay())
