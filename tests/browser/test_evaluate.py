"""One way through the Evaluate page: a file, a run that is stopped and goes on, a row, and back."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.compare_browser import narrow_to_wide, runs_out

WORDS = ("the", "film", "is", "good", "bad", "plot", "and", "acting", "a", "fine", "thin", "but")
IDLE = """() => document.documentElement.dataset.raised === 'true'
  && document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
  === 'notRunning' && !document.querySelector('.stMain [data-stale=true]')"""
NAMES = ("Sentence", "Second sentence")
RUN = 600_000  # milliseconds that a run may take where others share the cores
CHECKPOINTS = "checkpoints=sst2-cls&checkpoints=sst2-max_seq_mha"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts with labels of another spelling, one label that nothing means, and a row too short."""
    draw = random.Random(3)
    path = tmp_path_factory.mktemp("files") / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["text", "label"])
        for index in range(8_000):
            text = " ".join(draw.choices(WORDS, k=draw.randint(6, 40))) + f" {index}"
            rows.writerow([text, draw.choice(("neg", "pos", "meh"))])
        rows.writerow(["", "pos"])
    return path


def settle(page: Any) -> None:
    page.wait_for_timeout(400)  # until the run that an action began has begun
    page.wait_for_function(IDLE)


def heading(page: Any, title: str) -> None:
    page.wait_for_function(f"() => document.querySelector('h1')?.innerText === '{title}'")
    settle(page)


def test_a_file_is_run_stopped_resumed_filtered_and_opened(page, app, table):
    page.set_viewport_size({"width": 1280, "height": 2200})
    page.goto(f"{app.url}/Evaluate?evaluate=Data+set&source=File&look=examples&{CHECKPOINTS}")
    page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(str(table))
    page.get_by_text("Say what they mean").wait_for()
    page.get_by_text("meh (").first.wait_for()
    page.get_by_role("button", name="Use these").click()
    page.locator(".st-key-job-go button").wait_for()
    settle(page)

    page.locator(".st-key-job-go button").click()
    stop = page.locator(".st-key-job-stop button").first
    stop.wait_for()
    page.locator(".st-key-job-running").get_by_text(re.compile(r"\d .* left$")).first.wait_for()
    stop.click()
    page.get_by_role("button", name="Go on").wait_for()
    page.get_by_text("Results so far:").wait_for()
    page.get_by_role("button", name="Go on").click()
    page.locator(".st-key-job-go").wait_for(state="detached")
    page.locator(".st-key-job-running").wait_for(state="detached", timeout=RUN)
    settle(page)

    page.locator(".st-key-examples-controls").get_by_role("radio", name="all wrong").or_(
        page.locator(".st-key-examples-controls").get_by_role("button", name="all wrong")
    ).first.click()
    page.wait_for_function("() => location.search.includes('examples_show=all+wrong')")
    settle(page)
    left = page.url
    page.locator(".st-key-panel-examples tbody tr").nth(2).click()
    heading(page, "Compare")
    typed = page.get_by_label("Sentence", exact=True).first.input_value()
    assert typed.split()[0] in WORDS
    assert typed.split()[-1].isdigit()

    page.go_back()
    heading(page, "Evaluate")
    assert page.url == left
    page.locator(".st-key-panel-examples tr[aria-current]").wait_for()
    page.get_by_text("reviews.csv").first.wait_for()


def test_a_pair_opens_on_similarity_and_its_link_holds_all_of_it(page, app):
    rows = [("the plot is thin", "the story is thin"), ("a good film", "who lives in the city")]
    held = {
        "evaluate": "Data set", "source": "own sentences", "look": "examples",
        "own_sentences": "\n".join("\t".join(row) for row in rows),
        "evaluate_opens": "Similarity", "checkpoints": "mrpc-mha",
    }  # fmt: skip
    page.set_viewport_size({"width": 1280, "height": 1600})
    page.goto(f"{app.url}/Evaluate?{urlencode(held)}")
    page.locator(".st-key-job-go button").click()
    page.locator(".st-key-job-go").wait_for(state="detached")
    page.locator(".st-key-job-running").wait_for(state="detached", timeout=RUN)
    settle(page)
    left = page.url
    page.locator(".st-key-panel-examples tbody tr").first.click()
    heading(page, "Similarity")
    texts = tuple(page.get_by_label(name, exact=True).first.input_value() for name in NAMES)
    assert texts in rows

    page.get_by_role("button", name="last token").or_(
        page.get_by_role("radio", name="last token")
    ).first.click()
    page.locator(".similar .pair").nth(3).wait_for()
    word = page.locator('.similar .side[data-side="0"] [role=button]').nth(1)
    word.click()
    page.locator(".similar .struck").first.wait_for()
    page.locator(".similar .change").first.wait_for()
    settle(page)
    shown = page.locator(".similar .value").all_inner_texts()
    assert len(shown) == 4
    link = page.url

    other = page.context.browser.new_page()  # as somebody else opens it
    other.set_default_timeout(RUN)
    other.goto(link)
    other.locator(".similar .struck").first.wait_for()
    other.locator(".similar .pair").nth(3).wait_for()
    settle(other)
    assert texts == tuple(
        other.get_by_label(name, exact=True).first.input_value() for name in NAMES
    )
    assert other.locator(".similar .value").all_inner_texts() == shown
    other.close()

    page.go_back()
    heading(page, "Evaluate")
    assert page.url == left


def test_the_study_is_there_at_once(page, app):
    page.goto(f"{app.url}/Evaluate")
    page.locator(".st-key-panel-study_scores .js-plotly-plot").first.wait_for()
    page.get_by_text("seeds for each pooling head").first.wait_for()


@pytest.mark.slow
def test_nothing_runs_out_of_the_window(page, app):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{app.url}/Evaluate")
    page.locator(".st-key-panel-study_scores .js-plotly-plot").first.wait_for()
    settle(page)
    for width in narrow_to_wide(page, 390, 800, 1280):
        assert not runs_out(page), width
