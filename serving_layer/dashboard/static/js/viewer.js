// The viewer's page: whose statistics, live, and everything that can be done with them. The state is in the address.
import { Editing } from "./editing.js";
import { element } from "./elements.js";
import { judge, refresh, watch } from "./freshness.js";
import { address, ask } from "./http.js";
import { Live, showConnection } from "./live.js";
import { panel, showError } from "./panels.js";
import { saveCard, saveCsv, saveJson } from "./share.js";
import { drawHabits, drawStatistics } from "./statistics.js";
import { number, numberOrDash, span, t } from "./words.js";

const RELOAD_MS = 60_000; // of what only slowly changes: the community's trends
const userId = new URLSearchParams(location.search).get("user_id");
const source = { freshness: null, batchUpdatedAt: null, confirmedAt: null, behindSince: null, failed: false };
const habits = { sequence: null, confirmedAt: null, failed: false };
let stats = null;
let everyone = { trends: null, lists: null };

const field = document.getElementById("user");
const mayChoose = field !== null; // the picker is for those who may look at everybody
if (mayChoose) field.value = userId ?? "";
function say(text, isError = false) {
  const notice = document.getElementById("notice");
  notice.hidden = false;
  notice.dataset.kind = isError ? "error" : "news";
  notice.textContent = text;
}

/** Show some users to choose from; while somebody types, htmx does the same by itself. */
function offerUsers() {
  if (mayChoose) window.htmx.ajax("GET", "/dashboard/people", "#choose");
}

for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.body.addEventListener(failure, () => say(t("viewer.no_choice"), true));
}

function received(document_) {
  const before = stats;
  stats = document_;
  const { freshness } = stats;
  const behind = freshness.latest_sequence > freshness.applied_sequence;
  Object.assign(source, {
    freshness,
    batchUpdatedAt: stats.batch_updated_at,
    confirmedAt: Date.now(),
    behindSince: behind ? (source.behindSince ?? Date.now()) : null,
    failed: false,
  });
  document.getElementById("statistics").hidden = false;
  showCards(before);
  drawStatistics(stats, everyone);
  if (freshness.latest_sequence !== habits.sequence) loadHabits();
  refresh();
}

function showCards(before) {
  const batch = stats.batch;
  const parts = (name, decimals) => batch && t("card.parts", { batch: number(batch[name], decimals), live: signed(stats[name] - batch[name], decimals) });
  showCard("films", number(stats.total_watched), before && before.total_watched !== stats.total_watched, parts("total_watched", 0));
  showCard("hours", number(stats.watch_time_hours, 1), before && before.watch_time_hours !== stats.watch_time_hours, parts("watch_time_hours", 1));
  showCard("mean", numberOrDash(stats.avg_rating), before && before.avg_rating !== stats.avg_rating, null);
  showCard("genre", stats.favorite_genre ?? "–", before && before.favorite_genre !== stats.favorite_genre, null);
}

function showCard(name, value, moved, parts) {
  const card = document.querySelector(`[data-card="${name}"]`);
  card.querySelector("[data-value]").textContent = value;
  card.querySelector("[data-parts]").textContent = parts ?? "";
  if (!moved) return;
  card.classList.remove("moved");
  void card.offsetWidth; // lets the movement begin again
  card.classList.add("moved");
}

function signed(value, decimals) {
  return `${value < 0 ? "−" : "+"}${number(Math.abs(value), decimals)}`;
}

async function loadHabits() {
  try {
    const found = await ask(address("/habits", { user_id: userId }));
    Object.assign(habits, { sequence: found.sequence, confirmedAt: Date.now(), failed: false });
    drawHabits(found);
  } catch {
    habits.failed = true;
    if (habits.confirmedAt === null) for (const id of ["weeks", "weekdays", "decades"]) showError(panel(id));
  }
}

/** Habits hold as long as the statistics' stream knows of no later event. */
function judgeHabits(now) {
  if (habits.failed || habits.sequence === null) return judge({ ...source, confirmedAt: habits.confirmedAt, failed: habits.failed }, now);
  const freshness = { mode: "list", applied_sequence: habits.sequence, as_of_sequence: habits.sequence, complete: true };
  const behind = source.freshness && source.freshness.latest_sequence > habits.sequence;
  const latest = behind ? source.freshness.latest_sequence : habits.sequence;
  return judge({ ...source, freshness: { ...freshness, latest_sequence: latest, complete: !behind } }, now);
}

/** Everyone's figures move slowly, and say how old they are. */
function judgeEveryone(now) {
  if (!everyone.lists) return { state: "partial", text: t("everyone.unknown") };
  const age = span((now - Date.parse(everyone.lists.counted_at)) / 1_000);
  const mine = judge(source, now);
  const text = t("everyone.counted", { count: everyone.lists.people, age });
  return mine.state === "fresh" ? { state: "fresh", text } : mine;
}

async function loadEveryone() {
  const [trends, lists] = await Promise.all(["/trends/global", "/dashboard/community"].map((path) => ask(path).catch(() => null)));
  everyone = { trends, lists };
  if (stats) drawStatistics(stats, everyone);
  refresh();
}

function connectionChanged(connection) {
  showConnection(connection);
  source.failed = connection === "lost";
  refresh();
}

function refused(status) {
  say(status === 404 ? t("viewer.unknown", { user: userId }) : t("viewer.refused"), true);
  document.querySelector("[data-connection]").textContent = "";
  offerUsers();
}

function start() {
  document.getElementById("viewer-heading").replaceChildren(element("bdi", {}, userId));
  watch("stats", (now) => judge(source, now));
  watch("habits", judgeHabits);
  watch("everyone", judgeEveryone);
  const query = { user_id: userId };
  const live = new Live({
    stream: address("/dashboard/users/stats/stream", query),
    poll: address("/dashboard/users/stats", query),
    name: "stats",
    received,
    confirmed: () => { source.confirmedAt = Date.now(); source.failed = false; refresh(); },
    changed: connectionChanged,
    refused,
  });
  const mayEdit = document.getElementById("search") !== null;
  new Editing(userId, { mayEdit, said: say, changed: () => live.ask() });
  loadEveryone();
  setInterval(loadEveryone, RELOAD_MS);
  document.getElementById("share").addEventListener("click", () => stats && saveCard(stats));
  document.getElementById("download-json").addEventListener("click", () => stats && saveJson(stats));
  document.getElementById("download-csv").addEventListener("click", () => stats && saveCsv(stats));
}

if (userId) start();
else {
  document.querySelector('[data-freshness="stats"]').hidden = true;
  offerUsers();
}
