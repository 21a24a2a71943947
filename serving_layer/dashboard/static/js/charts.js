// Charts: ECharts in the page's colours, with a legend, and a sentence and a table for those who do not see them.
import { element, fillTable } from "./elements.js";

const root = document.documentElement;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const drawn = new Map();

/** Give the value of a colour token in the present theme. */
export function colour(token) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${token})`;
  root.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Give the fill of what the batch counted: solid. */
export function solid(token = "solid") {
  return { color: colour(token), borderRadius: 3 };
}

/** Give the fill of what the speed layer adds: hatched. */
export function hatched(token = "live") {
  const ink = colour("surface");
  const decal = { color: ink, dashArrayX: [1, 0], dashArrayY: [3, 3], rotation: -Math.PI / 4 };
  return { color: colour(token), decal, borderRadius: 3 };
}

/** Give the fill of what no batch counts, such as the list as it stands: outlined. */
export function outlined(token = "list", borderType = "solid") {
  return { color: colour(`${token}-fill`), borderColor: colour(token), borderWidth: 1.5, borderType, borderRadius: 3 };
}

/** Give what all charts have in common. */
export function base() {
  return {
    animation: !still.matches,
    animationDuration: 300,
    backgroundColor: "transparent",
    textStyle: { color: colour("text-soft"), fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 4, right: 12, top: 12, bottom: 4, containLabel: true },
    // Rich text is drawn on the canvas: the policy forbids the styled markup of the other kind.
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      confine: true,
      axisPointer: { type: "shadow" },
      backgroundColor: colour("raised"),
      borderColor: colour("line-strong"),
      textStyle: { color: colour("text") },
    },
  };
}

/** Give an axis of names. */
export function nameAxis(names, more = {}) {
  const line = { lineStyle: { color: colour("line-strong") } };
  return { type: "category", data: names, axisLine: line, axisTick: { show: false }, axisLabel: { color: colour("text-soft") }, ...more };
}

/** Give an axis of counts. */
export function countAxis(more = {}) {
  return {
    type: "value",
    minInterval: 1,
    splitLine: { lineStyle: { color: colour("line") } },
    axisLabel: { color: colour("text-soft") },
    ...more,
  };
}

/** Draw a panel's chart. `option` gives ECharts' option and is asked again when the theme changes; `table` is
 * {heads, rows, numeric}; `summary` says in a sentence what the chart shows; `legend`: [[look, text]], the looks of
 * panels.css. */
export function draw(panel, { option, summary, table, legend = [] }) {
  const place = panel.querySelector("[data-chart]");
  let state = drawn.get(place);
  if (!state) {
    const chart = window.echarts.init(place, null, { renderer: "canvas" });
    new ResizeObserver(() => chart.resize()).observe(place);
    state = { chart };
    drawn.set(place, state);
  }
  state.option = option;
  state.chart.resize();
  state.chart.setOption(option(), { notMerge: true });
  panel.querySelector("[data-summary]").textContent = summary;
  const looks = legend.map(([look, text]) => element("li", { "data-look": look }, text));
  panel.querySelector("[data-legend]").replaceChildren(...looks);
  fillTable(panel.querySelector("[data-table]"), summary, table.heads, table.rows, table.numeric);
}

root.addEventListener("themechange", () => {
  for (const { chart, option } of drawn.values()) chart.setOption(option(), { notMerge: true });
});
