// Reports the cells of the heat maps in the container where it stands: (map, row, column), clicked
// or chosen by Enter where the arrow keys lead.
const ABOUT = "Heat map: the arrow keys go along its cells, Enter chooses one, Escape lets go";
const KEPT = 20_000; // milliseconds in which a chart that is drawn anew has the focus again

export default function ({ parentElement, setTriggerValue }) {
  const host = parentElement.host ?? parentElement;
  const place = host.closest(".stVerticalBlock");
  if (!place) return;
  place.reportCell = setTriggerValue; // a new closure at every update
  takeKeys(place);
  if (place.listensToCells) return;
  place.listensToCells = true;
  new MutationObserver(() => takeKeys(place)).observe(place, { childList: true, subtree: true });
  // The chart may come later than this, and be drawn anew: it is looked for when it is touched.
  place.addEventListener("pointerover", () => {
    const chart = place.querySelector(".js-plotly-plot");
    if (!chart?.on || chart.reportsCells) return;
    chart.reportsCells = true;
    chart.on("plotly_click", ({ points: [point] }) => {
      if (Array.isArray(point?.pointNumber)) {
        place.reportCell("cell", [point.curveNumber, ...point.pointNumber]);
      }
    });
  });
}

// Give the chart its keys as soon as it is drawn, and the focus back that an older one of it had.
function takeKeys(place) {
  const chart = place.querySelector(".js-plotly-plot");
  if (!chart || chart.takesKeys) return;
  chart.takesKeys = true;
  chart.tabIndex = 0;
  chart.setAttribute("role", "application");
  chart.setAttribute("aria-label", ABOUT);
  let at = place.cellAt ?? null; // [map among the heat maps, row, column]
  const go = (next) => {
    at = next;
    place.cellAt = at;
    point(chart, at);
  };
  chart.addEventListener("keydown", (event) => {
    const maps = mapsOf(chart);
    const { key } = event;
    if (!maps.length || event.altKey || event.ctrlKey || event.metaKey) return;
    if (key === "Escape") {
      if (!at) return;
      go(null);
    } else if (key === "Enter" || key === " ") {
      if (!at) return;
      const [map, row, column] = at;
      place.reportCell("cell", [maps[map].curve, row, column]);
      place.choseAt = performance.now();
    } else {
      const next = moved(maps, at, key);
      if (!next) return;
      go(next);
    }
    event.preventDefault();
  });
  chart.addEventListener("focus", () => point(chart, at));
  chart.addEventListener("blur", () => point(chart, null));
  // The older one may still stand beside it, and go a moment later with the focus.
  for (const wait of [0, 300, 1000]) {
    setTimeout(() => {
      const lost = document.activeElement === document.body;
      if (lost && performance.now() - (place.choseAt ?? -KEPT) < KEPT) {
        chart.focus({ preventScroll: true });
      }
    }, wait);
  }
}

// The heat maps of a chart: which curve, its cells, and the edges of these in pixels of the chart.
function mapsOf(chart) {
  return (chart.calcdata ?? []).flatMap(([first], curve) => {
    const { trace } = first ?? {};
    if (trace?.type !== "heatmap") return [];
    const axis = (name) => chart._fullLayout[name.replace(/^(.)/, "$1axis")];
    const [across, down] = [axis(trace.xaxis), axis(trace.yaxis)];
    const pixels = (of, edges) => Array.from(edges, (edge) => of._offset + of.c2p(edge));
    return [{ curve, trace, xs: pixels(across, first.x), ys: pixels(down, first.y) }];
  });
}

// Where a key leads from a cell, over the edge of a map to the next one; null: it is no such key.
function moved(maps, at, key) {
  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  const last = (map) => [maps[map].ys.length - 2, maps[map].xs.length - 2];
  if (!(key in steps) && key !== "Home" && key !== "End") return null;
  const [map, row, column] = at && at[0] < maps.length ? at : [0, 0, -1];
  const [rows, columns] = last(map);
  if (key === "Home") return [map, row, 0];
  if (key === "End") return [map, row, columns];
  if (column < 0) return [map, maps[map].ys[1] > maps[map].ys[0] ? 0 : rows, 0];
  const [down, across] = steps[key];
  const under = maps[map].ys[1] > maps[map].ys[0] ? down : -down;
  const beside = column + across;
  if (beside > columns && map + 1 < maps.length)
    return [map + 1, Math.min(row, last(map + 1)[0]), 0];
  if (beside < 0 && map > 0) return [map - 1, Math.min(row, last(map - 1)[0]), last(map - 1)[1]];
  const kept = (value, most) => Math.min(Math.max(value, 0), most);
  return [map, kept(row + under, rows), kept(beside, columns)];
}

// Frame a cell and say what it is; null takes the frame away.
function point(chart, at) {
  const ground = chart.querySelector(".svg-container");
  let ring = ground?.querySelector(".cell-ring");
  if (!ground || (!at && !ring)) return;
  if (!ring) {
    ring = document.createElement("div");
    ring.className = "cell-ring";
    ring.setAttribute("role", "status");
    ring.style.cssText =
      "position:absolute;pointer-events:none;box-sizing:border-box;color:transparent;" +
      "overflow:hidden;font-size:1px;outline:2px solid var(--st-primary-color,currentColor);" +
      "border:1.5px solid #fff;z-index:3";
    ground.append(ring);
  }
  const map = at && mapsOf(chart)[at[0]];
  ring.hidden = !map;
  if (!map) return;
  const [, row, column] = at;
  const [left, right] = [map.xs[column], map.xs[column + 1]].sort((a, b) => a - b);
  const [top, bottom] = [map.ys[row], map.ys[row + 1]].sort((a, b) => a - b);
  Object.assign(ring.style, {
    left: `${left}px`,
    top: `${top}px`,
    width: `${right - left}px`,
    height: `${bottom - top}px`,
  });
  const names = map.trace.customdata?.[row]?.[column];
  const where = Array.isArray(names) ? names.join(", ") : `row ${row}, column ${column}`;
  const value = Number(map.trace.z[row]?.[column]);
  ring.textContent = `${where}: ${Number.isFinite(value) ? value.toPrecision(3) : "no value"}`;
  // plotly shows its own label for the pointer that would be there
  const { x, y } = ground.getBoundingClientRect();
  const drag = chart.querySelector(
    `.nsewdrag[data-subplot="${map.trace.xaxis}${map.trace.yaxis}"]`,
  );
  const [clientX, clientY] = [x + (left + right) / 2, y + (top + bottom) / 2];
  drag?.dispatchEvent(new MouseEvent("mousemove", { clientX, clientY, bubbles: true }));
}
