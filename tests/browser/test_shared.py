"""Two visitors of a shared server: what one uploads and computes, the other never sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PATIENCE = 120_000  # milliseconds
IDLE = """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
  === 'notRunning' && !document.querySelector('.stMain [data-stale=true]')"""
CHOICE = "evaluate=Data+set&source=file&checkpoints=sst2-cls"


def settle(page: Any) -> None:
    page.wait_for_timeout(400)  # until the run that an action began has begun
    page.wait_for_function(IDLE)


@pytest.mark.slow
def test_two_visitors_do_not_see_each_others_work(
    page: Any, serve: Any, checkpoints: Path, tmp_path: Path
) -> None:
    results, table = tmp_path / "results", tmp_path / "mine.csv"
    rows = [f"the film is good number {number},positive" for number in range(40)]
    table.write_text("text,label\n" + "\n".join(rows) + "\n")
    server = serve(
        arguments=["--shared"],
        env={"POOLLENS_CHECKPOINTS": str(checkpoints), "POOLLENS_RESULTS": str(results)},
    )
    page.goto(f"{server.url}/Evaluate?{CHOICE}")
    page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(str(table))
    page.get_by_text("40 of 40 rows").first.wait_for()
    page.locator(".st-key-job-go button").click()
    page.get_by_text("Scores on mine.csv").first.wait_for()
    (own,) = (results / "visitors").iterdir()
    assert list(own.rglob("*.arrow"))

    other = page.context.browser.new_context().new_page()
    other.set_default_timeout(PATIENCE)
    other.goto(f"{server.url}/Evaluate?{CHOICE}")
    other.locator("[data-testid=stFileUploaderDropzoneInput]").wait_for(state="attached")
    settle(other)
    assert other.get_by_text("mine.csv").count() == 0
    assert other.get_by_text("Kept on this machine").count() == 0
    places = sorted((results / "visitors").iterdir())
    assert len(places) == 2
    assert not [file for place in places if place != own for file in place.rglob("*.arrow")]

    page.reload()  # the cookie finds the visitor's folder again
    settle(page)
    assert sorted((results / "visitors").iterdir()) == places
