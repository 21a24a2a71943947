// Films as list items, with their posters.
import { element, named } from "./elements.js";
import { number, t } from "./words.js";

/** Give a film's item: `place` before it, `about` under its title, `figure` at its end, `actions` below. */
export function filmItem(film, { place = "", about = "", figure = "", actions = [] } = {}) {
  const poster = film.poster_path
    ? element("img", { src: film.poster_path, alt: "", width: 48, height: 43, loading: "lazy", on: { error: hide } })
    : element("span");
  return element(
    "li",
    { class: "film", "data-film": film.movie_id },
    element("span", { class: "place" }, String(place)),
    poster,
    element("span", {}, named(film.title), element("br"), element("span", { class: "about" }, about)),
    element("span", { class: "figure" }, figure),
    actions.length ? element("span", { class: "actions" }, ...actions) : null,
  );
}

/** Give the mark of a row that the last batch did not have so. */
export function liveMark() {
  return element("span", { class: "since", "data-look": "live" }, t("parts.live"));
}

/** Give a choice of ratings; `chosen` null: not rated. */
export function ratingChoice(film, chosen, changed) {
  const label = t("list.rating_of", { title: film.title });
  const choice = element("select", { "aria-label": label, on: { change: () => changed(Number(choice.value)) } });
  if (chosen === null) choice.append(element("option", { value: "", selected: true, disabled: true }, t("list.unrated")));
  const steps = Array.from({ length: 20 }, (_, place) => 10 - place / 2);
  if (chosen !== null && !steps.includes(chosen)) steps.push(chosen);
  for (const step of steps.sort((a, b) => b - a)) {
    choice.append(element("option", { value: step, selected: step === chosen }, number(step)));
  }
  return choice;
}

function hide(event) {
  event.target.style.visibility = "hidden";
}
