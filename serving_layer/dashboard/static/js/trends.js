// The community's page: the ten films in most lists, how they moved, and the genres.
import { base, colour, countAxis, draw, nameAxis, solid } from "./charts.js";
import { element, named } from "./elements.js";
import { filmItem } from "./films.js";
import { refresh, watch } from "./freshness.js";
import { Live, showConnection } from "./live.js";
import { panel, showEmpty, showFilled } from "./panels.js";
import { clock, number, plain, span, t } from "./words.js";

const STALE_SECONDS = 20; // four heartbeats missed
const USUAL_SECONDS = 60; // two triggers of the stream that counts
const LATE_SECONDS = 300; // what waits longer is not on its way: the figures are old
const REMEMBERED = "trends.places"; // the places that this browser showed last time
const before = new Map(JSON.parse(localStorage.getItem(REMEMBERED) ?? "[]"));
const source = { updatedAt: null, waitingSince: null, confirmedAt: null, failed: false };

function received(trends) {
  const waitingSince = trends.waiting_since && Date.parse(trends.waiting_since);
  Object.assign(source, { updatedAt: Date.parse(trends.updated_at), waitingSince, confirmedAt: Date.now(), failed: false });
  drawTop(trends.top_movies);
  drawGenres(trends.trending_genres);
  localStorage.setItem(REMEMBERED, JSON.stringify(trends.top_movies.map((film, place) => [film.movie_id, place])));
  refresh();
}

function drawTop(films) {
  const node = panel("top");
  if (!films.length) return showEmpty(node, t("panel.empty"));
  showFilled(node);
  node.querySelector("[data-films]").replaceChildren(...films.map((film, place) => {
    const item = filmItem(film, { place: place + 1, figure: t("trends.lists", { count: film.count }) });
    item.querySelector(".about").append(movement(film, place));
    return item;
  }));
}

function movement(film, place) {
  if (!before.size) return "";
  const was = before.get(film.movie_id);
  const ways = was === undefined ? ["new", t("trends.new")] : was > place ? ["up", t("trends.up", { count: was - place })]
    : was < place ? ["down", t("trends.down", { count: place - was })] : ["same", t("trends.same")];
  return element("span", { class: "movement", "data-way": ways[0] }, ways[1]);
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
    option: () => ({
      ...base(),
      grid: { ...base().grid, right: 56 },
      yAxis: nameAxis(names.map(plain), { inverse: true }),
      xAxis: countAxis({ axisLabel: { show: false }, splitLine: { show: false } }),
      series: [{ type: "bar", data: genres.map(({ percentage }) => percentage), itemStyle: solid(), label: share() }],
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
  changed: (connection) => {
    showConnection(connection);
    source.failed = connection === "lost";
    refresh();
  },
});
