"""Pages that everybody can use: axe-core finds nothing serious on any, in both themes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages.ui.frame.frame import PAGES, place_of
from tests.browser.test_shift import AT_REST

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = """async () => {
  const told = await axe.run(document, { resultTypes: ['violations'] });
  return told.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
      `${id} at ${target.join(' ')}: ${failureSummary}`));
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The checks of axe-core, as npm installed them."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci")
    return AXE.read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("title", [title for _, title in PAGES])
def test_axe_finds_nothing_serious(page, app, axe, title, theme):
    page.emulate_media(color_scheme=theme)
    page.goto(f"{app.url}/{place_of(title)}")
    page.get_by_role("heading", name=title, exact=True).wait_for()
    page.wait_for_function(AT_REST)
    page.evaluate(axe)
    assert page.evaluate(SERIOUS) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_table_of_examples(page, app, axe, theme):
    page.emulate_media(color_scheme=theme)
    rows = f"good%0Abad%0Athe+film+is+not+good%0Aa+{theme}+plot"  # not answered before
    own = f"evaluate=Data+set&look=examples&source=own+sentences&own_sentences={rows}"
    page.goto(f"{app.url}/Evaluate?{own}")
    page.locator(".st-key-job-go button").click()
    page.locator(".st-key-panel-examples tbody tr").nth(2).wait_for()
    page.wait_for_function(AT_REST)
    page.evaluate(axe)
    assert page.evaluate(SERIOUS) == []
