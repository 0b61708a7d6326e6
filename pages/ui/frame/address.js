// Writes the choices into the address of the page that they were made on, without a step in the
// browser's history, and into the links of the sidebar, for those who open one in a new tab.
export default function ({ data: { query, place } }) {
  const links = [...document.querySelectorAll("[data-testid=stPageLink-NavLink]")];
  const path = (link) => new URL(link.href).pathname.replace(/\/$/, "");
  const here = location.pathname.replace(/\/$/, "");
  const own = place ? links.find((link) => path(link).endsWith(`/${place}`)) : links[0];
  // A page that was left may still be at its end: its choices are not those of the next one.
  if (links.some((link) => link !== own && path(link) === here)) return;
  const search = query ? `?${query}` : "";
  if (location.search !== search) {
    history.replaceState(history.state, "", location.pathname + search + location.hash);
  }
  for (const link of links) link.setAttribute("href", (path(link) || "/") + search);
}
