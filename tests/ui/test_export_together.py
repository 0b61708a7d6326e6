"""All cards as one figure: what the menu offers is what the cards show, in files that open."""

from __future__ import annotations

import io
import json

import pytest
from pypdf import PdfReader

from analysis.figures.files.sidecar import Signature, read
from analysis.figures.style.settings import Style
from pages.ui.export import panel
from pages.ui.export.preview import columns_for
from tests.support.panels import bars, heat, plot, strip

CARDS = (plot(bars(2), "classes"), plot(strip(), "reading"), plot(heat(), "winners"))
STYLE = Style(letters=True)


def test_all_cards_are_one_pdf_with_a_letter_each():
    columns = columns_for(CARDS, STYLE)
    data = panel._bytes(CARDS, "pdf", 300, STYLE, columns, Signature())
    (page,) = PdfReader(io.BytesIO(data)).pages
    assert float(page.mediabox.width) == pytest.approx(3.03 * 72, abs=0.01)
    written = page.extract_text()
    assert all(letter in written for letter in ("(a)", "(b)", "(c)"))


@pytest.mark.parametrize("format", panel.TOGETHER)
def test_all_cards_are_written_in_every_format_that_is_offered(format):
    starts = {"pdf": b"%PDF-", "svg": b"<?xml", "png": b"\x89PNG", "json": b"{"}
    data = panel._bytes(CARDS, format, 300, STYLE, 1, Signature())
    assert data.startswith(starts[format])
    if format == "json":
        assert len(read(data).plots) == 3
        assert json.loads(data)["columns"] == 1


def test_one_picture_is_exported_as_before():
    from analysis.figures.files.export import export

    first = CARDS[:1]
    assert panel._bytes(first, "csv", 300, Style(), 1, Signature()) == export(first[0], "csv").data
    assert columns_for(first, Style()) == 1
