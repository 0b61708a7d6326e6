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
  const [red, green, blue] = getComputedStyle(canvas)
    .color.match(/[\d.]+/g)
    .map(Number);
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
  const place = (at, size, count) =>
    Math.max(0, Math.min(count - 1, Math.floor((at / size) * count)));
  const column = place(event.clientX - box.left, box.width, canvas.width);
  const row = place(event.clientY - box.top, box.height, canvas.height);
  const labels = JSON.parse(picture.dataset.labels);
  const value = (cells(canvas)[row * canvas.width + column] * Number(canvas.dataset.top)) / 65535;
  readout.textContent = `${canvas.dataset.name}${labels[row]} → ${labels[column]}: ${value.toPrecision(2)}`;
}

export default function (component) {
  const root = component.parentElement.querySelector(".heard");
  if (!root.wired) {
    root.addEventListener("pointermove", read);
    root.addEventListener("pointerleave", () => {
      for (const one of root.querySelectorAll(".readout")) one.textContent = one.dataset.hint;
    });
  }
  wire(component, root, {
    "[data-head]": (head) => ["head", head.dataset.head.split(" ").map(Number)],
  });
  show(root, component.data.html);
  root.querySelectorAll("canvas").forEach(paint); // again for another theme
}
