// Writes the choices into the address of the page that they were made on, without a step in the
// browser's history, and into the links of the sidebar, for those who open one in a new tab.
let latest = null;

export default function ({ data }) {
  latest = data;
  write(data);
}

function write(data) {
  if (data !== latest) return; // a newer one has been written
  const { query, place } = data;
  const links = [...document.querySelectorAll("[data-testid=stPageLink-NavLink]")];
  if (!links.length) {
    setTimeout(write, 50, data); // the client still fetches what draws them
    return;
  }
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
