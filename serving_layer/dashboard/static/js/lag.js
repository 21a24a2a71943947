// How far the streams are behind, for as long as the page has been open.
import { base, colour, countAxis, draw } from "./charts.js";
import { element } from "./elements.js";
import { showFilled } from "./panels.js";
import { edgeName, flowsOf } from "./picture.js";
import { clock, numberOrDash, t } from "./words.js";

const LOOKS = 100; // five minutes
// Token of the colour, dash, and symbol; operator.css says the same of the legend.
const SHAPES = {
  relay: ["everyone", "dotted", "circle"],
  user_stats: ["solid", "solid", "rect"],
  global_trends: ["solid", "dashed", "triangle"],
  speed: ["live", "solid", "diamond"],
  lake: ["fresh", "dashed", "pin"],
};
const looks = [];

/** Remember what is known now, and draw; what is not known is a gap. */
export function drawLag(node, now) {
  const flows = flowsOf(now);
  const lags = Object.fromEntries(Object.keys(SHAPES).map((edge) => [edge, flows[edge]?.lag_seconds ?? null]));
  looks.push({ at: Date.now(), lags });
  if (looks.length > LOOKS) looks.shift();
  showFilled(node);
  const names = Object.keys(SHAPES);
  node.querySelector("[data-lines]").replaceChildren(...names.map((edge) => element("li", { "data-line": edge }, edgeName(edge))));
  draw(node, {
    summary: t("lag.summary", { count: looks.length }),
    option: () => ({
      ...base(),
      animation: false,
      xAxis: { type: "category", data: looks.map(({ at }) => clock(at)), axisTick: { show: false },
        axisLine: { lineStyle: { color: colour("line-strong") } }, axisLabel: { color: colour("text-soft"), hideOverlap: true } },
      yAxis: countAxis({ min: 0, minInterval: 0.1, axisLabel: { color: colour("text-soft"), formatter: "{value} s" } }),
      series: names.map((edge) => {
        const [token, type, symbol] = SHAPES[edge];
        return { type: "line", name: edgeName(edge), symbol, symbolSize: 6, data: looks.map(({ lags: each }) => each[edge]),
          lineStyle: { color: colour(token), type, width: 2 }, itemStyle: { color: colour(token) } };
      }),
    }),
    table: {
      heads: [t("lag.time"), ...names.map(edgeName)],
      rows: looks.toReversed().map(({ at, lags: each }) => [clock(at), ...names.map((edge) => numberOrDash(each[edge], 1))]),
      numeric: names.map((_, place) => place + 1),
    },
  });
}
