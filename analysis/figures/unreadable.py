"""A grid of pictures that nobody could read on the printed page."""

from __future__ import annotations


class Unreadable(ValueError):
    """A grid whose panels would be too narrow to be read; `offer` columns would do."""

    def __init__(self, columns: int, offer: int, narrowest: int, has: float, needs: float) -> None:
        self.columns, self.offer = columns, offer
        self.narrowest, self.has, self.needs = narrowest, has, needs
        super().__init__(
            f"{columns} panels side by side cannot be read here: panel {narrowest + 1} would be "
            f"{has / 72:.2f} inches wide and needs {needs / 72:.2f}. {offer} "
            f"column{'' if offer == 1 else 's'} can be read"
        )
