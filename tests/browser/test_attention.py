"""One way through the Attention page, as somebody goes it."""

from __future__ import annotations

from urllib.parse import quote

from tests.support.compare_browser import at_rest, narrow_to_wide, runs_out, write

FIRST, SECOND = "the plots thinned, not dully", "the story was poor and very dull"
NAMES = [f"sst2-{head}" for head in ("mha", "max_seq_mha", "cls", "max_cls")]
# The effects of hiding tokens come last.
SETTLED = at_rest(
    "document.querySelector('.st-key-status')?.textContent.includes('when a token is hidden')"
)


def open_at(page, url, **address):
    query = "&".join(f"{name}={quote(value)}" for name, value in address.items())
    page.goto(f"{url}/Attention?{query}")
    page.wait_for_function(SETTLED)


def table(page, name):
    return page.locator(f".st-key-answer-{name}")


def encoder(page, name):
    return page.locator(f".st-key-encoder-{name}")


def test_word_attention_head_and_view_are_chosen_by_clicks(page, app, asked_hosts):
    open_at(page, app.url, text=FIRST)
    page.locator(".st-key-listeners .id").nth(len(NAMES) - 1).wait_for()
    assert page.locator(".st-key-listeners .id").all_inner_texts() == NAMES

    table(page, NAMES[0]).locator(".row.tok", has_text="thinned").click()
    for name in NAMES:
        table(page, name).locator(".row.marked", has_text="thinned").wait_for()
        encoder(page, name).locator(".tick.marked", has_text="thinned").nth(1).wait_for()

    encoder(page, NAMES[1]).locator(".tile").nth(4 + 2).click()  # layer 2, attention head 2
    for name in NAMES:
        encoder(page, name).locator(".title", has_text="Layer 2, attention head 2").wait_for()
        encoder(page, name).locator(".tile.on").wait_for()

    table(page, NAMES[0]).locator('.heads [data-head="3"]').click()
    table(page, NAMES[1]).locator(".heads .on", has_text="3").wait_for()
    page.wait_for_function(SETTLED)
    answer = table(page, NAMES[0]).locator(".answer").inner_text()
    assert answer.startswith("Attention head 3 most to")

    page.get_by_text("One token", exact=True).click()
    title = encoder(page, NAMES[0]).locator(".title")
    title.get_by_text("from thinned").wait_for()
    page.get_by_text("pieces", exact=True).click()
    table(page, NAMES[0]).locator(".row.marked").nth(2).wait_for()
    page.wait_for_function(SETTLED)
    marked = table(page, NAMES[0]).locator(".row.marked .name").all_inner_texts()
    assert "".join(marked) == "thinned", "all pieces of the word"
    assert asked_hosts == {app.host}


def test_cell_under_the_pointer_is_read_out(page, app):
    open_at(page, app.url, text=FIRST, unit="pieces")
    field = encoder(page, NAMES[0]).locator(".large canvas")
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    count = int(field.get_attribute("width"))
    page.mouse.move(box["x"] + box["width"] * 1.5 / count, box["y"] + box["height"] * 0.5 / count)
    readout = encoder(page, NAMES[0]).locator(".picture .readout").nth(1)
    readout.get_by_text("[CLS] → the:").wait_for()
    field.page.mouse.move(0, 0)


def test_typing_brings_the_new_text_and_takes_the_mark_away(page, app):
    open_at(page, app.url, text=FIRST)
    table(page, NAMES[0]).locator(".row.tok", has_text="thinned").click()
    table(page, NAMES[3]).locator(".row.marked").wait_for()
    write(page, SECOND)
    # The last word: what is typed so far is answered, too.
    table(page, NAMES[3]).locator(".row.tok").get_by_text("dull", exact=True).wait_for()
    page.wait_for_function(SETTLED)
    for name in NAMES:
        words = table(page, name).locator(".rows .row.tok .name").all_inner_texts()
        assert words == ["[CLS]", *SECOND.split(), "[SEP]"]
        assert table(page, name).locator(".marked").count() == 0


def test_nothing_runs_out_of_the_window(page, app):
    abreast = {390: 1, 800: 1, 1280: 2}
    page.set_viewport_size({"width": 390, "height": 800})
    open_at(page, app.url, text="donaudampfschifffahrtsgesellschaft " * 3 + FIRST)
    for width in narrow_to_wide(page, *abreast):
        tops = [table(page, name).bounding_box()["y"] for name in NAMES]
        assert sum(abs(top - tops[0]) < 2 for top in tops) == abreast[width]
    for view in ("Attention heads", "Rollout", "Input parts"):
        page.get_by_text(view, exact=True).click()
        page.wait_for_function(SETTLED)
        for width in narrow_to_wide(page, *abreast):
            assert not runs_out(page), (view, width)
            for box in page.locator(".heard").all():
                wide, seen = box.evaluate("e => [e.scrollWidth, e.clientWidth]")
                assert wide <= seen + 1, (view, width)


def test_keyboard_alone_marks_a_word_and_keeps_the_focus(page, app):
    open_at(page, app.url, text=FIRST)
    table(page, NAMES[0]).locator(".row.tok", has_text="plots").focus()
    page.keyboard.press("Enter")
    table(page, NAMES[1]).locator(".row.marked", has_text="plots").wait_for()
    page.wait_for_function(SETTLED)
    focused = (
        "() => { let e = document.activeElement; while (e && e.shadowRoot) "
        "e = e.shadowRoot.activeElement; return e && e.querySelector('.name')?.textContent; }"
    )
    assert page.evaluate(focused) == "plots"
