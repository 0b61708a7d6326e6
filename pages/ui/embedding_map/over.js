// What lies over the points of a panel: names of classes, typed sentences, the pointer, a lasso.
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
    xs.length
      ? [xs, ys].map((v) => (v.sort((a, b) => a - b)[v.length >> 1] / 65535) * 3 - 1)
      : null,
  );
  centres.set(layout, { given, found });
  return found;
}

// All places in pixels: `names` and `rings` [label, [x, y]], `hover` [x, y] or null, `lasso` a path.
function drawOver(pen, box, look, { names, rings, hover, lasso }) {
  pen.save();
  pen.beginPath();
  pen.rect(box.x, box.y, box.width, box.height);
  pen.clip();
  pen.font = "600 12px system-ui, sans-serif";
  pen.textAlign = "center";
  const circle = (x, y, radius, width, colour) => {
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.stroke();
  };
  for (const [name, [x, y]] of names) {
    pen.lineWidth = 3.5;
    pen.strokeStyle = look.ground;
    pen.strokeText(name, x, y);
    pen.fillStyle = look.text;
    pen.fillText(name, x, y);
  }
  for (const [label, [x, y]] of rings) {
    circle(x, y, 9, 5, look.ground);
    circle(x, y, 9, 2.2, look.text);
    if (x < box.x || x > box.x + box.width || y < box.y || y > box.y + box.height) continue;
    // On a plate of its own: the name of a class may stand at the same place.
    const half = pen.measureText(label).width / 2 + 5;
    const middle = Math.min(Math.max(x, box.x + half), box.x + box.width - half);
    const base = y - 15 < box.y + 14 ? y + 25 : y - 15;
    pen.globalAlpha = 0.9;
    pen.fillStyle = look.ground;
    pen.fillRect(middle - half, base - 12, 2 * half, 17);
    pen.globalAlpha = 1;
    pen.fillStyle = look.text;
    pen.fillText(label, middle, base);
  }
  if (hover) circle(...hover, 7, 2, look.text);
  if (lasso) {
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
  }
  pen.restore();
}
