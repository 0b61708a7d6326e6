"""Tasks that people come with, each from a first page to its answer, with its clicks counted.

Two more stand with their pages: three pictures to a composed PDF in test_figures.py, and UMAP of a
file to an outlier to Compare and back in test_embedding_map.py. ``pytest -s`` prints what each
took.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.clicks import Clicks
from tests.support.compare_browser import at_rest, holds, open_at, settle, write

FOUR = [f"sst2-{head}" for head in ("cls", "max_cls", "mha", "max_seq_mha")]
NEGATION = "the film is not good"


def to_page(page, title):
    """Go on by the sidebar, and wait until the page is at rest."""
    page.get_by_role("link", name=title, exact=True).click()
    page.get_by_role("heading", name=title, exact=True).wait_for()
    page.wait_for_function(at_rest())


def test_negation_which_head_is_most_sensitive_and_why(page, app):
    clicks = Clicks(page)
    open_at(page, app.url)
    write(page, NEGATION)
    holds(page, NEGATION)
    settle(page)
    # the first in sight: the split in numbers, folded away, holds the same words
    page.locator(".st-key-cards .tok", has_text="not").filter(visible=True).first.click()
    line = page.locator(".st-key-doubt-panel").get_by_text(
        re.compile(r"(Without|no margin gets smaller).*")
    )
    line.first.wait_for()
    sentence = line.first.inner_text()
    assert "“not”" in sentence
    assert any(
        f"{name} loses most" in sentence or f"{name} gains most" in sentence for name in FOUR
    )
    assert "layer" in sentence or "[CLS]" in sentence or "gains most" in sentence, "why"
    clicks.end("negation: which head is most sensitive and why", most=2)


def test_which_layer_wins_and_does_it_matter(page, app):
    clicks = Clicks(page)
    open_at(page, app.url, text=NEGATION)
    to_page(page, "Max-pool winners")
    line = page.get_by_text(re.compile("max_seq_mha: layer . wins most"))
    line.first.wait_for()
    sentence = line.first.inner_text()
    assert re.search(r"sst2-max_seq_mha: layer \d wins most \(\d+ %\)", sentence)
    assert re.search(r"removing layer \d (lowers|raises) the logit margin of \w+ most", sentence)
    clicks.end("which layer wins and does it matter", most=1)


def test_which_of_two_methods_to_trust(page, app):
    clicks = Clicks(page)
    open_at(page, app.url, text="the story was poor and very dull but the acting is fine")
    to_page(page, "Attributions")
    page.wait_for_function(at_rest("document.querySelector('.st-key-panel-trust')"))
    field = page.locator(".st-key-methods")
    field.get_by_role("button", name=re.compile("Gradient")).or_(
        field.locator("[title='Remove'], [aria-label*='emove']").nth(1)
    ).first.click()
    page.wait_for_function("() => !location.search.includes('gradient_x_input')")
    panel = page.locator(".st-key-panel-trust")
    line = panel.get_by_text(re.compile("^sst2-cls: "))
    page.wait_for_function(
        at_rest("!document.querySelector('.st-key-panel-trust').innerText.includes('not measured')")
    )
    sentence = line.first.inner_text()
    assert re.search(r"Trust|does not decide|better than random rankings", sentence)
    assert "sd" in sentence, "and why"
    assert "integrated gradients" in sentence or "leave one out" in sentence
    clicks.end("which of two methods to trust", most=3)


@pytest.mark.slow
def test_own_file_to_disagreements(page, app, tmp_path: Path):
    words = ("plot", "acting", "film", "song", "ending", "sound", "story", "end")
    rows = [f"the {a} was {b}" for a in words for b in ("good", "poor", "dull", "very thin")]
    file = tmp_path / "mine.csv"
    file.write_text("text\n" + "\n".join(rows) + "\n", "utf-8")
    clicks = Clicks(page)
    open_at(page, app.url)
    to_page(page, "Evaluate")
    page.get_by_text("Data set", exact=True).click()
    page.locator(".st-key-source").get_by_text("File", exact=True).click()
    page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(str(file))
    page.locator(".st-key-job-go button").click()
    listed = page.locator(".st-key-panel-examples tbody tr")
    listed.first.wait_for()
    page.wait_for_function(at_rest())
    page.locator(".st-key-examples-controls").get_by_text("they disagree", exact=True).click()
    page.wait_for_function("() => location.search.includes('they+disagree')")
    page.wait_for_function(at_rest())
    assert listed.count() > 0
    for line in listed.all():
        predictions = line.locator("td.prediction").all_inner_texts()
        assert len(predictions) == 4
        assert len({answer.lstrip("✗ ").split()[0] for answer in predictions}) > 1
    text = listed.first.locator("td.words").inner_text()
    listed.first.click()
    page.get_by_role("heading", name="Compare", exact=True).wait_for()
    holds(page, text)
    settle(page)
    assert "disagree" in page.locator(".st-key-verdict").inner_text()
    clicks.end("own CSV to disagreements", most=6)


@pytest.mark.slow
def test_a_link_to_a_colleague_who_goes_on_to_other_pages(page, app, browser):
    open_at(page, app.url, text=NEGATION, checkpoints="sst2-mha", target="negative", unit="pieces")
    link = page.url
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    colleague = context.new_page()
    colleague.set_default_timeout(120_000)
    clicks = Clicks(colleague)
    colleague.goto(link)
    settle(colleague)
    for title in ("Layers", "Max-pool winners", "Attention", "Compare"):
        to_page(colleague, title)
        holds(colleague, NEGATION)
        for part in ("checkpoints=sst2-mha", "target=negative", "unit=pieces"):
            assert part in colleague.url, title
    clicks.end("a link to a colleague who goes on to other pages", most=4)
    context.close()
