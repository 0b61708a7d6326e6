// How a map is drawn: its points by the painter, what lies over them by a pen.
const MARGIN = 0.3; // of a single map that is painted beyond its edges, so that it can be moved whole
const QUICK = 20_000; // points that are painted without a stop while one map moves
const FRAME = 25; // milliseconds: small multiples that take longer are thinned while they move

// The panels that are drawn, each with the layouts that it comes from and goes to.
function slotsOf(m) {
  const { panel, layer } = m.to;
  const of = (number, at) => {
    const layouts = m.coords[number] ?? [];
    return layouts[Math.min(at, layouts.length - 1)];
  };
  const numbers = m.mode === "many" ? m.coords.map((_, number) => number) : [panel];
  return numbers.flatMap((number) => {
    const after = of(number, layer);
    const before = of(m.mode === "many" ? number : m.from.panel, m.from.layer) ?? after;
    const box = m.boxes[m.mode === "many" ? number : 0];
    return after && box ? [{ panel: number, before, after, box }] : [];
  });
}

function placeOf(m, slot, i) {
  const x = unpacked(slot.before[2 * i]),
    y = unpacked(slot.before[2 * i + 1]);
  return [
    x + (unpacked(slot.after[2 * i]) - x) * m.part,
    y + (unpacked(slot.after[2 * i + 1]) - y) * m.part,
  ];
}

// The whole map at a layer, the same for all poolings: from one to the next the eye stays where it is.
function wholeView(m, layer) {
  const layouts = m.coords.map((of) => of[Math.min(layer, of.length - 1)]).filter(Boolean);
  return layouts.length && m.boxes.length ? wholeOf(m.boxes[0], layouts) : null;
}

const between = (start, end, share) =>
  Object.fromEntries(["x", "y", "zoom"].map((k) => [k, start[k] + (end[k] - start[k]) * share]));

const onScreen = (m, slot, i) => toScreen(slot.box, m.view, ...placeOf(m, slot, i));
const isSeen = (m, i) => m.look.codes[i] !== 255 && !(m.look.dim && !m.look.flags[i]);

function paint(m, whole) {
  if (!m.data || !m.look || !m.boxes.length) return;
  m.entry.kept = {
    ...m.entry.kept,
    view: m.view,
    whole: m.whole,
    hidden: m.hidden,
    hiddenOf: m.hiddenOf,
  };
  m.entry.kept.to = m.to;
  m.entry.kept.mode = m.mode;
  const slots = slotsOf(m);
  if (whole && !shifted(m, slots)) paintPoints(m, slots);
  paintOver(m, slots);
  m.root.dataset.part = m.part.toFixed(2);
}

// While one map moves, what was painted is moved as a picture; it is painted anew where it ends.
function shifted(m, slots) {
  const { painted, view } = m;
  if (!m.moving || m.mode === "many" || !painted || painted.slots !== slots[0]?.after) return false;
  if (painted.look !== m.look || m.part < 1) return false;
  const { box } = slots[0];
  const scale = view.zoom / painted.view.zoom;
  const x = (painted.view.x - view.x) * view.zoom * box.side,
    y = (view.y - painted.view.y) * view.zoom * box.side;
  const covers =
    scale * (box.width / 2 + m.margin) >= box.width / 2 + Math.abs(x) &&
    scale * (box.height / 2 + m.margin) >= box.height / 2 + Math.abs(y);
  if (!covers || scale > 3) return false;
  m.dots.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  return true;
}

function paintPoints(m, slots) {
  const began = performance.now();
  const many = m.mode === "many";
  if (m.moving && many && m.paintedAt) {
    m.thin = Math.min(Math.max(Math.ceil((m.thin * (began - m.paintedAt)) / FRAME), 1), 24);
  }
  m.paintedAt = m.moving ? began : 0;
  // A single map is painted anew on its way only where it was moved beyond what is there.
  const every = !m.moving ? 1 : many ? m.thin : Math.ceil(m.data.count / QUICK);
  m.painter.begin();
  for (const { panel, before, after, box } of slots) {
    const wider = many
      ? box
      : { ...box, x: 0, y: 0, width: box.width + 2 * m.margin, height: box.height + 2 * m.margin };
    m.painter.points(wider, m.view, before, after, m.part, m.look, m.look.of(panel), every);
  }
  m.painter.forget(
    new Set([...m.coords.flat(), ...m.coords.map((_, panel) => m.look.of(panel)), m.look.flags]),
  );
  m.dots.style.transform = "";
  m.painted = { view: { ...m.view }, slots: slots[0]?.after, look: m.look };
}

function paintOver(m, slots) {
  const { over, look } = m;
  const pen = over.getContext("2d");
  const ratio = over.width / over.clientWidth || 1;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, over.width, over.height);
  const lines = m.entry.look?.contours;
  const all = [];
  for (const slot of slots) {
    const { box, panel } = slot;
    pen.save();
    pen.beginPath();
    pen.rect(box.x, box.y, box.width, box.height);
    pen.clip();
    const still = m.part >= 1;
    if (lines?.[panel] && still) drawContours(pen, box, m.view, look, lines[panel], ratio);
    const rings = ringsIn(m, slot);
    const names = namesIn(m, slot, pen, rings);
    all.push(...names);
    drawOver(pen, look, {
      names,
      rings: rings.map(([, place]) => place),
      hover: m.hover === null || !still ? null : onScreen(m, slot, m.hover),
      pinned: m.pinned === null ? null : onScreen(m, slot, m.pinned),
      lasso: m.drag?.slot.panel === panel ? m.drag.path : null,
    });
    pen.restore();
  }
  m.names = all; // where they stand, in pixels of the field
}

// Names keep their distance while the map moves, and are placed anew where it comes to rest.
function namesIn(m, slot, pen, rings) {
  const { panel, box } = slot;
  const wanted = wantedNames(m, slot, pen, rings);
  if (!m.moving && m.part >= 1) {
    m.places[panel] = placed(box, wanted, 0.5 * m.look.size + 1, (mark) => {
      const points = slot.after,
        { view } = m;
      const scale = view.zoom * box.side;
      const left = box.x + box.width / 2 - view.x * scale,
        top = box.y + box.height / 2 + view.y * scale;
      for (let i = 0; i < m.look.codes.length; i++) {
        if (m.look.codes[i] === 255) continue;
        mark(left + unpacked(points[2 * i]) * scale, top - unpacked(points[2 * i + 1]) * scale);
      }
      for (const [, [x, y]] of rings) {
        for (const dx of [-6, 0, 6]) for (const dy of [-6, 0, 6]) mark(x + dx, y + dy);
      }
    });
    return m.places[panel];
  }
  const now = new Map(wanted.map((name) => [`${name.kind} ${name.text}`, name]));
  return (m.places[panel] ?? []).flatMap((name) => {
    const moved = now.get(`${name.kind} ${name.text}`);
    if (!moved) return [];
    const { x, y } = moved;
    const [dx, dy] = [x - name.x, y - name.y];
    const end = [name.end[0] + dx, name.end[1] + dy];
    return [{ ...name, x, y, end, left: name.left + dx, top: name.top + dy }];
  });
}

function wantedNames(m, slot, pen, rings) {
  const { look, entry } = m,
    { box, panel } = slot;
  const names = rings.map(([text, [x, y]]) => ({ kind: "typed", text, x, y }));
  if (look.centres && !look.ramp) {
    const [now, next] = [slot.before, slot.after].map((layout) =>
      middlesOf(layout, entry.look.codes, look.names.length),
    );
    look.names.forEach((text, code) => {
      if (m.hidden.has(code) || !now[code] || !next[code]) return;
      const place = now[code].map((v, k) => v + (next[code][k] - v) * m.part);
      const [x, y] = toScreen(box, m.view, ...place);
      names.push({ kind: "class", text, x, y, colour: css(look.palette[code % 12]) });
    });
  }
  if (m.part >= 1) {
    for (const { name, place } of entry.look?.clusters?.[panel] ?? []) {
      const [x, y] = toScreen(box, m.view, ...place);
      names.push({ kind: "cluster", text: name, x, y });
    }
  }
  for (const name of names) {
    pen.font = fontOf(name.kind);
    name.width = Math.ceil(pen.measureText(name.text).width) + (name.colour ? DOT : 0);
  }
  return names;
}

const ringsIn = (m, { panel, box }) =>
  m.part < 1
    ? []
    : m.look.rings.flatMap((ring) => {
        const place = ring.points[panel]?.[m.to.layer];
        return place ? [[ring.label, toScreen(box, m.view, ...place)]] : [];
      });

// What a reader (and a test) may ask of the picture: points in sight, and names over points.
function inSight(m) {
  const [slot] = slotsOf(m);
  const { box } = slot;
  let count = 0;
  for (let i = 0; i < m.data.count; i++) {
    const [x, y] = onScreen(m, slot, i);
    const within = Math.abs(x - box.x - box.width / 2) <= box.width / 2;
    count += within && Math.abs(y - box.y - box.height / 2) <= box.height / 2;
  }
  return count;
}

function covered(m) {
  const [slot] = slotsOf(m);
  let points = 0,
    lined = 0;
  for (let i = 0; i < m.data.count; i++) {
    const [x, y] = onScreen(m, slot, i);
    const over = ({ left, top, width, height }) =>
      x >= left && x <= left + width && y >= top && y <= top + height;
    points += m.names.some(over);
    lined += m.names.some(
      (name) => isLined(name) && !name.over && distance(leader(name), x, y) < m.look.size / 2,
    );
  }
  const crossed = m.names.filter((name, i) => !uncrossed(m.names.slice(0, i), name)).length;
  const over = m.names.filter((name) => name.over).length;
  const lines = m.names.filter(isLined).length;
  return { names: m.names.length, lines, points, lined, crossed, over };
}

// Contrasts (WCAG 2.2) with what is behind the map: of points, contours and lines, names, the mark.
function contrasts(m) {
  const ground = groundOf(m.root),
    { look } = m;
  const on = (colour, opacity = 1) => {
    const mixed = colour.map((v, k) => v * opacity + ground[k] * (1 - opacity));
    const [one, other] = [mixed, ground].map(luminance).sort((a, b) => b - a);
    return (one + 0.05) / (other + 0.05);
  };
  const points = look.ramp
    ? [look.low, look.middle, look.high]
    : look.palette.slice(0, look.names.length);
  return {
    points: points.map((colour) => on(colour, OPACITY)),
    lines: on(channels(look.text), FAINT),
    names: on(channels(look.text)),
    mark: on(channels(look.accent)),
  };
}

function luminance(colour) {
  const [r, g, b] = colour.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const channels = (colour) =>
  colour.trim().startsWith("#")
    ? hex(colour.trim())
    : colour
        .match(/[\d.]+/g)
        .slice(0, 3)
        .map((v) => v / 255);

// The first colour behind an element that is not transparent.
function groundOf(element) {
  const colour = getComputedStyle(element).backgroundColor;
  const behind = element.parentElement ?? element.getRootNode().host;
  const clear = colour === "transparent" || /, 0\)$/.test(colour);
  return clear && behind ? groundOf(behind) : channels(colour);
}

// How much of the panel the points of all poolings take, across and along.
function filled(m) {
  const [slot] = slotsOf(m);
  const places = slotsOf({ ...m, mode: "one" }).length
    ? m.coords.flatMap((of) => {
        const [left, right, low, top] = extentOf(of[Math.min(m.to.layer, of.length - 1)]);
        return [toScreen(slot.box, m.view, left, low), toScreen(slot.box, m.view, right, top)];
      })
    : [];
  const [across, along] = [0, 1].map((k) => {
    const all = places.map((place) => place[k]);
    return Math.max(...all) - Math.min(...all);
  });
  return [across / slot.box.width, along / slot.box.height];
}

function distance([x0, y0, x1, y1], x, y) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const share = limited(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1), [0, 1]);
  return Math.hypot(x - x0 - share * dx, y - y0 - share * dy);
}
