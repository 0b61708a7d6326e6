// What lies over the points of a panel: contours, names, typed sentences, the pointer, a lasso.
// The middle of each class in one layout: medians, worked out once for all frames.
const centres = new WeakMap();
function middlesOf(layout, given, count) {
  if (!layout) return [];
  const known = centres.get(layout);
  if (known?.given === given) return known.found;
  const places = Array.from({ length: count }, () => [[], []]);
  bytes(given).forEach((code, i) => {
    places[code]?.[0].push(layout[2 * i]);
    places[code]?.[1].push(layout[2 * i + 1]);
  });
  const found = places.map(([xs, ys]) =>
    xs.length ? [xs, ys].map((v) => unpacked(v.sort((a, b) => a - b)[v.length >> 1])) : null,
  );
  centres.set(layout, { given, found });
  return found;
}

const FAINT = 0.58; // opacity of contours and of the lines of names

// Contours as one path for each share, in the map's own coordinates.
const paths = new WeakMap();
function pathsOf(contours) {
  let known = paths.get(contours);
  if (!known) {
    known = contours.map((lines) => {
      const path = new Path2D();
      for (const line of lines) {
        const places = new Uint16Array(bytes(line).buffer);
        for (let i = 0; i < places.length; i += 2) {
          const place = [unpacked(places[i]), unpacked(places[i + 1])];
          if (i) path.lineTo(...place);
          else path.moveTo(...place);
        }
      }
      return path;
    });
    paths.set(contours, known);
  }
  return known;
}

function drawContours(pen, box, view, look, contours, ratio) {
  const scale = view.zoom * box.side;
  const [x, y] = toScreen(box, view, 0, 0);
  pen.save();
  pen.setTransform(ratio * scale, 0, 0, -ratio * scale, ratio * x, ratio * y);
  pen.strokeStyle = look.text;
  pathsOf(contours).forEach((path, index) => {
    pen.globalAlpha = FAINT;
    pen.lineWidth = (0.7 + 0.35 * index) / scale; // the innermost is the boldest
    pen.stroke(path);
  });
  pen.restore();
}

const FONTS = { class: "600 12px", cluster: "400 12px", typed: "600 12px" };
const fontOf = (kind) => `${FONTS[kind]} system-ui, sans-serif`;

// Of pixels: `names` that have their places, `rings` [x, y], `hover` and `pinned` [x, y] or null,
// `lasso` a path.
function drawOver(pen, look, { names, rings, hover, pinned, lasso }) {
  const circle = (x, y, radius, width, colour) => {
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.stroke();
  };
  for (const [x, y] of rings) {
    circle(x, y, 9, 5, look.ground);
    circle(x, y, 9, 2.2, look.text);
  }
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (const name of names) {
    if (isLined(name)) {
      const [x0, y0, x1, y1] = leader(name);
      const line = new Path2D();
      line.moveTo(x0, y0);
      line.lineTo(x1, y1);
      if (name.over) {
        pen.lineWidth = 3;
        pen.strokeStyle = look.ground; // the line is told from the points that it leads over
        pen.stroke(line);
        circle(x1, y1, 3, 4, look.ground);
        circle(x1, y1, 3, 1.5, look.text);
      }
      pen.globalAlpha = name.over ? 1 : FAINT;
      pen.lineWidth = 1;
      pen.strokeStyle = look.text;
      pen.stroke(line);
      pen.globalAlpha = 1;
    }
    pen.font = fontOf(name.kind);
    pen.lineWidth = 3;
    pen.strokeStyle = look.ground;
    const start = name.left + 4 + (name.colour ? DOT : 0),
      middle = name.top + name.height / 2;
    pen.strokeText(name.text, start, middle);
    pen.fillStyle = look.text;
    pen.fillText(name.text, start, middle);
    if (name.colour) {
      pen.fillStyle = name.colour;
      pen.beginPath();
      pen.arc(name.left + 9, middle, 4, 0, 7);
      pen.fill();
    }
  }
  if (pinned) {
    circle(...pinned, 8, 4.5, look.ground);
    circle(...pinned, 8, 2.5, look.accent);
  }
  if (hover) circle(...hover, 7, 2, look.text);
  if (!lasso) return;
  pen.beginPath();
  lasso.forEach(([x, y], i) => {
    if (i) pen.lineTo(x, y);
    else pen.moveTo(x, y);
  });
  pen.closePath();
  pen.globalAlpha = 0.15;
  pen.fillStyle = look.text;
  pen.fill();
  pen.globalAlpha = 1;
  pen.lineWidth = 1.5;
  pen.strokeStyle = look.text;
  pen.setLineDash([4, 3]);
  pen.stroke();
  pen.setLineDash([]);
}
