"""What is typed is text, and the app asks nobody but itself."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support import tiny
from tests.support.compare_browser import card, holds, open_at, settle, shown, write

HOSTILE = {
    "script": "<script>window.hit=1</script> good",
    "handlers": "<img src=x onerror=window.hit=1> <svg onload=window.hit=1> good",
    "attribute": 'good" onmouseover="window.hit=1" x="\' onclick=\'window.hit=1',
    "markdown": "![i](http://example.com/i.png) [a](javascript:window.hit=1) **good**",
    "latex": "$\\href{javascript:window.hit=1}{good}$ $$x^2$$",
    "frame": "</div></span><iframe src='http://example.com'></iframe> good",
}


@pytest.mark.parametrize(
    "kinds", [("script", "frame"), ("handlers", "attribute"), ("markdown", "latex")]
)
def test_typed_code_is_shown_and_never_executed(page, app, asked_hosts, kinds):
    shown_only(page, app, " ".join(HOSTILE[kind] for kind in kinds))
    assert asked_hosts == {app.host}


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_each_kind_of_code_alone_is_shown_and_never_executed(page, app, asked_hosts, kind):
    shown_only(page, app, HOSTILE[kind])
    assert asked_hosts == {app.host}


def shown_only(page, app, text):
    open_at(page, app.url, text=text, compare="true", variant=f"{text} bad")
    holds(page, text)
    page.locator(".st-key-cards .tok:visible", has_text="good").first.hover()
    page.locator(".st-key-cards .tok:visible", has_text="good").first.click()
    page.locator(".st-key-cards .tok.marked").first.wait_for()
    settle(page)
    assert page.evaluate("window.hit") is None
    assert page.locator(".st-key-cards").locator("img, iframe, script, svg[onload]").count() == 0
    spelled = "".join(page.locator(".st-key-cards .pl-strip").first.inner_text().split())
    assert spelled == "[CLS]" + "".join(text.split()) + "[SEP]"
    assert page.locator(".change").inner_text().replace("\n", "").endswith("bad")


def test_hostile_names_of_checkpoint_classes_and_task_stay_names(
    page, serve, tmp_path, asked_hosts
):
    """Folder, classes and task come from other people's files."""
    folder = tmp_path / "![i](http:example.com) <img src=x onerror=window.hit=1>"
    labels = ("![i](http://example.com/i.png)", "<script>window.hit=1</script>", "$x^2$")
    tiny.make_pooling_checkpoint(
        tmp_path / "made" / folder.name,
        "max_seq_mha",
        labels,
        task="![t](http://example.com/t.png)",
    )
    (tmp_path / "made" / "![b](http:example.com) *broken*").mkdir()
    server = serve(env={"POOLLENS_CHECKPOINTS": str(tmp_path / "made")})
    open_at(page, server.url, text="good film", target=labels[1])
    assert page.locator(".st-key-cards .id").inner_text() == folder.name
    assert set(page.locator(".st-key-cards [data-class] .name").all_inner_texts()) == set(labels)
    assert labels[1] in page.locator(".st-key-status").inner_text()
    page.get_by_text("![t](http://example.com/t.png)", exact=True).wait_for()
    page.get_by_text("Not usable (1)").click()
    page.get_by_text("![b](http:example.com) *broken*", exact=True).wait_for()
    assert page.evaluate("window.hit") is None
    assert asked_hosts == {server.host}


def test_link_to_hostile_checkpoints_names_them_and_asks_nobody(page, app, asked_hosts):
    name = "![i](http://example.com/i.png)"
    page.goto(f"{app.url}/?checkpoints={quote(name)}&checkpoints=sst2-cls&text=good")
    page.get_by_text(name).first.wait_for()
    settle(page)
    assert asked_hosts == {app.host}


def test_lone_surrogate_in_a_browser_is_replaced_and_answered_at_once(page, app):
    """It is no UTF-8, so the server would hang up on it."""
    open_at(page, app.url, text="good")
    page.get_by_label("Sentence", exact=True).evaluate(
        """field => {
          const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
          set.call(field, 'a ' + String.fromCharCode(0xD800) + ' film');
          field.dispatchEvent(new Event('input', {bubbles: true}));
        }"""
    )
    page.locator(".st-key-cards .tok", has_text="film").first.wait_for()
    page.reload()
    page.locator(".st-key-cards .tok", has_text="film").first.wait_for()
    settle(page)
    holds(page, "a \N{REPLACEMENT CHARACTER} film")


def test_whole_journey_asks_only_its_own_host(page, app, asked_hosts):
    open_at(page, app.url)
    write(page, "she said nothing")
    page.get_by_text("Checkpoint details").click()
    page.get_by_text("pooling head: cls").wait_for()
    card(page, "sst2-mha").get_by_role("button", name="Export").click()
    page.get_by_role("button", name="SVG", exact=True).wait_for()
    page.get_by_text("All numbers as a table").click()
    settle(page)
    assert shown(page)
    assert asked_hosts == {app.host}
