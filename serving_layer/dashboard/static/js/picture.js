// The picture: what passes along each edge, how far its end is behind, and how each box does.
import { fillTable } from "./elements.js";
import { isLate } from "./sources.js";
import { bytes, number, numberOrDash, span, t } from "./words.js";

const EDGES = {
  outbox: () => t("edge.outbox"),
  relay: () => t("edge.relay"),
  user_stats: () => t("edge.user_stats"),
  global_trends: () => t("edge.global_trends"),
  speed: () => t("edge.speed"),
  lake: () => t("edge.lake"),
};

/** Give the flows by edge; null where nothing is known now. `now`: the documents that are live, by source. */
export function flowsOf(now) {
  return {
    outbox: now.ingestion?.outbox ?? null,
    relay: now.ingestion?.relay ?? null,
    user_stats: now.micro_batch?.user_stats ?? null,
    global_trends: now.micro_batch?.global_trends ?? null,
    speed: now.speed?.applied ?? null,
    lake: now.lake?.stored ?? null,
  };
}

/** Whose panel tells of an edge. */
const PANELS = {
  outbox: "ingestion", relay: "ingestion", user_stats: "micro_batch", global_trends: "micro_batch", speed: "speed", lake: "lake",
};

/** Name a flow's edge. */
export function edgeName(edge) {
  return EDGES[edge]();
}

/** Fill both layouts and the table behind them. */
export function drawPicture(node, now) {
  const flows = flowsOf(now);
  const states = Object.fromEntries(Object.keys(flows).map((edge) => [edge, edgeState(edge, now)]));
  for (const [edge, flow] of Object.entries(flows)) {
    showEdge(edge, ...(states[edge] === "unused" ? ["", ""] : figures(flow)), states[edge], flow?.per_second > 0);
  }
  showEdge("micro_batch", "", "", both(states), flows.user_stats?.per_second > 0);
  showBatchEdges(now.generations);
  for (const [name, { state, note }] of Object.entries(boxes(now))) showNode(name, state, note);
  const late = Object.keys(flows).filter((edge) => stateOf(flows[edge]) === "late").map(edgeName);
  node.querySelector("[data-picture-summary]").textContent = late.length
    ? t("picture.late", { edges: late.join(", ") }) : t("picture.summary");
  fillTable(node.querySelector("[data-table]"), t("picture.title"), [
    t("edge.head"), t("edge.rate_head"), t("edge.events_head"), t("edge.lag_head"), t("edge.state_head"),
  ], Object.entries(flows).map(([edge, flow]) => [
    edgeName(edge), numberOrDash(flow?.per_second), numberOrDash(flow?.lag_events), numberOrDash(flow?.lag_seconds, 1),
    stateWord(states[edge]),
  ]), [1, 2, 3]);
}

/** Give "ok", "late" or "unknown". */
export function stateOf(flow) {
  if (!flow || flow.lag_seconds === null) return "unknown";
  return isLate(flow) ? "late" : "ok";
}

/** Give the state of an edge's flow, or "unused": this installation does without the layer that it belongs to. */
function edgeState(edge, now) {
  return isUnused(now[PANELS[edge]]) ? "unused" : stateOf(flowsOf(now)[edge]);
}

/** Whether a panel says that this installation does without its layer. */
export function isUnused(panel) {
  return panel?.used === false;
}

function stateWord(state) {
  return { ok: t("edge.ok"), late: t("edge.late"), unknown: t("edge.unknown"), unused: t("health.unused") }[state];
}

function both(states) {
  return ["late", "unknown", "ok", "unused"].find((state) => [states.user_stats, states.global_trends].includes(state));
}

function figures(flow) {
  if (!flow) return ["?", t("edge.unknown")];
  const rate = flow.per_second === null ? "…" : t("edge.rate", { n: flow.per_second });
  if (flow.lag_seconds === null) return [rate, t("edge.unknown")];
  const lag = t("edge.lag", { time: span(flow.lag_seconds) });
  return [rate, isLate(flow) ? `▲ ${lag}` : lag];
}

function showBatchEdges(batch) {
  const rows = batch?.generations;
  const known = isUnused(batch) ? "unused" : rows ? "ok" : "unknown";
  showEdge("batch", ...(known === "unused" ? ["", ""] : batchFigures(batch)), known, Boolean(batch?.runner));
  const published = rows?.find((row) => row.number === batch.published);
  const number = published ? t("generations.number", { n: String(published.number) }) : "–";
  showEdge("published", known === "unused" ? "" : rows ? number : "?", published ? ago(published.published_at) : "", known, false);
}

/** Tell of the run that is at work, or else of the last one. */
function batchFigures(batch) {
  const rows = batch?.generations;
  if (!rows) return ["?", ""];
  const run = runAtWork(batch);
  if (run) return [t("generations.number", { n: String(run.number) }), t("edge.computing")];
  const last = rows.find((row) => row.finished_at && row.state !== "failed");
  return last ? [t("edge.events", { count: last.events }), ago(last.finished_at)] : ["–", ""];
}

/** Give the row of the run that is at work; undefined: none is. */
export function runAtWork(batch) {
  return batch?.generations?.find((row) => row.state === "building");
}

/** Write how long a run has been at work. */
export function runSpan(run) {
  return t("node.at_work_for", { time: span(since(run.started_at)) });
}

function since(time) {
  return Math.max(0, (Date.now() - Date.parse(time)) / 1_000);
}

function ago(time) {
  return t("time.ago", { age: span(since(time)) });
}

/** Judge the boxes by what their panels tell; a box of which nothing is known says nothing. */
function boxes(now) {
  const { ingestion, micro_batch: micro, speed, lake, generations, health } = now;
  const folder = lake?.folders?.[0];
  const view = isUnused(micro) ? unused() : store("mongodb", now, "MongoDB");
  return {
    clients: { state: "ok", note: "" },
    ingestion: ingestion?.outbox ? alive(ingestion.relay_process !== null, t("node.relay")) : unknown(),
    kafka: store("kafka", now, ingestion?.log_events != null ? t("edge.events", { count: ingestion.log_events }) : ""),
    micro_batch: layer(processState(micro), t("node.streams")),
    user_stats: view,
    global_stats: view,
    speed_layer: layer(speedState(speed), speed?.consumers == null ? t("health.runs") : t("health.processes", { count: speed.consumers })),
    redis: store("redis", now, speed?.redis_keys != null ? t("node.keys", { keys: speed.redis_keys, size: bytes(speed.redis_bytes) }) : ""),
    data_lake: layer(countState(lake, lake?.sinks), t("health.processes", { count: lake?.sinks ?? 0 })),
    lake: store("s3", now, folder ? t("node.objects", { objects: folder.objects, size: bytes(folder.bytes) }) : ""),
    batch_layer: batchBox(generations),
    user_stats_batch: isUnused(generations) ? unused() : store("mongodb", now, "MongoDB"),
    serving_layer: health ? alive(health.status === "ready", t("health.ready")) : unknown(),
  };
}

function batchBox(batch) {
  if (isUnused(batch)) return unused();
  if (!batch?.generations) return unknown();
  const run = runAtWork(batch);
  if (run) return { state: "busy", note: runSpan(run) };
  return { state: "ok", note: batch.runner ? t("node.at_work") : t("node.at_rest") };
}

/** Judge a layer by its heartbeat: "ok", "wrong", "unused" or "unknown". A panel without `used` misses nobody. */
export function processState(panel) {
  if (!panel || panel.stores.mongodb !== "ok") return "unknown";
  if (panel.process) return panel.process.alive ? "ok" : "wrong";
  return panel.used ? "wrong" : "unused";
}

/** Judge a layer by how many of its processes read the log. */
export function countState(panel, count) {
  if (isUnused(panel)) return "unused";
  return count === undefined || count === null ? "unknown" : count > 0 ? "ok" : "wrong";
}

/** Judge the speed layer: by its consumers, or where the stream does their work by its heartbeat. */
export function speedState(speed) {
  return speed?.trigger === "micro_batch" ? processState(speed) : countState(speed, speed?.consumers);
}

function layer(state, note) {
  return { ok: { state, note }, wrong: alive(false), unused: unused(), unknown: unknown() }[state];
}

function unknown() {
  return { state: "unknown", note: t("health.unknown") };
}

function unused() {
  return { state: "unused", note: t("health.unused") };
}

function alive(is, note) {
  return is ? { state: "ok", note } : { state: "wrong", note: `✕ ${t("health.wrong")}` };
}

function store(name, now, note) {
  const state = storeState(name, now);
  return { ok: { state, note }, wrong: { state, note: `✕ ${t("health.no_answer")}` }, unused: unused(), unknown: unknown() }[state];
}

/** Judge a store: "ok", "wrong", "unused" (nothing that this installation runs needs it) or "unknown". */
export function storeState(name, now) {
  const told = storeStates(now)[name] ?? now.health?.dependencies[name];
  if (told !== undefined) return told === "ok" ? "ok" : "wrong";
  const users = { redis: now.speed, s3: now.lake };
  return isUnused(users[name]) ? "unused" : "unknown";
}

/** Give what the panels say of each store; who fails for one of them counts as failing. */
function storeStates(now) {
  const states = {};
  for (const document of Object.values(now)) {
    for (const [name, state] of Object.entries(document?.stores ?? {})) {
      states[name] = states[name] === "failing" ? "failing" : state;
    }
  }
  return states;
}

function showEdge(edge, rate, lag, state, flowing) {
  for (const group of document.querySelectorAll(`[data-edge="${edge}"]`)) {
    group.dataset.state = state;
    group.dataset.flowing = String(Boolean(flowing));
    if (!group.classList.contains("label")) continue;
    group.querySelector("[data-rate]").textContent = rate;
    group.querySelector("[data-lag]").textContent = lag;
  }
}

function showNode(name, state, note) {
  for (const group of document.querySelectorAll(`[data-node="${name}"]`)) {
    group.dataset.state = state;
    group.querySelector("[data-note]").textContent = note;
  }
}
