"""Under every picture an export: each format gives a file that holds the picture's values."""

from __future__ import annotations

import csv
import io

import pytest
import seen
import tiny
import truth

from analysis.figures.export import export
from analysis.figures.venues import width_in_inches

SENTENCE = "the film is good but the plot is thin"
FORMATS = ("pdf", "svg", "png", "csv")


@pytest.fixture
def plots(open_app, four, monkeypatch):
    """Every picture that the page offers for export, by the key of its menu and its name."""
    from pages.ui import compare, panels

    found = {}
    for module in (compare, panels):
        real = module.export_menu
        monkeypatch.setattr(
            module, "export_menu",
            lambda given, key, *rest, real=real: (found.update({key: dict(given)}),
                                                  real(given, key, *rest)),
        )  # fmt: skip
    app = open_app(four, text=SENTENCE, compare="true", variant="the film is bad")
    assert len(seen.cards(app)) == 4
    return found


def test_every_picture_on_the_page_has_an_export(plots):
    card = {"Class probabilities", "Input attribution", "Read by the pooling head"}
    assert set(plots["export-toy-cls"]) == card
    assert set(plots["export-toy-max_seq_mha"]) == card | {"Source layers"}
    assert set(plots["export-variant"]) == {"Sentence and variant"}
    assert set(plots["export-all"]) == card


def test_menus_stand_in_every_card_and_for_all_cards(open_app, four):
    labels = [p.proto.popover.label for p in open_app(four, text=SENTENCE).get("popover")]
    assert labels.count("Export") == 4
    assert labels.count("Export all cards as one figure") == 1


@pytest.mark.parametrize("format", FORMATS)
def test_every_picture_gives_a_file_in_every_format(plots, format):
    start = {"pdf": b"%PDF-", "png": b"\x89PNG", "svg": b"<", "csv": b""}[format]
    for menu in plots.values():
        for plot in menu.values():
            data = export(plot, format, venue="acl", width="column").data
            data = data.encode() if isinstance(data, str) else data
            assert data.startswith(start)
            assert len(data) > 40


@pytest.mark.parametrize("venue", ["acl", "ieee"])
def test_pdf_has_the_column_width_of_the_venue(plots, venue):
    import pypdf

    data = export(plots["export-toy-mha"]["Class probabilities"], "pdf", venue=venue).data
    page = pypdf.PdfReader(io.BytesIO(data)).pages[0]
    assert float(page.mediabox.width) / 72 == pytest.approx(width_in_inches(venue), abs=0.01)


def test_csv_holds_the_probabilities_of_the_files(plots, four):
    data = export(plots["export-toy-mha"]["Class probabilities"], "csv").data
    text = data.decode() if isinstance(data, bytes) else data
    rows = [row for row in csv.reader(io.StringIO(text)) if row and not row[0].startswith("#")]
    cells = {cell for row in rows for cell in row}
    true = truth.pooling(four / "toy-mha", SENTENCE)
    assert set(true.labels) <= cells
    numbers = sorted(float(c) for row in rows for c in row if c.startswith("0."))
    for p in true.probabilities:
        assert min(abs(p - number) for number in numbers) < 1e-5


def test_opened_menu_offers_four_formats_and_the_venues_widths(open_app, four):
    app = open_app(four, text=SENTENCE)
    app.session_state["export-toy-mha"] = True
    app.run()
    labels = [b.proto.label for b in app.get("download_button")]
    assert labels == [format.upper() for format in FORMATS]
    assert app.selectbox(key="export-toy-mha-width").options == ["column", "full"]
    app.selectbox(key="export-toy-mha-venue").set_value("neurips").run()
    assert app.selectbox(key="export-toy-mha-width").options == ["full"]


def test_typed_text_stands_in_the_picture_and_runs_nowhere(open_app, folder):
    import pages.ui.compare as compare

    tiny.make_pooling_checkpoint(folder / "toy", "mha", seed=1)
    found = {}
    real = compare.export_menu
    compare.export_menu = lambda given, key: (found.update(given), real(given, key))
    try:
        app = open_app(folder, text="<script>window.hit=1</script> good")
    finally:
        compare.export_menu = real
    assert not app.exception
    data = export(found["Read by the pooling head"], "svg").data
    svg = data.decode() if isinstance(data, bytes) else data
    assert "<script>window" not in svg
