// Draws one user's statistics: what the batch counted solid, what came since hatched, what no batch counts outlined.
import { base, colour, countAxis, draw, hatched, nameAxis, outlined, solid } from "./charts.js";
import { element, fillTable, named } from "./elements.js";
import { filmItem, liveMark } from "./films.js";
import { panel, showEmpty, showError, showFilled } from "./panels.js";
import { day, number, numberOrDash, plain, t, weekday } from "./words.js";

const SHOWN_GENRES = 10;
const LIVE_PIXELS = 4; // at least so much of a live part is seen; its number stands beside it

/** Draw everything that the live document tells; `everyone`: as viewer.js keeps it. */
export function drawStatistics(stats, everyone) {
  drawRatings(stats);
  drawGenres(stats);
  drawEveryone(stats, everyone);
  drawFilms("top", stats.top_rated_movies, rowsSince(stats, "top_rated_movies"));
  drawFilms("recent", stats.recent_movies, rowsSince(stats, "recent_movies"));
  drawPeople("directors", stats.best_directors, rowsSince(stats, "best_directors"));
  drawPeople("actors", stats.most_watched_actors, rowsSince(stats, "most_watched_actors"));
}

/** Say whether there is no batch yet, so that everything is live. */
export function isLiveOnly({ freshness }) {
  return freshness.mode === "lambda" && freshness.batch_generation === null;
}

/** Draw what the list itself tells. */
export function drawHabits({ films_per_week: weeks, films_per_weekday: days, decades }) {
  const counts = (rows) => rows.map(({ count }) => count);
  simpleBars("weeks", { names: weeks.map(({ week }) => day(week)), counts: counts(weeks), head: t("weeks.head") });
  simpleBars("weekdays", { names: days.map((_, place) => weekday(place, "short")), counts: days, head: t("weekdays.head") });
  const names = decades.map(({ decade }) => t("decades.name", { decade: String(decade) }));
  const means = { head: t("people.mean"), values: decades.map(({ avg_rating: mean }) => numberOrDash(mean)) };
  simpleBars("decades", { names, counts: counts(decades), head: t("decades.head"), extra: means });
}

function drawRatings(stats) {
  const names = stats.rating_chart_data.map(({ rating }) => String(rating));
  const counts = stats.rating_chart_data.map(({ count }) => count);
  const counted = countedBefore(stats, stats.batch?.rating_chart_data.map(({ count }) => count), counts);
  const chart = { names, counts, head: t("ratings.head"), lying: false };
  if (counted) twoParts("ratings", { ...chart, counted });
  else simpleBars("ratings", chart);
}

function drawGenres(stats) {
  const rows = stats.genre_data.slice(0, SHOWN_GENRES);
  const before = stats.batch && new Map(stats.batch.genre_data.map(({ genre, count }) => [genre, count]));
  const counts = rows.map(({ count }) => count);
  const counted = countedBefore(stats, before && rows.map(({ genre }) => before.get(genre) ?? 0), counts);
  const chart = { names: rows.map(({ genre }) => genre), counts, head: t("genres.head"), lying: true };
  if (counted) twoParts("genres", { ...chart, counted });
  else simpleBars("genres", chart);
}

/** Give what the batch counted; null where it is not told apart: in the modes without a batch. */
function countedBefore(stats, batch, counts) {
  return batch ?? (isLiveOnly(stats) ? counts.map(() => 0) : null);
}

/** Give a function that says of a row's name whether the batch had it otherwise, or not at all. */
function rowsSince(stats, ranking) {
  const since = new Set(stats.since_batch?.[ranking] ?? []);
  return (name) => isLiveOnly(stats) || since.has(name);
}

/** Draw bars of which `counted` is solid and the rest hatched; what was removed since is in neither. */
function twoParts(id, { names, counts, counted, head, lying }) {
  const node = panel(id);
  if (counts.every((count) => count === 0)) return showEmpty(node, t("panel.empty"));
  showFilled(node);
  const batch = counts.map((count, place) => Math.min(count, counted[place]));
  const live = counts.map((count, place) => count - batch[place]);
  const summary = t("parts.summary", { title: head, total: sum(counts), live: sum(live) });
  draw(node, {
    summary,
    legend: [["solid", t("parts.batch")], ["live", t("parts.live")]],
    option: () => ({
      ...base(),
      ...axes(names, lying),
      grid: { ...base().grid, top: 20, right: lying ? 36 : 12 },
      aria: { enabled: true, decal: { show: false } },
      series: [
        { name: t("parts.batch"), type: "bar", stack: "all", data: batch, itemStyle: solid() },
        { name: t("parts.live"), type: "bar", stack: "all", data: drawable(live), itemStyle: hatched(),
          barMinHeight: LIVE_PIXELS, label: added(lying) },
      ],
    }),
    table: {
      heads: [head, t("parts.batch"), t("parts.live"), t("parts.all")],
      rows: names.map((name, place) => [named(name), batch[place], live[place], counts[place]].map(shown)),
      numeric: [1, 2, 3],
    },
  });
}

/** Give the label of a live part: how much was added. */
function added(lying) {
  return { show: true, position: lying ? "right" : "top", distance: 3, color: colour("live"), fontWeight: "bold",
    formatter: ({ value }) => (value ? `+${number(value)}` : "") };
}

/** Draw bars that no batch counts; `extra`: {head, values} of one more column of the table. */
function simpleBars(id, { names, counts, head, lying = false, extra = null }) {
  const node = panel(id);
  if (counts.every((count) => count === 0)) return showEmpty(node, t("panel.empty"));
  showFilled(node);
  draw(node, {
    summary: t("bars.summary", { title: head, total: sum(counts) }),
    legend: [["list", t("parts.list")]],
    option: () => ({ ...base(), ...axes(names, lying), series: [{ type: "bar", data: drawable(counts), itemStyle: outlined() }] }),
    table: {
      heads: [head, t("parts.all"), ...(extra ? [extra.head] : [])],
      rows: names.map((name, place) => [named(name), counts[place], ...(extra ? [extra.values[place]] : [])].map(shown)),
      numeric: [1, 2],
    },
  });
}

function drawEveryone(stats, { isAsked, trends, lists }) {
  const node = panel("everyone");
  if (!stats.genre_data.length) return showEmpty(node, t("panel.empty"));
  if (!isAsked) return;
  if (trends === undefined) return showError(node);
  if (trends === null) return showEmpty(node, t("everyone.none"));
  showFilled(node);
  drawVersus(node, stats, lists);
  const mine = new Map(stats.genre_data.map(({ genre, percentage }) => [genre, percentage]));
  const rows = trends.trending_genres.map(({ genre, percentage }) => [genre, mine.get(genre) ?? 0, percentage]);
  const column = (place) => rows.map((row) => row[place]);
  draw(node, {
    summary: t("everyone.summary", { count: rows.length }),
    legend: [["list", t("everyone.you_now")], ["everyone", t("everyone.all_now")]],
    option: () => ({
      ...base(),
      ...axes(column(0), true),
      series: [
        { name: t("everyone.you"), type: "bar", data: drawable(column(1)), itemStyle: outlined() },
        { name: t("everyone.all"), type: "bar", data: drawable(column(2)), itemStyle: outlined("everyone", "dashed") },
      ],
    }),
    table: {
      heads: [t("genres.head"), t("everyone.you"), t("everyone.all")],
      rows: rows.map(([genre, own, all]) => [named(genre), percent(own), percent(all)]),
      numeric: [1, 2],
    },
  });
}

function drawVersus(node, stats, lists) {
  const heads = ["", t("everyone.you"), t("everyone.all")];
  const rows = [
    [t("card.mean"), numberOrDash(stats.avg_rating), numberOrDash(lists?.avg_rating)],
    [t("card.films"), number(stats.total_watched), numberOrDash(lists?.films_per_person, 1)],
  ];
  fillTable(node.querySelector("[data-versus]"), t("everyone.title"), heads, rows, [1, 2]);
}

function drawFilms(id, films, isSince) {
  const node = panel(id);
  if (!films.length) return showEmpty(node, t("panel.empty"));
  showFilled(node);
  const items = films.map((film, place) => {
    const about = element("span", {}, day(film.watched_at), isSince(film.movie_id) ? liveMark() : null);
    return filmItem(film, { place: place + 1, about, figure: numberOrDash(film.rating) });
  });
  node.querySelector("[data-films]").replaceChildren(...items);
}

function drawPeople(id, people, isSince) {
  const node = panel(id);
  if (!people.length) return showEmpty(node, t("people.none"));
  showFilled(node);
  const rows = people.map((person) => [
    element("span", {}, named(person.name), isSince(person.name) ? liveMark() : null),
    number(person.count),
    numberOrDash(person.avg_rating),
    number(person.watch_time_hours, 1),
  ]);
  const heads = [t("people.name"), t("people.films"), t("people.mean"), t("people.hours")];
  fillTable(node.querySelector("[data-people]"), node.querySelector("h2").textContent, heads, rows, [1, 2, 3]);
}

/** Give values without the zeros: of a bar that is not there no outline is drawn. */
function drawable(values) {
  return values.map((value) => value || null);
}

function axes(names, lying) {
  const labels = nameAxis(names.map(plain), { inverse: lying });
  return lying ? { yAxis: labels, xAxis: countAxis() } : { xAxis: labels, yAxis: countAxis() };
}

function percent(value) {
  return `${number(value, 1)} %`;
}

function shown(value) {
  return typeof value === "number" ? number(value) : value;
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
