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

/** Name a flow's edge. */
export function edgeName(edge) {
  return EDGES[edge]();
}

/** Fill both layouts and the table behind them. */
export function drawPicture(node, now) {
  const flows = flowsOf(now);
  for (const [edge, flow] of Object.entries(flows)) showEdge(edge, ...figures(flow), stateOf(flow), flow?.per_second > 0);
  showEdge("micro_batch", "", "", both(flows), flows.user_stats?.per_second > 0);
  showBatchEdges(now.generations);
  for (const [name, { state, note }] of Object.entries(boxes(now))) showNode(name, state, note);
  const late = Object.keys(flows).filter((edge) => stateOf(flows[edge]) === "late").map(edgeName);
  node.querySelector("[data-picture-summary]").textContent = late.length
    ? t("picture.late", { edges: late.join(", ") }) : t("picture.summary");
  fillTable(node.querySelector("[data-table]"), t("picture.title"), [
    t("edge.head"), t("edge.rate_head"), t("edge.events_head"), t("edge.lag_head"), t("edge.state_head"),
  ], Object.entries(flows).map(([edge, flow]) => [
    edgeName(edge), numberOrDash(flow?.per_second), numberOrDash(flow?.lag_events), numberOrDash(flow?.lag_seconds, 1),
    stateWord(stateOf(flow)),
  ]), [1, 2, 3]);
}

/** Give "ok", "late" or "unknown". */
export function stateOf(flow) {
  if (!flow || flow.lag_seconds === null) return "unknown";
  return isLate(flow) ? "late" : "ok";
}

function stateWord(state) {
  return { ok: t("edge.ok"), late: t("edge.late"), unknown: t("edge.unknown") }[state];
}

function both({ user_stats: first, global_trends: second }) {
  const states = [stateOf(first), stateOf(second)];
  return ["late", "unknown", "ok"].find((state) => states.includes(state));
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
  const known = rows ? "ok" : "unknown";
  const last = rows?.find((row) => row.finished_at && row.state !== "failed");
  const published = rows?.find((row) => row.number === batch.published);
  const events = last ? t("edge.events", { count: last.events }) : "–";
  showEdge("batch", rows ? events : "?", rows && last ? age(last.finished_at) : "", known, Boolean(batch?.runner));
  showEdge("published", rows ? (published ? t("generations.number", { n: String(published.number) }) : "–") : "?",
    published ? age(published.published_at) : "", known, false);
}

function age(time) {
  return t("time.ago", { age: span((Date.now() - Date.parse(time)) / 1_000) });
}

/** Judge the boxes by what their panels tell; a box of which nothing is known says nothing. */
function boxes(now) {
  const { ingestion, speed, lake, generations, health } = now;
  const running = (known, count) => (known ? alive(count > 0, t("health.processes", { count })) : unknown());
  const folder = lake?.folders?.[0];
  return {
    clients: { state: "ok", note: "" },
    ingestion: ingestion?.outbox ? alive(ingestion.relay_process !== null, t("node.relay")) : unknown(),
    kafka: store("kafka", now, ingestion?.log_events != null ? t("edge.events", { count: ingestion.log_events }) : ""),
    micro_batch: both(flowsOf(now)) === "unknown" ? unknown() : { state: "ok", note: t("node.streams") },
    user_stats: store("mongodb", now, "MongoDB"),
    global_stats: store("mongodb", now, "MongoDB"),
    speed_layer: running(speed && speed.consumers !== null, speed?.consumers),
    redis: store("redis", now, speed?.redis_keys != null ? t("node.keys", { keys: speed.redis_keys, size: bytes(speed.redis_bytes) }) : ""),
    data_lake: running(lake && lake.sinks !== null, lake?.sinks),
    lake: store("s3", now, folder ? t("node.objects", { objects: folder.objects, size: bytes(folder.bytes) }) : ""),
    batch_layer: generations?.generations
      ? { state: "ok", note: generations.runner ? t("node.at_work") : t("node.at_rest") } : unknown(),
    user_stats_batch: store("mongodb", now, "MongoDB"),
    serving_layer: health ? alive(health.status === "ready", t("health.ready")) : unknown(),
  };
}

function unknown() {
  return { state: "unknown", note: t("health.unknown") };
}

function alive(is, note) {
  return is ? { state: "ok", note } : { state: "wrong", note: `✕ ${t("health.wrong")}` };
}

function store(name, now, note) {
  const state = storeStates(now)[name];
  if (state === undefined) return unknown();
  return state === "ok" ? { state: "ok", note } : { state: "wrong", note: `✕ ${t("health.no_answer")}` };
}

/** Give what the panels say of each store; who fails for one of them counts as failing. */
export function storeStates(now) {
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
