"""Every exporter on hostile names and texts: they leave as text, never as markup or commands."""

from __future__ import annotations

import csv
import io
import itertools
import re
import time
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from analysis.figures import Bars, HeatMap, Plot, Strip, view
from analysis.figures.files.collected import Collection
from analysis.figures.files.export import export
from analysis.figures.files.latex import figure as latex_figure
from tests.support.known_results import checkpoint, split, tokens_of

SECONDS = 100  # of the long run, for all exporters together
QUIET: dict[str, Any] = dict(deadline=None, database=None, suppress_health_check=list(HealthCheck))
HOSTILE = (
    *(
        "<script>alert(1)</script>",
        "</title><script>x</script>",
        "]]><svg onload=x>",
        "<!--",
        "-->",
    ),
    *('" onmouseover="x', "' onload='x", "&lt;b&gt;", "&amp;", "javascript:x", "</style><b>"),
    *("\\input{/etc/passwd}", "\\write18{id}", "100% \\end{document}", "$x^2$", "_a^b#c~d&e"),
    *("\\begin{verbatim}", "{", "}", "}{", "\\", "\\\\", "%", "$$", "^^41", "\\catcode`\\%=12"),
    *("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"),
    *("\x00", "\x1b[31m", "\x7f", "\u202e", "\ufeff", "\u2028", "\ud800", "\U0001f600", "a\nb"),
)
names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(min_size=1, max_size=30),
    st.tuples(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE)).map("".join),
)
PLAIN = "plain"


def heat_map(a: str, b: str, c: str) -> Plot:
    """A heat map whose rows, columns and labels have these names."""
    mark = HeatMap(np.array([[1.0, -1.0]]), (a,), (b, "other"), c, a, b)
    return _plot("layer_heat_map", a, mark, b, c)


def bars(a: str, b: str, c: str) -> Plot:
    """Bars whose categories and series have these names."""
    mark = Bars(np.array([[1.0, -0.5]]), (a, "other"), (b,), c, a)
    return _plot("logits", a, mark, b, c)


def strip(a: str, b: str, c: str) -> Plot:
    """The split of a text with these words, of a checkpoint and class of these names."""
    tokens = tokens_of("The plots thinned, not dully.")
    drawn = view("reading", split(tokens), tokens, 1, checkpoint("sst2-cls"))
    assert any(isinstance(panel, Strip) for panel in getattr(drawn.mark, "panels", (drawn.mark,)))
    return replace(drawn, title=a, notes=(b,), caption=c)


def _plot(view_name: str, title: str, mark: Any, note: str, caption: str) -> Plot:
    return Plot(
        view_name, title, mark, notes=(note,), caption=caption,
        provenance={"checkpoint": title, "text": note, "sha256": "0"},
    )  # fmt: skip


PICTURES = {"heat map": heat_map, "bars": bars, "strip": strip}


class _Elements(HTMLParser):
    """Elements with their attributes' names, and the text outside of scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: Counter[tuple[str, ...]] = Counter()
        self.scripts: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag, *sorted(name for name, _ in attrs)] += 1
        self._script = tag == "script"
        if self._script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[-1] += data


def _html(plot: Plot) -> _Elements:
    parser = _Elements()
    parser.feed(export(plot, "html").data.decode("utf-8"))
    return parser


def _svg(plot: Plot) -> set[tuple[str, ...]]:
    root = ElementTree.fromstring(export(plot, "svg").data)
    return {(node.tag, *sorted(node.attrib)) for node in root.iter()}


_COMMAND = re.compile(r"\\([A-Za-z@]+|.)", re.S)


def _without_comments(text: str) -> str:
    """What TeX reads; only its own end of a line ends a comment."""
    lines = re.split(r"\r\n|\r|\n", text)
    return "\n".join(re.sub(r"(?<!\\)((?:\\\\)*)%.*", r"\1", line) for line in lines)


def _commands(text: str) -> set[str]:
    """Commands of LaTeX outside of comments."""
    return set(_COMMAND.findall(_without_comments(text)))


# What `latex.escape` may write for a character: no command takes a file or defines anything.
_DANGEROUS = re.compile(
    r"input|include|write|open|read|catcode|def|let|csname|immediate|special|verb|newcommand|end$"
)


def _check_html(kind: str, given_names: tuple[str, str, str]) -> None:
    plot = PICTURES[kind](*given_names)
    page, plain = _html(plot), _html(PICTURES[kind](PLAIN, PLAIN, PLAIN))
    assert set(page.seen) <= set(plain.seen) | {("br",)}, set(page.seen) - set(plain.seen)
    assert len(page.scripts) == len(plain.scripts)


def _check_svg(kind: str, given_names: tuple[str, str, str]) -> None:
    own = {tag for tag, *_ in _svg(PICTURES[kind](*given_names))}
    assert not [tag for tag in own if tag.rpartition("}")[2] in ("script", "foreignObject", "a")]
    for tag, *attributes in _svg(PICTURES[kind](*given_names)):
        assert not [name for name in attributes if name.lower().startswith("on")], tag


def _check_tex(kind: str, given_names: tuple[str, str, str]) -> None:
    plot = PICTURES[kind](*given_names)
    text = export(plot, "tex").data.decode("utf-8")
    plain = _commands(export(PICTURES[kind](PLAIN, PLAIN, PLAIN), "tex").data.decode("utf-8"))
    more = _commands(text) - plain
    assert not [name for name in more if _DANGEROUS.match(name)], more
    read = _without_comments(text)
    assert read.count("\\begin{") == read.count("\\end{")
    whole = latex_figure("a", "caption", "label")
    assert whole.count("\\begin{figure") == 1


def _check_csv(kind: str, given_names: tuple[str, str, str]) -> None:
    data = export(PICTURES[kind](*given_names), "csv").data.decode("utf-8")
    rows = list(csv.reader(io.StringIO(data, newline="")))
    width = {len(row) for row in rows}
    assert len(width) == 1, "a name broke a row"
    for row in rows:
        for cell in row:
            if len(cell) > 1 and cell[0] in "=+-@\t\r":
                float(cell)  # a number, and no formula


def _check_collection(kind: str, given_names: tuple[str, str, str]) -> None:
    from analysis.figures.files.collected import read

    collection = Collection().add(PICTURES[kind](*given_names))
    half = re.compile(r"\\ud[89a-f][0-9a-f]{2}(?!\\ud[c-f])")  # U+FFFD from then on
    once = read(collection.to_json()).to_json()
    assert read(once).to_json() == once
    assert len(half.findall(collection.to_json())) or once == collection.to_json()


CHECKS = {
    "html": _check_html,
    "svg": _check_svg,
    "tex": _check_tex,
    "csv": _check_csv,
    "collection": _check_collection,
}
CASES = [(kind, format) for kind in PICTURES for format in CHECKS]
three = st.tuples(names, names, names)


@pytest.mark.parametrize(("kind", "format"), CASES)
def test_names_and_texts_leave_as_text(kind, format):
    @settings(max_examples=6 if format == "svg" else 15, **QUIET)
    @given(three)
    def check(given_names: tuple[str, str, str]) -> None:
        CHECKS[format](kind, given_names)

    check()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "format"), CASES)
def test_many_names_and_texts_leave_as_text(kind, format, record_property):
    until, cases = time.monotonic() + SECONDS / len(CASES), 0
    for number in itertools.count():

        @seeded(number)
        @settings(max_examples=30, **QUIET)
        @given(three)
        def check(given_names: tuple[str, str, str]) -> None:
            nonlocal cases
            cases += 1
            CHECKS[format](kind, given_names)

        check()
        if time.monotonic() > until:
            break
    record_property("cases", cases)
    print(f"{kind} as {format}: {cases:,} cases in {SECONDS / len(CASES):.0f} s")
