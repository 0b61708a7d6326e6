"""What holds of every page in a browser, as scripts that the page itself runs."""

from __future__ import annotations

# The browser's own measure of what jumped since the first paint: `allShifts()`, with what moved.
SHIFTS = """
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

# What axe-core, run before, calls serious or critical.
SERIOUS = """async () => {
  const told = await axe.run(document, { resultTypes: ['violations'] });
  return told.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
      `${id} at ${target.join(' ')}: ${failureSummary}`));
}"""

# Elements that move or change gradually.
MOVING = """() => {
  const roots = [document, ...[...document.querySelectorAll('*')].map(e => e.shadowRoot)];
  return roots.filter(Boolean).flatMap(root => [...root.querySelectorAll('*')])
    .filter(e => {
      const style = getComputedStyle(e);
      const long = (times) => Math.max(...times.split(',').map(parseFloat)) > 0.01;
      return long(style.transitionDuration)
        || (style.animationName !== 'none' && long(style.animationDuration));
    }).map(e => `${e.tagName} ${e.className} ${e.dataset?.testid ?? ''}`);
}"""

# Where the focus is: its box on the page, and what tells it from others.
STOP = """() => {
  let e = document.activeElement;
  while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
  if (!e || e === document.body) return null;
  const { left, top, right, bottom } = e.getBoundingClientRect();
  const main = document.querySelector('.stMain');
  const y = main.scrollTop, inside = Boolean(e.closest('.stMain') ?? host(e).closest('.stMain'));
  window.stops ??= [];
  if (!window.stops.includes(e)) window.stops.push(e);
  return { left, right, top: top + inside * y, bottom: bottom + inside * y, inside,
    nth: window.stops.indexOf(e),
    name: `${e.tagName}.${e.className} ${(e.ariaLabel ?? e.textContent ?? '').slice(0, 40)}` };
  function host(inner) {
    let at = inner;
    while (at.getRootNode().host) at = at.getRootNode().host;
    return at;
  }
}"""
