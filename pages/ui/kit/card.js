// One piece of a card: shows the HTML that Python made, and reports clicks on tokens and classes.
export default function (component) {
  const root = component.parentElement.querySelector(".card");
  wire(component, root, {
    "[data-class]": (bar) => ["chosen", Number(bar.dataset.class)],
  });
  show(root, component.data.html);
}
