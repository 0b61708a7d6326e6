// Names beside the points they are about, never over any: each takes the nearest free rectangle.
// Where there is none near, the name stands outside of the crowd, and its line leads over it.
const TILE = 4; // pixels of the grid that says where points are
const FARTHEST = 84; // pixels between a name and the middle of what it is about
const OUTSIDE = [16, 12]; // steps, in pixels, across and down in which the panel is searched beyond
const ROW = 17; // pixels of a line of text
const DOT = 14; // pixels that a class's colour takes before its name
const SHORT = 4; // pixels: a line that is no longer says nothing

// `names` [{text, x, y, width}] about places of the screen, in order of importance; `cover(mark)`
// calls `mark(x, y)` for every point that is drawn, `radius` pixels large.
function placed(box, names, radius, cover) {
  const columns = Math.ceil(box.width / TILE) + 1,
    rows = Math.ceil(box.height / TILE) + 1;
  const taken = new Uint8Array(columns * rows);
  const fill = (left, top, right, bottom) => {
    const from = Math.max(Math.floor((left - box.x) / TILE), 0),
      to = Math.min(Math.floor((right - box.x) / TILE), columns - 1);
    const first = Math.max(Math.floor((top - box.y) / TILE), 0),
      last = Math.min(Math.floor((bottom - box.y) / TILE), rows - 1);
    for (let row = first; row <= last; row++) {
      for (let column = from; column <= to; column++) taken[row * columns + column] = 1;
    }
  };
  cover((x, y) => fill(x - radius, y - radius, x + radius, y + radius));
  // How many tiles above and left of each are taken: a rectangle is asked in four look-ups.
  const sums = new Int32Array((columns + 1) * (rows + 1));
  for (let row = 0; row < rows; row++) {
    let along = 0;
    for (let column = 0; column < columns; column++) {
      along += taken[row * columns + column];
      sums[(row + 1) * (columns + 1) + column + 1] = sums[row * (columns + 1) + column + 1] + along;
    }
  }
  const free = (left, top, width, height) => {
    if (left < box.x + 2 || top < box.y + 2) return false;
    if (left + width > box.x + box.width - 2 || top + height > box.y + box.height - 2) return false;
    const [from, to] = [left, left + width].map((x) => Math.floor((x - box.x) / TILE));
    const [first, last] = [top, top + height].map((y) => Math.floor((y - box.y) / TILE));
    const at = (row, column) => sums[row * (columns + 1) + column];
    return !(at(last + 1, to + 1) - at(first, to + 1) - at(last + 1, from) + at(first, from));
  };
  const done = [],
    crowded = [];
  const apart = (left, top, width, height) =>
    done.every(
      (other) =>
        left > other.left + other.width + 3 ||
        other.left > left + width + 3 ||
        top > other.top + other.height + 1 ||
        other.top > top + height + 1,
    );
  const put = (name, places) => {
    for (const [left, top] of places) {
      const there = { ...name, left, top };
      if (!free(left, top, name.width, ROW) || !apart(left, top, name.width, ROW)) continue;
      if (!uncrossed(done, there)) continue;
      done.push(there);
      return true;
    }
    return false;
  };
  for (const name of names) {
    const inside = name.x >= box.x && name.x <= box.x + box.width;
    if (!inside || name.y < box.y || name.y > box.y + box.height) continue;
    const width = name.width + 8;
    if (!put({ ...name, width, height: ROW }, around(name, width))) crowded.push(name);
  }
  for (const name of crowded) {
    const width = name.width + 8;
    put({ ...name, width, height: ROW, over: true }, everywhere(box, name, width));
  }
  // A line ends before the first point that it would cross: at the edge of what the name is about.
  const covers = (x, y) => {
    const column = Math.floor((x - box.x) / TILE),
      row = Math.floor((y - box.y) / TILE);
    return (
      column >= 0 && row >= 0 && column < columns && row < rows && taken[row * columns + column]
    );
  };
  for (const name of done) {
    if (name.over) {
      name.end = [name.x, name.y];
      continue;
    }
    const [x0, y0, x1, y1] = straight(name);
    const length = Math.hypot(x1 - x0, y1 - y0);
    let gone = 0;
    while (
      gone < length &&
      !covers(x0 + ((x1 - x0) * gone) / length, y0 + ((y1 - y0) * gone) / length)
    )
      gone += 1;
    const share = length ? limited((gone - 1) / length, [0, 1]) : 0;
    name.end = gone >= length ? [x1, y1] : [x0 + (x1 - x0) * share, y0 + (y1 - y0) * share];
  }
  return done;
}

// From the nearest edge of a name towards the place it is about, as far as it is drawn.
function leader(name) {
  const [x, y] = straight(name);
  return [x, y, ...name.end];
}

function isLined(name) {
  const [x0, y0, x1, y1] = leader(name);
  return Math.hypot(x1 - x0, y1 - y0) > SHORT;
}

// Whether the line from a name to its place meets no other name and no line that leads over points,
// and no other line meets it.
function uncrossed(others, name) {
  const line = straight(name);
  return others.every(
    (other) =>
      !meets(line, other) &&
      !meets(straight(other), name) &&
      !((name.over || other.over) && cross(line, straight(other))),
  );
}

// Whether two lines cross.
function cross([ax, ay, bx, by], [cx, cy, dx, dy]) {
  const side = (px, py, qx, qy, x, y) => Math.sign((qx - px) * (y - py) - (qy - py) * (x - px));
  return (
    side(ax, ay, bx, by, cx, cy) !== side(ax, ay, bx, by, dx, dy) &&
    side(cx, cy, dx, dy, ax, ay) !== side(cx, cy, dx, dy, bx, by)
  );
}

// From the nearest edge of a name to the place it is about: [x, y, x, y].
function straight({ left, top, width, height, x, y }) {
  return [limited(x, [left, left + width]), limited(y, [top, top + height]), x, y];
}

// Whether a line touches a rectangle (Liang and Barsky).
function meets([x0, y0, x1, y1], { left, top, width, height }) {
  let from = 0,
    to = 1;
  for (const [start, step, low, high] of [
    [x0, x1 - x0, left, left + width],
    [y0, y1 - y0, top, top + height],
  ]) {
    if (!step && (start < low || start > high)) return false;
    if (step) {
      const ends = [(low - start) / step, (high - start) / step].sort((a, b) => a - b);
      from = Math.max(from, ends[0]);
      to = Math.min(to, ends[1]);
    }
  }
  return from <= to;
}

function around({ x, y }, width) {
  const places = [];
  for (let far = 10; far <= FARTHEST; far += 6) {
    const steps = Math.max(8, Math.round(far / 6));
    for (let step = 0; step < steps; step++) {
      // Above first, then below, then to the sides.
      const angle =
        -Math.PI / 2 + (step % 2 ? 1 : -1) * Math.ceil(step / 2) * ((2 * Math.PI) / steps);
      const dx = Math.cos(angle) * (far + width / 2),
        dy = Math.sin(angle) * far;
      places.push([x + dx - width / 2, y + dy - ROW / 2]);
    }
  }
  return places.sort((a, b) => gap(a, x, y, width) - gap(b, x, y, width));
}

// Places in all of the panel, the nearest first.
function everywhere(box, { x, y }, width) {
  const places = [];
  for (let top = box.y + 3; top + ROW < box.y + box.height; top += OUTSIDE[1]) {
    for (let left = box.x + 3; left + width < box.x + box.width; left += OUTSIDE[0]) {
      places.push([left, top]);
    }
  }
  return places.sort((a, b) => gap(a, x, y, width) - gap(b, x, y, width));
}

// From a place to the nearest edge of a rectangle of text.
function gap([left, top], x, y, width) {
  return Math.hypot(x - limited(x, [left, left + width]), y - limited(y, [top, top + ROW]));
}
