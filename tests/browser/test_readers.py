"""Pages for every reader: texts of drawings stand out, and the focus is seen."""

from __future__ import annotations

import pytest

from pages.ui.frame.frame import PAGES, place_of
from tests.support.compare_browser import at_rest, open_at

# For each text of a drawing its contrast against the page, colours and opacities composed.
CONTRASTS = """selector => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => {
    const v = c[i] / 255;
    return sum + w * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const ground = (e) => {
    const found = [];
    for (; e; e = e.parentElement || e.getRootNode().host) {
      found.unshift(getComputedStyle(e).backgroundColor);
    }
    return found;
  };
  const roots = [document, ...[...document.querySelectorAll('*')].map(e => e.shadowRoot)];
  return roots.filter(Boolean).flatMap(root => [...root.querySelectorAll(selector)])
    .filter(e => e.textContent.trim() && e.getClientRects().length).map(e => {
      const below = ground(e), style = getComputedStyle(e);
      const own = e.ownerSVGElement ? style.fill : style.color;
      const [a, b] = [light(rgb([...below, own])), light(rgb(below))].sort((x, y) => y - x);
      return [e.textContent, (a + 0.05) / (b + 0.05) * (style.opacity < 1 ? 0 : 1)];
    });
}"""


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("title", "selector"), [("Compare", ".pl-flow text"), ("Similarity", ".similar .tok")]
)
def test_the_texts_of_flows_and_bands_stand_out(page, app, title, selector, theme):
    page.emulate_media(color_scheme=theme)
    pair = "&pair=a+good+film" if title == "Similarity" else ""
    page.goto(f"{app.url}/{place_of(title)}?text=the+film+is+not+good{pair}")
    page.get_by_role("heading", name=title, exact=True).wait_for()
    page.locator(selector).first.wait_for()
    page.wait_for_function(at_rest())
    contrasts = page.evaluate(CONTRASTS, selector)
    assert len(contrasts) >= 4 * 6
    faint = [(text, round(ratio, 1)) for text, ratio in contrasts if ratio < 4.5]
    assert not faint


# The element with the focus, whether it is in sight, and the looks that can mark it.
FOCUS = """() => {
  let e = document.activeElement;
  while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
  if (!e || e === document.body) return null;
  const box = e.getBoundingClientRect();
  const looks = [];
  for (let at = e, n = 0; at && n < 5; at = at.parentElement ?? at.getRootNode().host, n++) {
    const s = getComputedStyle(at);
    looks.push([s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 ? s.outline : '',
      s.boxShadow, s.borderColor, s.textDecorationLine, s.backgroundColor].join(' '));
    if (n === 0) for (const inner of at.querySelectorAll('text, span, div, p')) {
      const t = getComputedStyle(inner); looks.push(t.textDecorationLine + t.fontWeight);
    }
  }
  window.focused = e;
  return {name: `${e.tagName} ${e.getAttribute('aria-label') ?? e.textContent.slice(0, 30)}`,
    seen: box.bottom > 0 && box.top < innerHeight, looks: looks.join('|'),
    main: Boolean(e.closest('.stMain') ?? e.getRootNode().host?.closest('.stMain'))};
}"""


FEW = ("Attributions",)  # the others in the slow part


@pytest.mark.parametrize(
    "title",
    [t if t in FEW else pytest.param(t, marks=pytest.mark.slow) for _, t in PAGES],
)
def test_every_stop_of_the_tab_key_is_in_sight_and_marked(page, app, title):
    open_at(page, app.url) if title == "Compare" else page.goto(f"{app.url}/{place_of(title)}")
    page.get_by_role("heading", name=title, exact=True).wait_for()
    page.wait_for_function(at_rest())
    assert page.locator("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").count() == 0
    before, unmarked, hidden, stops = None, [], [], []
    for _ in range(45):
        page.keyboard.press("Tab")
        now = page.evaluate(FOCUS)
        if now is None:
            continue
        stops.append(now)
        if not now["seen"]:
            hidden.append(now["name"])
        page.evaluate("() => { window.kept = window.focused; window.kept.blur(); }")
        plain = page.evaluate(
            FOCUS.replace("let e = document.activeElement;", "let e = window.kept;").replace(
                "while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;", ""
            )
        )
        if plain["looks"] == now["looks"]:
            unmarked.append(now["name"])
        page.evaluate("() => window.kept.focus({focusVisible: true})")
        before = now
    assert before is not None
    assert any(stop["main"] for stop in stops)
    assert not hidden
    assert not unmarked
