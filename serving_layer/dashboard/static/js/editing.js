// Changes the list: searches the catalog, adds, rates and removes films, and pages through the list.
import { element } from "./elements.js";
import { filmItem, ratingChoice } from "./films.js";
import { address, ask, send } from "./http.js";
import { panel, showEmpty, showError, showFilled } from "./panels.js";
import { day, number, numberOrDash, t } from "./words.js";

const PAUSE_MS = 250; // after the last key
const PAGE = 24;
const MOST = 500; // films that the API gives at once

/** Show the user's list, and let it be changed by those who may. `said(text, isError)` tells what came of it; `changed()`
 * follows each change. `list` says of what is shown: it has the events up to `sequence`, and was `confirmedAt`. */
export class Editing {
  constructor(userId, { mayEdit, said, changed }) {
    Object.assign(this, { userId, mayEdit, said, changed, cursor: null, attempts: 0 });
    this.list = { sequence: null, confirmedAt: null, failed: false };
    this.found = document.getElementById("found");
    this.listed = document.getElementById("listed");
    this.more = document.getElementById("more");
    this.query = document.getElementById("query");
    this.more.addEventListener("click", () => this.page());
    if (mayEdit) this.offerSearch();
  }

  /** Show the list anew when what is shown may be older than this event of the user, or could not be loaded. */
  follow(latest) {
    if (this.asked === latest) return;
    if (this.list.failed || this.list.sequence === null || this.list.sequence < latest) this.keepingFocus(() => this.reload(latest));
  }

  offerSearch() {
    document.getElementById("search").addEventListener("submit", (event) => event.preventDefault());
    this.query.addEventListener("input", () => this.searchSoon());
    for (const option of document.querySelectorAll("option[data-number]")) option.textContent = number(Number(option.value));
    showFilled(panel("add"));
  }

  searchSoon() {
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.search(), PAUSE_MS);
  }

  async search() {
    const q = this.query.value.trim();
    if (!q) return this.found.replaceChildren();
    try {
      const { films } = await ask(address("/catalog", { q, limit: 8 }));
      if (q !== this.query.value.trim()) return; // an older answer came late
      const none = element("li", {}, t("add.nothing", { query: q }));
      this.found.replaceChildren(...(films.length ? films.map((film) => this.candidate(film)) : [none]));
    } catch (error) {
      this.said(error.message, true);
    }
  }

  candidate(film) {
    const add = element("button", { type: "button", on: { click: () => this.add(film) } }, t("add.add"));
    add.setAttribute("aria-label", t("add.add_film", { title: film.title }));
    return filmItem(film, { about: [film.year, ...film.genres].filter(Boolean).join(" · "), figure: add });
  }

  add(film) {
    const rating = document.getElementById("rating").value;
    const body = { user_id: this.userId, movie_id: film.movie_id, ...(rating && { rating: Number(rating) }) };
    return this.change(() => send("POST", "/movies", body), film);
  }

  rate(film, rating) {
    return this.change(() => send("POST", "/movies", { user_id: this.userId, movie_id: film.movie_id, rating }), film);
  }

  remove(film) {
    const path = `/movies/${encodeURIComponent(film.movie_id)}`;
    return this.change(() => send("DELETE", address(path, { user_id: this.userId })), film);
  }

  async change(act, film) {
    try {
      const answer = await act();
      this.said(answer.changed ? t("edit.saved", { title: film.title, sequence: String(answer.sequence) }) : t("edit.same", { title: film.title }), false);
      await this.keepingFocus(() => this.reload(answer.sequence));
      this.changed();
    } catch (error) {
      this.said(error.message, true);
    }
  }

  /** Let the keyboard stay where it was: on the same film's same control, or on the search when that film has gone. */
  async keepingFocus(renew) {
    const name = this.listed.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
    await renew();
    if (!name) return;
    const same = [...this.listed.querySelectorAll("[aria-label]")].find((control) => control.getAttribute("aria-label") === name);
    (same ?? this.query).focus();
  }

  /** Show the list again, as much of it as is shown; it is read now, so it has the user's event `sequence`, issued before. */
  async reload(sequence) {
    this.asked = sequence;
    const limit = Math.min(Math.max(PAGE, this.listed.children.length), MOST);
    await this.read({ limit }, (items) => {
      this.list = { sequence, confirmedAt: Date.now(), failed: false };
      this.listed.replaceChildren(...items);
    });
    if (this.asked === sequence) this.asked = null;
  }

  /** Show the next part of the list. */
  page() {
    return this.read({ limit: PAGE, cursor: this.cursor }, (items) => this.listed.append(...items));
  }

  /** Read a part of the list and let `place` put its items onto the page; of two attempts at a time the later one is believed. */
  async read(part, place) {
    const attempt = ++this.attempts;
    try {
      const { movies, next_cursor: next } = await ask(address("/movies", { user_id: this.userId, ...part }));
      if (attempt !== this.attempts) return;
      this.cursor = next;
      place(movies.map((film) => this.item(film)));
      if (this.listed.children.length) showFilled(panel("list"));
      else showEmpty(panel("list"), t("list.empty"));
      this.more.hidden = next === null;
    } catch {
      if (attempt !== this.attempts) return;
      this.list.failed = true;
      if (this.list.confirmedAt === null) showError(panel("list"));
    }
  }

  item(film) {
    const shown = { ...film, poster_path: `/posters/${encodeURIComponent(film.movie_id)}.svg` };
    const about = { about: day(film.watched_at), figure: numberOrDash(film.rating) };
    return filmItem(shown, this.mayEdit ? { ...about, actions: this.actions(film) } : about);
  }

  actions(film) {
    const remove = element("button", { type: "button", on: { click: () => this.remove(film) } }, t("list.remove"));
    remove.setAttribute("aria-label", t("list.remove_film", { title: film.title }));
    const rate = ratingChoice(film, film.rating, (rating) => this.rate(film, rating));
    return [rate, remove];
  }
}
