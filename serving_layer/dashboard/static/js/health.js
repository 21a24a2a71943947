// The health grid, and the sentence above everything: what needs attention.
import { element } from "./elements.js";
import { showFilled } from "./panels.js";
import { countState, edgeName, flowsOf, isUnused, processState, runAtWork, runSpan, speedState, stateOf, storeState } from "./picture.js";
import { STORES } from "./stores.js";
import { span, t } from "./words.js";

const DRIFT_SHOWN_SECONDS = 6 * 3_600; // as long as the alert AuditDrift stands
const SIGNS = { ok: "✓", wrong: "✕", unused: "–", unknown: "?" };

/** Ask the readiness page; that something is not ready is an answer, too. */
export async function lookHealth(url, options) {
  const response = await fetch(url, options);
  const body = await response.json();
  if (!body.dependencies) throw new Error(String(response.status));
  return { status: response.ok ? "ready" : "failing", dependencies: body.dependencies };
}

/** Fill the grid; gives the names of what is wrong. `now`: the documents that are live, by source. */
export function drawHealth(node, now) {
  const parts = judged(now);
  showFilled(node);
  node.querySelector("[data-health]").replaceChildren(...parts.map(({ name, state, text, detail }) =>
    element("li", { "data-state": state },
      element("strong", {}, name),
      element("span", {}, element("span", { class: "sign", "aria-hidden": "true" }, SIGNS[state]), ` ${text}`),
      detail ? element("span", { class: "detail" }, element("bdi", {}, detail)) : null)));
  return parts.filter(({ state }) => state === "wrong").map(({ name }) => name);
}

/** Say at the top how everything does. */
export function showVerdict(node, wrong, now, ready) {
  if (!ready) return;
  const late = Object.entries(flowsOf(now)).filter(([, flow]) => stateOf(flow) === "late").map(([edge]) => edgeName(edge));
  const silent = Object.values(now).filter((document) => document === null).length;
  const things = [...wrong, ...late];
  node.dataset.state = things.length || silent ? "wrong" : "ok";
  const text = things.length ? `▲ ${t("verdict.attention", { things: things.join(", ") })}`
    : silent ? `? ${t("verdict.silent", { count: silent })}` : `✓ ${t("verdict.well")}`;
  if (node.textContent !== text) node.textContent = text; // a status is read out whenever it is written
}

function judged(now) {
  return [
    { name: t("node.serving_layer"), ...part(now.health !== null, now.health?.status === "ready", t("health.ready")) },
    ...Object.entries(STORES).map(([store, name]) => ({ name, ...told(storeState(store, now), t("health.answers"), t("health.no_answer")) })),
    { name: t("health.relay"), ...part(now.ingestion?.outbox, now.ingestion?.relay_process, t("health.runs")) },
    { name: t("node.micro_batch"), ...beating(processState(now.micro_batch), now.micro_batch?.process) },
    { name: t("node.speed_layer"), ...speedLayer(now.speed) },
    { name: t("node.data_lake"), ...told(countState(now.lake, now.lake?.sinks), t("health.processes", { count: now.lake?.sinks ?? 0 })) },
    { name: t("health.scheduler"), ...beating(processState(now.scheduler), now.scheduler?.process) },
    ...nights(now),
    { name: t("health.audit"), ...audited(now.audit) },
  ];
}

/** Tell of the nightly batch, where the API watches it. */
function nights({ health, generations }) {
  const night = health?.dependencies.nightly_batch;
  if (night === undefined) return [];
  const run = runAtWork(generations);
  const words = run ? runSpan(run) : t("health.on_time");
  return [{ name: t("health.night"), ...(isUnused(generations) ? told("unused") : part(true, night === "ok", words, t("health.overdue"))) }];
}

function speedLayer(speed) {
  const state = speedState(speed);
  if (speed?.consumers == null || state !== "ok") return beating(state, speed?.process);
  return told(state, t("health.processes", { count: speed.consumers }));
}

/** Tell of a process by its heartbeat: its name, and how long ago it beat. */
function beating(state, process) {
  const judgement = told(state, t("health.runs"));
  if (!process || !["ok", "wrong"].includes(state)) return judgement;
  const beat = { process: process.name, age: span(secondsSince(process.beat_at)) };
  return { ...judgement, detail: t("health.beat", beat) };
}

function told(state, well = "", wrong = t("health.wrong")) {
  return { state, text: { ok: well, wrong, unused: t("health.unused"), unknown: t("health.unknown") }[state] };
}

/** Judge by the last audit, or a drift of the last hours, whatever came after it; without any audit nothing is known. */
function audited(audit) {
  if (!audit?.last) return { state: "unknown", text: audit ? t("health.no_audit") : t("health.unknown") };
  const hasDrifted = audit.last_drift && secondsSince(audit.last_drift.finished_at) < DRIFT_SHOWN_SECONDS;
  const shown = hasDrifted ? audit.last_drift : audit.last;
  const words = { count: shown.users, drift: shown.drift, age: span(secondsSince(shown.finished_at)) };
  return { state: shown.drift ? "wrong" : "ok", text: t("health.audited", words) };
}

function secondsSince(at) {
  return (Date.now() - Date.parse(at)) / 1_000;
}

function part(known, well, text, otherwise) {
  return told(!known ? "unknown" : well ? "ok" : "wrong", text, otherwise);
}
