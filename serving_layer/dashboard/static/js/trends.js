// The community's page: the ten films in most lists, how they moved since the day before, and the genres.
import { base, colour, countAxis, draw, nameAxis, outlined } from "./charts.js";
import { element, named } from "./elements.js";
import { filmItem } from "./films.js";
import { refresh, watch } from "./freshness.js";
import { Live, showConnection } from "./live.js";
import { panel, showEmpty, showError, showFilled } from "./panels.js";
import { clock, moment, number, plain, span, t } from "./words.js";

const STALE_SECONDS = 20; // four heartbeats missed
const USUAL_SECONDS = 60; // two triggers of the stream that counts
const LATE_SECONDS = 300; // what waits longer is not on its way: the figures are old
const PANELS = ["top", "genres"];
const source = { updatedAt: null, waitingSince: null, confirmedAt: null, failed: false };

/** Show the trends; null: they are not computed yet. */
function received(trends) {
  const moments = { updatedAt: instant(trends?.updated_at), waitingSince: instant(trends?.waiting_since) };
  Object.assign(source, { ...moments, confirmedAt: Date.now(), failed: false });
  if (trends === null) for (const id of PANELS) showEmpty(panel(id), t("trends.not_computed"));
  else {
    drawTop(trends.top_movies, trends.compared_with);
    drawGenres(trends.trending_genres);
  }
  refresh();
}

function instant(text) {
  return text ? Date.parse(text) : null;
}

function drawTop(films, comparedWith) {
  const node = panel("top");
  if (!films.length) return showEmpty(node, t("panel.empty"));
  showFilled(node);
  node.querySelector("[data-films]").replaceChildren(...films.map((film, place) => {
    const about = element("span", {}, String(film.year ?? ""), comparedWith ? movement(film.previous_place, place + 1) : null);
    return filmItem(film, { place: place + 1, about, figure: t("trends.lists", { count: film.count }) });
  }));
  node.querySelector("[data-compared]").textContent = comparedWith
    ? t("trends.compared", { time: moment(comparedWith) }) : t("trends.not_compared");
}

/** Give how a film has moved; `was` null: it was not among the ten. */
function movement(was, is) {
  const count = Math.abs(was - is);
  const [way, sign, words] = was === null ? ["new", t("trends.new"), null]
    : was > is ? ["up", t("trends.up", { count }), t("trends.up_words", { count })]
    : was < is ? ["down", t("trends.down", { count }), t("trends.down_words", { count })]
    : ["same", t("trends.same"), t("trends.same_words")];
  const spoken = words && element("span", { class: "unseen" }, words);
  return element("span", { class: "movement", "data-way": way }, element("span", { "aria-hidden": words && "true" }, sign), spoken);
}

/** Give a bar's share as its label. */
function share() {
  return { show: true, position: "right", color: colour("text"), formatter: ({ value }) => `${number(value, 1)} %` };
}

function drawGenres(genres) {
  const node = panel("genres");
  if (!genres.length) return showEmpty(node, t("panel.empty"));
  showFilled(node);
  const names = genres.map(({ genre }) => genre);
  draw(node, {
    summary: t("trends.genres_summary", { count: genres.length }),
    legend: [["list", t("trends.look")]],
    option: () => ({
      ...base(),
      grid: { ...base().grid, right: 56 },
      yAxis: nameAxis(names.map(plain), { inverse: true }),
      xAxis: countAxis({ axisLabel: { show: false }, splitLine: { show: false }, max: "dataMax" }),
      series: [{ type: "bar", data: genres.map(({ percentage }) => percentage), itemStyle: outlined(), label: share() }],
    }),
    table: {
      heads: [t("genres.head"), t("people.films"), "%"],
      rows: genres.map(({ genre, count, percentage }) => [named(genre), number(count), number(percentage, 1)]),
      numeric: [1, 2],
    },
  });
}

/** The trends move when somebody's list does, so their age is no fault; an event that is not counted is, and silence. */
function judge(now) {
  if (source.confirmedAt === null) return { state: source.failed ? "failed" : "loading", text: source.failed ? t("freshness.failed") : t("freshness.loading") };
  const time = clock(source.confirmedAt);
  if (source.failed) return { state: "failed", text: t("freshness.failed_since", { time }) };
  if ((now - source.confirmedAt) / 1_000 > STALE_SECONDS) return { state: "stale", text: t("freshness.stale_since", { time }) };
  if (source.updatedAt === null) return { state: "empty", text: t("trends.no_count") };
  const counted = t("trends.counted", { age: span((now - source.updatedAt) / 1_000) });
  const waited = source.waitingSince === null ? 0 : (now - source.waitingSince) / 1_000;
  if (waited <= USUAL_SECONDS) return { state: "fresh", text: counted };
  return { state: waited > LATE_SECONDS ? "stale" : "delayed", text: t("trends.waiting", { counted, time: span(waited) }) };
}

watch("trends", judge);
new Live({
  stream: "/dashboard/trends/stream",
  poll: "/dashboard/trends",
  name: "trends",
  received,
  confirmed: () => { source.confirmedAt = Date.now(); source.failed = false; refresh(); },
  changed: (connection, seconds) => {
    showConnection(connection, seconds);
    source.failed = connection === "lost";
    if (source.failed && source.confirmedAt === null) for (const id of PANELS) showError(panel(id));
    refresh();
  },
});
