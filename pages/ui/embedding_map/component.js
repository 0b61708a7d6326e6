// A map to work in: one large map, or small multiples that share its view, selection and legend.
// Several pieces of data reach this file: the texts and the places (large, sent once), the look
// (small, sent whenever a control or the typed sentence changes) and what the dock holds. Each has a
// component; those of the texts, the look and the dock show nothing and hand over here.
window.poollensMaps ??= new Map();
const maps = window.poollensMaps;
const MORPH = 700; // milliseconds from one layout to the next

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".maps");
  parentElement.report = setTriggerValue;
  if (data.kind !== "map") {
    root.hidden = true;
    const entry = maps.get(data.id) ?? {};
    entry[data.kind] = data;
    if (data.kind === "dock") entry.tell = (name, value) => parentElement.report(name, value);
    maps.set(data.id, entry);
    entry.refresh?.();
    return;
  }
  root.map ??= makeMap(root, parentElement);
  const map = root.map;
  map.take(data);
  return () => map.leave();
}

function makeMap(root, parent) {
  root.innerHTML = BAR_AND_FIELD;
  const find = (name) => root.querySelector(name);
  const dots = find(".dots");
  const painter = glPainter(dots) ?? flatPainter(dots);
  root.dataset.painter = painter.kind;
  const m = { root, painter, dots, field: find(".field"), over: find(".over"), tip: find(".tip") };
  Object.assign(m, { data: null, coords: [], look: null, entry: null, boxes: [], margin: 0 });
  Object.assign(m, {
    view: { x: 0.5, y: 0.5, zoom: 1 },
    whole: true,
    mode: "one",
    gesture: "pan",
    part: 1,
    thin: 1,
  });
  Object.assign(m, { from: { panel: 0, layer: 0 }, to: { panel: 0, layer: 0 }, places: [] });
  Object.assign(m, { selection: null, hidden: new Set(), hiddenOf: null, hover: null });
  Object.assign(m, { pinned: null, drag: null, moving: false, painted: null, paintedAt: 0 });
  let fresh = true, // whether a selection may be taken over
    waiting = false,
    due = false,
    asked = null; // a layer that the page does not know of yet

  // `whole` is false where only what lies over the points has changed.
  const redraw = (whole = true) => {
    due ||= whole;
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const all = due;
      due = false;
      paint(m, all);
    });
  };
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  m.tell = (name, value) => {
    const { x, y, zoom } = m.view;
    // A whole map stays whole on a screen of another shape.
    const view = m.whole ? null : [x, y, zoom].map((number) => Number(number.toFixed(4)));
    const state = { id: m.data.id, panel: m.to.panel, mode: m.mode, view };
    m.entry.tell?.(name, { ...state, ...value });
  };
  const settle = () => {
    clearTimeout(m.settling);
    m.settling = setTimeout(() => m.tell("state", {}), 900);
  };

  function animate(length, step) {
    const began = performance.now();
    const turn = (now) => {
      const share = still() ? 1 : limited((now - began) / length, [0, 1]);
      step(share);
      paint(m, true);
      if (share < 1) requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  }

  function morph(to) {
    if (to.panel === m.to.panel && to.layer === m.to.layer) return;
    m.from = m.to;
    m.to = to;
    m.part = 0;
    m.hover = null;
    const start = { ...m.view },
      end = wholeView(m, to.layer);
    animate(MORPH, (share) => {
      if (m.to !== to) return;
      m.part = share * share * (3 - 2 * share);
      if (m.whole && end) m.view = between(start, end, m.part);
    });
  }

  function glide(view) {
    const start = { ...m.view };
    m.moving = true;
    animate(350, (share) => {
      m.view = between(start, view, share * (2 - share));
      if (share === 1) m.moving = false;
    });
    settle();
  }

  function take(given) {
    if (m.data !== given) {
      const other = !m.data || m.data.id !== given.id;
      m.data = given;
      m.coords = given.panels.map((panel) =>
        panel.coords.map((c) => new Uint16Array(bytes(c).buffer)),
      );
      if (other) {
        if (m.entry) m.entry.refresh = null;
        m.entry = maps.get(given.id) ?? {};
        maps.set(given.id, m.entry);
        m.selection = null;
        fresh = true;
        asked = null;
        begin(m.entry.kept ?? {});
      }
      m.to = {
        panel: Math.min(m.to.panel, Math.max(m.coords.length - 1, 0)),
        layer: Math.min(m.to.layer, Math.max((m.coords[0]?.length ?? 1) - 1, 0)),
      };
      m.from = m.to;
      m.entry.refresh = refresh;
      root.dataset.mode = m.mode;
      drawKinds(m);
      showState();
    }
    refresh();
  }

  // Where an element comes or goes above, Streamlit may make the map anew: it goes on as it was.
  function begin({ view, whole, hidden, hiddenOf, to, mode }) {
    m.begun = !!view;
    m.view = view ?? m.view;
    m.whole = whole ?? true;
    m.hidden = hidden ?? new Set();
    m.hiddenOf = hiddenOf ?? null;
    m.to = to ?? { panel: 0, layer: (m.coords[0]?.length ?? 1) - 1 };
    m.mode = mode ?? "one";
  }

  const showState = () => showBar(m, asked);

  function refresh() {
    if (!m.data) return;
    const { look, dock } = m.entry;
    if (look && fresh) {
      fresh = false;
      const marked = look.selected && bytes(look.selected);
      if (marked)
        mark(Array.from({ length: m.data.count }, (_, i) => i).filter((i) => bit(marked, i)));
      else mark(null);
    }
    if (look && m.hiddenOf !== look.title) {
      m.hiddenOf = look.title;
      m.hidden = new Set();
    }
    if (dock && !m.begun) {
      m.begun = true;
      if (dock.view) {
        m.view = { x: dock.view[0], y: dock.view[1], zoom: limited(dock.view[2], ZOOMS) };
        m.whole = false;
      }
      if (dock.mode) m.mode = dock.mode;
      const panel = Math.min(dock.panel ?? 0, m.coords.length - 1);
      m.from = m.to = { panel, layer: Math.min(look?.layer ?? m.to.layer, m.to.layer) };
      showState();
    }
    root.querySelectorAll("figcaption small").forEach((small, i) => {
      small.textContent = look?.subtitles?.[i] ?? "";
      small.parentElement.title = small.textContent;
    });
    restyle();
    const number =
      look?.layer === undefined ? undefined : (m.data.layers?.[look.layer] ?? look.layer);
    if (number === asked) asked = null;
    if (look && asked === null && look.layer < (m.coords[0]?.length ?? 0)) {
      morph({ panel: m.to.panel, layer: look.layer });
      showState();
    }
    drawLegend(find(".legend"), look, m.look, m.hidden);
    measure();
    const pinned = dock?.pinned ?? null;
    if (pinned !== m.pinned) {
      m.pinned = pinned;
      if (pinned !== null && pinned < m.data.count) bringIntoSight(pinned);
    }
  }

  function bringIntoSight(row) {
    const [slot] = slotsOf(m);
    if (!slot) return;
    const { box } = slot;
    const [x, y] = onScreen(m, slot, row);
    const away = Math.abs(x - box.x - box.width / 2) > box.width * 0.45;
    if (away || Math.abs(y - box.y - box.height / 2) > box.height * 0.45) {
      const [mapX, mapY] = placeOf(m, slot, row);
      m.whole = false;
      glide({ x: mapX, y: mapY, zoom: m.view.zoom });
    }
  }

  const restyle = () => {
    m.look = lookOf(root, m.entry.look, m.data.count, m.hidden, m.selection);
  };

  function measure() {
    const outer = m.field.getBoundingClientRect();
    m.boxes = [...root.querySelectorAll("figure:not([hidden]) .box")].map((box) => {
      const r = box.getBoundingClientRect();
      const { width, height } = r;
      const side = Math.min(width, height);
      return { x: r.left - outer.left, y: r.top - outer.top, width, height, side };
    });
    if (!m.boxes.length) return;
    if (m.whole && m.part === 1) m.view = wholeView(m, m.to.layer) ?? m.view;
    const one = m.mode === "one";
    const [box] = m.boxes;
    m.margin = one ? Math.round(MARGIN * box.side) : 0;
    const clip = one ? box : { x: 0, y: 0, width: outer.width, height: outer.height };
    const size = [clip.width + 2 * m.margin, clip.height + 2 * m.margin];
    place(find(".clip"), clip.x, clip.y, clip.width, clip.height);
    place(dots, -m.margin, -m.margin, ...size);
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    fitCanvas(dots, ...size, ratio);
    fitCanvas(m.over, outer.width, outer.height, ratio);
    m.painted = null;
    redraw();
  }

  function mark(rows) {
    m.selection = rows?.length ? new Set(rows) : null;
    find("[data-do=clear]").hidden = !m.selection;
    find(".count").textContent = m.selection
      ? `${m.selection.size.toLocaleString("en")} selected`
      : "";
  }
  function select(rows) {
    mark(rows);
    restyle();
    redraw();
    parent.report("selected", { id: m.data.id, rows: rows ?? [] });
  }

  root.addEventListener("input", ({ target }) => {
    if (target.type !== "range") return;
    asked = Number(target.value);
    find(".depth .of").textContent = `Layer ${asked}`;
    const place = (m.data.layers ?? m.coords[0].map((_, i) => i)).indexOf(asked);
    if (place >= 0) morph({ panel: m.to.panel, layer: place });
    clearTimeout(m.sliding);
    m.sliding = setTimeout(() => parent.report("layer", { id: m.data.id, layer: asked }), 350);
  });
  const actions = {
    fit: () => {
      m.whole = true;
      glide(wholeView(m, m.to.layer) ?? m.view);
    },
    clear: () => select(null),
    many: () => {
      m.mode = m.mode === "many" ? "one" : "many";
      m.from = m.to;
      showState();
      measure();
      m.tell("state", {});
    },
  };
  root.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    const { gesture, panel, code } = button.dataset;
    if (gesture) {
      m.gesture = gesture;
      for (const b of root.querySelectorAll("[data-gesture]")) {
        b.setAttribute("aria-pressed", String(b === button));
      }
    } else if (panel !== undefined) {
      morph({ panel: Number(panel), layer: m.to.layer });
      showState();
      m.tell("state", {});
    } else if (code !== undefined) {
      const number = Number(code);
      m.hidden.has(number) ? m.hidden.delete(number) : m.hidden.add(number);
      restyle();
      drawLegend(find(".legend"), m.entry.look, m.look, m.hidden);
      redraw();
    } else actions[button.dataset.do]?.();
  });
  listenTo(m, { redraw, select, settle, fit: actions.fit });
  root.inSight = () => inSight(m);
  root.covered = () => covered(m);
  root.filled = () => filled(m);
  root.contrasts = () => contrasts(m);
  const watch = new ResizeObserver(measure);
  watch.observe(m.field);
  const scheme = new MutationObserver(() => refresh());
  scheme.observe(document.documentElement, { attributes: true, subtree: false });
  return {
    take,
    leave() {
      watch.disconnect();
      scheme.disconnect();
      if (m.entry) m.entry.refresh = null;
    },
  };
}
