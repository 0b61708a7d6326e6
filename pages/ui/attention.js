// Tables of tokens and matrices of attention: shows the HTML that Python made, paints the matrices,
// reads a cell out under the pointer, and reports clicks on tokens and attention heads.
const decoded = new WeakMap();

function cells(canvas) {
  if (!decoded.has(canvas)) {
    const bytes = Uint8Array.from(atob(canvas.dataset.cells), (c) => c.charCodeAt(0));
    decoded.set(canvas, new Uint16Array(bytes.buffer));
  }
  return decoded.get(canvas);
}

function paint(canvas) {
  const values = cells(canvas);
  const [red, green, blue] = getComputedStyle(canvas).color.match(/[\d.]+/g).map(Number);
  const share = Number(canvas.dataset.top) / Number(canvas.dataset.limit) / 65535;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, place) => {
    const alpha = Math.min(value * share, 1) * 255;
    image.data.set([red, green, blue, alpha], 4 * place);
  });
  context.putImageData(image, 0, 0);
}

function read(event) {
  const picture = event.target.closest?.(".picture");
  const readout = picture?.querySelector(".readout");
  if (!readout) return;
  const canvas = event.target.closest("canvas");
  if (!canvas) {
    readout.textContent = readout.dataset.hint;
    return;
  }
  const box = canvas.getBoundingClientRect();
  const place = (at, size, count) => Math.max(0, Math.min(count - 1, Math.floor((at / size) * count)));
  const column = place(event.clientX - box.left, box.width, canvas.width);
  const row = place(event.clientY - box.top, box.height, canvas.height);
  const labels = JSON.parse(picture.dataset.labels);
  const value = (cells(canvas)[row * canvas.width + column] * Number(canvas.dataset.top)) / 65535;
  readout.textContent = `${canvas.dataset.name}${labels[row]} → ${labels[column]}: ${value.toPrecision(2)}`;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".heard");
  parentElement.report = setTriggerValue; // a new closure at every update

  if (!root.wired) {
    root.wired = true;
    const choose = (event) => {
      const token = event.target.closest(".tok:not(.special)");
      if (token) {
        const { segment, start, end } = token.dataset;
        parentElement.report("token", [Number(segment), Number(start), Number(end)]);
        return true;
      }
      const head = event.target.closest("[data-head]");
      if (head) parentElement.report("head", head.dataset.head.split(" ").map(Number));
      return Boolean(head);
    };
    root.addEventListener("click", choose);
    root.addEventListener("keydown", (event) => {
      if ((event.key === "Enter" || event.key === " ") && choose(event)) event.preventDefault();
    });
    root.addEventListener("pointermove", read);
    root.addEventListener("pointerleave", () => {
      for (const one of root.querySelectorAll(".readout")) one.textContent = one.dataset.hint;
    });
  }

  if (root.shown !== data.html) {
    // The element with the focus is replaced: give focus and scroll to those that took its place.
    const focused = root.getRootNode().activeElement;
    const places = () => [...root.querySelectorAll("[tabindex]")];
    const place = focused ? places().indexOf(focused) : -1;
    const scroll = root.querySelector(".rows")?.scrollTop ?? 0;
    root.innerHTML = data.html;
    root.shown = data.html;
    const rows = root.querySelector(".rows");
    if (rows) rows.scrollTop = scroll;
    if (place >= 0) places()[place]?.focus({ preventScroll: true });
  }
  root.querySelectorAll("canvas").forEach(paint); // again for another theme
}
