// How the points look: colours and forms by class or by number, and the legend that tells them.
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const bit = (packed, i) => (packed[i >> 3] >> (i & 7)) & 1;
const hex = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255);
const css = (colour) => `rgb(${colour.map((v) => Math.round(v * 255)).join(",")})`;

// `given` as the page sends it; `hidden` classes, `selection` of rows (or null: all).
function lookOf(root, given, count, hidden, selection) {
  const { color, colorScheme } = getComputedStyle(root);
  const dark = colorScheme.includes("dark");
  const theme = dark ? "dark" : "light";
  const codes = given?.codes ? bytes(given.codes) : new Uint8Array(count);
  const own = given?.panel_codes?.map(bytes);
  const flags = new Uint8Array(count);
  const found = given?.found ? bytes(given.found) : null;
  const shown = codes.slice();
  for (let i = 0; i < count; i++) {
    if (!given?.ramp && hidden.has(codes[i])) shown[i] = 255;
    flags[i] = (!selection || selection.has(i)) && (!found || bit(found, i)) ? 1 : 0;
  }
  const stops = (given?.stops?.[theme] ?? ["#777777", "#777777", "#777777"]).map(hex);
  return {
    codes: shown,
    of: (panel) => own?.[panel] ?? shown,
    flags,
    ramp: !!given?.ramp,
    dim: !!selection || !!found,
    found,
    palette: Array.from({ length: 12 }, (_, i) => hex(given?.colours?.[theme]?.[i] ?? "#777777")),
    low: stops[0],
    middle: stops[1],
    high: stops[2],
    size: count > 20000 ? 3.5 : count > 4000 ? 4.5 : count > 800 ? 6 : 8,
    rings: given?.rings ?? [],
    names: given?.names ?? [],
    centres: given?.centres ?? false,
    text: color,
    accent: getComputedStyle(root).getPropertyValue("--st-primary-color") || color,
    ground: dark ? "#141A22" : "#FBFAF8",
    dark,
  };
}

function drawLegend(box, given, look, hidden) {
  const key = JSON.stringify([
    given?.title,
    given?.names,
    given?.ramp,
    given?.ends,
    given?.unknown,
    [...hidden],
    look.dark,
  ]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren();
  if (!given) return;
  const words = (text, kind = "") =>
    Object.assign(document.createElement("span"), { className: kind, textContent: text });
  box.append(words(given.title, "what"));
  if (given.ramp) {
    const ramp = words("", "ramp");
    ramp.style.background = `linear-gradient(90deg, ${css(look.low)}, ${css(look.middle)}, ${css(look.high)})`;
    box.append(words(given.ends[0]), ramp, words(given.ends[1]));
    if (given.unknown) box.append(words("grey: not measured"));
    return;
  }
  given.names.forEach((name, code) => {
    const button = document.createElement("button");
    button.dataset.code = code;
    button.setAttribute("aria-pressed", String(!hidden.has(code)));
    button.title = hidden.has(code) ? "Show" : "Hide";
    button.innerHTML = glyph(code, css(look.palette[code % 12]));
    button.append(`${name} (${given.counts[code].toLocaleString("en")})`);
    box.append(button);
  });
}
