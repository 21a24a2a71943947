// The viewer's page: whose statistics, live, and everything that can be done with them. The state is in the address.
import { Editing } from "./editing.js";
import { element } from "./elements.js";
import { judge, refresh, watch } from "./freshness.js";
import { address, ask } from "./http.js";
import { Live } from "./live.js";
import { panel, showError } from "./panels.js";
import { saveCard, saveCsv, saveJson } from "./share.js";
import { drawHabits, drawStatistics } from "./statistics.js";
import { number, numberOrDash, t } from "./words.js";

const PAUSE_MS = 200; // after the last key
const SUGGESTED = 12;
const RELOAD_MS = 60_000; // of what only slowly changes: the community's trends
const userId = new URLSearchParams(location.search).get("user_id");
const source = { freshness: null, batchUpdatedAt: null, confirmedAt: null, behindSince: null, failed: false };
const habits = { sequence: null, confirmedAt: null, failed: false };
let stats = null;
let everyone = null;

const field = document.getElementById("user");
field.value = userId ?? "";
field.addEventListener("input", () => {
  clearTimeout(field.pause);
  field.pause = setTimeout(suggest, PAUSE_MS);
});

async function users(q) {
  return (await ask(address("/users", { q, limit: SUGGESTED }))).users;
}

async function suggest() {
  const found = await users(field.value.trim()).catch(() => []);
  document.getElementById("users").replaceChildren(...found.map((user) => element("option", { value: user.user_id })));
}

function say(text, isError = false) {
  const notice = document.getElementById("notice");
  notice.hidden = false;
  notice.dataset.kind = isError ? "error" : "news";
  notice.textContent = text;
}

async function offerUsers() {
  document.getElementById("choose").hidden = false;
  const found = await users("").catch(() => null);
  if (found === null) return say(t("panel.error"), true);
  const link = (user) => element("a", { class: "button", href: address("/", { user_id: user.user_id }) }, element("bdi", {}, user.user_id));
  const items = found.map((user) => element("li", {}, link(user)));
  document.getElementById("people").replaceChildren(...(items.length ? items : [element("li", {}, t("viewer.nobody"))]));
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

async function loadEveryone() {
  everyone = await ask("/trends/global").catch(() => null);
  if (stats) drawStatistics(stats, everyone);
}

function connectionChanged(connection) {
  const words = { connecting: t("live.connecting"), live: t("live.live"), polling: t("live.polling"), lost: t("live.lost") };
  document.querySelector("[data-connection]").textContent = words[connection];
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
  new Editing(userId, { said: say, changed: () => live.ask() });
  loadEveryone();
  setInterval(loadEveryone, RELOAD_MS);
  document.getElementById("share").addEventListener("click", () => stats && saveCard(stats));
  document.getElementById("download-json").addEventListener("click", () => stats && saveJson(stats));
  document.getElementById("download-csv").addEventListener("click", () => stats && saveCsv(stats));
}

suggest();
if (userId) start();
else {
  document.querySelector('[data-freshness="stats"]').hidden = true;
  offerUsers();
}
