"""HTML of strips and bars: what a card shows while somebody types.

Plain strings, no script and no drawing library, so that a card costs a fraction of a millisecond.
Every piece of a user's text is escaped. Colours come as light-dark() pairs, after a plain pair
that is readable in both themes for browsers that do not know light-dark().
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from html import escape

import numpy as np

from analysis.figures.marks import Bands, Bars, Flow, Grid, Mark, Strip
from analysis.figures.picture import Picture
from analysis.figures.screen.bands import svg
from analysis.figures.screen.flow import CSS as FLOW_CSS
from analysis.figures.screen.flow import svg as flow_svg
from analysis.figures.style.style import BAR, CLASS_COLOURS, WEAK, number, printable, shade, step_of

CSS = (
    """
.pl{font-family:var(--st-font,system-ui,sans-serif);color:var(--st-text-color,inherit);
font-size:.875rem;line-height:1.35;--pl-track:color-mix(in srgb,currentColor 12%,transparent);
--pl-faint:color-mix(in srgb,currentColor 72%,transparent);
--pl-line:color-mix(in srgb,currentColor 58%,transparent)}
.pl *{box-sizing:border-box}
.pl-strip{line-height:1.85;overflow-wrap:anywhere}
.pl-strip .seg{display:block}.pl-strip .seg+.seg{margin-top:.3em;padding-top:.3em;
border-top:1px solid var(--pl-track)}
.pl-strip .tok{padding:.14em .07em;border-radius:3px;unicode-bidi:isolate;
-webkit-box-decoration-break:clone;box-decoration-break:clone;cursor:pointer}
.pl-strip .keep{white-space:nowrap}
.pl-strip .neg{text-decoration:underline;text-decoration-thickness:.1em;
text-underline-offset:.16em}
.pl-strip .weak{text-decoration-thickness:1px;
text-decoration-color:color-mix(in srgb,currentColor 50%,transparent)}
.pl-strip .special{font-size:.74em;padding:.14em .3em;display:var(--pl-special,inline)}
.pl-strip .tok:focus-visible,.pl-bars .bar:focus-visible{
outline:2px solid var(--st-primary-color,currentColor);outline-offset:1px}
.pl-strip .marked{outline:2px solid currentColor;outline:2px solid var(--st-text-color,#808080);
outline-offset:1px;text-decoration-line:var(--pl-struck,none)}
.pl-strip .marked.neg{text-decoration-line:underline var(--pl-struck,)}
.pl-bars{display:grid;row-gap:1px;font-variant-numeric:tabular-nums}
.pl-bars .bar{display:grid;grid-template-columns:var(--pl-label,minmax(2.4em,38%))
minmax(1.5em,1fr) minmax(2.3em,max-content);column-gap:.45em;align-items:center;
padding:1px .25em;border:1px solid transparent;border-radius:4px}
.pl-bars .bar[data-class]{cursor:pointer}
.pl-bars .name{white-space:nowrap;overflow:hidden;text-overflow:ellipsis;unicode-bidi:isolate}
.pl-bars .num{text-align:right;direction:ltr}
.pl-bars .track{position:relative;height:.72em;background:var(--pl-track);border-radius:2px;
direction:ltr}
.pl-bars .fill{position:absolute;top:0;bottom:0;border-radius:2px}
.pl-bars .zero{position:absolute;top:-2px;bottom:-2px;width:1px;background:var(--pl-line)}
.pl-bars .spread{position:absolute;top:50%;height:2px;margin-top:-1px;background:currentColor;
opacity:.75}
.pl-bars .dot{position:absolute;top:50%;width:6px;height:6px;margin:-3px 0 0 -3px;
border-radius:50%;background:var(--st-background-color,#fff);border:1.5px solid currentColor}
.pl-bars .predicted .name,.pl-bars .predicted .num{font-weight:700}
.pl-bars .predicted .name::before{content:"\\25CF\\00A0";font-size:.7em;vertical-align:.1em}
.pl-bars .chosen{border-color:currentColor}
.pl-bars .head{font-size:.86em;color:var(--pl-faint);margin-top:.25em}
.pl-grid{display:grid;column-gap:.9em;row-gap:.5em}
.pl-grid>.panel{display:grid;grid-row:span 2;grid-template-rows:subgrid;row-gap:.1em;min-width:0}
.pl-grid>.panel>*{min-width:0}.pl-grid>.panel>.pl-sub{align-self:end}
.nameless .name{display:none}.nameless .bar{
grid-template-columns:minmax(1.5em,1fr) minmax(2.3em,max-content)}
.pl-sub{font-size:.82em;color:var(--pl-faint);margin-bottom:.1em;overflow-wrap:anywhere}
"""
    + FLOW_CSS
)


def html(
    plot: Picture | Mark,
    *,
    marked: Collection[int] = (),
    span: tuple[int, int, int] | None = None,
    chosen: int | None = None,
    theme: str = "auto",
    css: bool = True,
) -> str:
    """HTML of a strip, of bars, of facing texts, of a flow, or of a grid of these.

    `marked`: token positions to mark; `span`: (segment, start, end), marks every token of that
    segment that overlaps these characters, for cards whose tokenizers differ. `chosen` overrides
    the chosen class of bars. `theme` "auto" follows the page's color-scheme, "light" and "dark"
    set it. `css=False` leaves `CSS` to a page that has it already. `ValueError` for other marks.
    """
    if theme not in ("auto", "light", "dark"):
        raise ValueError(f"no theme is called {theme!r}; known are auto, light, dark")
    mark = plot.mark if isinstance(plot, Picture) else plot
    body = "".join(_mark(mark, set(marked), span, chosen))
    scheme = "" if theme == "auto" else f' style="color-scheme:{theme}"'
    style = f"<style>{CSS}</style>" if css else ""
    return f'{style}<div class="pl"{scheme}>{body}</div>'


def _mark(
    mark: Mark, marked: set[int], span: tuple[int, int, int] | None, chosen: int | None
) -> Iterator[str]:
    if isinstance(mark, Strip):
        yield from _strip(mark, marked, span)
    elif isinstance(mark, Bars):
        yield from _bars(mark, chosen)
    elif isinstance(mark, Bands):
        yield from svg(mark)
    elif isinstance(mark, Flow):
        yield flow_svg(mark, span)
    elif isinstance(mark, Grid):
        # 96 px let two panels of short bars stand side by side in a card of 230 px
        wide = any(isinstance(p, Strip | Bands | Flow) for p in mark.panels)
        words = any(isinstance(p, Bars) and p.kind == "word" for p in mark.panels)
        least = "14em" if wide else "8.5em" if words else "84px"
        columns = min(mark.columns, len(mark.panels))
        share = f"calc((100% - {columns - 1} * .9em) / {columns})"
        if columns > 1 and all(_same_rows(mark, n) for n in range(1, columns)):
            least = share  # rows that are read across never come to stand below one another
        yield (
            '<div class="pl-grid" style="grid-template-columns:repeat(auto-fill,minmax('
            f'min(100%,max({least},{share})),1fr))">'
        )
        for index, (panel, subtitle) in enumerate(zip(mark.panels, mark.subtitles, strict=True)):
            # bars that share their rows with the panel before them need no second set of names
            nameless = " nameless" if index % columns and _same_rows(mark, index) else ""
            yield f'<div class="panel{nameless}"><div class="pl-sub" dir="auto">'
            yield f"{_text(subtitle)}</div>"
            yield "<div>"
            yield from _mark(panel, marked, span, chosen)
            yield "</div></div>"
        yield "</div>"
    else:
        raise ValueError(
            f"a {type(mark).__name__} has no HTML form: draw it with analysis.figures.screen.figure"
        )


def _same_rows(grid: Grid, index: int) -> bool:
    before, after = grid.panels[index - 1], grid.panels[index]
    return (
        isinstance(before, Bars)
        and isinstance(after, Bars)
        and before.categories == after.categories
        and max(len(before.series), len(after.series)) == 1
    )


def _text(text: str) -> str:
    return escape(printable(text), quote=True)


@lru_cache(maxsize=1024)
def _colours(step: int, special: bool) -> str:
    if step == 0 and not special:
        return ""  # the page's own colours: nothing was read here
    ground, ink = shade(step, "light", special)
    dark_ground, dark_ink = shade(step, "dark", special)
    return (
        f"background:{ground};color:{ink};"
        f"background:light-dark({ground},{dark_ground});color:light-dark({ink},{dark_ink})"
    )


def behind_space(shown: str, special: bool) -> str:
    """A unit with the white space before it; a special token never begins a line alone."""
    return f'<span class="keep"> {shown}</span>' if special else f" {shown}"


def _strip(strip: Strip, marked: set[int], span: tuple[int, int, int] | None) -> Iterator[str]:
    yield f'<div class="pl-strip" role="group" aria-label="{_text(strip.value_label)}">'
    limit, unit = strip.bound, escape(strip.unit)
    open_segment: int | None = None
    rows = zip(
        strip.labels,
        strip.values.tolist(),
        strip.spaced,
        strip.special,
        strip.segment,
        strip.positions,
        strip.spans.tolist(),
        strict=True,
    )
    for nth, (label, value, spaced, special, segment, positions, (start, end)) in enumerate(rows):
        # one stop of the Tab key a strip; the arrow keys go along it
        tab = -1 if nth else 0
        if segment != open_segment:
            # direction is each text's own; a special token must not decide it, hence dir="ltr"
            yield (
                '<span class="seg" dir="auto">'
                if open_segment is None
                else '</span><span class="seg" dir="auto">'
            )
            open_segment = segment
            first = True
        else:
            first = False
        classes = "tok"
        if special:
            classes += " special"
        step = step_of(value, limit)
        if value < 0:
            classes += " neg" if step <= -WEAK else " neg weak"
        if (marked and not marked.isdisjoint(positions)) or (
            span is not None
            and not special
            and span[0] == segment
            and start < span[2]
            and span[1] < end
        ):
            classes += ' marked" aria-current="true'
        shown = _text(label)
        tokens = " ".join(map(str, positions))
        unit_html = (
            f'<span class="{classes}" data-token="{tokens}" data-start="{start}" data-end="{end}"'
            f' data-segment="{segment}" title="{shown}: {number(value, "signed")} {unit}"'
            f' role="button" aria-label="{shown}: {number(value, "signed")} {unit}"'
            f" tabindex={tab}{' dir=ltr' if special else ''}"
            f' style="{_colours(step, special)}">{shown}</span>'
        )
        yield behind_space(unit_html, special) if spaced and not first else unit_html
    yield "</div>" if open_segment is None else "</span></div>"


def _bars(bars: Bars, chosen: int | None) -> Iterator[str]:
    chosen = bars.chosen if chosen is None else chosen
    several = len(bars.series) > 1
    short = all(len(name) <= 3 for name in bars.categories) and not several
    room = "minmax(1em,max-content)" if short else "minmax(3em,45%)" if bars.kind == "word" else ""
    labels = f' style="--pl-label:{room}"' if room else ""
    yield f'<div class="pl-bars" role="list"{labels}>'
    for category, label in enumerate(bars.categories):
        if several:
            yield f'<div class="head" dir="auto">{_text(label)}</div>'
        for series, name in enumerate(bars.series):
            predicted = bool(bars.predicted) and bars.predicted[series] == category
            yield _bar(
                bars, series, category, name if several else label, predicted, chosen == category
            )
    yield "</div>"


def _bar(bars: Bars, series: int, category: int, name: str, predicted: bool, chosen: bool) -> str:
    low, high = bars.bounds
    value = float(bars.values[series, category])

    def place(at: float) -> float:
        return 100 * (min(max(at, low), high) - low) / (high - low)

    inside = []
    if value == value:
        left, right = sorted((place(value), place(0.0)))
        inside.append(
            f'<span class="fill" style="left:{left:.2f}%;width:{right - left:.2f}%;'
            f'background:{_bar_colour(bars, series, value)}"></span>'
        )
    if low < 0 < high:
        inside.append(f'<span class="zero" style="left:{place(0.0):.2f}%"></span>')
    extra = ""
    if bars.intervals is not None:
        start, end = bars.intervals[series, category].tolist()
        if start == start and end == end:
            inside.append(
                f'<span class="spread" style="left:{place(start):.2f}%;'
                f'width:{place(end) - place(start):.2f}%"></span>'
            )
            extra = f" ± {number((end - start) / 2, 'probability')}"
    if bars.dots is not None:
        dots = bars.dots[series, category]
        inside += [
            f'<span class="dot" style="left:{place(dot):.2f}%"></span>'
            for dot in dots[~np.isnan(dots)].tolist()
            if extra  # a single checkpoint's dot would only repeat its bar
        ]
    shown = number(value, bars.style)
    states = [s for s, on in (("predicted", predicted), ("chosen", chosen)) if on]
    states_shown = "".join(
        ", " + {"predicted": "predicted", "chosen": "explained"}[s] for s in states
    )
    label = _text(bars.categories[category])
    if len(bars.series) > 1:
        label += f", {_text(bars.series[series])}"
    title = f"{label}: {shown}{extra}{states_shown}"
    current = ' aria-current="true"' if chosen else ""
    focus = " tabindex=0" if bars.kind == "class" else ""
    return (
        f'<div class="{" ".join(["bar", *states])}" role="listitem" data-{bars.kind}="{category}"'
        f' data-series="{series}" title="{title}"{current}{focus}>'
        f'<span class="name" dir="auto">{_text(name)}</span>'
        f'<span class="track">{"".join(inside)}</span><span class="num">{shown}</span></div>'
    )


def _bar_colour(bars: Bars, series: int, value: float) -> str:
    if bars.colours == "sign":
        return "#E08214" if value > 0 else "#4393C3"
    return BAR if len(bars.series) == 1 else CLASS_COLOURS[series % len(CLASS_COLOURS)]
