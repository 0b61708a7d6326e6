"""One way through the Attributions page, as somebody goes it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from analysis.attribution.registry import METHODS
from tests.support.compare_browser import at_rest, narrow_to_wide, runs_out, status_begins, write

FIRST, SECOND = "the plots thinned, not dully", "the story was poor and very dull"
NAMES = [f"sst2-{head}" for head in ("cls", "max_cls", "mha", "max_seq_mha")]
IG, GRADIENT, LOO = "Integrated gradients", "Gradient × input", "Leave one out"
SETTLED = at_rest(status_begins("Explained"))


def open_at(page, url, *methods, **address):
    keys = {method.title: key for key, method in METHODS.items()}
    query = urlencode([*address.items(), *(("methods", keys[method]) for method in methods)])
    page.goto(f"{url}/Attributions?{query}")
    page.wait_for_function(SETTLED)


def block(page, title):
    """The strips of one method."""
    return page.locator(".st-key-strips-drawing .block", has_text=title)


def words(page, title, index=0):
    return block(page, title).locator(".one").nth(index).locator(".tok").all_inner_texts()


def test_typing_and_another_method_bring_new_strips(page, app, asked_hosts):
    open_at(page, app.url, GRADIENT, text=FIRST)
    block(page, GRADIENT).locator(".one").nth(3).wait_for()
    assert words(page, GRADIENT) == ["[CLS]", *FIRST.replace(",", " ,").split(), "[SEP]"]

    write(page, SECOND)
    # The last word: what is typed so far is answered, too.
    block(page, GRADIENT).locator(".tok:text-is('dull')").nth(3).wait_for()
    page.wait_for_function(SETTLED)
    assert words(page, GRADIENT, 2) == ["[CLS]", *SECOND.split(), "[SEP]"]

    page.get_by_label("Methods", exact=True).click()
    page.keyboard.type(LOO)
    page.get_by_role("option", name=LOO).click()
    page.keyboard.press("Escape")
    block(page, LOO).locator(".tok", has_text="poor").nth(3).wait_for()
    page.wait_for_function(SETTLED)
    assert "methods=leave_one_out" in page.url
    assert asked_hosts == {app.host}


def test_option_changes_the_bars_and_a_token_is_marked_everywhere(page, app):
    open_at(page, app.url, GRADIENT, LOO, text=SECOND)
    block(page, LOO).locator(".what").click()  # in focus: its bars
    page.locator(".st-key-strips-drawing .block.on", has_text=LOO).wait_for()
    page.wait_for_function(SETTLED)
    before = page.locator(".st-key-bars-drawing .row.tok .num").all_inner_texts()
    page.get_by_role("button", name="Options").click()
    page.get_by_label("where", exact=True).click()
    page.get_by_role("option", name="head", exact=True).click()
    page.wait_for_url("**leave_one_out.where=head**")
    page.keyboard.press("Escape")
    for _ in range(60):  # the address changes before the bars do
        if page.locator(".st-key-bars-drawing .row.tok .num").all_inner_texts() != before:
            break
        page.wait_for_timeout(500)
    assert page.locator(".st-key-bars-drawing .row.tok .num").all_inner_texts() != before
    page.wait_for_function(SETTLED)

    block(page, GRADIENT).locator(".one").first.locator(".tok", has_text="story").click()
    for title in (GRADIENT, LOO):
        block(page, title).locator(".tok.marked", has_text="story").nth(3).wait_for()
    page.locator(".st-key-bars-drawing .row.marked", has_text="story").wait_for()
    page.wait_for_function(SETTLED)


def test_slow_method_is_asked_for_stopped_and_keeps_what_it_has(page, app):
    open_at(
        page,
        app.url,
        "Shapley value sampling",
        text=FIRST,
        checkpoints=NAMES[2],
        **{"shapley_sampling.n_samples": "9999"},
    )
    page.get_by_text("passes over").wait_for()
    page.get_by_role("button", name=f"Compute for {NAMES[2]}").click()
    stop = page.locator(".st-key-attribution-stop-strips button")
    stop.wait_for()
    page.locator(".st-key-waiting", has_text="%").wait_for()
    page.wait_for_timeout(1500)  # some samples
    stop.click()
    page.get_by_text("was stopped").wait_for()
    page.wait_for_function(SETTLED)
    assert words(page, "Shapley value sampling")[0] == "[CLS]"
    page.get_by_role("button", name="Compute in full").wait_for()
    assert page.locator(".st-key-bars-drawing .row.tok u").count(), "intervals"


def test_evidence_and_export(page, app):
    open_at(page, app.url, LOO, GRADIENT, text=FIRST, checkpoints=NAMES[2])
    table = page.locator(".st-key-evidence-drawing .evidence")
    table.locator(".line.random").wait_for()
    assert table.locator(".who").all_inner_texts() == [LOO, GRADIENT, "random rankings"]
    table.locator(".line", has_text=GRADIENT).click()  # in focus
    page.locator(".st-key-strips-drawing .block.on", has_text=GRADIENT).wait_for()
    page.wait_for_function(SETTLED)
    for panel in ("strips", "bars", "curves", "agreement", "methods", "layers"):
        page.locator(f".st-key-export-{panel}").first.wait_for()
    page.locator(".st-key-export-strips button").first.click()
    with page.expect_download() as saved:
        page.locator(".st-key-export-strips-pdf button").first.click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")


@pytest.mark.slow
def test_nothing_runs_out_of_the_window(page, app):
    page.set_viewport_size({"width": 390, "height": 800})
    open_at(page, app.url, LOO, GRADIENT, text="donaudampfschifffahrtsgesellschaft " * 3 + FIRST)
    for width in narrow_to_wide(page, 390, 800, 1280):
        assert not runs_out(page), width
        left = page.locator(".st-key-strips-panel").bounding_box()
        right = page.locator(".st-key-evidence-panel").bounding_box()
        assert (right["x"] > left["x"] + left["width"] / 2) == (width == 1280), "beside, or below"


def test_keyboard_alone_chooses_a_method_and_marks_a_word(page, app):
    open_at(page, app.url, LOO, GRADIENT, text=FIRST, checkpoints=NAMES[2])
    block(page, GRADIENT).locator(".choose").focus()
    page.keyboard.press("Enter")
    page.locator(".st-key-strips-drawing .block.on", has_text=GRADIENT).wait_for()
    block(page, LOO).locator(".tok", has_text="plots").focus()
    page.keyboard.press("Enter")
    block(page, GRADIENT).locator(".tok.marked", has_text="plots").wait_for()
    page.wait_for_function(SETTLED)


# For each card the layers of its first panel with their heights on the screen, and those of the
# panels beside it, which have no names of their own.
ROWS = """() => [...document.querySelectorAll('.st-key-layer-cards *')]
  .filter(e => e.shadowRoot?.querySelector('.pl-grid'))
  .map(e => [...e.shadowRoot.querySelectorAll('.panel')].map(panel => ({
    left: panel.getBoundingClientRect().left,
    title: panel.querySelector('.pl-sub').getBoundingClientRect().height,
    rows: [...panel.querySelectorAll('.bar')]
      .map(bar => Math.round(bar.getBoundingClientRect().top)),
    layers: [...panel.querySelectorAll('.bar')].map(bar => bar.title.split(':')[0])}))) """


def test_a_wrapped_heading_shifts_no_layer_of_which_layer_carries(page, app):
    open_at(page, app.url, LOO, text=SECOND)
    page.locator(".st-key-layer-cards .panel").nth(7).wait_for()
    page.locator(".st-key-layer-cards .pl-sub").first.evaluate(
        "e => { e.textContent = 'a heading that is much too long for one line of this panel' }"
    )
    for width in narrow_to_wide(page, 400, 1280):
        cards = page.evaluate(ROWS)
        assert len(cards) == 4
        assert any(first["title"] > second["title"] for first, second in cards), width
        for first, second in cards:
            shared = dict(zip(first["layers"], first["rows"], strict=True))
            assert second["rows"] == [shared[layer] for layer in second["layers"]], width
            assert second["left"] > first["left"], "beside it, for it has no names of its own"
