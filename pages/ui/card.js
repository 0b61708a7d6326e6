// One piece of a card: shows the HTML that Python made, and reports clicks on tokens and classes.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".card");
  parentElement.report = setTriggerValue; // a new closure at every update

  if (!root.wired) {
    root.wired = true;
    const choose = (event) => {
      const token = event.target.closest(".tok:not(.special)");
      if (token) {
        const { segment, start, end } = token.dataset;
        parentElement.report("token", [Number(segment), Number(start), Number(end)]);
        return true;
      }
      const bar = event.target.closest("[data-class]");
      if (bar) {
        parentElement.report("chosen", Number(bar.dataset.class));
        return true;
      }
      return false;
    };
    root.addEventListener("click", choose);
    root.addEventListener("keydown", (event) => {
      if ((event.key === "Enter" || event.key === " ") && choose(event)) event.preventDefault();
    });
  }

  if (root.shown !== data.html) {
    // The element with the focus is replaced: give the focus to the one that took its place.
    const focused = root.getRootNode().activeElement;
    const places = () => [...root.querySelectorAll("[tabindex]")];
    const place = focused ? places().indexOf(focused) : -1;
    root.innerHTML = data.html;
    root.shown = data.html;
    if (place >= 0) places()[place]?.focus();
  }
}
