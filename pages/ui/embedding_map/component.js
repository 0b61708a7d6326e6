// The maps: small multiples that share one view, one selection and one legend.
// Three pieces of data reach this file: the texts and the places (large, sent once) and the look
// (small, sent whenever a control or the typed sentence changes). Each has a component; those of
// the texts and of the look show nothing and hand over here.
window.poollensMaps ??= new Map();
const maps = window.poollensMaps;
const WHOLE = { x: 0.5, y: 0.5, zoom: 0.94 }; // the whole map in sight

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".maps");
  parentElement.report = setTriggerValue;
  if (data.kind !== "map") {
    root.hidden = true;
    const entry = maps.get(data.id) ?? {};
    entry[data.kind] = data;
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
  root.innerHTML = `<div class="bar"><span class="modes" role="group" aria-label="What dragging does">
    <button data-mode="pan" aria-pressed="true">Move</button><button data-mode="lasso" aria-pressed="false">Lasso</button></span>
    <button data-do="fit">Whole map</button><button data-do="clear" hidden>Clear selection</button>
    <span class="count" role="status"></span></div>
    <div class="field"><div class="panels"></div><canvas class="dots"></canvas><canvas class="over"></canvas>
    <div class="tip" hidden></div></div><div class="legend"></div>`;
  const find = (name) => root.querySelector(name);
  const field = find(".field"),
    dots = find(".dots"),
    over = find(".over"),
    tip = find(".tip");
  const pen = over.getContext("2d");
  const painter = glPainter(dots) ?? flatPainter(dots);
  root.dataset.painter = painter.kind;
  let data = null,
    coords = [],
    look = null,
    entry = null,
    boxes = [];
  let view = { ...WHOLE },
    mode = "pan",
    layer = 0,
    from = 0,
    part = 1;
  let fresh = true,
    hiddenOf = null; // whether a selection may be taken over; of which colour
  let selection = null,
    hidden = new Set(),
    hover = null,
    drag = null,
    waiting = false,
    due = false,
    painted = 0,
    thin = 1;

  // `whole` is false where only what lies over the points has changed.
  const redraw = (whole = true) => {
    due ||= whole;
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const all = due;
      due = false;
      paint(all);
    });
  };

  function take(given) {
    if (data !== given) {
      const other = !data || data.id !== given.id;
      data = given;
      coords = given.panels.map((panel) =>
        panel.coords.map((c) => new Uint16Array(bytes(c).buffer)),
      );
      if (other) {
        if (entry) entry.refresh = null;
        entry = maps.get(given.id) ?? {};
        maps.set(given.id, entry);
        selection = null;
        fresh = true;
        // Where an element comes or goes above, Streamlit may make the map anew: it goes on as it was.
        ({ view, hidden, hiddenOf } = entry.kept ?? {
          view: { ...WHOLE },
          hidden: new Set(),
          hiddenOf: null,
        });
      }
      entry.refresh = refresh;
      find(".panels").replaceChildren(
        ...given.panels.map((panel) => {
          const figure = document.createElement("figure");
          const title = document.createElement("figcaption");
          const sub = document.createElement("small");
          title.textContent = panel.title;
          title.append(sub);
          const box = document.createElement("div");
          box.className = "box";
          box.setAttribute("role", "img");
          box.setAttribute(
            "aria-label",
            `${panel.title}: ${given.count} points. The table below lists what is selected.`,
          );
          figure.append(title, box);
          return figure;
        }),
      );
    }
    refresh();
  }

  function refresh() {
    if (!data) return;
    if (entry.look && fresh) {
      fresh = false;
      const marked = entry.look.selected && bytes(entry.look.selected);
      if (marked)
        mark(Array.from({ length: data.count }, (_, i) => i).filter((i) => bit(marked, i)));
      else mark(null);
    }
    if (entry.look && hiddenOf !== entry.look.title) {
      hiddenOf = entry.look.title;
      hidden = new Set();
    }
    root.querySelectorAll("figcaption small").forEach((small, i) => {
      small.textContent = entry.look?.subtitles?.[i] ?? "";
    });
    restyle();
    const wanted = Math.min(entry.look?.layer ?? 0, (coords[0]?.length ?? 1) - 1);
    if (wanted !== layer && coords[0]?.length) {
      from = Math.min(layer, coords[0].length - 1);
      layer = wanted;
      part = 0;
      const began = performance.now();
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const step = (now) => {
        part = still ? 1 : Math.min((now - began) / 600, 1);
        paint();
        if (part < 1) requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    }
    drawLegend(find(".legend"), entry.look, look, hidden);
    measure();
  }

  const restyle = () => {
    look = lookOf(root, entry.look, data.count, hidden, selection);
  };

  function measure() {
    const outer = field.getBoundingClientRect();
    boxes = [...root.querySelectorAll(".box")].map((box) => {
      const r = box.getBoundingClientRect();
      return { x: r.left - outer.left, y: r.top - outer.top, width: r.width, height: r.height };
    });
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    for (const canvas of [dots, over]) {
      const w = Math.round(outer.width * ratio),
        h = Math.round(outer.height * ratio);
      if (canvas.width !== w || canvas.height !== h) {
        canvas.width = w;
        canvas.height = h;
      }
    }
    redraw();
  }

  const at = (panel, i) => {
    const now = coords[panel][from] ?? coords[panel][0],
      next = coords[panel][layer] ?? now;
    return [0, 1].map(
      (k) => ((now[2 * i + k] + (next[2 * i + k] - now[2 * i + k]) * part) / 65535) * 3 - 1,
    );
  };
  const toScreen = (box, [x, y]) => [
    box.x + ((x - view.x) * view.zoom + 0.5) * box.width,
    box.y + (0.5 - (y - view.y) * view.zoom) * box.height,
  ];

  function paint(whole = true) {
    if (!data || !look || !boxes.length) return;
    entry.kept = { view, hidden, hiddenOf };
    const began = performance.now();
    // While the map is moved: where a frame takes long, every second, third, ... point is drawn.
    const moving = drag?.moved && !drag.path;
    if (whole && moving && painted)
      thin = Math.min(Math.max(Math.ceil((thin * (began - painted)) / 40), 1), 24);
    if (whole) painted = moving ? began : 0;
    if (whole) points(moving ? thin : 1);
    const ratio = over.width / over.clientWidth || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, over.width, over.height);
    boxes.forEach((box, panel) => {
      drawOver(pen, box, look, {
        names: namesIn(panel, box),
        rings: ringsIn(panel, box),
        hover: hover === null ? null : toScreen(box, at(panel, hover)),
        lasso: drag?.panel === panel ? drag.path : null,
      });
    });
    root.dataset.part = part.toFixed(2);
  }

  function points(every) {
    const shift = { zoom: view.zoom, x: view.x, y: view.y };
    painter.begin();
    coords.forEach((layers, panel) => {
      const now = layers[from] ?? layers[0];
      if (now && boxes[panel])
        painter.points(
          boxes[panel],
          shift,
          now,
          layers[layer] ?? now,
          part,
          look,
          look.of(panel),
          every,
        );
    });
    painter.forget(
      new Set([...coords.flat(), ...coords.map((_, panel) => look.of(panel)), look.flags]),
    );
  }

  function namesIn(panel, box) {
    if (!look.centres || look.ramp) return [];
    const layouts = coords[panel],
      last = layouts.length - 1;
    const [now, next] = [from, layer].map((number) =>
      middlesOf(layouts[Math.min(number, last)], entry.look.codes, look.names.length),
    );
    return look.names.flatMap((name, code) =>
      hidden.has(code) || !now[code] || !next[code]
        ? []
        : [
            [
              name,
              toScreen(
                box,
                now[code].map((v, k) => v + (next[code][k] - v) * part),
              ),
            ],
          ],
    );
  }
  const ringsIn = (panel, box) =>
    look.rings.flatMap((ring) => {
      const place = ring.points[panel]?.[layer];
      return place ? [[ring.label, toScreen(box, place)]] : [];
    });

  const pointer = (event) => {
    const r = field.getBoundingClientRect();
    const x = event.clientX - r.left,
      y = event.clientY - r.top;
    const panel = boxes.findIndex(
      (b) => x >= b.x && x <= b.x + b.width && y >= b.y && y <= b.y + b.height,
    );
    return { x, y, panel };
  };
  function nearest({ x, y, panel }, within = 9) {
    if (panel < 0 || !coords[panel]?.length || part < 1) return null;
    const layout = coords[panel][layer] ?? coords[panel][0],
      { first, next } = gridOf(layout);
    const box = boxes[panel];
    const mapX = ((x - box.x) / box.width - 0.5) / view.zoom + view.x;
    const mapY = (0.5 - (y - box.y) / box.height) / view.zoom + view.y;
    const reachX = within / box.width / view.zoom,
      reachY = within / box.height / view.zoom;
    let best = null,
      least = within * within;
    for (let row = cell(mapY - reachY); row <= cell(mapY + reachY); row++) {
      for (let column = cell(mapX - reachX); column <= cell(mapX + reachX); column++) {
        for (let i = first[row * CELLS + column]; i >= 0; i = next[i]) {
          if (look.codes[i] === 255 || (look.dim && !look.flags[i])) continue;
          const [px, py] = toScreen(box, at(panel, i));
          const d = (px - x) ** 2 + (py - y) ** 2;
          if (d < least) {
            least = d;
            best = i;
          }
        }
      }
    }
    return best;
  }
  function mark(rows) {
    selection = rows?.length ? new Set(rows) : null;
    find("[data-do=clear]").hidden = !selection;
    find(".count").textContent = selection ? `${selection.size.toLocaleString("en")} selected` : "";
  }
  function select(rows) {
    mark(rows);
    restyle();
    redraw();
    parent.report("selected", { id: data.id, rows: rows ?? [] });
  }

  over.addEventListener("pointerdown", (event) => {
    const where = pointer(event);
    if (where.panel < 0) return;
    over.setPointerCapture(event.pointerId);
    const lasso = mode === "lasso" || event.shiftKey;
    drag = {
      ...where,
      start: { ...view },
      moved: false,
      path: lasso ? [[where.x, where.y]] : null,
    };
  });
  over.addEventListener("pointermove", (event) => {
    const where = pointer(event);
    if (!drag) {
      const found = nearest(where);
      if (found !== hover) {
        hover = found;
        redraw(false);
      }
      tip.hidden = found === null;
      if (found !== null) {
        tip.textContent = entry.texts?.texts[found] ?? "";
        tip.style.left = `${Math.min(where.x + 14, field.clientWidth - 290)}px`;
        tip.style.top = `${where.y + 16}px`;
      }
      over.style.cursor = found !== null ? "pointer" : mode === "lasso" ? "crosshair" : "grab";
      return;
    }
    if (Math.hypot(where.x - drag.x, where.y - drag.y) > 4) drag.moved = true;
    if (drag.path) drag.path.push([where.x, where.y]);
    else {
      const box = boxes[drag.panel];
      view.x = drag.start.x - (where.x - drag.x) / box.width / view.zoom;
      view.y = drag.start.y + (where.y - drag.y) / box.height / view.zoom;
    }
    tip.hidden = true;
    redraw(!drag.path);
  });
  over.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { path, moved, panel } = drag;
    drag = null;
    if (!moved) {
      const found = nearest(pointer(event));
      if (found !== null) parent.report("opened", { id: data.id, row: found });
    } else if (path) {
      const rows = [];
      for (let i = 0; i < look.codes.length; i++) {
        if (look.codes[i] !== 255 && inside(toScreen(boxes[panel], at(panel, i)), path))
          rows.push(i);
      }
      select(rows);
    }
    redraw();
  });
  over.addEventListener("pointerleave", () => {
    hover = null;
    tip.hidden = true;
    redraw(false);
  });
  over.addEventListener(
    "wheel",
    (event) => {
      const { x, y, panel } = pointer(event);
      if (panel < 0) return;
      event.preventDefault();
      const box = boxes[panel],
        factor = Math.exp(-event.deltaY * 0.0015);
      const zoom = Math.min(Math.max(view.zoom * factor, 0.5), 60);
      const dx = (x - box.x) / box.width - 0.5,
        dy = 0.5 - (y - box.y) / box.height;
      view.x += dx / view.zoom - dx / zoom;
      view.y += dy / view.zoom - dy / zoom;
      view.zoom = zoom;
      redraw();
    },
    { passive: false },
  );
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.mode) {
      mode = button.dataset.mode;
      root.querySelectorAll("[data-mode]").forEach((b) => {
        b.setAttribute("aria-pressed", String(b === button));
      });
    } else if (button.dataset.do === "fit") {
      view = { ...WHOLE };
      redraw();
    } else if (button.dataset.do === "clear") select(null);
    else if (button.dataset.code !== undefined) {
      const code = Number(button.dataset.code);
      hidden.has(code) ? hidden.delete(code) : hidden.add(code);
      restyle();
      drawLegend(find(".legend"), entry.look, look, hidden);
      redraw();
    }
  });
  const watch = new ResizeObserver(measure);
  watch.observe(field);
  const scheme = new MutationObserver(() => refresh());
  scheme.observe(document.documentElement, { attributes: true, subtree: false });
  return {
    take,
    leave() {
      watch.disconnect();
      scheme.disconnect();
      if (entry) entry.refresh = null;
    },
  };
}
