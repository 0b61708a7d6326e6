// A unit, a layer or a class that is pointed at lights up in every picture of the page. Pieces of
// HTML stand in shadow roots of their own, so what is pointed at is told to the whole window.

const POINT = "poollens-point";

function pointAt(key) {
  window.dispatchEvent(new CustomEvent(POINT, { detail: key }));
}

function listen(root) {
  const keyOf = (event) => event.target.closest?.("[data-point]")?.dataset.point ?? "";
  for (const name of ["pointerover", "focusin"]) {
    root.addEventListener(name, (event) => keyOf(event) && pointAt(keyOf(event)));
  }
  for (const name of ["pointerleave", "focusout"]) root.addEventListener(name, () => pointAt(""));
  const light = ({ detail }) => {
    if (!root.isConnected) window.removeEventListener(POINT, light);
    else for (const flow of root.querySelectorAll(".pl-flow")) show(flow, detail);
  };
  window.addEventListener(POINT, light);

  // Tokenizers may cut one text differently: units that share a character are the same place.
  const touches = (one, other) => {
    if (one === other) return true;
    const [kind, part, start, end] = one.split(":");
    const [kind2, part2, start2, end2] = other.split(":");
    return (
      kind === "t" &&
      kind2 === "t" &&
      part === part2 &&
      part !== "-1" &&
      Number(start) < Number(end2) &&
      Number(start2) < Number(end)
    );
  };

  function show(flow, key) {
    const meant = (own) => key && touches(own, key);
    flow.classList.toggle("pointed", Boolean(key));
    for (const stream of flow.querySelectorAll(".stream")) {
      stream.classList.toggle("lit", stream.dataset.keys.split(" ").some(meant));
    }
    for (const place of flow.querySelectorAll("[data-point]")) {
      place.classList.toggle("lit", Boolean(meant(place.dataset.point)));
    }
    const told = Object.entries(JSON.parse(flow.dataset.told));
    const line = flow.parentElement.querySelector(".pl-told");
    const words = told.filter(([own]) => meant(own)).map(([, number]) => number);
    line.textContent = key ? words.join(" · ") || "not read here" : line.dataset.rest;
  }
}
