// The viewer's page: whose statistics, live, and everything that can be done with them. The state is in the address.
import { Editing } from "./editing.js";
import { element } from "./elements.js";
import { judge, judgeTrends, refresh, watch, worst } from "./freshness.js";
import { address, ask } from "./http.js";
import { Live, showConnection } from "./live.js";
import { panel, showError } from "./panels.js";
import { saveCard, saveCsv, saveJson } from "./share.js";
import { drawHabits, drawStatistics, isLiveOnly } from "./statistics.js";
import { number, numberOrDash, span, t } from "./words.js";

const RELOAD_MS = 60_000; // of what only slowly changes: everyone's figures
const RELOAD_PATIENCE_SECONDS = RELOAD_MS / 1_000 + 20; // without an answer for longer they are old
const FOLLOW_MS = 5_000; // between two attempts at what could not be loaded
const DRAWN_BY_STATS = ["ratings", "genres", "everyone", "top", "recent", "directors", "actors"];
const DRAWN_BY_HABITS = ["weeks", "weekdays", "decades"];
const userId = new URLSearchParams(location.search).get("user_id");
const source = { freshness: null, batchUpdatedAt: null, confirmedAt: null, behindSince: null, failed: false };
const habits = { sequence: null, confirmedAt: null, failed: false, isAsked: false };
const statistics = document.getElementById("statistics");
let stats = null;
let connection = null;
let editing = null;
let following = null;
// trends, lists: undefined: not known; null: not computed yet
let everyone = { isAsked: false, trends: undefined, lists: undefined, confirmedAt: null, failed: false };

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
  showCards(before);
  drawStatistics(stats, everyone);
  follow();
  refresh();
}

/** Load what the list itself tells when it may be older than the user's last event, or could not be loaded. */
function follow() {
  if (connection === "waiting") return;
  const latest = source.freshness?.latest_sequence ?? 0;
  if (habits.failed || habits.sequence === null || habits.sequence < latest) loadHabits();
  editing.follow(latest);
}

function showCards(before) {
  showCard("films", "total_watched", before, (value) => number(value));
  showCard("hours", "watch_time_hours", before, (value) => number(value, 1));
  showCard("mean", "avg_rating", before, numberOrDash);
  showCard("genre", "favorite_genre", before, (value) => value ?? "–");
  document.querySelector(".cards").setAttribute("aria-busy", "false");
}

function showCard(name, figure, before, write) {
  const card = document.querySelector(`[data-card="${name}"]`);
  const moved = before && before[figure] !== stats[figure];
  card.querySelector("[data-value]").textContent = write(stats[figure]);
  const parts = partsOf(figure, write).map(([look, text]) => element("span", { "data-look": look }, text));
  card.querySelector("[data-parts]").replaceChildren(...parts);
  if (!moved) return;
  card.classList.remove("moved");
  void card.offsetWidth; // lets the movement begin again
  card.classList.add("moved");
}

/** Give what the batch had, and what has come since if anything has: [[look, text]], the looks of panels.css. */
function partsOf(figure, write) {
  const { batch } = stats;
  if (isLiveOnly(stats)) return [["live", t("card.live_only")]];
  if (!batch) return [["list", t("parts.list")]];
  const counted = ["solid", t("card.batch", { value: write(batch[figure]) })];
  if (batch[figure] === stats[figure]) return [counted];
  return [counted, ["live", t("card.live", { value: since(batch[figure], stats[figure], write) })]];
}

/** Write by how much a number has moved; what is no number, or was none, as it is now. */
function since(before, now, write) {
  if (typeof before !== "number" || typeof now !== "number") return write(now);
  return `${now < before ? "−" : "+"}${write(Math.abs(now - before))}`;
}

async function loadHabits() {
  if (habits.isAsked) return;
  habits.isAsked = true;
  try {
    const found = await ask(address("/habits", { user_id: userId }));
    Object.assign(habits, { sequence: found.sequence, confirmedAt: Date.now(), failed: false });
    drawHabits(found);
  } catch {
    habits.failed = true;
    if (habits.confirmedAt === null) showErrors(DRAWN_BY_HABITS);
  }
  habits.isAsked = false;
}

/** What was read from the list itself, `part`, holds as long as the statistics' stream knows of no later event. */
function judgeList(part, now) {
  if (part.failed || part.sequence === null) return judge({ ...source, confirmedAt: part.confirmedAt, failed: part.failed }, now);
  const freshness = { mode: "list", applied_sequence: part.sequence, as_of_sequence: part.sequence, complete: true };
  const behind = source.freshness && source.freshness.latest_sequence > part.sequence;
  const latest = behind ? source.freshness.latest_sequence : part.sequence;
  return judge({ ...source, freshness: { ...freshness, latest_sequence: latest, complete: !behind } }, now);
}

/** Everyone's figures move slowly, and say how old they are; the panel is as good as the worst that it compares. */
function judgeEveryone(now) {
  if (!everyone.isAsked) return { state: "loading", text: t("freshness.loading") };
  if (!everyone.lists) return { state: "partial", text: t("everyone.unknown") };
  if (everyone.trends === undefined) return { state: "partial", text: t("everyone.no_genres") };
  const age = span((now - Date.parse(everyone.lists.counted_at)) / 1_000);
  const lists = { state: "fresh", text: t("everyone.counted", { count: everyone.lists.people, age }) };
  const { state, text } = judgeTrends(everyone, now, RELOAD_PATIENCE_SECONDS);
  return worst([lists, judge(source, now), { state, text: t("everyone.genres", { text }) }]);
}

async function loadEveryone() {
  const paths = ["/dashboard/trends", "/dashboard/community"];
  const [trends, lists] = await Promise.all(paths.map((path) => ask(path).catch(() => undefined)));
  everyone = { isAsked: true, trends, lists, confirmedAt: Date.now(), failed: false };
  if (stats) drawStatistics(stats, everyone);
  refresh();
}

function connectionChanged(how, seconds) {
  connection = how;
  showConnection(how, seconds);
  source.failed = how === "lost";
  if (source.failed && stats === null) showOutage();
  refresh();
}

/** Nothing has been had so far: say so in place of every figure. */
function showOutage() {
  document.querySelector(".cards").setAttribute("aria-busy", "false");
  showErrors(DRAWN_BY_STATS);
  follow();
}

function showErrors(panels) {
  for (const id of panels) showError(panel(id));
}

function refused(status) {
  say(status === 404 ? t("viewer.unknown", { user: userId }) : t("viewer.refused"), true);
  document.querySelector("[data-connection]").textContent = "";
  statistics.hidden = true;
  clearInterval(following);
  offerUsers();
}

function start() {
  document.getElementById("viewer-heading").replaceChildren(element("bdi", {}, userId));
  statistics.hidden = false;
  const mayEdit = document.getElementById("search") !== null;
  editing = new Editing(userId, { mayEdit, said: say, changed: () => live.ask() });
  watch("stats", (now) => judge(source, now));
  watch("habits", (now) => judgeList(habits, now));
  watch("list", (now) => judgeList(editing.list, now));
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
  loadEveryone();
  following = setInterval(follow, FOLLOW_MS);
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
