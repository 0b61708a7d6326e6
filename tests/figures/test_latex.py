"""Tables and figures for LaTeX compile, have the numbers of the frame, and run nobody's text."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest

from analysis.figures import HeatMap, Lines, Plot, view
from analysis.figures.files import latex
from analysis.figures.files.captions import draft
from analysis.figures.files.export import export
from analysis.figures.paper import pgf, render
from tests.support import view_samples as samples
from tests.support.hostile_plot import hostile
from tests.support.known_results import HOSTILE, SENTENCE, checkpoint, split, tokens_of
from tests.support.strips import strip_of

TOKENS = tokens_of(SENTENCE)
TEX = shutil.which("pdflatex")
needs_tex = pytest.mark.skipif(TEX is None, reason="no pdflatex here: nothing to compile with")
needs_pgf = pytest.mark.skipif(not pgf.available(), reason="no xelatex here: PGF needs it")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_keeps_a_character_that_latex_would_read(text):
    escaped = latex.escape(text)
    names = (
        "textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar|char34|"
        "textquotesingle|textasciigrave|ldots"
    )
    other = re.escape(latex.OTHER_SCRIPT) + r"\{[^{}]*\}\{((?:\{\[\}|\{\]\}|[U+0-9A-F. ])*)\}"
    plain = re.sub(other, r"\1", escaped)
    allowed = re.sub(
        rf"\\({names})\{{\}}|\\ensuremath\{{[^}}]*\}}|\\[{{}}$&%#_]|\{{[-\[\]]\}}", "", plain
    )
    assert not re.search(r"[\\{}$&%#_^~]", allowed)


def test_a_table_has_the_numbers_of_the_frame():
    plot = view("source_layers", split(TOKENS), samples.winners(TOKENS), 1, checkpoint())
    table = latex.table(plot)
    assert table.count("\\begin{tabular}") == 2
    wins, contribution = plot.mark.panels
    for panel in (wins, contribution):
        for value in panel.values[0]:
            shown = latex.number(float(value))
            assert shown in table
            assert float(shown.strip("$")) == pytest.approx(value, rel=6e-4, abs=1e-4)
    assert "\\toprule" in table
    assert "\\bottomrule" in table


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (12.0, "12"),
        (-3.0, "$-3$"),
        (0.123456, "0.1235"),
        (-0.5, "$-0.5000$"),
        (1234.56, "1235"),
        (1e-6, "$1.00 \\times 10^{-6}$"),
        (float("nan"), "--"),
    ],
)
def test_numbers_in_a_table(value, shown):
    assert latex.number(value) == shown


def test_a_long_table_breaks_over_pages_and_a_wide_one_is_turned():
    wide = Plot(
        "v",
        "t",
        HeatMap(np.ones((3, 30)), tuple("abc"), tuple(map(str, range(30))), "row", "column", "v"),
    )
    assert "column / row & a & b & c" in latex.table(wide)
    square = Plot(
        "v",
        "t",
        HeatMap(
            np.ones((20, 20)),
            tuple(map(str, range(20))),
            tuple(map(str, range(20))),
            "row",
            "column",
            "v",
        ),
    )
    assert "\\begin{longtable}{llr}" in latex.table(square)


def compiled(folder, body, program="pdflatex", encoding="\\usepackage[T1]{fontenc}"):
    """Run TeX on a document; returns the log. No shell, no files from elsewhere."""
    head = f"\\documentclass{{article}}\n{encoding}\n"
    if program != "pdflatex":
        head = "\\documentclass{article}\n\\usepackage{fontspec}\n"
    packages = "\n".join((*latex.PREAMBLE, "\\usepackage{pgf}" if program != "pdflatex" else ""))
    document = f"{head}{packages}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    (folder / "paper.tex").write_text(document, encoding="utf-8")
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@needs_tex
def test_a_document_with_the_pdf_and_the_table_compiles(tmp_path):
    from pypdf import PdfReader

    plot = samples.plot_of("winners")
    made = export(plot, "pdf")
    (tmp_path / made.filename).write_bytes(made.data)
    included = latex.figure(made.filename, draft(plot), "fig:winners")
    compiled(tmp_path, included + export(plot, "tex").data.decode())
    pages = PdfReader(tmp_path / "paper.pdf").pages
    assert "win" in "".join(page.extract_text() for page in pages)


@needs_tex
@pytest.mark.timeout(600)
def test_the_tables_of_every_view_compile_in_one_document(tmp_path):
    body = "\n\\clearpage\n".join(
        export(plot, "tex").data.decode() for _, plot in samples.every_plot()
    )
    head = "\\usepackage[T1]{fontenc}\\usepackage[a2paper,landscape]{geometry}\\extrafloats{500}"
    compiled(tmp_path, body, encoding=head)


def test_a_table_of_lines_has_bands_and_flags():
    plot = Plot(
        "v",
        "t",
        Lines(
            np.arange(3.0),
            np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
            ("a", "b"),
            "x",
            "y",
            bands=np.array([[[0.5, 1.5], [1.5, 2.5], [3.0, 3.0]], np.full((3, 2), np.nan)]),
            flags=np.array([[False, True, False], [False] * 3]),
            flag_label="flips",
        ),
    )
    table = latex.table(plot)
    assert "1 {[}0.5000, 1.500{]}" in table
    assert "2 {[}1.500, 2.500{]}$^{\\ast}$" in table
    assert "& 3 & 6" in table  # a band without a width is the line itself
    assert "a ($^{\\ast}$: flips) & b" in table


@needs_tex
def test_hostile_text_is_printed_and_never_carried_out(tmp_path):
    from pypdf import PdfReader

    plot = hostile()
    body = latex.figure("missing.pdf", plot.caption, "fig:x").replace(
        "\\includegraphics", "%\\includegraphics"
    )
    names = "\n\n".join(latex.escape(name) for name in HOSTILE if len(name) < 100)
    compiled(tmp_path, body + latex.defined(names))
    text = "".join(p.extract_text() for p in PdfReader(tmp_path / "paper.pdf").pages)
    assert "root:" not in text
    assert "input{/etc/passwd}" in text.replace(" ", "")
    assert "write18{ls}" in text.replace(" ", "")


SCRIPTS = (
    "你好 / שלום / مرحبا / हिन्दी / 😀👩\u200d🔬 / naïve łódź é\u0301\u200b \u3000 Đ ŋ € "
    '\u201cq\u201d "d" \xa0'
)


@pytest.mark.slow
@needs_tex
@pytest.mark.parametrize("encoding", ["", "\\usepackage[T1]{fontenc}"])
def test_any_script_compiles_and_is_told_by_its_codes(encoding, tmp_path):
    from pypdf import PdfReader

    tokens = tokens_of(SCRIPTS)
    plot = view("reading", split(tokens), tokens, 1, checkpoint())
    made = export(plot, "pdf")
    (tmp_path / made.filename).write_bytes(made.data)
    body = latex.figure(made.filename, draft(plot), "fig:x") + export(plot, "tex").data.decode()
    compiled(tmp_path, f"\\listoffigures {body} {latex.escape(latex._LETTERS)}", encoding=encoding)
    text = "".join(page.extract_text() for page in PdfReader(tmp_path / "paper.pdf").pages)
    assert "U+4F60" in text
    assert "U+05E9" in text
    assert "ve" in text


@pytest.mark.skipif(shutil.which("xelatex") is None, reason="no xelatex here")
def test_xelatex_is_given_the_characters_themselves(tmp_path):
    from pypdf import PdfReader

    compiled(tmp_path, latex.defined(latex.escape("Ελληνικά and Русский")), "xelatex")
    text = "".join(page.extract_text() for page in PdfReader(tmp_path / "paper.pdf").pages)
    assert "U+" not in text


def test_what_needs_another_engine_says_so_and_what_does_not_is_silent():
    assert latex.figure("f", "plain naïve", "l").startswith("\\begin")
    source = latex.figure("f", "你好", "l")
    assert source.startswith("% Some texts")
    assert "XeLaTeX" in source.splitlines()[0]


def test_without_tex_pgf_says_what_to_install(monkeypatch):
    monkeypatch.setattr(pgf.shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match="texlive-xetex"):
        render(samples.plot_of("classes"), format="pgf")


@needs_pgf
def test_pgf_compiles_and_hostile_tokens_are_text_in_it(tmp_path):
    from pypdf import PdfReader

    words = ("\\input{/etc/passwd}", "100%", "a_b^{c}", "$x^2$", "a & b", "#1", "~")
    drawn = render(Plot("v", "t", strip_of(words), provenance={"text": "\\input{x}"}), format="pgf")
    assert b"\\textbackslash{}input\\{" in drawn.data
    (tmp_path / "figure.pgf").write_bytes(drawn.data)
    compiled(tmp_path, "\\input{figure.pgf}", "xelatex")
    text = "".join(p.extract_text() for p in PdfReader(tmp_path / "paper.pdf").pages)
    assert "root:" not in text
    assert "input{/etc/passwd}" in text.replace(" ", "")
