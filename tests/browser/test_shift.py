"""A page never jumps while it opens: the browser's own measure, from first paint to rest."""

from __future__ import annotations

import pytest

from pages.ui.frame.frame import PAGES, place_of
from tests.support.compare_browser import STANDING, at_rest

MOST = 0.1  # cumulative layout shift up to which a page counts as good (web.dev/cls)
WATCH = """
window.shifts = [];
const told = ({ node, previousRect: a, currentRect: b }) => {
  const element = node?.nodeType === 1 ? node : node?.parentElement;
  const key = element?.closest('[class*=st-key-]')?.className.match(/st-key-\\S+/)?.[0];
  return `${key} from ${a.x},${a.y} ${a.width}x${a.height} to ${b.x},${b.y} ${b.width}x${b.height}`;
};
const keep = (entries) => {
  for (const entry of entries) {
    if (!entry.hadRecentInput) window.shifts.push([entry.value, entry.sources.map(told)]);
  }
};
const observer = new PerformanceObserver((list) => keep(list.getEntries()));
observer.observe({ type: 'layout-shift', buffered: true });
window.allShifts = () => { keep(observer.takeRecords()); return window.shifts; };
"""
AT_REST = at_rest("document.querySelector('h1')")


@pytest.mark.parametrize("width", [1280, pytest.param(400, marks=pytest.mark.slow)])
@pytest.mark.parametrize("title", [title for _, title in PAGES])
def test_a_page_does_not_jump_while_it_opens(page, app, title, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.add_init_script(WATCH)
    page.goto(f"{app.url}/{place_of(title)}")
    page.get_by_role("heading", name=title, exact=True).wait_for()
    page.wait_for_function(AT_REST)
    page.evaluate(STANDING)
    shifts = sorted(page.evaluate("allShifts()"), reverse=True)
    assert sum(value for value, _ in shifts) <= MOST, shifts[:4]
