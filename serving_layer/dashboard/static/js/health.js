// The health grid, and the sentence above everything: what needs attention.
import { element } from "./elements.js";
import { showFilled } from "./panels.js";
import { edgeName, flowsOf, stateOf, storeStates } from "./picture.js";
import { STORES } from "./stores.js";
import { span, t } from "./words.js";

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
  node.querySelector("[data-health]").replaceChildren(...parts.map(({ name, state, text }) =>
    element("li", { "data-state": state },
      element("strong", {}, name),
      element("span", {}, element("span", { class: "sign", "aria-hidden": "true" }, { ok: "✓", wrong: "✕", unknown: "?" }[state]), ` ${text}`))));
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
  const stores = storeStates(now);
  const answers = { ok: t("health.answers"), wrong: t("health.no_answer"), unknown: t("health.unknown") };
  const known = Object.entries(STORES).map(([store, name]) => {
    const told = stores[store] ?? (now.health?.dependencies[store]);
    const state = told === undefined ? "unknown" : told === "ok" ? "ok" : "wrong";
    return { name, state, text: answers[state] };
  });
  const night = now.health?.dependencies.nightly_batch;
  return [
    { name: t("node.serving_layer"), ...part(now.health !== null, now.health?.status === "ready", t("health.ready")) },
    ...known,
    { name: t("health.relay"), ...part(now.ingestion?.outbox, now.ingestion?.relay_process, t("health.runs")) },
    { name: t("node.speed_layer"), ...counted(now.speed?.consumers) },
    { name: t("node.data_lake"), ...counted(now.lake?.sinks) },
    ...(night === undefined ? [] : [{ name: t("health.night"), ...part(true, night === "ok", t("health.on_time"), t("health.overdue")) }]),
    { name: t("health.audit"), ...audited(now.audit) },
  ];
}

/** Judge the last audit: drift is wrong, however long ago; without any audit nothing is known. */
function audited(audit) {
  if (!audit?.last) return { state: "unknown", text: audit ? t("health.no_audit") : t("health.unknown") };
  const { users, drift, finished_at: at } = audit.last;
  const age = span((Date.now() - Date.parse(at)) / 1_000);
  return { state: drift ? "wrong" : "ok", text: t("health.audited", { count: users, drift, age }) };
}

function counted(count) {
  return part(count !== undefined && count !== null, count > 0, t("health.processes", { count: count ?? 0 }));
}

function part(known, well, text, otherwise = t("health.wrong")) {
  if (!known) return { state: "unknown", text: t("health.unknown") };
  return well ? { state: "ok", text } : { state: "wrong", text: otherwise };
}
