"""What opens on demand can be used by everybody, too: axe-core finds nothing serious."""

from __future__ import annotations

import pytest

from tests.support.compare_browser import at_rest
from tests.support.page_checks import SERIOUS


@pytest.mark.parametrize("theme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_axe_finds_nothing_serious_in_a_table_of_examples(page, app, axe, theme):
    page.emulate_media(color_scheme=theme)
    rows = f"good%0Abad%0Athe+film+is+not+good%0Aa+{theme}+plot"  # not answered before
    own = f"evaluate=Data+set&look=examples&source=own+sentences&own_sentences={rows}"
    page.goto(f"{app.url}/Evaluate?{own}")
    page.locator(".st-key-job-go button").click()
    page.locator(".st-key-panel-examples tbody tr").nth(2).wait_for()
    page.wait_for_function(at_rest())
    page.evaluate(axe)
    assert page.evaluate(SERIOUS) == []
