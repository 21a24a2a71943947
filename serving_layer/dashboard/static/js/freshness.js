// How fresh the figures on the page are: five states, and a sentence for each. An old number never looks live.
import { clock, span, t } from "./words.js";

const DELAYED_SECONDS = 10; // events that have not arrived after this time are missing, not on their way
export const STALE_SECONDS = 20; // four heartbeats missed: nobody has confirmed the figures since
const OLD_BATCH_SECONDS = 36 * 3_600; // a night was skipped
const COUNT_USUAL_SECONDS = 60; // two triggers of the stream that counts the trends
const COUNT_LATE_SECONDS = 300; // what waits longer is not on its way: the figures are old
const WORST_FIRST = ["failed", "stale", "partial", "delayed", "loading", "empty", "fresh"];
const shown = new Map();

/** Judge an answer's `freshness`. `source`: {freshness, batchUpdatedAt, confirmedAt (ms), behindSince (ms or null),
 * failed}. Gives {state, text}; pure. */
export function judge(source, now) {
  return judgeSilence(source, now) ?? judgeCoverage(source, now);
}

/** Judge what nobody confirms. `source`: {confirmedAt, failed}. Gives null when it was confirmed within `patienceSeconds`. */
export function judgeSilence({ confirmedAt, failed }, now, patienceSeconds = STALE_SECONDS) {
  if (confirmedAt === null) {
    return failed ? { state: "failed", text: t("freshness.failed") } : { state: "loading", text: t("freshness.loading") };
  }
  const time = clock(confirmedAt);
  if (failed) return { state: "failed", text: t("freshness.failed_since", { time }) };
  if ((now - confirmedAt) / 1_000 > patienceSeconds) return { state: "stale", text: t("freshness.stale_since", { time }) };
  return null;
}

/** The trends move when somebody's list does, so their age is no fault; an event that is not counted is, and silence.
 * `source`: {trends, confirmedAt (ms), failed}, `trends` as /dashboard/trends gives them. */
export function judgeTrends(source, now, patienceSeconds = STALE_SECONDS) {
  return judgeSilence(source, now, patienceSeconds) ?? judgeCount(source, now);
}

function judgeCount({ trends, confirmedAt }, now) {
  if (!trends?.updated_at) return { state: "empty", text: t("trends.no_count") };
  const counted = t("trends.counted", { age: span((now - Date.parse(trends.updated_at)) / 1_000) });
  // What waited when the trends were read may have been counted since, where nobody confirms them each second.
  const waited = trends.waiting_since ? (confirmedAt - Date.parse(trends.waiting_since)) / 1_000 : 0;
  if (waited <= COUNT_USUAL_SECONDS) return { state: "fresh", text: counted };
  const text = t("trends.waiting", { counted, time: span(waited) });
  return { state: waited > COUNT_LATE_SECONDS ? "stale" : "delayed", text };
}

/** Give the worst of some judgements; of equal ones the first. */
export function worst(judgements) {
  const badness = ({ state }) => WORST_FIRST.indexOf(state);
  return judgements.reduce((worse, it) => (badness(it) < badness(worse) ? it : worse));
}

function judgeCoverage(source, now) {
  const covered = coverage(source, now);
  const { complete, applied_sequence: applied, latest_sequence: latest } = source.freshness;
  if (!complete) {
    const waits = (now - (source.behindSince ?? now)) / 1_000;
    if (latest > applied && waits < DELAYED_SECONDS) {
      return { state: "delayed", text: `${covered}; ${t("freshness.under_way", { count: latest - applied })}` };
    }
    return { state: "partial", text: `${covered}; ${t("freshness.missing", { count: latest - applied })}` };
  }
  if (isOld(source, now)) return { state: "delayed", text: `${covered}; ${t("freshness.night_skipped")}` };
  return { state: "fresh", text: `${covered}, ${span((now - source.confirmedAt) / 1_000)}` };
}

function isOld({ freshness, batchUpdatedAt }, now) {
  return freshness.mode === "lambda" && batchUpdatedAt !== null && (now - Date.parse(batchUpdatedAt)) / 1_000 > OLD_BATCH_SECONDS;
}

function coverage({ freshness, batchUpdatedAt }, now) {
  const live = freshness.applied_sequence - freshness.as_of_sequence;
  if (freshness.mode !== "lambda") return t("freshness.view", { sequence: freshness.applied_sequence });
  if (freshness.batch_generation === null) return t("freshness.live_only", { count: live });
  const age = span((now - Date.parse(batchUpdatedAt)) / 1_000);
  const batch = t("freshness.batch", { generation: String(freshness.batch_generation), age });
  return live === 0 ? batch : `${batch} + ${t("freshness.live", { count: live })}`;
}

/** Keep every chip of this name true: `judgement` is asked each second, and by `refresh`. */
export function watch(name, judgement) {
  shown.set(name, judgement);
  show(name);
}

/** Show at once what has changed. */
export function refresh() {
  for (const name of shown.keys()) show(name);
}

function show(name) {
  const { state, text } = shown.get(name)(Date.now());
  const old = String(state === "stale" || state === "failed");
  for (const chip of document.querySelectorAll(`[data-freshness="${name}"]`)) {
    chip.dataset.state = state;
    chip.querySelector("[data-chip-text]").textContent = text;
    const panel = chip.closest(".panel");
    if (panel) panel.dataset.old = old;
  }
  for (const figures of document.querySelectorAll(`[data-figures="${name}"]`)) figures.dataset.old = old;
}

setInterval(refresh, 1_000);
