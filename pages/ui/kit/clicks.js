// What every piece of HTML shares: it reports clicks, and shows new HTML without losing its place.

// `reports` maps a selector to what a click there reports: element -> [name, value].
function wire({ parentElement, setTriggerValue }, root, reports) {
  parentElement.report = setTriggerValue; // a new closure at every update
  if (root.wired) return;
  root.wired = true;
  const every = {
    // A special token has no place in the text: where it can be chosen it says which one it is.
    ".tok[data-special]": ({ dataset }) => [
      "token",
      [-1, Number(dataset.special), Number(dataset.special)],
    ],
    ".tok:not(.special)": ({ dataset }) => [
      "token",
      [Number(dataset.segment), Number(dataset.start), Number(dataset.end)],
    ],
    ...reports,
  };
  const choose = (event) => {
    for (const [selector, report] of Object.entries(every)) {
      const element = event.target.closest(selector);
      if (element) {
        parentElement.report(...report(element));
        return true;
      }
    }
    return false;
  };
  root.addEventListener("click", choose);
  root.addEventListener("keydown", (event) => {
    const enters = event.key === "Enter" || event.key === " ";
    const marked = event.key === "Escape" && root.querySelector(".marked");
    const done = (enters && choose(event)) || (marked && choose({ target: marked }));
    if (done || walk(event)) event.preventDefault();
  });
}

// Along the units of a strip or a flow by the arrow keys, to its ends by Home and End. The one that
// was reached is where the Tab key comes back to.
function walk({ key, target }) {
  const group = target.closest(".pl-strip, .pl-flow");
  if (!group) return false;
  const places = [...group.querySelectorAll("[tabindex]")];
  const here = places.indexOf(target.closest("[tabindex]"));
  const ahead = getComputedStyle(target).direction === "rtl" ? -1 : 1;
  const steps = { ArrowRight: ahead, ArrowLeft: -ahead, ArrowDown: 1, ArrowUp: -1 };
  const ends = { Home: 0, End: places.length - 1 };
  const next = places[key in ends ? ends[key] : here + (steps[key] ?? Number.NaN)];
  if (here < 0 || !next) return false;
  for (const place of places) place.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
  return true;
}

function show(root, html) {
  if (root.shown === html) return;
  // The element with the focus is replaced: give focus and scroll to those that took its place.
  const focused = root.getRootNode().activeElement;
  const places = () => [...root.querySelectorAll("[tabindex]")];
  const place = focused ? places().indexOf(focused) : -1;
  const scroll = root.querySelector(".rows")?.scrollTop ?? 0;
  const open = [...root.querySelectorAll("details")].map((part) => part.open);
  root.innerHTML = html;
  root.shown = html;
  for (const [nth, part] of [...root.querySelectorAll("details")].entries()) {
    part.open = open[nth] ?? part.open;
  }
  const rows = root.querySelector(".rows");
  if (rows) rows.scrollTop = scroll;
  if (place >= 0) places()[place]?.focus({ preventScroll: true });
}
