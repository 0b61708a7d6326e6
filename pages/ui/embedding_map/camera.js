// Where one looks: the middle of the view on the map (0..1) and how large a map is drawn.
const AIR = 0.03; // share of a panel that stays free around the whole map
const ZOOMS = [0.7, 60];
const EDGE = 0.08; // share of a panel that the last point in sight keeps from its edge

const limited = (value, [low, high]) => Math.min(Math.max(value, low), high);
const unpacked = (code) => (code / 65535) * 3 - 1; // of the 16 bits that a coordinate travels in

const extents = new WeakMap();
function extentOf(layout) {
  let known = extents.get(layout);
  if (!known) {
    known = [65535, 0, 65535, 0];
    for (let i = 0; i < layout.length; i += 2) {
      const x = layout[i],
        y = layout[i + 1];
      if (x < known[0]) known[0] = x;
      if (x > known[1]) known[1] = x;
      if (y < known[2]) known[2] = y;
      if (y > known[3]) known[3] = y;
    }
    known = known.map(unpacked);
    extents.set(layout, known);
  }
  return known;
}

// The view that has all of these layouts in sight, as large as the panel allows.
function wholeOf(box, layouts) {
  const each = layouts.map(extentOf);
  const [left, low] = [0, 2].map((k) => Math.min(...each.map((extent) => extent[k])));
  const [right, top] = [1, 3].map((k) => Math.max(...each.map((extent) => extent[k])));
  const room = (1 - 2 * AIR) / box.side;
  const zoom = Math.min(
    (box.width * room) / Math.max(right - left, 1e-3),
    (box.height * room) / Math.max(top - low, 1e-3),
    ZOOMS[1] / 20, // all on one spot
  );
  return { x: (left + right) / 2, y: (low + top) / 2, zoom: Math.max(zoom, ZOOMS[0]) };
}

function toScreen(box, view, x, y) {
  return [
    box.x + box.width / 2 + (x - view.x) * view.zoom * box.side,
    box.y + box.height / 2 - (y - view.y) * view.zoom * box.side,
  ];
}

function toMap(box, view, x, y) {
  return [
    view.x + (x - box.x - box.width / 2) / view.zoom / box.side,
    view.y - (y - box.y - box.height / 2) / view.zoom / box.side,
  ];
}

// Larger or smaller around a place of the screen.
function zoomedAt(box, view, factor, x, y) {
  const zoom = limited(view.zoom * factor, ZOOMS);
  const [mapX, mapY] = toMap(box, view, x, y);
  return {
    x: mapX - (x - box.x - box.width / 2) / zoom / box.side,
    y: mapY + (y - box.y - box.height / 2) / zoom / box.side,
    zoom,
  };
}

// The view moved as little as it takes to have a point in sight: nobody gets lost in the empty.
function withPoints(box, view, layout, seen) {
  const reach = [box.width, box.height].map((size) => size / 2 / view.zoom / box.side);
  if (pointWithin(layout, view, reach, seen)) return view;
  const nearest = nearestPoint(layout, view, seen);
  if (!nearest) return view;
  const inset = reach.map((size) => size * (1 - 2 * EDGE));
  return {
    x: limited(view.x, [nearest[0] - inset[0], nearest[0] + inset[0]]),
    y: limited(view.y, [nearest[1] - inset[1], nearest[1] + inset[1]]),
    zoom: view.zoom,
  };
}

function pointWithin(layout, view, [reachX, reachY], seen) {
  const { first, next } = gridOf(layout);
  for (let row = cell(view.y - reachY); row <= cell(view.y + reachY); row++) {
    for (let column = cell(view.x - reachX); column <= cell(view.x + reachX); column++) {
      for (let i = first[row * CELLS + column]; i >= 0; i = next[i]) {
        const inX = Math.abs(unpacked(layout[2 * i]) - view.x) <= reachX;
        if (inX && Math.abs(unpacked(layout[2 * i + 1]) - view.y) <= reachY && seen(i)) return true;
      }
    }
  }
  return false;
}

function nearestPoint(layout, view, seen) {
  let best = null,
    least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < layout.length / 2; i++) {
    const x = unpacked(layout[2 * i]),
      y = unpacked(layout[2 * i + 1]);
    const d = (x - view.x) ** 2 + (y - view.y) ** 2;
    if (d < least && seen(i)) {
      least = d;
      best = [x, y];
    }
  }
  return best;
}
