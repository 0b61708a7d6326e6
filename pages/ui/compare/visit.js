// Three steps for who is here for the first time: a bar below, and a number at each place. Nothing
// of it takes part in the page's layout, and the numbers let every click through.
const SEEN = "poollens-visited";
const inCards = (selector) => {
  for (const host of document.querySelectorAll(".st-key-cards [class*=st-key-attr-] *")) {
    const part = host.shadowRoot?.querySelector(selector);
    if (part) return part;
  }
  return null;
};
const STEPS = [
  ["Type a sentence", () => document.querySelector(".st-key-texts input, .st-key-texts textarea")],
  ["Click a word to doubt it", () => inCards(".pl-strip"), "end"], // no word lies beneath it
  [
    "Add a picture to your paper",
    () =>
      [...document.querySelectorAll(".st-key-cards button")].find((button) =>
        button.textContent.includes("Paper"),
      ),
  ],
];

export default function ({ data }) {
  if (localStorage.getItem(SEEN) || document.querySelector(".pl-visit")) return;
  const style = document.createElement("style");
  style.textContent = data.style;
  const bar = document.createElement("section");
  bar.className = "pl-visit";
  bar.setAttribute("aria-label", "First steps");
  const marks = STEPS.map(([words], nth) => {
    const step = document.createElement("span");
    const number = document.createElement("b");
    number.textContent = String(nth + 1);
    step.append(number, words);
    bar.append(step);
    const mark = document.createElement("span");
    mark.className = "pl-visit-mark";
    mark.textContent = String(nth + 1);
    mark.setAttribute("aria-hidden", "true");
    mark.hidden = true;
    return mark;
  });
  const done = document.createElement("button");
  done.textContent = "Got it";
  bar.append(done);
  bar.style.colorScheme = getComputedStyle(document.querySelector(".stApp")).colorScheme;

  const end = () => {
    clearInterval(timer);
    document.removeEventListener("keydown", onKey);
    for (const part of [style, bar, ...marks]) part.remove();
  };
  const dismiss = () => {
    localStorage.setItem(SEEN, "true");
    end();
  };
  const onKey = (event) => {
    if (event.key === "Escape") dismiss();
  };
  const place = () => {
    if (!document.querySelector(".st-key-cards")) {
      end(); // on another page; it comes again with this one until it is dismissed
      return;
    }
    const shown = document.documentElement.dataset.raised === "true";
    bar.hidden = !shown;
    const page = document.querySelector("[data-testid=stMain]").getBoundingClientRect();
    bar.style.left = `${page.left + page.width / 2}px`;
    bar.style.maxWidth = `${page.width - 32}px`;
    for (const [nth, mark] of marks.entries()) {
      const box = STEPS[nth][1]()?.getBoundingClientRect();
      mark.hidden = !shown || !box || box.top < 10 || box.top > innerHeight - 90;
      if (!mark.hidden) {
        const side = STEPS[nth][2] === "end" ? box.right : box.left;
        mark.style.left = `${Math.max(side - 12, 2)}px`;
        mark.style.top = `${box.top - 12}px`;
      }
    }
  };
  done.addEventListener("click", dismiss);
  document.addEventListener("keydown", onKey);
  document.body.append(style, bar, ...marks);
  const timer = setInterval(place, 200);
  place();
}
