// The figures as thumbnails: choose, tick, move (buttons or dragging), remove. Buttons throughout,
// so that everything can be done with the keyboard. Python hears one action at a time.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".figures");
  parentElement.tell = (...action) => setTriggerValue("action", [...action, Date.now()]);
  if (!root.wired) {
    root.wired = true;
    let dragged = null;
    const place = (event) => event.target.closest(".figure");
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button && !button.disabled) {
        parentElement.tell(button.dataset.do, Number(place(event).dataset.index));
      }
    });
    root.addEventListener("dragstart", (event) => {
      dragged = Number(place(event).dataset.index);
      event.dataTransfer.effectAllowed = "move";
    });
    root.addEventListener("dragover", (event) => {
      const over = place(event);
      if (dragged === null || !over) return;
      event.preventDefault();
      root.querySelectorAll(".over").forEach((card) => {
        card.classList.remove("over");
      });
      over.classList.add("over");
    });
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      const over = place(event);
      if (dragged !== null && over && Number(over.dataset.index) !== dragged) {
        parentElement.tell("drop", dragged, Number(over.dataset.index));
      }
    });
    root.addEventListener("dragend", () => {
      dragged = null;
      root.querySelectorAll(".over").forEach((card) => {
        card.classList.remove("over");
      });
    });
  }
  const focused = root.getRootNode().activeElement;
  const back = focused?.dataset?.do && {
    action: focused.dataset.do,
    key: focused.closest(".figure")?.dataset.key,
  };
  root.replaceChildren(...data.figures.map((figure, index) => card(figure, index, data.figures)));
  if (back) {
    const again = [...root.querySelectorAll(".figure")].find((one) => one.dataset.key === back.key);
    again?.querySelector(`[data-do="${back.action}"]`)?.focus({ preventScroll: true });
  }
}

function made(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function button(action, sign, said, disabled = false) {
  const element = made("button", "small", sign);
  element.type = "button";
  element.dataset.do = action;
  element.title = said;
  element.setAttribute("aria-label", said);
  element.disabled = disabled;
  return element;
}

function card(figure, index, all) {
  const whole = made("div", figure.chosen ? "figure chosen" : "figure");
  whole.dataset.index = index;
  whole.dataset.key = figure.key;
  whole.draggable = true;
  const look = made("button", "look");
  look.type = "button";
  look.dataset.do = "choose";
  look.setAttribute("aria-pressed", String(figure.chosen));
  look.title = figure.title;
  if (figure.src) {
    const image = made("img");
    image.src = figure.src;
    image.alt = `Figure ${index + 1}: ${figure.title}`;
    image.draggable = false;
    look.append(image);
  } else {
    look.append(made("span", "none", figure.problem || "…"));
  }
  const line = made("div", "line");
  const tick = made("button", figure.ticked ? "tick on" : "tick", figure.ticked ? "✓" : "");
  tick.type = "button";
  tick.dataset.do = "tick";
  tick.setAttribute("role", "checkbox");
  tick.setAttribute("aria-checked", String(figure.ticked));
  tick.setAttribute("aria-label", `Choose figure ${index + 1} for grouping`);
  tick.title = "Choose for grouping";
  const name = made("span", "name", `Figure ${index + 1}`);
  if (figure.panels > 1) name.append(made("span", "faint", ` · ${figure.panels} panels`));
  line.append(
    tick,
    name,
    button("up", "↑", `Move figure ${index + 1} up`, index === 0),
    button("down", "↓", `Move figure ${index + 1} down`, index === all.length - 1),
    button("remove", "✕", `Remove figure ${index + 1}`),
  );
  const title = made("div", "title", figure.title);
  title.dir = "auto";
  whole.append(look, title, line);
  return whole;
}
