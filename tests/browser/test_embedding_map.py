"""One way through the Embedding map: find, lasso, typed sentence, layers, a row on Compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from tests.support.clicks import Clicks
from tests.support.parts import fast

WORDS = ("plot", "acting", "film", "song", "ending", "sound", "story", "end")
ROWS = [f"the {a} was {b}" for a in WORDS for b in ("good", "poor", "dull", "very good")]
READY = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return document.documentElement.dataset.raised === 'true'
    && app && app.dataset.testScriptState === 'notRunning'
    && document.querySelector('.st-key-map-rows')
    && !document.querySelector('.st-key-vectors-running, .st-key-layout-running');
}"""

MAP = """() => [...document.querySelectorAll('*')]
  .map((e) => (e.shadowRoot ?? e).querySelector?.('.maps[data-painter]')).find(Boolean)"""


@pytest.fixture(scope="module")
def motion() -> str:
    """Maps wander from layer to layer."""
    return "no-preference"


def ready(page: Any) -> None:
    """Wait until a map is drawn and nothing runs."""
    page.wait_for_function(READY)
    page.locator(".maps[data-painter] .box:visible").first.wait_for()
    page.locator(".maps[data-part='1.00']").wait_for()


def open_maps(page: Any, app: Any, **address: str) -> None:
    settings = {
        "source": "own sentences",
        "own_sentences": "\n".join(ROWS),
        "map": "pca",
        "text": ROWS[3],
        **address,
    }
    page.goto(f"{app.url}/Embedding_map?{urlencode(settings)}")
    ready(page)


def box_of(page: Any) -> dict[str, float]:
    """The place of the map on the screen, scrolled into sight."""
    box = page.locator(".maps[data-painter] .box:visible").first
    box.evaluate("box => box.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(500)
    place: dict[str, float] = box.bounding_box()
    return place


def lasso_all(page: Any) -> None:
    """Draw around the whole map."""
    page.get_by_role("button", name="Lasso").click()
    box = box_of(page)
    left, top = box["x"] + 2, box["y"] + 2
    right, bottom = box["x"] + box["width"] - 2, box["y"] + box["height"] - 2
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=3)
    page.mouse.up()
    page.get_by_text(f"Selected sentences ({len(ROWS)})").wait_for()


def caught(page: Any) -> str:
    return str(page.locator(".maps[data-painter] .count").inner_text())


def test_find_lasso_and_save_the_selection(page: Any, app: Any, tmp_path: Any) -> None:
    open_maps(page, app, drawer="true")
    page.locator(".st-key-drawer label").first.click()  # closed: it covers a part of the map
    root = page.locator(".maps[data-painter]")
    assert root.locator("figcaption small").first.text_content().startswith("PCA, trustworthiness")

    # A lasso around the whole map selects every row, in all maps, lists and saves them.
    lasso_all(page)
    assert caught(page) == f"{len(ROWS)} selected"
    with page.expect_download() as download:
        page.get_by_role("button", name="Selected rows (CSV)").click()
    download.value.save_as(tmp_path / "rows.csv")
    import pandas as pd

    assert pd.read_csv(tmp_path / "rows.csv")["text"].tolist() == ROWS
    page.get_by_role("button", name="Clear selection").click()
    page.get_by_text("Switch to Lasso").wait_for()

    # What is found is said; the address keeps it.
    find = page.get_by_role("textbox", name="Find in the texts")
    find.fill("ending")
    page.get_by_text(f"4 of {len(ROWS)} texts contain it.").wait_for()
    assert "find=ending" in page.url


def test_the_typed_sentence_is_placed_and_the_map_morphs(page: Any, app: Any) -> None:
    open_maps(page, app, layer_shown="4")
    page.get_by_text("Nearest to the typed sentence").wait_for()
    page.get_by_text(f"1.00 {ROWS[3]}").first.wait_for()  # it is a row of the data set
    page.get_by_role("textbox", name="Sentence", exact=True).fill(ROWS[8])
    page.get_by_text(f"1.00 {ROWS[8]}").first.wait_for()

    field = page.locator(".maps[data-painter] .field")
    before = field.screenshot()
    slider = page.locator(".maps[data-painter] .depth input")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    page.wait_for_function("() => location.search.includes('layer_shown=1')")
    ready(page)
    after = field.screenshot()
    assert after != before

    # From one pooling to the next, and all of them side by side.
    page.locator("[data-panel='1']").click()
    page.wait_for_function("() => location.search.includes('map_panel=1')")
    ready(page)
    assert field.screenshot() != after
    page.get_by_role("button", name="Side by side").click()
    page.wait_for_function("() => location.search.includes('map_mode=many')")
    assert page.locator(".maps[data-painter] .box:visible").count() == 3


def points_in_sight(page: Any) -> int:
    """Points of the map whose middle is inside of its box."""
    return int(
        page.evaluate("""() => {
          const root = document.querySelector('.maps[data-painter]') ?? [...document
            .querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.maps[data-painter]'))
            .find(Boolean);
          return root.inSight();
        }""")
    )


def test_the_wheel_never_ends_in_nothing(page: Any, app: Any) -> None:
    open_maps(page, app)
    box = box_of(page)
    page.mouse.move(box["x"] + 8, box["y"] + 8)  # a corner without points
    for turn in (-400, 400):
        for _ in range(25):
            page.mouse.wheel(0, turn)
        page.wait_for_timeout(400)
        assert points_in_sight(page) > 0
    for _ in range(12):
        page.mouse.wheel(0, -400)
    page.wait_for_timeout(400)
    assert points_in_sight(page) < len(ROWS)
    page.mouse.dblclick(box["x"] + 8, box["y"] + 8)
    page.wait_for_timeout(1000)
    assert points_in_sight(page) == len(ROWS)


def test_names_never_cover_points(page: Any, app: Any) -> None:
    open_maps(page, app, colour_by="prediction of sst2-cls", contours="false")
    named = page.evaluate(f"({MAP})().covered()")
    assert named["names"] > 0
    assert named["points"] == 0
    assert named["crossed"] == 0, "nor does the line of one name meet another"
    assert named["lined"] == 0, "nor does a line cross a point"


@pytest.mark.parametrize(
    ("colour", "scheme"),
    [
        ("prediction of sst2-cls", "light"),
        ("characters", "dark"),
        pytest.param("prediction of sst2-cls", "dark", marks=pytest.mark.slow),
        pytest.param("characters", "light", marks=pytest.mark.slow),
    ],
)
def test_everything_on_the_map_is_seen_on_its_ground(
    page: Any, app: Any, scheme: Any, colour: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    open_maps(page, app, colour_by=colour)
    seen = page.evaluate(f"({MAP})().contrasts()")
    assert min([*seen["points"], seen["lines"], seen["mark"]]) >= 3  # WCAG 2.2, 1.4.11
    assert seen["names"] >= 4.5  # 1.4.3


@pytest.mark.parametrize(
    ("width", "height"),
    fast([(1280, 800), (800, 1100), (400, 800)], lambda size: size[0] == 400),
)
def test_the_whole_map_takes_the_room_that_its_shape_allows(
    page: Any, app: Any, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    open_maps(page, app)
    shares = page.evaluate(f"({MAP})().filled()")
    assert max(shares) > 0.9
    assert max(shares) <= 1
    box = box_of(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(400)
    assert max(page.evaluate(f"({MAP})().filled()")) > 1
    page.get_by_role("button", name="Whole map").click()
    page.wait_for_timeout(800)
    assert page.evaluate(f"({MAP})().filled()") == pytest.approx(shares, abs=0.01)


@pytest.mark.slow
def test_a_hidden_class_stays_hidden_when_umap_takes_the_place_of_pca(page: Any, app: Any) -> None:
    open_maps(page, app, colour_by="prediction of sst2-cls", drawer="true")
    hidden = page.locator(".legend button[aria-pressed=false]")
    first = page.locator(".legend button[data-code='0']")
    first.focus()
    first.press("Enter")
    hidden.wait_for()
    page.locator(".st-key-map").get_by_text("UMAP").click()
    small = page.locator(".maps[data-painter] figcaption small", has_text="UMAP,")
    small.first.wait_for(state="attached")
    ready(page)
    assert hidden.count() == 1
    assert "map=umap" in page.url or "map=" not in page.url  # the default needs no place in it


def test_a_row_of_the_selection_opens_on_compare(page: Any, app: Any) -> None:
    open_maps(page, app)
    lasso_all(page)
    grid = page.locator(".st-key-map-rows [data-testid=stDataFrame] canvas").first
    grid.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # the page still grows below it
    place = grid.bounding_box()
    page.mouse.click(place["x"] + 150, place["y"] + 35 + 17)  # the first row below the header
    page.get_by_role("heading", name="Compare", exact=True).wait_for()
    page.wait_for_function(
        "text => [...document.querySelectorAll('input')].some(i => i.value === text)", arg=ROWS[0]
    )


def test_from_a_file_to_an_outlier_to_compare_and_back_in_three_clicks(
    page: Any, app: Any, tmp_path: Any
) -> None:
    """UMAP of a file, its first outlier, Compare, and back to the same map."""
    clicks = Clicks(page)
    file = tmp_path / "rows.csv"
    file.write_text("text\n" + "\n".join([*ROWS, "zebra violins eat the moon"]) + "\n", "utf-8")
    page.goto(f"{app.url}/Embedding_map?{urlencode({'source': 'file'})}")
    page.locator(".st-key-dataset input[type=file]").set_input_files(
        file
    )  # the drawer is open: a file is missing
    page.wait_for_function(READY)
    small = page.locator(".maps[data-painter] figcaption small", has_text="UMAP,")
    small.first.wait_for(state="attached")
    page.locator(".st-key-dock-lists .listed").first.wait_for()
    page.locator("[data-panel='1']").click()  # 1: the maximum instead of the mean
    page.wait_for_function("() => location.search.includes('map_panel=1')")
    listed = page.locator(".st-key-dock-lists .listed").first
    listed.click()  # 2: the outlier
    page.wait_for_function("() => location.search.includes('point=')")
    row = int(page.evaluate("new URLSearchParams(location.search).get('point')"))
    text = [*ROWS, "zebra violins eat the moon"][row]
    page.locator(".st-key-dock-card .card .answer").first.wait_for()
    place = page.evaluate("location.search")
    page.get_by_role("button", name="Open on Compare").click()  # 3
    page.get_by_role("heading", name="Compare", exact=True).wait_for()
    page.wait_for_function(
        "text => [...document.querySelectorAll('input')].some(i => i.value === text)", arg=text
    )
    page.go_back()
    page.get_by_role("heading", name="Embedding map", exact=True).wait_for()
    ready(page)
    page.wait_for_function("place => location.search === place", arg=place)
    assert page.locator("[data-panel='1']").get_attribute("aria-pressed") == "true"
    page.locator(".st-key-dock-card").get_by_text(text).first.wait_for()
    clicks.end("UMAP of a file to an outlier to Compare and back", most=3)


INNER, OUTER, SAMPLE = 500, 1_500, 1_000  # rows of each class, and of the map at first


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """2,000 vectors and their texts: one class in the middle of another, without a gap."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, INNER + OUTER)
    squared = np.concatenate([rng.uniform(0, 0.25, INNER), rng.uniform(0.25, 1, OUTER)])
    places = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.sqrt(squared)[:, None]
    folder = tmp_path_factory.mktemp("vectors")
    np.save(folder / "mine.npy", places.astype(np.float32))
    kinds = ["inner"] * INNER + ["outer"] * OUTER
    lines = [f"{kind} sentence {row},{kind}" for row, kind in enumerate(kinds)]
    (folder / "texts.csv").write_text("\n".join(["text,label", *lines]) + "\n", "utf-8")
    return [folder / "mine.npy", folder / "texts.csv"]


def test_vectors_that_are_dropped_with_their_texts_are_a_map_and_every_class_has_its_name(
    page: Any, app: Any, vectors: list[Path]
) -> None:
    own = {"source": "own sentences", "own_sentences": "\n".join(ROWS), "map": "pca"}
    page.goto(f"{app.url}/Embedding_map?{urlencode(own)}")
    ready(page)
    page.locator(".st-key-drawer label").first.click()
    page.get_by_text("Use your own vectors").click()
    with page.expect_file_chooser() as chooser:
        uploader = page.locator(".st-key-map-drawer [data-testid=stFileUploaderDropzone]")
        uploader.filter(visible=True).locator("button").first.click()
    chooser.value.set_files(vectors)
    page.get_by_text("The map is of").wait_for()
    page.locator(".st-key-drawer label").first.click()
    page.wait_for_function(f"() => (({MAP})())?.inSight?.() === {SAMPLE}")
    ready(page)

    page.wait_for_function(f"() => (({MAP})()).covered().names >= 2")
    named = page.evaluate(f"({MAP})().covered()")
    assert named["points"] == 0
    assert named["crossed"] == 0
    assert named["over"] >= 1, "a class without room has its name outside, with a line"

    listed = page.locator(".st-key-dock-lists .listed")
    listed.first.click()
    page.wait_for_function("() => location.search.includes('point=')")
    text = listed.first.inner_text().split(" ", 1)[1]
    page.locator(".st-key-dock-card").get_by_text(text).first.wait_for()

    # What is under way at the foot has room of its own, also when it comes later.
    page.locator(".st-key-map-side").evaluate(
        "side => { const foot = document.createElement('div');"
        " foot.innerHTML = '<div class=st-key-map-jobs><div style=height:120px></div></div>';"
        " side.append(foot); }"
    )
    last = listed.last
    last.scroll_into_view_if_needed()
    row, job = last.bounding_box(), page.locator(".st-key-map-jobs").last.bounding_box()
    assert row["y"] + row["height"] <= job["y"] + 1
    assert job["y"] + job["height"] <= 800
    last.click()
    page.locator(".st-key-dock-lists .listed[aria-pressed=true]").wait_for()
