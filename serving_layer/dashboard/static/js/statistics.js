// Draws one user's statistics: each panel from the live document, the batch's part solid, the rest hatched.
import { base, countAxis, draw, hatched, nameAxis, solid } from "./charts.js";
import { fillTable, named } from "./elements.js";
import { filmItem } from "./films.js";
import { panel, showEmpty, showFilled } from "./panels.js";
import { day, number, numberOrDash, plain, t, weekday } from "./words.js";

const SHOWN_GENRES = 10;

/** Draw everything that the live document tells; `everyone`: {trends, lists}, each null when it is not known. */
export function drawStatistics(stats, everyone) {
  drawRatings(stats);
  drawGenres(stats);
  drawEveryone(stats, everyone);
  drawFilms("top", stats.top_rated_movies, (film) => numberOrDash(film.rating));
  drawFilms("recent", stats.recent_movies, (film) => numberOrDash(film.rating));
  drawPeople("directors", stats.best_directors);
  drawPeople("actors", stats.most_watched_actors);
}

/** Draw what the list itself tells. */
export function drawHabits({ films_per_week: weeks, films_per_weekday: days, decades }) {
  simpleBars("weeks", weeks.map(({ week }) => day(week)), weeks.map(({ count }) => count), t("weeks.head"));
  simpleBars("weekdays", days.map((_, place) => weekday(place, "short")), days, t("weekdays.head"));
  const names = decades.map(({ decade }) => t("decades.name", { decade: String(decade) }));
  const means = { head: t("people.mean"), values: decades.map(({ avg_rating: mean }) => numberOrDash(mean)) };
  simpleBars("decades", names, decades.map(({ count }) => count), t("decades.head"), means);
}

function drawRatings(stats) {
  const names = stats.rating_chart_data.map(({ rating }) => String(rating));
  const counts = stats.rating_chart_data.map(({ count }) => count);
  const counted = countedBefore(stats, stats.batch?.rating_chart_data.map(({ count }) => count), counts);
  twoParts("ratings", names, counts, counted, t("ratings.head"), false);
}

function drawGenres(stats) {
  const rows = stats.genre_data.slice(0, SHOWN_GENRES);
  const before = stats.batch && new Map(stats.batch.genre_data.map(({ genre, count }) => [genre, count]));
  const counts = rows.map(({ count }) => count);
  const counted = countedBefore(stats, before && rows.map(({ genre }) => before.get(genre) ?? 0), counts);
  twoParts("genres", rows.map(({ genre }) => genre), counts, counted, t("genres.head"), true);
}

/** Give what is drawn solid: what the batch counted; all of it in the modes that have no speed layer to tell apart. */
function countedBefore(stats, batch, counts) {
  if (batch) return batch;
  return stats.freshness.mode === "lambda" ? counts.map(() => 0) : counts;
}

/** Draw bars of which `counted` is solid and the rest hatched; what was removed since is in neither. */
function twoParts(id, names, counts, counted, head, lying) {
  const node = panel(id);
  if (counts.every((count) => count === 0)) return showEmpty(node, t("panel.empty"));
  showFilled(node);
  const batch = counts.map((count, place) => Math.min(count, counted[place]));
  const live = counts.map((count, place) => count - batch[place]);
  const summary = t("parts.summary", { title: head, total: sum(counts), live: sum(live) });
  draw(node, {
    summary,
    legend: sum(live) ? [["solid", t("parts.batch")], ["live", t("parts.live")]] : [],
    option: () => ({
      ...base(),
      ...axes(names, lying),
      aria: { enabled: true, decal: { show: false } },
      series: [
        { name: t("parts.batch"), type: "bar", stack: "all", data: batch, itemStyle: solid() },
        { name: t("parts.live"), type: "bar", stack: "all", data: live, itemStyle: hatched() },
      ],
    }),
    table: {
      heads: [head, t("parts.batch"), t("parts.live"), t("parts.all")],
      rows: names.map((name, place) => [named(name), batch[place], live[place], counts[place]].map(shown)),
      numeric: [1, 2, 3],
    },
  });
}

function simpleBars(id, names, counts, head, extra = null) {
  const node = panel(id);
  if (counts.every((count) => count === 0)) return showEmpty(node, t("panel.empty"));
  showFilled(node);
  draw(node, {
    summary: t("bars.summary", { title: head, total: sum(counts) }),
    option: () => ({ ...base(), ...axes(names, false), series: [{ type: "bar", data: counts, itemStyle: solid() }] }),
    table: {
      heads: [head, t("parts.all"), ...(extra ? [extra.head] : [])],
      rows: names.map((name, place) => [name, counts[place], ...(extra ? [extra.values[place]] : [])].map(shown)),
      numeric: [1, 2],
    },
  });
}

function drawEveryone(stats, { trends, lists }) {
  const node = panel("everyone");
  if (!stats.genre_data.length) return showEmpty(node, t("panel.empty"));
  if (!trends) return showEmpty(node, t("everyone.none"));
  showFilled(node);
  drawVersus(node, stats, lists);
  const mine = new Map(stats.genre_data.map(({ genre, percentage }) => [genre, percentage]));
  const rows = trends.trending_genres.map(({ genre, percentage }) => [genre, mine.get(genre) ?? 0, percentage]);
  const column = (place) => rows.map((row) => row[place]);
  draw(node, {
    summary: t("everyone.summary", { count: rows.length }),
    legend: [["solid", t("everyone.you")], ["everyone", t("everyone.all")]],
    option: () => ({
      ...base(),
      ...axes(column(0), true),
      series: [
        { name: t("everyone.you"), type: "bar", data: column(1), itemStyle: solid() },
        { name: t("everyone.all"), type: "bar", data: column(2), itemStyle: solid("everyone") },
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

function drawFilms(id, films, figure) {
  const node = panel(id);
  if (!films.length) return showEmpty(node, t("panel.empty"));
  showFilled(node);
  const items = films.map((film, place) => filmItem(film, { place: place + 1, about: day(film.watched_at), figure: figure(film) }));
  node.querySelector("[data-films]").replaceChildren(...items);
}

function drawPeople(id, people) {
  const node = panel(id);
  if (!people.length) return showEmpty(node, t("people.none"));
  showFilled(node);
  const rows = people.map((person) => [
    named(person.name),
    number(person.count),
    numberOrDash(person.avg_rating),
    number(person.watch_time_hours, 1),
  ]);
  const heads = [t("people.name"), t("people.films"), t("people.mean"), t("people.hours")];
  fillTable(node.querySelector("[data-people]"), node.querySelector("h2").textContent, heads, rows, [1, 2, 3]);
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
