// Writes the choices into the address of the page that they were made on, without a step in the
// browser's history, and into the links of the sidebar, for those who open one in a new tab.
export default function ({ data: { query, place } }) {
  const links = [...document.querySelectorAll("[data-testid=stPageLink-NavLink]")];
  for (const link of links) link.dataset.place ??= link.getAttribute("href");
  const here = location.pathname.replace(/\/$/, "");
  const last = here.split("/").pop();
  const left = place ? last !== place : last && links.some((link) => link.dataset.place === last);
  if (left) return; // the end of a page that was left: its choices are not those of the next one
  const search = query ? `?${query}` : "";
  if (location.search !== search) {
    history.replaceState(history.state, "", location.pathname + search + location.hash);
  }
  const base = place ? here.slice(0, -place.length) : `${here}/`;
  for (const link of links) link.setAttribute("href", base + link.dataset.place + search);
}
