// Facing texts: draws the bands between words where the browser has laid the words out, shows the
// partners of a word pointed at in every pooling, and reports clicks on words.
const NS = "http://www.w3.org/2000/svg";
const WIDEST = 11; // pixels

function centre(svg, token, below) {
  const frame = svg.getBoundingClientRect();
  const boxes = token.getClientRects();
  const box = below ? boxes[boxes.length - 1] : boxes[0];
  return [box.left + box.width / 2 - frame.left, (below ? box.bottom : box.top) - frame.top];
}

function band(svg, [x, y], [u, v], value, limit) {
  const path = document.createElementNS(NS, "path");
  const middle = (y + v) / 2;
  path.setAttribute("d", `M${x} ${y}C${x} ${middle} ${u} ${middle} ${u} ${v}`);
  path.setAttribute("class", value < 0 ? "negative" : "positive");
  path.style.strokeWidth = `${Math.max(0.8, WIDEST * Math.min(Math.abs(value) / limit, 1))}px`;
  svg.append(path);
}

function words(row, side) {
  return row.querySelectorAll(`.side[data-side="${side}"] [data-unit]`);
}

function shown(value) {
  const size = Math.abs(value);
  if (size && size < 0.001) return value.toExponential(0);
  return (value < 0 ? "−" : "") + size.toFixed(size < 0.1 ? 3 : 2).replace(/^0/, "");
}

function draw(row, pointed) {
  if (!row.getClientRects().length) return; // not laid out: it is drawn when it has a size
  row.held ??= JSON.parse(row.dataset.row);
  const data = row.held;
  const svg = row.querySelector("svg");
  const readout = row.querySelector(".readout");
  const tokens = [words(row, 0), words(row, 1)];
  svg.replaceChildren();
  for (const one of row.querySelectorAll(".partner")) one.classList.remove("partner");
  let links = data.links;
  readout.textContent = readout.dataset.hint;
  if (pointed) {
    const unit = [...tokens[pointed.side]].find(
      (t) => t.dataset.start === pointed.start && t.dataset.end === pointed.end,
    );
    if (!unit) return;
    const number = Number(unit.dataset.unit);
    const partners = data.partners[pointed.side][number];
    const other = 1 - pointed.side;
    links = partners.map(([place, value]) =>
      pointed.side === 0 ? [number, place, value] : [place, number, value],
    );
    unit.classList.add("partner");
    for (const [place] of partners) tokens[other][place].classList.add("partner");
    readout.textContent = partners.length
      ? `${unit.textContent}: ` +
        partners.map(([p, value]) => `${tokens[other][p].textContent} ${shown(value)}`).join(", ")
      : `${unit.textContent}: nothing`;
  }
  for (const [i, j, value] of links.slice().reverse()) {
    // A long text is shown in parts: no band ends at what is not in sight.
    if ([tokens[0][i], tokens[1][j]].some((t) => !t.getClientRects().length)) continue;
    band(svg, centre(svg, tokens[0][i], true), centre(svg, tokens[1][j], false), value, data.limit);
  }
}

function redraw(root, pointed) {
  for (const row of root.querySelectorAll(".pair[data-row]")) draw(row, pointed);
}

function place(element) {
  const token = element?.closest?.("[data-unit]");
  if (!token) return null;
  const { segment, start, end } = token.dataset;
  return { side: Number(segment), start, end };
}

export default function (component) {
  const root = component.parentElement.querySelector(".similar");
  if (!root.wired) {
    // Cards stand in components of their own: all of the page's hear of the word pointed at.
    root.listen = (event) => {
      root.pointed = event.detail;
      redraw(root, root.pointed);
    };
    window.addEventListener("poollens-pointed", root.listen);
    const tell = (where) => {
      if (JSON.stringify(where) === root.told) return;
      root.told = JSON.stringify(where);
      window.dispatchEvent(new CustomEvent("poollens-pointed", { detail: where }));
    };
    root.addEventListener("pointerover", (event) => tell(place(event.target)));
    root.addEventListener("pointerleave", () => tell(null));
    root.addEventListener("focusin", (event) => tell(place(event.target)));
    root.addEventListener("focusout", () => tell(null));
    root.addEventListener("click", ({ target }) => {
      if (!target.classList.contains("more")) return;
      target.nextElementSibling.hidden = false;
      target.remove();
      redraw(root, null);
    });
    root.observer = new ResizeObserver(() => redraw(root, root.pointed ?? null));
    root.observer.observe(root);
  }
  wire(component, root, {});
  show(root, component.data.html);
  // What is pointed at stays so while the page draws itself anew beneath the pointer.
  requestAnimationFrame(() => redraw(root, root.pointed ?? null));
  return () => {
    window.removeEventListener("poollens-pointed", root.listen);
    root.observer.disconnect();
  };
}
