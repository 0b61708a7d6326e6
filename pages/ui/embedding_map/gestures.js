// What the pointer, the wheel and the keys do to a map.
const STILL = 140; // milliseconds without a turn of the wheel after which it has ended

function pointerOf(m, event) {
  const r = m.field.getBoundingClientRect();
  const x = event.clientX - r.left,
    y = event.clientY - r.top;
  const slot = slotsOf(m).find(
    ({ box: b }) => x >= b.x && x <= b.x + b.width && y >= b.y && y <= b.y + b.height,
  );
  return { x, y, slot };
}

function nearest(m, { x, y, slot }, within = 9) {
  if (!slot || m.part < 1) return null;
  const { box, after: layout } = slot;
  const { first, next } = gridOf(layout);
  const [mapX, mapY] = toMap(box, m.view, x, y);
  const reach = within / box.side / m.view.zoom;
  let best = null,
    least = reach * reach;
  for (let row = cell(mapY - reach); row <= cell(mapY + reach); row++) {
    for (let column = cell(mapX - reach); column <= cell(mapX + reach); column++) {
      for (let i = first[row * CELLS + column]; i >= 0; i = next[i]) {
        if (!isSeen(m, i)) continue;
        const d = (unpacked(layout[2 * i]) - mapX) ** 2 + (unpacked(layout[2 * i + 1]) - mapY) ** 2;
        if (d < least) {
          least = d;
          best = i;
        }
      }
    }
  }
  return best;
}

// Rows inside a path of the screen: the path is brought onto the map, not every point to the screen.
function caught(m, slot, path) {
  const around = path.map(([x, y]) => toMap(slot.box, m.view, x, y));
  const [xs, ys] = [0, 1].map((k) => around.map((place) => place[k]));
  const [left, right, low, high] = [
    Math.min(...xs),
    Math.max(...xs),
    Math.min(...ys),
    Math.max(...ys),
  ];
  const rows = [];
  for (let i = 0; i < m.look.codes.length; i++) {
    if (m.look.codes[i] === 255) continue;
    const x = unpacked(slot.after[2 * i]),
      y = unpacked(slot.after[2 * i + 1]);
    if (x < left || x > right || y < low || y > high) continue;
    if (inside([x, y], around)) rows.push(i);
  }
  return rows;
}

function listenTo(m, { redraw, select, settle, fit }) {
  const { over, tip, field } = m;
  const seen = (i) => isSeen(m, i);
  over.addEventListener("pointerdown", (event) => {
    const where = pointerOf(m, event);
    if (!where.slot) return;
    over.setPointerCapture(event.pointerId);
    const lasso = m.gesture === "lasso" || event.shiftKey;
    m.drag = {
      ...where,
      start: { ...m.view },
      moved: false,
      path: lasso ? [[where.x, where.y]] : null,
    };
  });
  over.addEventListener("pointermove", (event) => {
    const where = pointerOf(m, event);
    if (!m.drag) {
      const row = nearest(m, where);
      if (row !== m.hover) {
        m.hover = row;
        redraw(false);
        point(m, row);
      }
      tip.hidden = row === null;
      if (row !== null) {
        tip.textContent = m.entry.texts?.texts[row] ?? "";
        tip.style.left = `${Math.max(Math.min(where.x + 14, field.clientWidth - 290), 0)}px`;
        tip.style.top = `${where.y + 16}px`;
      }
      over.style.cursor = row !== null ? "pointer" : m.gesture === "lasso" ? "crosshair" : "grab";
      return;
    }
    if (Math.hypot(where.x - m.drag.x, where.y - m.drag.y) > 4) m.drag.moved = true;
    if (m.drag.path) m.drag.path.push([where.x, where.y]);
    else {
      const { box, after } = m.drag.slot;
      const scale = box.side * m.view.zoom;
      const view = {
        x: m.drag.start.x - (where.x - m.drag.x) / scale,
        y: m.drag.start.y + (where.y - m.drag.y) / scale,
        zoom: m.view.zoom,
      };
      if (m.drag.moved) m.whole = false;
      m.view = withPoints(box, view, after, seen);
      m.moving = m.drag.moved;
    }
    tip.hidden = true;
    redraw(!m.drag.path);
  });
  over.addEventListener("pointerup", (event) => {
    if (!m.drag) return;
    const { path, moved, slot } = m.drag;
    m.drag = null;
    m.moving = false;
    if (!moved) {
      const row = nearest(m, pointerOf(m, event));
      if (row !== null) {
        m.pinned = row;
        m.tell("pinned", { row });
      }
    } else if (path) select(caught(m, slot, path));
    else settle();
    redraw();
  });
  over.addEventListener("pointerleave", () => {
    m.hover = null;
    tip.hidden = true;
    point(m, null);
    redraw(false);
  });
  over.addEventListener(
    "wheel",
    (event) => {
      const { x, y, slot } = pointerOf(m, event);
      if (!slot) return;
      event.preventDefault();
      const view = zoomedAt(slot.box, m.view, Math.exp(-event.deltaY * 0.0015), x, y);
      m.view = withPoints(slot.box, view, slot.after, seen);
      m.whole = false;
      m.moving = true;
      clearTimeout(m.turning);
      m.turning = setTimeout(() => {
        m.moving = false;
        settle();
        redraw();
      }, STILL);
      redraw();
    },
    { passive: false },
  );
  over.addEventListener("dblclick", fit);
}

// The card beside the map is asked for once the pointer rests; leaving goes back to what is pinned.
function point(m, row) {
  clearTimeout(m.pointing);
  m.pointing = setTimeout(() => m.tell("pointed", { row: row ?? -1 }), row === null ? 600 : 130);
}
