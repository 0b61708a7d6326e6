"""Pictures on the pages: made by the recipes, from results that are kept between runs.

Everything kept hangs on the files as they are now, the precision, the text and the arguments, and
goes, the longest unused first, when the bytes run out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.arrays import bytes_of
from analysis.common.cache import Cache
from analysis.common.faults import in_words
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.request import Data, GivenTarget, Subject
from analysis.figures.recipes.results import Member
from pages.ui.engine import models
from pages.ui.engine.server_wide import once_a_server
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

T = TypeVar("T")
# Whole attentions (512 tokens of a 12-layer, 12-head encoder: 151 MB) are kept apart, so that
# those of a long text never drive out what the page has already drawn. While one types each text
# is another: more texts than can be chosen and looked back at are not kept, however short.
_BYTES = {"whole": 400_000_000, "small": 96_000_000}
_MOST = {"whole": 128, "small": None}


@dataclass(frozen=True)
class Held(Generic[T]):
    """A result that is kept."""

    value: T


@dataclass(frozen=True)
class Reason:
    """Why there is no result, in one sentence."""

    text: str


class PageStore:
    """Loads checkpoints as the pages do, and keeps results for all sessions."""

    def classifier(self, checkpoint: Checkpoint) -> Classifier:
        """The loaded checkpoint."""
        return models.classifier(checkpoint)

    def result(self, member: Member, compute: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """``compute(member, *arguments)``, or what is kept of it; errors are not kept.

        Raises ``ValueError`` with the reason, whatever type of error it was.
        """
        if compute is results.trace:
            return models.trace(member.checkpoint, member.text, member.pair)  # type: ignore[return-value]
        held = self.known(member, compute, arguments)
        if held is None:
            with in_words(member.checkpoint.id):
                made = compute(member, *arguments)
            held = self.keep(member, compute, arguments, made)
        if isinstance(held, Reason):
            raise ValueError(held.text)
        return held.value

    def known(
        self, member: Member, compute: Callable[..., T], arguments: tuple[Any, ...]
    ) -> Held[T] | Reason | None:
        """The result that is kept, or why there is none; None: it was not computed yet."""
        return _place(compute).get(key_of(member, compute, arguments))

    def keep(
        self, member: Member, compute: Callable[..., T], arguments: tuple[Any, ...], result: T
    ) -> Held[T]:
        """Keep a result that was computed."""
        key, held = key_of(member, compute, arguments), Held(result)
        _place(compute).put(key, held, 2_000 + bytes_of(result))
        return held

    def keep_reason(
        self, member: Member, compute: Callable[..., Any], arguments: tuple[Any, ...], reason: str
    ) -> None:
        """Keep why there is no result, so that it is not tried again."""
        key = key_of(member, compute, arguments)
        _place(compute).put(key, Reason(reason), 2_000)

    def progress(self, share: float) -> None:
        """Ends the run that newer typing has replaced."""
        models.leave_if_stale(share)


class RecordedStore(PageStore):
    """A store in which one kind of result comes from records on disk.

    `recorded` gives, for a member and the arguments of `compute`, the records in its place.
    """

    def __init__(
        self,
        compute: Callable[..., Any],
        recorded: Callable[[Member, tuple[Any, ...]], tuple[Any, ...]],
    ) -> None:
        self._compute, self._recorded = compute, recorded

    def result(self, member: Member, compute: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """``compute(member, *arguments)``, or the records there are in its place."""
        if compute is not self._compute:
            return super().result(member, compute, arguments)
        return self._recorded(member, arguments)  # type: ignore[return-value]


def once(key: Hashable, make: Callable[[], T]) -> T:
    """Whatever else a page derives of results, kept with them under this key."""
    kept = _kept("small")
    held = kept.get(key)
    if held is None:
        made = make()
        held = kept.put(key, Held(made), 2_000 + bytes_of(made))
    return held.value  # type: ignore[no-any-return]


def small() -> Cache[Any]:
    """Where all results but whole attentions are kept, for threads, which know no session."""
    return _kept("small")


def _place(compute: Callable[..., Any]) -> Cache[Any]:
    return _kept("whole" if compute is results.whole_trace else "small")


@once_a_server
def _kept(kind: str) -> Cache[Any]:
    return Cache[Any](_BYTES[kind], most=_MOST[kind])


def key_of(member: Member, compute: Callable[..., Any], arguments: tuple[Any, ...]) -> Hashable:
    """Key of a result: all that it depends on."""
    own = member.checkpoint
    name = (compute.__module__, compute.__qualname__)
    return (name, own.id, own.sha256, models.precision(), member.text, member.pair, arguments)


STORE = PageStore()


def member_of(checkpoint: Checkpoint, text: str, pair: str | None) -> Member:
    """A checkpoint with the text that it reads, for results that are kept here."""
    return Member(checkpoint, text, pair, STORE)


def subject_of(entry: Entry, text: str, pair: str | None) -> Subject:
    """A checkpoint or seed group of the catalogue with a text."""
    return Subject(entry.id, tuple(member_of(member, text, pair) for member in entry.members))


def target_of(entry: Entry, choice: Choice) -> str | None:
    """The class that is explained in all cards, where the entry has it; None: its prediction."""
    return choice.explained(entry.first.labels) or None


def picture(
    view: str,
    entries: Sequence[Entry],
    choice: Choice,
    targets: Sequence[GivenTarget] | None = None,
    data: Data | None = None,
    **params: Any,
) -> Plot:
    """The picture `view` of these entries for the text of a page, by its recipe.

    `targets` has a class for each entry, by default the one that was chosen. Raises ``ValueError``
    with the reason where there is none.
    """
    from analysis.figures.recipes.registry import make

    each = [target_of(entry, choice) for entry in entries] if targets is None else list(targets)
    subjects = [subject_of(entry, choice.text, choice.pair) for entry in entries]
    return make(view, subjects, choice.text, choice.pair, each, params, data)
