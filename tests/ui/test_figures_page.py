"""The Figures page: what is collected is kept, ordered, grouped, and packed."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.figures.files import collected
from analysis.figures.style.settings import Style
from pages.ui.export import collection, saved
from pages.ui.figures import files
from pages.ui.figures import thumbnails as figures_list
from tests.support import view_samples as samples
from tests.support.panels import bars, heat, plot, strip
from tests.support.sentences import in_order

PAGE = "pages/9_Figures.py"


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Collections of these tests lie apart from anybody's."""
    monkeypatch.setenv("POOLLENS_FIGURES", str(tmp_path / "kept"))
    return tmp_path / "kept"


def filled():
    made = collected.Collection()
    for key in ("reading", "classes", "winners"):
        made = made.add(samples.plot_of(key), Style())
    return made


@pytest.fixture
def page():
    """`page(collection) -> AppTest` of the Figures page, which is all that runs."""
    from streamlit.testing.v1 import AppTest

    root = Path(__file__).resolve().parents[2]

    def open_page(collection=None):
        app = AppTest.from_file(str(root / "app.py"), default_timeout=120)
        app.switch_page(PAGE)
        if collection is not None:
            id = saved.new_id()
            assert saved.write(id, collection.to_json()) == ""
            app.session_state["figures_id"] = id
        return app.run()

    return open_page


def thumbnails(app):
    components = [
        component
        for component in app.get("bidi_component")
        if "poollens_figures" in component.proto.component_name
    ]
    return json.loads(components[0].proto.json)["figures"]


def test_an_empty_page_says_how_and_offers_an_example(page):
    app = page()
    assert not app.exception
    assert "'+ Paper'" in app.info[0].value
    assert app.button(key="figures-example").label == "Add an example"


def test_the_collection_is_shown_at_true_size_with_checks(page):
    app = page(filled())
    assert not app.exception
    shown = thumbnails(app)
    assert [thumbnail["title"] for thumbnail in shown] == [
        samples.plot_of(key).title for key in ("reading", "classes", "winners")
    ]
    assert all(thumbnail["src"].startswith("data:image/png") for thumbnail in shown)
    assert shown[2]["chosen"]
    html = " ".join(element.proto.body for element in app.get("html"))
    assert f'width="{round(3.03 * 96)}"' in html
    assert "Figure 3:" in html
    assert "checks" in html
    assert any("True size: 3.03" in caption.value for caption in app.caption)
    labels = [link.proto.label for link in app.get("page_link")]
    assert "Figures (3)" in labels


def test_grouping_gives_letters_and_can_be_undone(page):
    app = page(filled())
    keys = [figure.key for figure in filled().figures]
    app.session_state[figures_list.TICKED] = {keys[0], keys[2]}
    app.run()
    app.button(key="figures-group").click().run()
    assert not app.exception
    shown = thumbnails(app)
    assert [thumbnail["panels"] for thumbnail in shown] == [2, 1]
    assert any(
        element.value.startswith("\\(a\\)") or element.value.startswith("(a)")
        for element in app.markdown
    )
    app.button(key="figures-undo").click().run()
    assert len(thumbnails(app)) == 3


def test_the_common_style_reaches_every_figure_and_is_kept(page, own_folder):
    app = page(filled())
    app.selectbox(key="all-venue").set_value("neurips").run()
    app.toggle(key="all-greyscale").set_value(True).run()
    assert not app.exception
    assert any("True size: 5.50" in caption.value for caption in app.caption)
    kept = collected.read(next(own_folder.glob("*.json")).read_bytes())
    assert (kept.style.venue, kept.style.greyscale) == ("neurips", True)


def test_a_caption_is_kept_and_drafted_again(page, own_folder):
    app = page(filled())
    area = app.text_area[0]
    assert area.value
    area.set_value("Ours <script>alert(1)</script> wins 100 %.").run()
    html = " ".join(element.proto.body for element in app.get("html"))
    assert "Ours &lt;script&gt;" in html
    assert "<script>alert" not in html
    kept = collected.read(next(own_folder.glob("*.json")).read_bytes())
    assert kept.figures[2].caption.startswith("Ours <script>")


def test_a_figure_that_cannot_be_drawn_is_said_and_the_rest_stays(page):
    collection = filled()
    app = page(collected.Collection(collection.figures, Style(venue="custom", width=1.0)))
    assert not app.exception
    assert len(thumbnails(app)) == 3


def test_a_kept_collection_that_broke_is_told_and_the_page_works(page, own_folder):
    app = page(filled())
    path = next(own_folder.glob("*.json"))
    path.write_text("{broken")
    app.run()
    assert not app.exception
    assert "cannot be read" in app.warning[0].value
    (aside,) = own_folder.glob("*.unreadable")
    assert aside.read_text() == "{broken"
    assert aside.name in app.warning[0].value.replace("\\", "")
    app.button(key="figures-example").click().run()
    assert aside.read_text() == "{broken"
    (new,) = own_folder.glob("*.json")
    assert new.name != path.name
    assert not app.warning


def test_loading_says_what_is_wrong_and_loses_nothing(monkeypatch):
    store = {}
    monkeypatch.setattr(collection.st, "session_state", store)
    assert "no JSON" in files.load(b"\x89PNG")
    assert "not a collection" in files.load(b"{}")
    assert files.load(filled().to_json().encode()) == ""
    assert collection.count() == 3
    assert "not a collection" in files.load(b"[]")
    assert collection.count() == 3
    assert files.load(filled().to_json().encode()) == ""
    assert collection.count() == 3


def test_thumbnails_move_and_remove(monkeypatch):
    store = {}
    monkeypatch.setattr(collection.st, "session_state", store)
    collection.change(lambda _: filled())
    keys = [figure.key for figure in collection.current().figures]

    def now():
        return [keys.index(figure.key) for figure in collection.current().figures]

    for action, expected in (
        (["down", 0, 1], [1, 0, 2]),
        (["up", 2, 2], [1, 2, 0]),
        (["drop", 0, 2, 3], [2, 0, 1]),
        (["remove", 1, 4], [2, 1]),
        (["remove", 9, 5], [2, 1]),
    ):
        figures_list.act(action)
        assert now() == expected
    figures_list.act(["tick", 0, 6])
    assert figures_list.ticked(collection.current()) == [0]
    figures_list.act(["choose", 1, 7])
    assert figures_list.chosen(collection.current()) == 1


def test_the_zip_packs_what_is_shown_and_says_what_was_left_out(page):
    plot = samples.plot_of("reading")
    owned = replace(plot, title="Whose", provenance={"checkpoint": "acme-lab/bert"})
    app = page(filled().add(owned))
    app.pills(key="figures-also").set_value(["svg"]).run()
    app.button(key="figures-zip-make").click().run()
    assert not app.exception
    made = app.session_state["figures_zip_made"][1]
    names = zipfile.ZipFile(io.BytesIO(made.data)).namelist()
    assert sum(name.endswith(".pdf") for name in names) == 4
    assert sum(name.endswith(".svg") for name in names) == 4
    assert any(in_order(caption.value, "left out", "owner of bert") for caption in app.caption)
    app.toggle(key="all-greyscale").set_value(True).run()
    assert app.button(key="figures-zip-make").label == "Make ZIP"  # of another style by now


def test_a_figure_that_cannot_be_drawn_is_a_problem_and_costs_no_other(page, monkeypatch):
    from analysis.figures import paper

    whole = paper.compose

    def broken(plots, *args, **named):
        if plots[0].view == "classes":
            raise TypeError("an int is no text")
        return whole(plots, *args, **named)

    monkeypatch.setattr(paper, "compose", broken)
    collection = filled()
    collection = replace(collection, style=Style("custom", 4.44))  # drawn by no other test
    app = page(collection)
    assert not app.exception
    assert [bool(thumbnail["problem"]) for thumbnail in thumbnails(app)] == [False, True, False]
    app.button(key="figures-zip-make").click().run()
    assert not app.exception
    made = app.session_state["figures_zip_made"][1]
    assert sum(name.endswith(".pdf") for name in made.names) == 2
    assert any("02-classes" in line and "cannot be drawn" in line for line in made.notices)
    app.session_state[figures_list.CHOSEN] = collection.figures[1].key
    app.run()
    assert not app.exception
    assert "cannot be drawn" in app.error[0].value


def test_a_height_belongs_to_its_figure_and_can_be_taken_back(page, own_folder):
    collection = collected.Collection().add(samples.plot_of("classes"), Style(height=2.0))
    collection = collection.add(samples.plot_of("winners"), Style())
    assert collection.style.height is None
    assert [figure.in_style(collection.style).height for figure in collection.figures] == [
        2.0,
        None,
    ]
    assert collected.read(collection.to_json()).figures[0].height == 2.0
    app = page(collection)
    key = f"{collection.figures[0].key}-0"
    app.session_state[figures_list.CHOSEN] = collection.figures[0].key
    app.run()
    assert any("× 2.00 inches" in caption.value for caption in app.caption)
    app.number_input(key=f"height-{key}").set_value(None).run()
    assert not app.exception
    assert not any("× 2.00 inches" in caption.value for caption in app.caption)
    assert collected.read(next(own_folder.glob("*.json")).read_bytes()).figures[0].height is None


def test_a_figure_as_wide_as_the_page_is_not_offered_to_be_wider(page):
    app = page(filled())
    assert [toggle.label for toggle in app.toggle if toggle.label == "Over both columns"]
    app = page(replace(filled(), style=Style(width="full")))
    assert not [toggle.label for toggle in app.toggle if toggle.label == "Over both columns"]


def test_what_is_kept_is_bounded_and_names_are_no_paths(own_folder, monkeypatch):
    monkeypatch.setattr(saved, "MOST", 3)
    ids = [saved.new_id() for _ in range(5)]
    for id in ids:
        assert saved.write(id, "{}") == ""
    assert len(list(own_folder.iterdir())) == 3
    assert saved.read(ids[-1]) == b"{}"
    monkeypatch.setattr(saved, "MOST_BYTES", 4000)
    monkeypatch.setattr(saved, "LARGEST", 1000)
    assert "too much" in saved.write(ids[0], "x" * 2000)
    for bad in ("../etc", "", None, "a" * 31, "A" * 32, "a" * 32 + "/.."):
        assert not saved.is_id(bad)


def test_a_folder_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POOLLENS_FIGURES", str(tmp_path / "file" / "below"))
    assert "save them to a file" in saved.write(saved.new_id(), "{}")


@pytest.mark.parametrize(
    ("button", "columns", "wide"), [("offer-", 1, False), ("offer-wide-", 3, True)]
)
def test_a_grid_that_cannot_be_read_is_refused_and_each_offer_can_be_taken(
    page, own_folder, button, columns, wide
):
    figure = collected.PaperFigure(tuple(plot(heat(seed=i)) for i in range(3)), columns=3)
    app = page(collected.Collection((figure,)))
    assert not app.exception
    assert any("cannot be read here" in warning.value for warning in app.warning)
    app.button(key=f"{button}{figure.key}").click().run()
    assert not app.exception
    assert not app.warning
    kept = collected.read(next(own_folder.glob("*.json")).read_bytes()).figures[0]
    assert (kept.columns, kept.wide) == (columns, wide)


def test_figures_that_are_grouped_can_be_read(page, own_folder):
    collection = collected.Collection()
    for seed in range(3):
        collection = collection.add(plot(heat(seed=seed)), Style())
    app = page(collection)
    app.session_state[figures_list.TICKED] = {figure.key for figure in collection.figures}
    app.run()
    app.button(key="figures-group").click().run()
    assert not app.exception
    assert not app.warning
    kept = collected.read(next(own_folder.glob("*.json")).read_bytes())
    assert [len(figure.plots) for figure in kept.figures] == [3]


def test_a_grid_that_is_too_empty_has_a_button_for_the_fuller_one(page, own_folder):
    style = Style("neurips", "full")
    figure = collected.PaperFigure((plot(heat(3, 9)), plot(bars(3)), plot(strip(9))), columns=3)
    app = page(collected.Collection((figure,), style))
    app.button(key=f"fuller-{figure.key}").click().run()
    assert not app.exception
    kept = collected.read(next(own_folder.glob("*.json")).read_bytes()).figures[0]
    assert kept.columns < 3
    assert not [button for button in app.button if str(button.key).startswith("fuller-")]
