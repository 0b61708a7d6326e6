// Paints many points at once: WebGL where there is one, else squares on a 2D canvas.
// A painter has begin(), points(...), forget() and kind. Coordinates come as two uint16 a point, which
// cover the square of the map (0..1) and as much again on each side of it.
const OPACITY = 0.9; // of a point that is not dimmed
const VERTEX = `
attribute vec2 before; attribute vec2 after; attribute float code; attribute float flag;
uniform float part, size, dim; uniform vec4 view; varying float kind; varying float seen;
void main() {
  vec2 at = mix(before, after, part) * 3.0 - 1.0;
  gl_Position = vec4(at * view.xy + view.zw, 0.0, 1.0);
  kind = code;
  seen = flag > 0.5 ? 1.0 : 1.0 - dim;
  gl_PointSize = code > 254.5 ? 0.0 : size * (flag > 0.5 && dim > 0.0 ? 1.35 : 1.0);
}`;
const FRAGMENT = `
precision mediump float;
uniform vec3 palette[12]; uniform float ramp; uniform vec3 low, middle, high;
varying float kind; varying float seen;
float shape(float number, vec2 p) {
  float form = mod(number, 6.0);
  if (form < 0.5) return length(p) - 0.8;
  if (form < 1.5) return max(abs(p.x), abs(p.y)) - 0.72;
  if (form < 2.5) return (abs(p.x) + abs(p.y)) - 0.95;
  if (form < 3.5) return max(abs(p.x) * 0.87 - p.y * 0.5, p.y) - 0.55;
  if (form < 4.5) return min(abs(p.x + p.y), abs(p.x - p.y)) * 0.7 + max(length(p) - 0.95, 0.0) - 0.24;
  return max(abs(p.x) * 0.87 + p.y * 0.5, -p.y) - 0.55;
}
void main() {
  vec2 p = gl_PointCoord * 2.0 - 1.0;
  p.y = -p.y;
  float edge = ramp > 0.5 ? length(p) - 0.8 : shape(kind, p);
  if (ramp < 0.5 && kind > 5.5) edge = abs(edge + 0.18) - 0.18; // the second six are hollow
  if (edge > 0.0) discard;
  vec3 colour;
  if (ramp > 0.5) {
    float t = kind / 200.0;
    colour = kind > 200.5 ? vec3(0.55) : t < 0.5 ? mix(low, middle, t * 2.0) : mix(middle, high, t * 2.0 - 1.0);
  } else {
    colour = palette[0];
    for (int i = 1; i < 12; i++) if (abs(kind - float(i)) < 0.5) colour = palette[i];
  }
  gl_FragColor = vec4(colour, 1.0) * (0.12 + 0.78 * seen) * (kind > 200.5 ? 0.35 : 1.0);
}`;

function glPainter(canvas) {
  const gl = canvas.getContext("webgl", { antialias: false, premultipliedAlpha: true });
  if (!gl) return null;
  const compile = (type, source) => {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    return shader;
  };
  const program = gl.createProgram();
  gl.attachShader(program, compile(gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, compile(gl.FRAGMENT_SHADER, FRAGMENT));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  const place = (name) => gl.getUniformLocation(program, name);
  const buffers = new Map(); // one for each array that is drawn; let go when the data change
  const attribute = (name, array, size, normalised, every) => {
    let buffer = buffers.get(array);
    if (!buffer) {
      buffer = gl.createBuffer();
      buffers.set(array, buffer);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, array, gl.STATIC_DRAW);
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    const where = gl.getAttribLocation(program, name);
    const type = array instanceof Uint16Array ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE;
    gl.enableVertexAttribArray(where);
    gl.vertexAttribPointer(
      where,
      size,
      type,
      normalised,
      every * size * array.BYTES_PER_ELEMENT,
      0,
    );
  };
  return {
    kind: "webgl",
    forget(keep) {
      for (const [array, buffer] of buffers) {
        if (!keep.has(array)) {
          gl.deleteBuffer(buffer);
          buffers.delete(array);
        }
      }
    },
    begin() {
      gl.disable(gl.SCISSOR_TEST);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.useProgram(program);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    },
    points(box, view, now, next, part, look, codes, every) {
      const scale = canvas.width / canvas.clientWidth || 1;
      const bottom = canvas.height - (box.y + box.height) * scale;
      const frame = [box.x * scale, bottom, box.width * scale, box.height * scale].map(Math.round);
      gl.viewport(...frame);
      gl.enable(gl.SCISSOR_TEST);
      gl.scissor(...frame);
      attribute("before", now, 2, true, every);
      attribute("after", next, 2, true, every);
      attribute("code", codes, 1, false, every);
      attribute("flag", look.flags, 1, false, every);
      gl.uniform1f(place("part"), part);
      gl.uniform1f(place("size"), look.size * scale);
      gl.uniform1f(place("dim"), look.dim ? 1 : 0);
      gl.uniform1f(place("ramp"), look.ramp ? 1 : 0);
      // 0..1 of the map -> -1..1 of the panel, moved and scaled by the view; y points up
      const [across, along] = [box.width, box.height].map((size) => (view.zoom * box.side) / size);
      gl.uniform4f(place("view"), 2 * across, 2 * along, -2 * view.x * across, -2 * view.y * along);
      gl.uniform3fv(place("palette"), look.palette.flat());
      for (const name of ["low", "middle", "high"]) gl.uniform3fv(place(name), look[name]);
      gl.drawArrays(gl.POINTS, 0, Math.ceil(codes.length / every));
    },
  };
}

function flatPainter(canvas) {
  const context = canvas.getContext("2d");
  const css = (c) => `rgb(${c.map((v) => Math.round(v * 255)).join(",")})`;
  return {
    kind: "canvas",
    forget() {},
    begin() {
      context.clearRect(0, 0, canvas.width, canvas.height);
    },
    points(box, view, now, next, part, look, codes, every) {
      const scale = canvas.width / canvas.clientWidth || 1;
      const size = Math.max(look.size * scale * 0.7, 2);
      context.save();
      context.beginPath();
      context.rect(box.x * scale, box.y * scale, box.width * scale, box.height * scale);
      context.clip();
      for (let i = 0; i < codes.length; i += every) {
        if (codes[i] === 255) continue;
        const x = ((now[2 * i] + (next[2 * i] - now[2 * i]) * part) / 65535) * 3 - 1;
        const y = ((now[2 * i + 1] + (next[2 * i + 1] - now[2 * i + 1]) * part) / 65535) * 3 - 1;
        context.globalAlpha = look.dim && !look.flags[i] ? 0.12 : OPACITY;
        const t = codes[i] / 200;
        const unknown = look.ramp && codes[i] > 200;
        if (unknown) context.globalAlpha *= 0.35;
        const mix = (a, b, s) => a.map((v, k) => v + (b[k] - v) * s);
        context.fillStyle = css(
          unknown
            ? [0.55, 0.55, 0.55]
            : look.ramp
              ? t < 0.5
                ? mix(look.low, look.middle, 2 * t)
                : mix(look.middle, look.high, 2 * t - 1)
              : look.palette[codes[i] % 12],
        );
        context.fillRect(
          ...toScreen(box, view, x, y).map((place) => place * scale - size / 2),
          size,
          size,
        );
      }
      context.restore();
    },
  };
}
