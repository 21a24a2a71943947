// The batch view's generations: a timeline, how long each took, and which one readers see.
import { base, colour, countAxis, draw, hatched, nameAxis, solid } from "./charts.js";
import { confirmed } from "./dialogs.js";
import { element } from "./elements.js";
import { send } from "./http.js";
import { showEmpty, showError, showFilled } from "./panels.js";
import { moment, number, numberOrDash, span, t } from "./words.js";

const SIGNS = { published: "●", ready: "○", building: "◐", abandoned: "✕", failed: "✕", dropped: "–" };

/** Draw the timeline. `changed()` is called after a publication. */
export function drawTimeline(node, batch, changed) {
  if (!batch.generations) return showError(node);
  if (!batch.generations.length) return showEmpty(node, t("generations.none"));
  showFilled(node);
  node.querySelector("[data-generations]").replaceChildren(...batch.generations.map((row) => item(row, batch, changed)));
}

/** Draw how long the runs took. */
export function drawDurations(node, batch) {
  if (!batch.generations) return showError(node);
  const runs = batch.generations.filter(({ seconds }) => seconds !== null).toReversed();
  if (!runs.length) return showEmpty(node, t("generations.none"));
  showFilled(node);
  draw(node, {
    summary: t("durations.summary", { count: runs.length }),
    option: () => ({
      ...base(),
      xAxis: nameAxis(runs.map((row) => String(row.number))),
      yAxis: countAxis({ axisLabel: { color: colour("text-soft"), formatter: "{value} s" }, minInterval: 0 }),
      series: [{ type: "bar", barMaxWidth: 48, data: runs.map((row) => ({ value: row.seconds, itemStyle: row.state === "failed" ? hatched("failed") : solid() })) }],
    }),
    table: {
      heads: [t("durations.generation"), t("durations.state"), t("durations.seconds"), t("durations.events"), t("durations.users")],
      rows: runs.map((row) => [String(row.number), stateWord(row.state), numberOrDash(row.seconds, 1), number(row.events), number(row.users)]),
      numeric: [0, 2, 3, 4],
    },
  });
}

function stateWord(state) {
  return {
    published: t("generations.published"), ready: t("generations.ready"), building: t("generations.building"),
    abandoned: t("generations.abandoned"), failed: t("generations.failed"), dropped: t("generations.dropped"),
  }[state];
}

function item(row, batch, changed) {
  const took = row.seconds === null ? null : t("generations.took", { time: span(row.seconds) });
  const counts = ["building", "abandoned"].includes(row.state) ? null : t("generations.counts", { users: row.users, events: row.events });
  const about = [moment(row.started_at), took, counts].filter(Boolean).join(" · ");
  return element("li", { "data-state": row.state, "data-generation": row.number },
    element("span", { class: "sign", "aria-hidden": "true" }, SIGNS[row.state]),
    element("div", { class: "what" },
      element("strong", {}, t("generations.number", { n: String(row.number) })), " ", element("em", {}, stateWord(row.state)),
      element("p", { class: "about" }, about),
      row.reason ? element("p", { class: "reason" }, element("bdi", {}, row.reason)) : null),
    row.state === "ready" ? button(row, batch, changed) : null);
}

function button(row, batch, changed) {
  const back = batch.published !== null && row.number < batch.published;
  const n = String(row.number);
  const words = back ? t("generations.go_back", { n }) : t("generations.publish", { n });
  const action = async () => {
    const answer = await send("POST", "/operator/published-generation", { generation: row.number, replaces: batch.published });
    await changed();
    return t("generations.done", { n: String(answer.generation) });
  };
  const ask = () => confirmed({ title: words, text: t("generations.confirm", { n, old: String(batch.published ?? "–") }), yes: words, action });
  return element("button", { type: "button", on: { click: ask } }, words);
}
