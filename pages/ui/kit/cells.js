// Reports clicks on cells of the heat maps in the container where it stands: (map, row, column).
export default function ({ parentElement, setTriggerValue }) {
  const host = parentElement.host ?? parentElement;
  const place = host.closest(".stVerticalBlock");
  if (!place) return;
  place.reportCell = setTriggerValue; // a new closure at every update
  if (place.listensToCells) return;
  place.listensToCells = true;
  // The chart may come later than this, and be drawn anew: it is looked for when it is touched.
  place.addEventListener("pointerover", () => {
    const chart = place.querySelector(".js-plotly-plot");
    if (!chart?.on || chart.reportsCells) return;
    chart.reportsCells = true;
    chart.on("plotly_click", ({ points: [point] }) => {
      if (Array.isArray(point?.pointNumber)) {
        place.reportCell("cell", [point.curveNumber, ...point.pointNumber]);
      }
    });
  });
}
