"""Under every picture an export: each format gives a file that holds the picture's values."""

from __future__ import annotations

import csv
import io

import pytest

from analysis.figures.files.export import export
from analysis.figures.style.venues import width_in_inches
from tests.support import bare_forward as truth
from tests.support import tiny
from tests.support.sentences import in_order

SENTENCE = "the film is good but the plot is thin"
FORMATS = ("pdf", "svg", "png", "csv", "html", "tex", "json", "txt", "bib")


@pytest.fixture
def plots(exported, four):
    """Every picture that the page offers for export, by the key of its menu and its name."""
    held = {"text": SENTENCE, "compare": True, "variant": "the film is bad"}
    return exported("", four, **held)


def test_every_picture_on_the_page_has_an_export(plots):
    card = {"Class probabilities", "Input attribution", "Read by the pooling head"}
    assert set(plots["export-toy-cls"]) >= card
    assert set(plots["export-toy-max_seq_mha"]) >= card | {"Source layers"}
    assert set(plots["export-variant"]) == {"Sentence and variant"}
    assert set(plots["export-all"]) == card | {"From words to the class"}


def test_menus_stand_in_every_card_and_for_all_cards(open_app, four):
    labels = [p.proto.popover.label for p in open_app(four, text=SENTENCE).get("popover")]
    assert labels.count("Export") == 4
    assert labels.count("Export all cards as one figure") == 1


@pytest.mark.slow
def test_every_picture_gives_a_file_in_every_format(plots):
    starts = {
        "pdf": b"%PDF-",
        "png": b"\x89PNG",
        "svg": b"<",
        "html": b"<!doctype html>",
        "tex": b"% \\usepackage",
        "json": b"{",
        "bib": b"@",
    }
    views = {plot.view: plot for menu in plots.values() for plot in menu.values()}
    for plot in views.values():
        for format in FORMATS:
            data = export(plot, format, venue="acl", width="column").data
            data = data.encode() if isinstance(data, str) else data
            assert data.startswith(starts.get(format, b"")), format
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


OFFERED = [
    "PDF",
    "SVG",
    "PNG 300 dpi",
    "PNG 600 dpi",
    "HTML (5 MB)",
    "CSV",
    "LaTeX table",
    "JSON to rebuild",
]
KEY = "export-toy-mha"


@pytest.fixture
def opened(open_app, four):
    app = open_app(four, text=SENTENCE)
    app.session_state[KEY] = True
    return app.run()


def words_of(app):
    return " ".join(e.proto.body for e in app.get("html"))


def test_nothing_is_drawn_until_the_menu_is_opened(open_app, four, monkeypatch):
    from pages.ui.export import panel

    monkeypatch.setattr(panel, "drawn", lambda *arguments: pytest.fail("drawn while closed"))
    app = open_app(four, text=SENTENCE)
    assert not app.exception
    assert not app.get("download_button")


def test_opened_menu_offers_every_format_and_the_venues_widths(opened):
    labels = [b.proto.label for b in opened.get("download_button")]
    assert [label for label in labels if label != "PGF"] == OFFERED
    assert opened.selectbox(key=f"{KEY}-width").options == [
        "Column, 3.03 in",
        "Full width, 6.3 in",
        "My own",
    ]
    opened.selectbox(key=f"{KEY}-venue").set_value("neurips").run()
    assert opened.selectbox(key=f"{KEY}-width").options == ["Full width, 5.5 in", "My own"]
    assert "5.50 ×" in words_of(opened)


def test_the_preview_is_at_true_size_and_the_checks_have_numbers(opened):
    shown = words_of(opened)
    assert "data:image/png;base64," in shown
    assert 'style="width:3.03' in shown
    assert "checks pass." in shown
    assert "6 points" in shown
    assert "Liberation Sans" in shown or "DejaVu Sans" in shown or "Arial" in shown


def test_every_control_reaches_the_file(opened):
    from analysis.figures.style.settings import Style
    from pages.ui.export import style_controls

    opened.selectbox(key=f"{KEY}-venue").set_value("icml").run()
    opened.selectbox(key=f"{KEY}-width").set_value("inches").run()
    opened.number_input(key=f"{KEY}-inches").set_value(4.5).run()
    opened.number_input(key=f"{KEY}-height").set_value(2.5).run()
    opened.selectbox(key=f"{KEY}-font").set_value("serif").run()
    opened.number_input(key=f"{KEY}-size").set_value(9.0).run()
    opened.selectbox(key=f"{KEY}-palette").set_value("brown-teal").run()
    opened.toggle(key=f"{KEY}-greyscale").set_value(True).run()
    opened.toggle(key=f"{KEY}-title").set_value(True).run()
    kept = Style.from_dict(opened.session_state[style_controls.STYLE])
    assert kept == Style("icml", 4.5, 2.5, "serif", 9.0, "brown-teal", greyscale=True, title=True)
    assert "4.50 × 2.50 inches, ICML, 9 points" in words_of(opened)
    assert not opened.exception


def test_the_style_of_one_picture_is_the_style_of_the_next(opened):
    opened.selectbox(key=f"{KEY}-venue").set_value("ieee").run()
    opened.session_state[KEY] = False
    opened.session_state["export-toy-cls"] = True
    opened.run()
    assert opened.selectbox(key="export-toy-cls-venue").value == "ieee"
    opened.run()
    assert "3.50 ×" in words_of(opened)


def test_a_small_font_is_told_with_what_to_change(opened):
    opened.number_input(key=f"{KEY}-size").set_value(5.0).run()
    shown = words_of(opened)
    assert "1 of" in shown
    assert "asks for a change" in shown
    assert in_order(shown, "font size", "8 points")


def test_caption_latex_bibtex_and_table_stand_there_to_be_copied(opened):
    caption, included, bibtex, table = (code.value for code in opened.code[:4])
    assert "toy-mha" in caption
    assert SENTENCE in caption
    assert "\\includegraphics[width=3.03in]" in included
    assert "@misc{poollens" in bibtex
    assert "\\toprule" in table


def test_files_are_signed_only_while_the_switch_is_on(opened):
    from analysis.figures.files.sidecar import Signature
    from pages.ui.export import style_controls

    def signed():
        held = opened.session_state
        kept = dict(style_controls.NOBODY)
        if style_controls.SIGNED in held:
            kept |= held[style_controls.SIGNED]
        return Signature(kept["author"], kept["project"]) if kept["on"] else Signature()

    assert not signed()
    opened.toggle(key=f"{KEY}-sign").set_value(True).run()
    opened.text_input(key=f"{KEY}-author").set_value("J. Doe").run()
    opened.text_input(key=f"{KEY}-project").set_value("Pooling").run()
    assert not opened.exception
    assert signed() == Signature("J. Doe", "Pooling")
    opened.toggle(key=f"{KEY}-sign").set_value(False).run()
    assert not signed()
    assert not [field for field in opened.text_input if field.key == f"{KEY}-author"]


def test_a_picture_is_added_to_the_paper_from_its_menu(opened):
    from pages.ui.export import collection

    opened.button(key=f"{KEY}-add-chosen").click().run()
    assert not opened.exception
    held = opened.session_state[collection._HELD].collection
    assert "toy-mha" in str(held.figures[-1].plots[0].provenance)


def test_typed_text_stands_in_the_picture_and_runs_nowhere(exported, folder):
    tiny.make_pooling_checkpoint(folder / "toy", "mha", seed=1)
    menus = exported("", folder, text="<script>window.hit=1</script> good")
    data = export(menus["export-toy"]["Read by the pooling head"], "svg").data
    assert b"<script>window" not in data
