// What every piece of HTML shares: it reports clicks, and shows new HTML without losing its place.

// `reports` maps a selector to what a click there reports: element -> [name, value].
function wire({ parentElement, setTriggerValue, data }, root, reports) {
  parentElement.report = setTriggerValue; // a new closure at every update
  root.of = data.of ?? ""; // the text that the HTML shows, by the name that Python gave it
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
  const meant = ({ target }) => {
    for (const [selector, report] of Object.entries(every)) {
      const element = target.closest?.(selector);
      if (!element) continue;
      const [name, value] = report(element);
      return { element, name, value: name === "token" ? [...value, root.of] : value };
    }
    return null;
  };
  const choose = (event) => {
    const choice = meant(event);
    if (choice) parentElement.report(choice.name, choice.value);
    return Boolean(choice);
  };
  // What was pressed may be replaced by newer HTML before it is let go: then no click comes of it,
  // and what was meant is what stood there.
  let pressed = null;
  root.addEventListener("pointerdown", (event) => {
    pressed = event.button === 0 ? meant(event) : null;
    if (!pressed) return;
    const { clientX, clientY } = event;
    const letGo = (end) => {
      const still = Math.hypot(end.clientX - clientX, end.clientY - clientY) < 8;
      setTimeout(() => {
        if (pressed && still && !pressed.element.isConnected) {
          parentElement.report(pressed.name, pressed.value);
        }
        pressed = null;
      });
    };
    addEventListener("pointerup", letGo, { once: true, capture: true });
  });
  root.addEventListener("click", (event) => {
    if (choose(event)) pressed = null;
  });
  root.addEventListener("keydown", (event) => {
    const enters = event.key === "Enter" || event.key === " ";
    const edited = event.target.closest(".struck, .put");
    const marked = event.key === "Escape" && (edited ?? root.querySelector(".marked"));
    const done = (enters && choose(event)) || (marked && choose({ target: marked }));
    if (done || walk(event)) event.preventDefault();
  });
}

// Units of a text and rows of a table are one stop of the Tab key; the arrow keys go along them.
const GROUPS = ".pl-strip, .pl-flow, [data-arrows]";

function placesOf(group) {
  return [...group.querySelectorAll("[tabindex]")].filter((e) => e.closest(GROUPS) === group);
}

// Where the Tab key comes back to.
function stopAt(place) {
  const group = place?.closest(GROUPS);
  if (!group) return;
  for (const other of placesOf(group)) other.setAttribute("tabindex", "-1");
  place.setAttribute("tabindex", "0");
}

// Along the units of a group by the arrow keys, to its ends by Home and End.
function walk({ key, target }) {
  const group = target.closest(GROUPS);
  if (!group) return false;
  const places = placesOf(group);
  const here = places.indexOf(target.closest("[tabindex]"));
  const ahead = getComputedStyle(target).direction === "rtl" ? -1 : 1;
  const steps = { ArrowRight: ahead, ArrowLeft: -ahead, ArrowDown: 1, ArrowUp: -1 };
  const ends = { Home: 0, End: places.length - 1 };
  const next = places[key in ends ? ends[key] : here + (steps[key] ?? Number.NaN)];
  if (here < 0 || !next) return false;
  stopAt(next);
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
  for (const group of root.querySelectorAll("[data-arrows]")) stopAt(placesOf(group)[0]);
  if (place < 0) return;
  stopAt(places()[place]);
  places()[place]?.focus({ preventScroll: true });
}
