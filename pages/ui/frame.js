// A link of the sidebar waits until an open menu has closed. The menu tells the server of its closing
// after the click, in the name of the page that is being left, and that page would come back, without
// what was typed.
export default function () {
  const sidebar = document.querySelector("[data-testid=stSidebar]");
  if (!sidebar || sidebar.dataset.waits) return;
  sidebar.dataset.waits = "for menus";
  const menu = () => document.querySelector("[data-testid=stPopoverBody]");
  sidebar.addEventListener("click", (event) => {
    const link = event.target.closest("[data-testid=stPageLink-NavLink]");
    if (!link || !menu()) return;
    event.preventDefault();
    event.stopPropagation();
    const name = `[data-testid=stPageLink-NavLink][href="${link.getAttribute("href")}"]`;
    const follow = () => {
      if (menu()) setTimeout(follow, 20);
      else setTimeout(() => sidebar.querySelector(name)?.click(), 60);
    };
    menu().dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    follow();
  }, true);
}
