// What stands above and around the points: buttons, the slider, and a figure for each panel.
const BAR_AND_FIELD = `<div class="bar"><span class="modes kinds" role="group" aria-label="Map"></span>
    <label class="depth"><span class="of"></span><input type="range" min="0" step="1" aria-label="Layer"></label>
    <span class="modes" role="group" aria-label="What dragging does">
    <button data-gesture="pan" aria-pressed="true">Move</button><button data-gesture="lasso" aria-pressed="false">Lasso</button></span>
    <button data-do="fit" title="Or a double click on the map">Whole map</button>
    <button data-do="many" aria-pressed="false">Side by side</button>
    <button data-do="clear" hidden>Clear selection</button><span class="count" role="status"></span></div>
    <div class="field"><div class="panels"></div><div class="clip"><canvas class="dots"></canvas></div>
    <canvas class="over"></canvas><div class="tip" hidden></div></div><div class="legend"></div>`;

// A button and a figure for each panel of the data.
function drawKinds({ root, data }) {
  const kinds = data.panels.map(({ title }, number) => {
    const button = document.createElement("button");
    button.dataset.panel = number;
    button.textContent = title;
    return button;
  });
  root.querySelector(".kinds").replaceChildren(...(kinds.length > 1 ? kinds : []));
  root.querySelector(".panels").replaceChildren(
    ...data.panels.map((panel) => {
      const figure = document.createElement("figure");
      const title = document.createElement("figcaption");
      title.textContent = panel.title;
      title.append(document.createElement("small"));
      const box = document.createElement("div");
      box.className = "box";
      box.setAttribute("role", "img");
      const about = `${panel.title}: ${data.count} points.`;
      box.setAttribute("aria-label", `${about} The lists beside it name rows of them.`);
      figure.append(title, box);
      return figure;
    }),
  );
}

// Which panel, layer and mode are on show. `asked` is a layer that the page does not know of yet.
function showBar(m, asked) {
  const { root } = m;
  const { panel, layer } = m.to;
  root.dataset.mode = m.mode;
  for (const button of root.querySelectorAll("[data-panel]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.panel) === panel));
  }
  root.querySelectorAll("figure").forEach((figure, number) => {
    figure.hidden = m.mode === "one" && number !== panel;
  });
  root.querySelector(".kinds").hidden = m.mode === "many";
  const many = root.querySelector("[data-do=many]");
  many.hidden = m.coords.length < 2;
  many.setAttribute("aria-pressed", String(m.mode === "many"));
  const slider = root.querySelector(".depth input");
  const number = asked ?? m.data.layers?.[layer] ?? layer;
  slider.max = m.data.depth ?? Math.max((m.coords[0]?.length ?? 1) - 1, 0);
  slider.value = number;
  root.querySelector(".depth").hidden = slider.max === "0";
  root.querySelector(".depth .of").textContent = `Layer ${number}`;
}
