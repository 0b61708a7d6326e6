// What the maps are made of and hold no state: a grid of points, a lasso, the glyphs of a legend.
// The points of a layout by the cell of a grid, so that the pointer asks its surroundings only.
const CELLS = 384,
  grids = new WeakMap();
const cell = (value) => Math.min(Math.max(Math.floor(((value + 1) / 3) * CELLS), 0), CELLS - 1);
function gridOf(layout) {
  let grid = grids.get(layout);
  if (!grid) {
    const count = layout.length / 2;
    grid = { first: new Int32Array(CELLS * CELLS).fill(-1), next: new Int32Array(count) };
    for (let i = 0; i < count; i++) {
      const place = cell(unpacked(layout[2 * i + 1])) * CELLS + cell(unpacked(layout[2 * i]));
      grid.next[i] = grid.first[place];
      grid.first[place] = i;
    }
    grids.set(layout, grid);
  }
  return grid;
}

function inside([x, y], path) {
  let odd = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [xi, yi] = path[i],
      [xj, yj] = path[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

function glyph(code, colour) {
  const form = [
    '<circle cx="7" cy="7" r="4.6"/>',
    '<rect x="2.6" y="2.6" width="8.8" height="8.8"/>',
    '<path d="M7 1.2 12.8 7 7 12.8 1.2 7z"/>',
    '<path d="M1.6 3.4h10.8L7 12.4z"/>',
    '<path d="M3 3 11 11M11 3 3 11" stroke-width="2.6"/>',
    '<path d="M1.6 3.4h10.8L7 12.4z" transform="rotate(180 7 7)"/>',
  ][code % 6];
  const fill = code > 5 || code % 6 === 4 ? "none" : colour;
  return `<svg width="14" height="14" viewBox="0 0 14 14" fill="${fill}" stroke="${colour}" stroke-width="1.6" aria-hidden="true">${form}</svg>`;
}

function place(element, left, top, width, height) {
  const sizes = { left, top, width, height };
  for (const [name, size] of Object.entries(sizes)) element.style[name] = `${size}px`;
}

function fitCanvas(canvas, width, height, ratio) {
  const w = Math.round(width * ratio),
    h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
}
