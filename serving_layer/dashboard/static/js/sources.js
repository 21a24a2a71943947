// What the operator's page shows, by endpoint: one stream tells of all; without it each is asked by itself.
import { STALE_SECONDS, judgeSilence, refresh, watch, worst } from "./freshness.js";
import { ask } from "./http.js";
import { Live } from "./live.js";
import { STORES } from "./stores.js";
import { span, t } from "./words.js";

const POLL_MS = 3_000;
const PATIENCE_MS = 10_000; // an answer that takes longer is a failure

export class Source {
  /** `lagging(document)` gives the seconds that it is late by, 0 for none; `changed()` is called after each attempt. */
  constructor(url, { lagging = () => 0, changed = () => {}, look = ask } = {}) {
    Object.assign(this, { url, lagging, changed, look, document: null, confirmedAt: null, failed: false, asked: 0, heard: 0 });
  }

  /** Whether its document may be shown as what is now. */
  get isLive() {
    return this.document !== null && !this.failed && (Date.now() - this.confirmedAt) / 1_000 <= STALE_SECONDS;
  }

  /** Whether anybody has told of it yet, be it that it failed. */
  get isAnswered() {
    return this.confirmedAt !== null || this.failed;
  }

  /** Take what the stream tells; null: it failed. Answers that are still under way are older. */
  take(document) {
    this.heard = this.asked;
    this.settle(document === null ? { failed: true } : { document, confirmedAt: Date.now(), failed: false });
  }

  /** The stream says that the last document still holds. */
  confirm() {
    if (!this.failed) this.confirmedAt = Date.now();
  }

  /** Ask now. An answer that comes late, after a later one or what the stream has told, does not count. */
  async refresh() {
    const attempt = ++this.asked;
    const outcome = await this.look(this.url, { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
      (document) => ({ document, confirmedAt: Date.now(), failed: false }),
      () => ({ failed: true }),
    );
    if (attempt <= this.heard) return;
    this.heard = attempt;
    this.settle(outcome);
  }

  settle(outcome) {
    Object.assign(this, outcome);
    this.changed(this);
    refresh();
  }

  /** Judge how far its figures can be trusted: one of the five states and a sentence. */
  judge(now) {
    return judgeSilence(this, now) ?? this.judgeDocument(now);
  }

  /** Judge what was confirmed: stores that did not answer, and lateness. */
  judgeDocument(now) {
    const away = Object.entries(this.document.stores ?? {}).filter(([, state]) => state !== "ok").map(([store]) => STORES[store]);
    if (away.length) return { state: "partial", text: t("operator.partial", { stores: away.join(", ") }) };
    const late = this.lagging(this.document);
    if (late) return { state: "delayed", text: t("operator.delayed", { time: span(late) }) };
    return { state: "fresh", text: t("operator.seen", { age: span((now - this.confirmedAt) / 1_000) }) };
  }
}

/** Keep the chips of this name true to the worst of some sources. */
export function watchAll(name, sources) {
  watch(name, (now) => worst(sources.map((source) => source.judge(now))));
}

/** Give the seconds of the worst flow that is later than usual, else 0. */
export function lateness(...flows) {
  return Math.max(0, ...flows.filter((flow) => isLate(flow)).map((flow) => flow.lag_seconds));
}

/** Whether a flow is later than usual. */
export function isLate(flow) {
  return (flow?.lag_seconds ?? 0) > (flow?.usual_seconds ?? Infinity);
}

/** Keep sources true, by name, for as long as the page is open: by the stream, or by asking each while that is away. */
export class LiveSources extends Live {
  constructor(stream, sources, changed) {
    super({
      stream, name: "panel", changed, pollMs: POLL_MS,
      received: ({ name, document }) => sources[name]?.take(document),
      confirmed: ({ confirmed }) => confirmed.forEach((name) => sources[name]?.confirm()),
    });
    this.sources = Object.values(sources);
  }

  async ask() {
    await Promise.all((this.sources ?? []).map((source) => source.refresh()));
    if (this.closed || this.connection === "live") return;
    this.become(this.sources.every((source) => source.failed) ? "lost" : "polling");
  }
}
