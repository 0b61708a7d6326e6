"""Typing is never disturbed, however slow the models are, and the last word counts."""

from __future__ import annotations

import pytest

from tests.support import bare_forward as truth
from tests.support.compare_browser import open_at, settle, wait_for_bars

FOUR = [f"sst2-{head}" for head in ("cls", "max_cls", "mha", "max_seq_mha")]
SENTENCE = "the story was very thin but the acting is anything but dull."
SLOW = '''
"""Registers no pooling head: it makes every forward of the app take half a second longer."""
import functools
import time

import analysis.reading.trace


def slow(record):
    @functools.wraps(record)
    def delayed(*args, **options):
        time.sleep(0.5)
        return record(*args, **options)

    return delayed


analysis.reading.trace.record = slow(analysis.reading.trace.record)
'''


@pytest.fixture(scope="module")
def motion():
    """All that moves, as most people see the page: it must not disturb either."""
    return "no-preference"


@pytest.fixture(scope="module")
def slow_app(serve, checkpoints, tmp_path_factory):
    """The app with half a second of delay in every recorded forward, four to a keystroke."""
    file = tmp_path_factory.mktemp("slow") / "slow_forwards.py"
    file.write_text(SLOW)
    env = {"POOLLENS_CHECKPOINTS": str(checkpoints)}
    return serve(arguments=["--heads", str(file)], env=env)


def running(page):
    """Wait until the server has begun to answer what was typed so far."""
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'running'"
    )


def field_state(page):
    return page.evaluate(
        "() => { const f = document.activeElement; return [f.getAttribute('aria-label'), f.value,"
        " f.selectionStart, f.selectionEnd]; }"
    )


def expected(checkpoints, text):
    probabilities = {}
    for name in FOUR:
        true = truth.pooling(checkpoints / name, text)
        numbers = [f"{p:.2f}" for p in true.probabilities]
        probabilities[name] = dict(zip(true.labels, numbers, strict=True))
    return probabilities


@pytest.mark.slow
def test_sixty_characters_against_a_delay_keep_text_caret_and_focus(page, slow_app, checkpoints):
    assert len(SENTENCE) == 60
    open_at(page, slow_app.url, text="good")
    field = page.get_by_label("Sentence", exact=True)
    field.click()
    field.press("Control+A")
    for start in range(0, 60, 12):
        field.press_sequentially(SENTENCE[start : start + 12], delay=30)
        running(page)  # each part is taken up while the one before is still being answered
        end = start + 12
        assert field_state(page) == ["Sentence", SENTENCE[:end], end, end]
    wait_for_bars(page, expected(checkpoints, SENTENCE))
    assert field_state(page) == ["Sentence", SENTENCE, 60, 60]
    settle(page)
    assert field_state(page) == ["Sentence", SENTENCE, 60, 60]
    strips = page.locator(".st-key-cards .pl-strip").all_text_contents()
    assert len(strips) == 8
    assert {" ".join(strip.split()) for strip in strips} == {f"[CLS] {SENTENCE} [SEP]"}


def test_caret_in_the_middle_stays_while_answers_arrive(page, slow_app, checkpoints):
    open_at(page, slow_app.url, text="the good film")
    field = page.get_by_label("Sentence", exact=True)
    field.click()
    field.press("Home")
    for _ in range(4):
        field.press("ArrowRight")
    field.press_sequentially("not ", delay=30)
    running(page)
    field.press_sequentially("very ", delay=30)
    text = "the not very good film"
    assert field_state(page) == ["Sentence", text, 13, 13]
    wait_for_bars(page, expected(checkpoints, text))
    settle(page)
    assert field_state(page) == ["Sentence", text, 13, 13]


def test_answers_of_the_older_text_never_fade(page, slow_app):
    open_at(page, slow_app.url, text="good")
    field = page.get_by_label("Sentence", exact=True)
    field.press_sequentially(" film", delay=30)
    running(page)
    old = page.locator(".st-key-cards [class*=st-key-answer-]")
    for index in range(old.count()):
        assert old.nth(index).evaluate("e => getComputedStyle(e).opacity") == "1"
    settle(page)


def typed_at(page, key, words):
    """Type at once, at the start ("Home") or the end ("End") of the sentence."""
    field = page.get_by_label("Sentence", exact=True)
    field.click()
    field.press(key)
    field.press_sequentially(words, delay=5)


@pytest.mark.slow
def test_a_word_clicked_while_newer_text_is_read_is_the_word_that_was_seen(page, slow_app):
    open_at(page, slow_app.url, text="the film is good")
    typed_at(page, "Home", "so ")
    page.locator(".st-key-cards .tok:visible", has_text="film").first.click()
    page.locator(".st-key-doubt-panel").get_by_text("“film” in doubt").wait_for()
    page.wait_for_url("**/?text=so+the+film+is+good&mark=0.7.11")


def test_a_word_pressed_while_its_card_is_drawn_anew_counts_as_clicked(page, slow_app):
    open_at(page, slow_app.url, text="the film is good")
    typed_at(page, "End", " and")
    page.locator(".st-key-cards .tok:visible", has_text="film").first.hover()
    page.mouse.down()
    strip = page.locator(".st-key-cards [class*=st-key-attr-] .pl-strip").first
    strip.locator(".tok", has_text="and").wait_for()
    page.mouse.up()
    page.locator(".st-key-doubt-panel").get_by_text("“film” in doubt").wait_for()
    page.wait_for_url("**/?text=the+film+is+good+and&mark=0.4.8")


def test_attributions_under_way_are_named_with_the_time_that_they_take(page, slow_app):
    open_at(page, slow_app.url, text="the film is good")
    page.evaluate(
        """() => {
          window.told = [];
          setInterval(() => {
            const line = document.querySelector('.stMain').innerText.match(/Input attribution .*/);
            if (line && window.told.at(-1) !== line[0]) window.told.push(line[0]);
          }, 20);
        }"""
    )
    page.get_by_label("Sentence", exact=True).press_sequentially(" and very long", delay=5)
    running(page)
    page.locator(".st-key-cards [class*=st-key-attr-] .tok", has_text="long").nth(3).wait_for()
    settle(page)
    reports = page.evaluate("() => window.told")
    assert all(line.startswith("Input attribution ") and " of 4: sst2-" in line for line in reports)
    assert any("left" in line for line in reports), reports


def test_a_change_of_class_alone_makes_no_answer_look_old(page, slow_app):
    open_at(page, slow_app.url, text="the film is good")
    page.evaluate(
        """() => {
          window.least = 1;
          setInterval(() => {
            for (const e of document.querySelectorAll('.st-key-cards [class*=st-key-answer-]'))
              window.least = Math.min(window.least, Number(getComputedStyle(e).opacity));
          }, 20);
        }"""
    )
    page.get_by_role("combobox", name="Class to explain").click()
    page.get_by_role("option", name="negative").click()
    running(page)
    settle(page)
    page.wait_for_url("**target=negative**")
    assert page.evaluate("() => window.least") == 1
