"""The choice that every page reads: the text, the checkpoints and the class to explain."""

from __future__ import annotations

from dataclasses import dataclass

from pages.ui.frame.catalogue import Entry

PREDICTED = "predicted"


@dataclass(frozen=True)
class Choice:
    """The choices made in the frame."""

    text: str
    pair: str | None
    entries: tuple[Entry, ...]
    target: str  # a class's name, or PREDICTED
    words: bool  # words or word pieces
    notes: tuple[str, ...]  # what cleaning replaced
    variant: str | None = None  # a second version of the text, where one compares
    common: str = ""  # the class that most checkpoints predict, once it is known

    def explained(self, labels: tuple[str, ...]) -> str:
        """The class to explain for a checkpoint with these labels; "": its own prediction."""
        return next((name for name in (self.target, self.common) if name in labels), "")

    def target_of(self, labels: tuple[str, ...], predicted: int) -> int:
        """Index of the class to explain for a checkpoint with these labels."""
        name = self.explained(labels)
        return labels.index(name) if name else predicted

    @property
    def key(self) -> tuple[str, ...]:
        """Identity of the selection, text aside: what a colour scale holds still for."""
        return (*(entry.id for entry in self.entries), self.target, str(self.words))
