// The community's page: the ten films in most lists, how they moved since the day before, and the genres.
import { base, colour, countAxis, draw, nameAxis, outlined } from "./charts.js";
import { element, named } from "./elements.js";
import { filmItem } from "./films.js";
import { judgeTrends, refresh, watch } from "./freshness.js";
import { Live, showConnection } from "./live.js";
import { panel, showEmpty, showError, showFilled } from "./panels.js";
import { moment, number, plain, t } from "./words.js";

const PANELS = ["top", "genres"];
const source = { trends: null, confirmedAt: null, failed: false };

/** Show the trends; null: they are not computed yet. */
function received(trends) {
  Object.assign(source, { trends, confirmedAt: Date.now(), failed: false });
  if (trends === null) for (const id of PANELS) showEmpty(panel(id), t("trends.not_computed"));
  else {
    drawTop(trends.top_movies, trends.compared_with);
    drawGenres(trends.trending_genres);
  }
  refresh();
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

watch("trends", (now) => judgeTrends(source, now));
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
