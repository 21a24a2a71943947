// The endpoints of the operator's page: each is asked every few seconds by itself, so none holds up another.
import { watch, refresh } from "./freshness.js";
import { ask } from "./http.js";
import { STORES } from "./stores.js";
import { clock, span, t } from "./words.js";

const PERIOD_MS = 3_000;
const PATIENCE_MS = 10_000; // an answer that takes longer is a failure
const STALE_SECONDS = 20; // as on the other pages: nobody has confirmed the figures since

export class Source {
  /** `lagging(document)` gives the seconds that it is late by, 0 for none; `changed()` is called after each attempt. */
  constructor(url, { lagging = () => 0, changed = () => {}, look = ask } = {}) {
    Object.assign(this, { url, lagging, changed, look, document: null, confirmedAt: null, failed: false, asking: 0 });
  }

  /** Whether its document may be shown as what is now. */
  get isLive() {
    return this.document !== null && !this.failed && (Date.now() - this.confirmedAt) / 1_000 <= STALE_SECONDS;
  }

  /** Begin to ask, for as long as the page is open; the promise is kept with the first answer, or its failure. */
  follow() {
    const first = this.refresh();
    first.then(() => this.goOn());
    return first;
  }

  async goOn() {
    for (;;) {
      await new Promise((done) => setTimeout(done, PERIOD_MS));
      await this.refresh();
    }
  }

  /** Ask now. Of two attempts at a time the later one is believed. */
  async refresh() {
    const attempt = ++this.asking;
    const outcome = await this.look(this.url, { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
      (document) => ({ document, confirmedAt: Date.now(), failed: false }),
      () => ({ failed: true }),
    );
    if (attempt !== this.asking) return;
    Object.assign(this, outcome);
    this.changed(this);
    refresh();
  }

  /** Judge how far its figures can be trusted: one of the five states and a sentence. */
  judge(now) {
    if (this.confirmedAt === null) {
      return this.failed ? { state: "failed", text: t("freshness.failed") } : { state: "loading", text: t("freshness.loading") };
    }
    const time = clock(this.confirmedAt);
    const silent = (now - this.confirmedAt) / 1_000;
    if (this.failed) return { state: "failed", text: t("freshness.failed_since", { time }) };
    if (silent > STALE_SECONDS) return { state: "stale", text: t("freshness.stale_since", { time }) };
    const away = Object.entries(this.document.stores ?? {}).filter(([, state]) => state !== "ok").map(([store]) => STORES[store]);
    if (away.length) return { state: "partial", text: t("operator.partial", { stores: away.join(", ") }) };
    const late = this.lagging(this.document);
    if (late) return { state: "delayed", text: t("operator.delayed", { time: span(late) }) };
    return { state: "fresh", text: t("operator.seen", { age: span(silent) }) };
  }
}

const WORST_FIRST = ["failed", "stale", "partial", "delayed", "loading", "fresh"];

/** Keep the chips of this name true to the worst of some sources. */
export function watchAll(name, sources) {
  watch(name, (now) => {
    const judged = sources.map((source) => source.judge(now));
    return judged.reduce((worst, it) => (WORST_FIRST.indexOf(it.state) < WORST_FIRST.indexOf(worst.state) ? it : worst));
  });
}

/** Give the seconds of the worst flow that is later than usual, else 0. */
export function lateness(...flows) {
  return Math.max(0, ...flows.filter((flow) => isLate(flow)).map((flow) => flow.lag_seconds));
}

/** Whether a flow is later than usual. */
export function isLate(flow) {
  return (flow?.lag_seconds ?? 0) > (flow?.usual_seconds ?? Infinity);
}
