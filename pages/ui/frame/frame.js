// A link of the sidebar leads away, whatever the page that is left still has to say. Two things can
// reach the server right after a click, in the name of that page, which would then come back: an
// open menu tells of its closing, and the progress of long work asks to be drawn again.
export default function () {
  raiseCurtain();
  giveNames();
  const sidebar = document.querySelector("[data-testid=stSidebar]");
  if (!sidebar || sidebar.dataset.watched) return;
  sidebar.dataset.watched = "true";
  document.addEventListener("input", repair, true);
  const menu = () => document.querySelector("[data-testid=stPopoverBody]");
  let last = null;
  addEventListener("popstate", () => {
    last = null; // Back, sooner than the link would be followed again
  });
  sidebar.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest("[data-testid=stPageLink-NavLink]");
      if (!link || !event.isTrusted) return;
      const name = `[data-testid=stPageLink-NavLink][href="${link.getAttribute("href")}"]`;
      const click = () => sidebar.querySelector(name)?.click();
      const place = link.pathname;
      last = event;
      setTimeout(() => {
        if (last === event && location.pathname !== place) click();
      }, 1500);
      if (!menu()) return;
      event.preventDefault();
      event.stopPropagation();
      menu().dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
      const follow = () => {
        if (menu()) setTimeout(follow, 20);
        else setTimeout(click, 60);
      };
      follow();
    },
    true,
  );
}

// What Streamlit leaves without a name and the Tab key stops at: the page itself, and tables, which
// are drawn on a canvas and come later than this.
function giveNames() {
  const root = document.documentElement;
  const main = document.querySelector("[data-testid=stMain]");
  main?.setAttribute("aria-label", document.querySelector("h1")?.textContent ?? "Page");
  if (root.dataset.named) return;
  root.dataset.named = "true";
  let waiting = false;
  const name = () => {
    waiting = false;
    for (const table of document.querySelectorAll(
      "[data-testid=data-grid-canvas]:not([aria-label])",
    )) {
      const panel = table.closest("[class*=st-key-panel-], details, .stTabs");
      const title = panel?.querySelector("strong, h2, h3, summary")?.textContent ?? "";
      table.setAttribute("aria-label", `Table${title && `: ${title}`}`);
    }
  };
  new MutationObserver(() => {
    if (!waiting) requestAnimationFrame(name);
    waiting = true;
  }).observe(document.body, { childList: true, subtree: true });
  name();
}

// Half a character, as a text cut in the middle of an emoji holds, is no UTF-8: the server would
// hang up on it. It becomes U+FFFD before the page's own listeners read the field.
function repair({ target, isComposing }) {
  if (isComposing || typeof target.value !== "string" || target.value.isWellFormed()) return;
  const { selectionStart, selectionEnd } = target;
  const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(target), "value");
  set.call(target, target.value.toWellFormed());
  target.setSelectionRange(selectionStart, selectionEnd);
}

// The page is shown when its first run has ended, no part of it is still being fetched, and no box
// has moved for a moment; what stands above the place where long work begins is shown before.
function raiseCurtain() {
  const root = document.documentElement;
  if (root.dataset.raised || root.dataset.raising) return;
  root.dataset.raising = "true";
  let last = "";
  let since = performance.now();
  const look = () => {
    const state = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState;
    const parts = [...document.querySelectorAll(".stMain *, .stSidebar *")].slice(0, 1500);
    const now = parts.map((part) => `${part.offsetTop} ${part.offsetHeight}`).join();
    if (now !== last || document.querySelector("[data-testid=stSkeleton]")) {
      last = now;
      since = performance.now();
    }
    const stands = performance.now() - since > 150;
    if (stands && document.querySelector(".st-key-curtain-up")) root.dataset.raised = "early";
    const lifted = state === "notRunning" || document.querySelector(".st-key-curtain-off");
    if (stands && lifted) root.dataset.raised = "true";
    else setTimeout(look, 30);
  };
  look();
}
