"""Preview of an export at true size, with the results of the checks."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.figures.files.anonymity import anonymous
from analysis.figures.files.store import to_json
from analysis.figures.picture import Picture
from analysis.figures.style.settings import Style
from analysis.figures.style.verdict import Check
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.kit import cards

SHARP = 192  # dots an inch: two for each of CSS's 96


@dataclass(frozen=True)
class Drawn:
    """A picture as its file will be, with its size in inches."""

    png: bytes
    width: float
    height: float
    font: str
    notices: tuple[str, ...]
    checks: tuple[Check, ...]


def left_out(plots: Sequence[Picture]) -> tuple[str, ...]:
    """Names that the files leave out unless they are signed."""
    return tuple(dict.fromkeys(line for plot in plots for line in anonymous(plot)[1]))


def drawn(plots: Sequence[Picture], style: Style, columns: int = 1, signed: bool = False) -> Drawn:
    """The picture in that style, or several as one, from the cache where it was drawn before."""
    if not signed:  # as the export does it: a leak would be seen here first
        plots = [anonymous(plot)[0] for plot in plots]
    return _drawn(f"{columns}-{_digest(plots)}", _named(style), tuple(plots), style, columns)


def columns_for(plots: Sequence[Picture], style: Style) -> int:
    """Columns in which several pictures take the least paper, from the cache where they were
    tried before: it takes a drawing or more."""
    if len(plots) == 1:
        return 1
    return _columns_for(_digest(plots), _named(style), tuple(plots), style)


def _digest(plots: Sequence[Picture]) -> str:
    return hashlib.sha256("".join(map(to_json, plots)).encode("ascii")).hexdigest()


def _named(style: Style) -> str:
    return str(sorted(style.as_dict().items()))


@kept_up_to(1, most=100)
def _columns_for(digest: str, styled: str, _plots: tuple[Picture, ...], _style: Style) -> int:
    from analysis.figures.paper import columns_that_fit

    return columns_that_fit(_plots, _style)


@kept_up_to(64, most=24)
def _drawn(
    digest: str, styled: str, _plots: tuple[Picture, ...], _style: Style, _columns: int
) -> Drawn:
    from PIL import Image

    from analysis.figures.paper import compose
    from analysis.figures.style.checks import check

    pdf = compose(_plots, _style, _columns, "pdf", measured=True)
    png = compose(_plots, _style, _columns, "png", SHARP)
    with Image.open(io.BytesIO(png.data)) as image:
        width, height = _style.inches, image.height / SHARP
    results = check(_plots, _style, _columns, pdf.data, pdf.notices, page=pdf.page)
    return Drawn(png.data, width, height, pdf.font, pdf.notices, results)


def preview_html(made: Drawn, style: Style, title: str) -> str:
    """The picture on white paper in its own inches; wider ones scroll inside their box."""
    source = base64.b64encode(made.png).decode("ascii")
    return (
        '<div class="export-paper" tabindex="0" role="region" aria-label="Preview at true size">'
        f'<img alt="{cards.text(title)}, as it will be saved" '
        f'src="data:image/png;base64,{source}" style="width:{made.width:.4f}in"></div>'
        f'<p class="export-size">True size: {made.width:.2f} × {made.height:.2f} inches, '
        f"{cards.text(style.of.name)}, {style.points:g} points, {cards.text(made.font)}</p>"
    )


def checks_html(checks: Sequence[Check]) -> str:
    """Each check with its number; what failed says what to change."""
    failed = sum(not check.passed for check in checks)
    head = (
        f"All {len(checks)} checks pass."
        if not failed
        else f"{failed} of {len(checks)} checks ask{'s' if failed == 1 else ''} for a change."
    )
    rows = "".join(
        f'<tr class="{"passed" if check.passed else "failed"}">'
        f'<td><span class="sign">{"✓" if check.passed else "✗"}</span></td>'
        f"<th>{cards.text(check.name)}</th><td>{cards.text(check.value)}"
        + (f"; {cards.text(check.note)}" if check.note else "")
        + (f'<div class="advice">{cards.text(check.advice)}</div>' if check.advice else "")
        + f'<span class="hidden">{", passed" if check.passed else ", not passed"}</span></td></tr>'
        for check in sorted(checks, key=lambda check: check.passed)
    )
    return (
        f'<details class="export-checks"{" open" if failed else ""}><summary>{head}</summary>'
        f"<table>{rows}</table></details>"
    )
