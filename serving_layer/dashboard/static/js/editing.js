// Changes the list: searches the catalog, adds, rates and removes films, and pages through the list.
import { element } from "./elements.js";
import { filmItem, ratingChoice } from "./films.js";
import { address, ask, send } from "./http.js";
import { panel, showEmpty, showError, showFilled } from "./panels.js";
import { day, number, numberOrDash, t } from "./words.js";

const PAUSE_MS = 250; // after the last key
const PAGE = 24;

/** Show the user's list, and let it be changed by those who may. `said(text, isError)` tells what came of it; `changed()` follows each change. */
export class Editing {
  constructor(userId, { mayEdit, said, changed }) {
    Object.assign(this, { userId, mayEdit, said, changed, cursor: null });
    this.found = document.getElementById("found");
    this.listed = document.getElementById("listed");
    this.more = document.getElementById("more");
    this.query = document.getElementById("query");
    this.more.addEventListener("click", () => this.page());
    if (mayEdit) this.offerSearch();
    this.reload();
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
      await this.keepingFocus(() => this.reload());
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

  /** Show the beginning of the list again. */
  reload() {
    this.cursor = null;
    return this.page(true);
  }

  async page(first = false) {
    const query = { user_id: this.userId, limit: PAGE, ...(this.cursor && { cursor: this.cursor }) };
    try {
      const { movies, next_cursor: next } = await ask(address("/movies", query));
      this.cursor = next;
      this.more.hidden = next === null;
      const items = movies.map((film) => this.item(film));
      if (first && !items.length) return showEmpty(panel("list"), t("list.empty"));
      showFilled(panel("list"));
      this.more.hidden = next === null;
      if (first) this.listed.replaceChildren(...items);
      else this.listed.append(...items);
    } catch {
      showError(panel("list"));
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
