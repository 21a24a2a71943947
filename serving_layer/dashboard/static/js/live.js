// Live data: server-sent events with a heartbeat; when they fail, polling, and a new attempt now and then.
import { leadStrangers } from "./http.js";
import { t } from "./words.js";

const SILENCE_MS = 17_000; // three heartbeats of 5 s, and some
const POLL_MS = 5_000;
const RETRY_MS = 20_000;

export class Live {
  /** `stream`: address of the events; `poll`: address of the same document as JSON; `name`: the event that carries it.
   * `received(document)` is called for each, `confirmed(heartbeat)` whenever the server says that the last one still holds,
   * `changed(connection)` with "connecting", "live", "polling" or "lost"; `refused(status)` when the server answers
   * with an error that is no outage (a user who does not exist). */
  constructor({ stream, poll, name, received, confirmed = () => {}, changed = () => {}, refused = () => {}, pollMs = POLL_MS }) {
    Object.assign(this, { stream, poll, name, received, confirmed, changed, refused, pollMs });
    this.connection = null;
    this.closed = false;
    this.open();
  }

  /** End it for good. */
  close() {
    this.closed = true;
    this.stop();
  }

  /** Ask for the document now, whatever the stream does. */
  async ask() {
    try {
      const response = await fetch(this.poll, { headers: { Accept: "application/json" } });
      if (this.closed) return;
      leadStrangers(response);
      if (response.status >= 400 && response.status < 500) {
        this.close();
        this.refused(response.status);
        return;
      }
      if (!response.ok) throw new Error(String(response.status));
      const found = await response.json();
      if (this.closed) return;
      this.received(found);
      if (this.connection !== "live") this.become("polling");
    } catch {
      if (!this.closed && this.connection !== "live") this.become("lost");
    }
  }

  open() {
    this.stop();
    this.become("connecting");
    this.source = new EventSource(this.stream);
    this.source.addEventListener(this.name, (event) => this.alive(() => this.received(JSON.parse(event.data))));
    this.source.addEventListener("heartbeat", (event) => this.alive(() => this.confirmed(JSON.parse(event.data))));
    // The browser reconnects by itself, and says where it was; it closes the source only when the server refuses.
    this.source.addEventListener("error", () => this.fallBack());
    this.listen();
  }

  alive(act) {
    if (this.closed) return;
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

  stop() {
    clearTimeout(this.silence);
    clearTimeout(this.retry);
    clearInterval(this.polls);
    this.source?.close();
  }

  become(connection) {
    if (connection === this.connection) return;
    this.connection = connection;
    this.changed(connection);
  }
}

/** Say on the page how it hears of news. */
export function showConnection(connection) {
  const words = { connecting: t("live.connecting"), live: t("live.live"), polling: t("live.polling"), lost: t("live.lost") };
  document.querySelector("[data-connection]").textContent = words[connection];
}
