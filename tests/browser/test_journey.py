"""One way through the Compare page, as somebody goes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import bare_forward as truth
from tests.support.compare_browser import (
    address,
    bars,
    card,
    cards,
    has_answered,
    holds,
    open_at,
    settle,
    shown,
    wait_for_bars,
    write,
)

ROOT = Path(__file__).resolve().parent.parent.parent
FOUR = [f"sst2-{head}" for head in ("cls", "max_cls", "mha", "max_seq_mha")]
FIRST, SECOND = "the film is good", "the story was poor and very dull"


def expected(checkpoints, text, names=FOUR):
    """What every card must show, from the files."""
    probabilities = {}
    for name in names:
        true = truth.pooling(checkpoints / name, text)
        numbers = [f"{p:.2f}" for p in true.probabilities]
        probabilities[name] = dict(zip(true.labels, numbers, strict=True))
    return probabilities


def test_typing_without_enter_changes_all_four_cards(page, app, checkpoints, asked_hosts):
    open_at(page, app.url)
    assert cards(page) == FOUR
    first, second = (expected(checkpoints, text) for text in (FIRST, SECOND))
    assert all(first[name] != second[name] for name in FOUR), "the texts of this test must differ"
    for text, numbers in ((FIRST, first), (SECOND, second)):
        write(page, text)
        wait_for_bars(page, numbers)
        settle(page)
        assert {name: bars(page, name) for name in FOUR} == numbers
        strip = card(page, FOUR[0]).locator("[class*=st-key-attr-] .pl-strip").inner_text()
        assert " ".join(strip.split()) == f"[CLS] {text} [SEP]"
    assert address(page)["text"] == [SECOND]
    assert asked_hosts == {app.host}


def test_task_brings_its_checkpoints_and_example(page, app):
    open_at(page, app.url)
    page.get_by_text("Question type", exact=True).click()
    has_answered(page, "trec-cls")
    assert cards(page) == [name.replace("sst2", "trec") for name in FOUR]
    holds(page, "Where did the inventor of the telephone grow up?")
    assert set(bars(page, "trec-cls")) == {"place", "person", "number"}


def test_click_on_a_class_explains_it_and_stands_in_the_address(page, app, checkpoints):
    open_at(page, app.url, text=FIRST)
    true = truth.pooling(checkpoints / "sst2-mha", FIRST)
    other = true.labels[1 - true.predicted]
    card(page, "sst2-mha").locator("[data-class]", has_text=other).click()
    page.wait_for_url(f"**target={other}*")
    settle(page)
    for name in FOUR:
        assert card(page, name).locator(".chosen .name").inner_text() == other
    gap = true.gap(true.labels.index(other))
    assert (
        card(page, "sst2-mha").locator(".line").first.inner_text()
        == f"probability margin {gap:+.2f}"
    )
    card(page, "sst2-mha").locator("[data-class]", has_text=other).click()
    page.wait_for_url(lambda url: "target=" not in url)


def test_click_on_a_token_marks_it_in_all_cards_for_this_text(page, app, checkpoints):
    open_at(page, app.url, text=FIRST)
    marked = page.locator(".st-key-cards .tok.marked")
    page.locator(".st-key-cards .tok:visible", has_text="film").first.click()
    marked.nth(7).wait_for(state="attached")
    settle(page)
    assert marked.all_text_contents() == ["film"] * 8, "both strips of all four cards"
    marked.first.click()
    marked.first.wait_for(state="detached")
    page.locator(".st-key-cards .tok:visible", has_text="film").first.click()
    marked.nth(7).wait_for(state="attached")
    write(page, SECOND)
    wait_for_bars(page, expected(checkpoints, SECOND))
    settle(page)
    assert page.locator(".st-key-cards .tok.marked").count() == 0


def test_copied_link_gives_the_same_view(page, app, browser):
    open_at(page, app.url, text=FIRST)
    page.get_by_text("Question type", exact=True).click()
    has_answered(page, "trec-cls")
    write(page, SECOND)
    page.get_by_text("pieces", exact=True).click()
    card(page, "trec-mha").locator("[data-class]", has_text="number").click()
    page.wait_for_url("**target=number*")
    settle(page)
    there = shown(page)
    assert there
    assert any("story" in piece for piece in there)
    verdict = page.locator(".st-key-verdict").inner_text()
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    other = context.new_page()
    other.set_default_timeout(120_000)
    other.goto(page.url)
    settle(other)
    holds(other, SECOND)
    assert shown(other) == there
    assert other.locator(".st-key-verdict").inner_text() == verdict
    context.close()


WITHOUT_SENTENCE = ("Train", "Evaluate", "Figures")  # they ask about no sentence of one's own


def pages():
    """Paths of all pages, as their addresses have them."""
    import re

    from pages.ui.frame.frame import PAGES

    entries = []
    for path, title in PAGES:
        name = re.sub(r"^\d+_", "", path.rsplit("/", 1)[-1].removesuffix(".py"))
        entries.append(("" if path == "app.py" else name, title))
    return entries


@pytest.mark.parametrize(
    ("path", "title"),
    [
        page if page[1] == "Layers" else pytest.param(*page, marks=pytest.mark.slow)
        for page in pages()
    ],
)
def test_every_page_opens_directly_with_its_frame_and_text(page, app, path, title):
    page.goto(f"{app.url}/{path}?text=she+said+nothing")
    page.get_by_role("heading", name=title, exact=True).wait_for()
    page.get_by_role("link", name="Compare").wait_for()
    if title not in WITHOUT_SENTENCE:
        holds(page, "she said nothing")
    assert page.get_by_text("encountered an error").count() == 0


def test_unknown_address_leads_home_and_keeps_the_text(browser_page, app):
    # Its console does say that there is no such page, hence no `page`.
    browser_page.set_default_timeout(120_000)
    browser_page.goto(f"{app.url}/no_such_page?text=she+said+nothing")
    browser_page.get_by_role("heading", name="Compare", exact=True).wait_for()
    holds(browser_page, "she said nothing")


def test_typed_text_survives_a_change_of_page(page, app):
    open_at(page, app.url)
    write(page, SECOND)
    page.wait_for_url("**text=the+story*")
    settle(page)
    # some, for the walk of test_links.py goes from every page to every other in the slow part
    for _, title in [*pages()[1::3], pages()[0]]:
        page.get_by_role("link", name=title, exact=True).click()
        page.get_by_role("heading", name=title, exact=True).wait_for()
        if title not in WITHOUT_SENTENCE:
            holds(page, SECOND)
    settle(page)
    assert address(page)["text"] == [SECOND]


def test_pdf_of_a_card_comes_down_at_the_width_of_its_venue(page, app):
    import pypdf

    open_at(page, app.url, text=FIRST)
    card(page, "sst2-mha").get_by_role("button", name="Export").click()
    button = page.get_by_role("button", name="PDF", exact=True)
    button.wait_for()
    with page.expect_download() as download:
        button.click()
    path = download.value.path()
    assert path.read_bytes().startswith(b"%PDF")
    assert download.value.suggested_filename.endswith(".pdf")
    page_size = pypdf.PdfReader(path).pages[0].mediabox
    assert float(page_size.width) / 72 == pytest.approx(3.03, abs=0.01)
    assert page.get_by_label("Sentence", exact=True).input_value() == FIRST


def test_variant_shows_what_it_changes_while_one_types(page, app, checkpoints):
    open_at(page, app.url, text=FIRST)
    page.get_by_text("Variant", exact=True).click()
    page.get_by_label("Variant of the sentence").wait_for()
    write(page, SECOND, "Variant of the sentence")
    old, new = (truth.pooling(checkpoints / "sst2-mha", text) for text in (FIRST, SECOND))
    panel = page.locator(".st-key-variant-panel")
    for probability in (old.probabilities, new.probabilities):
        panel.get_by_text(f"{probability[old.predicted]:.2f}", exact=True).first.wait_for()
    assert panel.locator("ins").all_inner_texts()
    page.wait_for_url("**variant=*")


def test_second_field_appears_with_a_checkpoint_of_pairs(page, app, checkpoints):
    open_at(page, app.url)
    assert page.get_by_label("Second sentence", exact=True).count() == 0
    page.get_by_text("Paraphrase", exact=True).click()
    page.get_by_label("Second sentence", exact=True).wait_for()
    write(page, FIRST)
    write(page, SECOND, "Second sentence")
    true = truth.pooling(checkpoints / "mrpc-mha", FIRST, SECOND)
    numbers = [f"{p:.2f}" for p in true.probabilities]
    wait_for_bars(page, {"mrpc-mha": dict(zip(true.labels, numbers, strict=True))})


@pytest.mark.slow
def test_demo_checkpoints_go_the_same_way(page, serve):
    """The checkpoints that come with the repository, once all of them are there."""
    from training.tasks import demo_set

    folders = [ROOT / "checkpoints" / demo.name for demo in demo_set()]
    missing = [folder.name for folder in folders if not (folder / "training.json").is_file()]
    if missing:
        pytest.skip(f"checkpoints/ lacks {len(missing)} of the demo set: {missing[0]}")
    server = serve()
    open_at(page, server.url)
    assert cards(page) == FOUR
    write(page, "A wonderful film, warm and funny from start to end.")
    for name in FOUR:
        card(page, name).locator(".label", has_text="positive").wait_for()
    write(page, "A tedious, lifeless mess that wastes everyone in it.")
    for name in FOUR:
        card(page, name).locator(".label", has_text="negative").wait_for()
    settle(page)
    page.get_by_text("Question type", exact=True).click()
    has_answered(page, "trec-max_seq_mha")
    assert cards(page) == [name.replace("sst2", "trec") for name in FOUR]
    assert card(page, "trec-cls").locator(".how").inner_text() == "pooling head cls, 3 seeds"
