// How fresh the figures on the page are: five states, and a sentence for each. An old number never looks live.
import { clock, span, t } from "./words.js";

const DELAYED_SECONDS = 10; // events that have not arrived after this time are missing, not on their way
const STALE_SECONDS = 20; // four heartbeats missed: nobody has confirmed the figures since
const OLD_BATCH_SECONDS = 36 * 3_600; // a night was skipped
const shown = new Map();

/** Judge an answer's `freshness`. `source`: {freshness, batchUpdatedAt, confirmedAt (ms), behindSince (ms or null),
 * failed}. Gives {state, text}; pure. */
export function judge(source, now) {
  if (source.confirmedAt === null) {
    return source.failed ? { state: "failed", text: t("freshness.failed") } : { state: "loading", text: t("freshness.loading") };
  }
  const silent = (now - source.confirmedAt) / 1_000;
  if (source.failed) return { state: "failed", text: t("freshness.failed_since", { time: clock(source.confirmedAt) }) };
  if (silent > STALE_SECONDS) return { state: "stale", text: t("freshness.stale_since", { time: clock(source.confirmedAt) }) };
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
  return { state: "fresh", text: `${covered}, ${span(silent)}` };
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
