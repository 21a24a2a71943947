// What one takes along: a card as a picture, and the figures as files.
import { colour } from "./charts.js";
import { number, numberOrDash, plain, t } from "./words.js";

const WIDTH = 1200;
const HEIGHT = 630;
const FORMULA = /^[=+\-@\t\r]/; // a spreadsheet would run it

/** Draw the share card and save it as PNG. */
export function saveCard(stats) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: WIDTH, height: HEIGHT });
  paint(canvas.getContext("2d"), stats);
  canvas.toBlob((picture) => save(picture, `cinematch-${stats.user_id}.png`), "image/png");
}

/** Save the figures as JSON. */
export function saveJson(stats) {
  const { batch, since_batch: sinceBatch, ...answer } = stats;
  save(new Blob([JSON.stringify(answer, null, 2)], { type: "application/json" }), `cinematch-${stats.user_id}.json`);
}

/** Save the lists of figures as CSV: section, name, value. */
export function saveCsv(stats) {
  const rows = [
    ["section", "name", "value"],
    ["summary", "total_watched", stats.total_watched],
    ["summary", "avg_rating", stats.avg_rating ?? ""],
    ["summary", "watch_time_hours", stats.watch_time_hours],
    ["summary", "applied_sequence", stats.freshness.applied_sequence],
    ...stats.rating_chart_data.map(({ rating, count }) => ["rating", rating, count]),
    ...stats.genre_data.map(({ genre, count }) => ["genre", genre, count]),
    ...stats.top_rated_movies.map(({ title, rating }) => ["top rated", title, rating]),
    ...stats.best_directors.map(({ name, avg_rating: mean }) => ["director", name, mean ?? ""]),
    ...stats.most_watched_actors.map(({ name, count }) => ["actor", name, count]),
  ];
  const text = rows.map((row) => row.map(cell).join(",")).join("\r\n");
  save(new Blob([`\ufeff${text}\r\n`], { type: "text/csv" }), `cinematch-${stats.user_id}.csv`);
}

function cell(value) {
  const text = typeof value === "string" && FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function paint(brush, stats) {
  const text = (words, x, y, font, token, room) => {
    brush.font = font;
    brush.fillStyle = colour(token);
    brush.fillText(plain(words), x, y, room ?? WIDTH - x - 60);
  };
  brush.fillStyle = colour("ground");
  brush.fillRect(0, 0, WIDTH, HEIGHT);
  brush.fillStyle = colour("accent");
  brush.fillRect(0, 0, 16, HEIGHT);
  text("CineMatch", 70, 90, "600 34px Georgia, serif", "accent");
  text(stats.user_id, 70, 160, "600 56px Georgia, serif", "text");
  const figures = [
    [number(stats.total_watched), t("card.films")],
    [number(stats.watch_time_hours, 1), t("card.hours")],
    [numberOrDash(stats.avg_rating), t("card.mean")],
    [stats.favorite_genre ?? "–", t("card.genre")],
  ];
  figures.forEach(([value, label], place) => {
    text(value, 70 + place * 280, 290, "600 56px Georgia, serif", "text", 250);
    text(label, 70 + place * 280, 330, "22px sans-serif", "text-soft");
  });
  stats.top_rated_movies.slice(0, 4).forEach((film, place) => {
    text(`${place + 1}. ${film.title}`, 70, 420 + place * 48, "28px sans-serif", "text", 580);
  });
  paintRatings(brush, stats.rating_chart_data, text);
}

/** Draw how many films have which rating, in the card's corner. */
function paintRatings(brush, bars, text) {
  const [left, floor, height, step] = [700, 555, 170, 44];
  const most = Math.max(1, ...bars.map(({ count }) => count));
  bars.forEach(({ rating, count }, place) => {
    const tall = Math.max(2, (count / most) * height);
    brush.fillStyle = colour("solid");
    brush.fillRect(left + place * step, floor - tall, step - 10, tall);
    text(number(rating), left + place * step + 8, floor + 30, "20px sans-serif", "text-soft");
  });
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
