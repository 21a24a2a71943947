// Live data: server-sent events with a heartbeat; when they fail, polling, and a new attempt now and then.
import { leadStrangers } from "./http.js";
import { span, t } from "./words.js";

const SILENCE_MS = 17_000; // three heartbeats of 5 s, and some
const POLL_MS = 5_000;
const RETRY_MS = 20_000;
const REFUSALS = [403, 404, 422]; // asking again would give the same answer
const PATIENCE_SECONDS = 60; // after "too many requests" without a Retry-After

export class Live {
  /** `stream`: address of the events; `poll`: address of the same document as JSON; `name`: the event that carries it.
   * `received(document)` is called for each, `confirmed(heartbeat)` whenever the server says that the last one still holds,
   * `changed(connection)` with "connecting", "live", "polling", "lost", or "waiting" and the seconds for which the server
   * wants not to be asked; `refused(status)` when it answers that it never will (a user who does not exist). */
  constructor({ stream, poll, name, received, confirmed = () => {}, changed = () => {}, refused = () => {}, pollMs = POLL_MS }) {
    Object.assign(this, { stream, poll, name, received, confirmed, changed, refused, pollMs });
    this.connection = null;
    this.closed = false;
    this.polled = false;
    this.asked = this.heard = 0; // the attempts, and the last of those after which nothing older counts
    this.open();
  }

  /** End it for good. */
  close() {
    this.closed = true;
    this.stop();
  }

  /** Ask for the document now. A live stream tells of news by itself; an answer that comes late may be older than what was
   * heard meanwhile, and does not count. */
  async ask() {
    if (this.connection === "live") return;
    const attempt = ++this.asked;
    const isLate = () => this.closed || attempt <= this.heard;
    try {
      const response = await fetch(this.poll, { headers: { Accept: "application/json" } });
      if (isLate()) return;
      leadStrangers(response);
      if (response.status === 401) return this.close();
      if (response.status === 429) return this.pause(Number(response.headers.get("Retry-After")) || PATIENCE_SECONDS);
      if (REFUSALS.includes(response.status)) {
        this.close();
        return this.refused(response.status);
      }
      if (!response.ok) throw new Error(String(response.status));
      const found = await response.json();
      if (isLate()) return;
      this.received(found);
      this.heard = attempt;
      this.polled = true;
      this.become("polling");
    } catch {
      if (!isLate()) this.become("lost");
    }
  }

  open() {
    this.stop();
    this.become("connecting");
    this.source = new EventSource(this.stream);
    this.source.addEventListener(this.name, (event) => this.alive(() => this.told(JSON.parse(event.data))));
    // What holds is what this stream has told; where something else was polled meanwhile, a new one tells it once more.
    const holds = (event) => this.alive(() => this.confirmed(JSON.parse(event.data)));
    this.source.addEventListener("heartbeat", (event) => (this.polled ? this.open() : holds(event)));
    // The browser reconnects by itself, and says where it was; it closes the source only when the server refuses.
    this.source.addEventListener("error", () => this.fallBack());
    this.listen();
  }

  told(found) {
    this.polled = false;
    this.received(found);
  }

  alive(act) {
    if (this.closed) return;
    this.heard = this.asked;
    this.listen();
    clearInterval(this.polls);
    clearTimeout(this.retry);
    this.become("live");
    act();
  }

  listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.fallBack(), SILENCE_MS);
  }

  fallBack() {
    if (this.closed) return;
    clearTimeout(this.silence);
    clearInterval(this.polls);
    clearTimeout(this.retry);
    if (this.connection === "live") this.become("connecting");
    this.polls = setInterval(() => this.ask(), this.pollMs);
    this.retry = setTimeout(() => this.open(), RETRY_MS);
    this.ask();
  }

  /** Ask nothing for so long, then begin anew; a stream that is alive stays. */
  pause(seconds) {
    if (this.connection === "live") return;
    this.heard = this.asked;
    this.stop();
    this.become("waiting", seconds);
    this.retry = setTimeout(() => this.open(), seconds * 1_000);
  }

  stop() {
    clearTimeout(this.silence);
    clearTimeout(this.retry);
    clearInterval(this.polls);
    this.source?.close();
  }

  become(connection, seconds = 0) {
    if (connection === this.connection) return;
    this.connection = connection;
    this.changed(connection, seconds);
  }
}

/** Say on the page how it hears of news; `seconds`: how long it waits. */
export function showConnection(connection, seconds = 0) {
  const words = {
    connecting: t("live.connecting"),
    live: t("live.live"),
    polling: t("live.polling"),
    lost: t("live.lost"),
    waiting: t("live.waiting", { time: span(seconds) }),
  };
  document.querySelector("[data-connection]").textContent = words[connection];
}
