// One piece of a card: shows the HTML that Python made, and reports clicks on tokens and classes.
export default function (component) {
  const root = component.parentElement.querySelector(".card");
  if (!root.wired) listen(root);
  wire(component, root, {
    "[data-class]": (bar) => ["chosen", Number(bar.dataset.class)],
    ".unit[data-special]": ({ dataset }) => [
      "token",
      [-1, Number(dataset.special), Number(dataset.special)],
    ],
    ".unit[data-start]": ({ dataset }) => [
      "token",
      [Number(dataset.segment), Number(dataset.start), Number(dataset.end)],
    ],
  });
  show(root, component.data.html);
}
