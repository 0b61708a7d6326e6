"""LaTeX of a picture: its numbers as a booktabs table, the lines that include it, nothing typed
by a user ever read as a command."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from analysis.figures.marks import Bands, Bars, Flow, Grid, HeatMap, Lines, Panel, Points, Strip
from analysis.figures.picture import Picture
from analysis.figures.style.settings import Style
from analysis.figures.style.style import printable

PREAMBLE = ("\\usepackage{booktabs}", "\\usepackage{longtable}", "\\usepackage{graphicx}")
ROWS_OF_A_FLOAT = 45  # a longer table breaks over pages
FLAG = "$^{\\ast}$"  # behind a number whose place carries a ring in the picture
ACROSS = 9  # columns of a matrix; a wider one is turned
_ESCAPED = {
    "\\": "\\textbackslash{}",
    "{": "\\{",
    "}": "\\}",
    "$": "\\$",
    "&": "\\&",
    "%": "\\%",
    "#": "\\#",
    "_": "\\_",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    '"': "\\char34{}",
    "'": "\\textquotesingle{}",
    "`": "\\textasciigrave{}",
    "-": "{-}",
    "[": "{[}",
    "]": "{]}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{MINUS SIGN}": "\\ensuremath{-}",
    "…": "\\ldots{}",
    "▸": "\\ensuremath{\\triangleright}",
    "±": "\\ensuremath{\\pm}",
    "×": "\\ensuremath{\\times}",
    "‖": "\\ensuremath{\\|}",
    "·": "\\ensuremath{\\cdot}",
    "→": "\\ensuremath{\\rightarrow}",
    "≥": "\\ensuremath{\\geq}",
    "≤": "\\ensuremath{\\leq}",
    "α": "\\ensuremath{\\alpha}",
    "β": "\\ensuremath{\\beta}",
    "Δ": "\\ensuremath{\\Delta}",
    "ρ": "\\ensuremath{\\rho}",
    "τ": "\\ensuremath{\\tau}",
}


# What pdfLaTeX prints with no package: letters that its first font composes, and some signs.
_LETTERS = (
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßĀāĂăĆćČčĎďĒēĔĕĖėĚěĞğĪīıĹĺĽľŁłŃńŇň"
    "ŌōŐőŒœŔŕŘřŚśŞşŠšŤťŪūŬŭŮůŰűŸŹźŻżŽž\u2018\u2019\u201c\u201d\u2013\u2014"
)
_SIGNS = "".join(c for c in _ESCAPED if not c.isascii())
_OTHER = re.compile(rf"[^\x00-\x7f{_LETTERS}{_SIGNS}]+")
OTHER_SCRIPT = "\\poollenstext"
DEFINITION = (
    f"\\providecommand{{{OTHER_SCRIPT}}}[2]"
    "{\\ifdefined\\XeTeXversion#1\\else\\ifdefined\\directlua#1\\else#2\\fi\\fi}"
)
ENGINE = (
    "Some texts have characters that pdfLaTeX does not print: there their codes are shown. "
    "XeLaTeX and LuaLaTeX print them in a font that has them (fontspec, \\setmainfont)."
)
_CODES = 4  # characters of a run whose codes are shown


def escape(text: str, everywhere: bool = True) -> str:
    """Text as LaTeX prints it: controls and surrogates replaced, every command character escaped.

    Hyphens and brackets stand in braces, so that no ligature and no optional argument arises.
    `everywhere`: characters that only XeLaTeX and LuaLaTeX print stand in `OTHER_SCRIPT`, for
    which pdfLaTeX prints their codes; it needs the line `DEFINITION`.
    """
    printed = printable(text)
    if not everywhere or printed.isascii():
        return _escaped(printed)
    printed = unicodedata.normalize("NFC", printed)
    made, end = [], 0
    for run in _OTHER.finditer(printed):
        codes = [f"U+{ord(c):04X}" for c in run[0][:_CODES]]
        codes += ["..."] if len(run[0]) > _CODES else []
        made += [
            _escaped(printed[end : run.start()]),
            f"{OTHER_SCRIPT}{{{run[0]}}}{{{{[}}{' '.join(codes)}{{]}}}}",
        ]
        end = run.end()
    return "".join([*made, _escaped(printed[end:])])


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(c, c) for c in text)


def defined(body: str) -> str:
    """LaTeX with the definition that it needs, where it needs one."""
    return f"% {ENGINE}\n{DEFINITION}\n{body}" if OTHER_SCRIPT in body else body


def comment(text: str) -> str:
    """Text for behind a percent sign: on one line, in ASCII."""
    return printable(text).encode("ascii", "backslashreplace").decode()


def table(plot: Picture, caption: str = "", label: str = "") -> str:
    """The numbers of a plot as LaTeX (needs the packages in `PREAMBLE`), one table a panel.

    Heat maps and lines are matrices, bars have a column a series with their interval, strips and
    points a row each. A number keeps three digits after its first; the CSV keeps all.
    """
    panels = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    subtitles = plot.mark.subtitles if isinstance(plot.mark, Grid) else ("",)
    made = []
    for index, (panel, subtitle) in enumerate(zip(panels, subtitles, strict=True)):
        sentence = ". ".join(p for p in ((caption or plot.title).rstrip("."), subtitle) if p) + "."
        name = label or f"tab:{plot.view}"
        head, rows, words = _cells(panel)
        made.append(_table(head, rows, words, sentence, name + (f"-{index + 1}" if index else "")))
    return defined("\n".join(made))


def label(view: str, taken: Collection[str] = ()) -> str:
    """A short label, `fig:winners`, with a number where it is taken."""
    name = f"fig:{re.sub('[^a-zA-Z0-9]+', '-', view).strip('-') or 'figure'}"
    number = 2
    made = name
    while made in taken:
        made, number = f"{name}-{number}", number + 1
    return made


def figure(
    filename: str, caption: str, label: str, style: Style | None = None, alone: bool = True
) -> str:
    """A figure environment that includes the file at its own size; `alone`: with the definition
    that its caption may need."""
    style = style or Style()
    wide = style.of.column is not None and style.inches > style.of.column + 1e-6
    star = "*" if wide else ""
    made = "\n".join(
        [
            f"\\begin{{figure{star}}}[t]",
            "  \\centering",
            f"  \\includegraphics[width={style.inches:g}in]{{{filename}}}",
            f"  \\caption{{{escape(caption)}}}",
            f"  \\label{{{label}}}",
            f"\\end{{figure{star}}}",
            "",
        ]
    )
    return defined(made) if alone else made


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], words: int, caption: str, label: str
) -> str:
    columns = "l" * words + "r" * (len(head) - words)
    top = " & ".join(head) + " \\\\"
    lines = [" & ".join(row) + " \\\\" for row in rows]
    heading = [f"\\caption{{{escape(caption)}}}", f"\\label{{{label}}}"]
    if len(rows) <= ROWS_OF_A_FLOAT:
        body = [
            f"\\begin{{tabular}}{{{columns}}}",
            "\\toprule",
            top,
            "\\midrule",
            *lines,
            "\\bottomrule",
            "\\end{tabular}",
        ]
        return "\n".join(
            ["\\begin{table}[t]", "\\centering", "\\small", *heading, *body, "\\end{table}", ""]
        )
    return "\n".join(
        [
            "{\\small",
            f"\\begin{{longtable}}{{{columns}}}",
            f"{heading[0]}{heading[1]}\\\\",
            "\\toprule",
            top,
            "\\midrule",
            "\\endfirsthead",
            "\\toprule",
            top,
            "\\midrule",
            "\\endhead",
            "\\bottomrule",
            "\\endfoot",
            *lines,
            "\\end{longtable}",
            "}",
            "",
        ]
    )


def _cells(panel: Panel) -> tuple[list[str], list[list[str]], int]:
    """(head, rows, number of columns that hold words), escaped."""
    if isinstance(panel, HeatMap):
        return _matrix(panel)
    if isinstance(panel, Bars):
        return _bars(panel)
    if isinstance(panel, Lines):
        return _lines(panel)
    if isinstance(panel, Points):
        return _points(panel)
    if isinstance(panel, Bands):
        return _bands(panel)
    if isinstance(panel, Flow):
        return _flow(panel)
    return _strip(panel)


def _matrix(m: HeatMap) -> tuple[list[str], list[list[str]], int]:
    values, rows, columns, names = m.values, m.rows, m.columns, (m.row_label, m.column_label)
    if len(columns) > ACROSS and len(rows) < len(columns):
        values, rows, columns, names = values.T, columns, rows, (m.column_label, m.row_label)
    if len(columns) > ACROSS:  # too wide either way: a row a cell
        head = [escape(names[0]), escape(names[1]), escape(m.value_label)]
        body = [
            [escape(r), escape(c), number(float(v))]
            for r, line in zip(rows, values, strict=True)
            for c, v in zip(columns, line, strict=True)
        ]
        return head, body, 2
    head = [escape(f"{names[0]} / {names[1]}"), *map(escape, columns)]
    body = [
        [escape(r), *(number(float(v)) for v in line)] for r, line in zip(rows, values, strict=True)
    ]
    return head, body, 1


def _bars(m: Bars) -> tuple[list[str], list[list[str]], int]:
    alone = len(m.series) == 1
    head = [escape(m.category_label), *map(escape, [m.value_label] if alone else m.series)]
    rows = []
    for n, category in enumerate(m.categories):
        row = [escape(category)]
        for s in range(len(m.series)):
            shown = number(float(m.values[s, n]))
            if m.intervals is not None and np.isfinite(m.intervals[s, n]).all():
                shown += _ends(*m.intervals[s, n].tolist())
            row.append(shown)
        rows.append(row)
    return head, rows, 1


def _lines(m: Lines) -> tuple[list[str], list[list[str]], int]:
    head = [escape(m.x_label), *map(escape, m.series)]
    if len(m.series) == 1:
        head[1] = escape(m.y_label)
    places = [escape(place) for place in m.places] or [number(float(x)) for x in m.x]
    rows = []
    for n, place in enumerate(places):
        row = [place]
        for s in range(len(m.series)):
            shown = number(float(m.y[s, n]))
            if m.bands is not None and np.isfinite(ends := m.bands[s, n]).all() and np.ptp(ends):
                shown += _ends(*ends.tolist())
            if m.flags is not None and m.flags[s, n]:
                shown += FLAG
            row.append(shown)
        rows.append(row)
    if m.flags is not None and m.flags.any():
        head[1:] = [
            f"{name} ({FLAG}: {escape(m.flag_label or 'flagged')})" if m.flags[s].any() else name
            for s, name in enumerate(head[1:])
        ]
    return head, rows, 1 if m.places else 0


def _ends(low: float, high: float) -> str:
    return f" {{[}}{number(low)}, {number(high)}{{]}}"


def _points(m: Points) -> tuple[list[str], list[list[str]], int]:
    labels = m.labels or ("",) * len(m.group)
    head = ["group", *(["label"] if m.labels else []), escape(m.x_label), escape(m.y_label)]
    rows = []
    for (x, y), group, label in zip(m.xy.tolist(), m.group.tolist(), labels, strict=True):
        words = [escape(m.groups[group]), *([escape(label)] if m.labels else [])]
        rows.append([*words, number(x), number(y)])
    return head, rows, len(head) - 2


def _bands(m: Bands) -> tuple[list[str], list[list[str]], int]:
    rows = [
        [
            escape(printable(m.first.labels[left], 60)),
            escape(printable(m.second.labels[right], 60)),
            number(value),
        ]
        for (left, right), value in zip(m.ends.tolist(), m.values.tolist(), strict=True)
    ]
    return ["first text", "second text", escape(m.value_label)], rows, 2


def _strip(m: Strip) -> tuple[list[str], list[list[str]], int]:
    head = ["position", "token", escape(f"{m.value_label} ({m.unit})")]
    rows = [
        [escape(", ".join(map(str, p))), escape(printable(label, 60)), number(value)]
        for p, label, value in zip(m.positions, m.labels, m.values.tolist(), strict=True)
    ]
    return head, rows, 2


def _flow(m: Flow) -> tuple[list[str], list[list[str]], int]:
    head = ["token", *(escape(f"layer {name}") for name in m.layers), escape(f"sum ({m.unit})")]
    rows = [
        [escape(printable(label, 60)), *map(number, row), number(sum(row))]
        for label, row in zip(m.labels, m.values.tolist(), strict=True)
    ]
    return head, rows, 1


def number(value: Any) -> str:
    """A number in a cell: at most four significant digits, a true minus, a dash where missing."""
    value = float(value)
    if not math.isfinite(value):
        return "--"
    if value == int(value) and abs(value) < 1e6:
        shown = str(int(value))
    elif 1e-3 <= abs(value) < 1e6:
        digits = max(0, 3 - math.floor(math.log10(abs(value))))
        shown = f"{value:.{min(digits, 4)}f}"
    else:
        mantissa, exponent = f"{value:.2e}".split("e")
        shown = f"{mantissa} \\times 10^{{{int(exponent)}}}"
    return f"${shown}$" if shown[0] == "-" or "times" in shown else shown
