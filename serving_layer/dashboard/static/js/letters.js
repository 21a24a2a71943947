// Dead letters: what was no event, its value on demand, and publishing it again.
import { confirmed } from "./dialogs.js";
import { element } from "./elements.js";
import { ask, send } from "./http.js";
import { showEmpty, showError, showFilled } from "./panels.js";
import { moment, t } from "./words.js";

const dialog = document.getElementById("letter");
const all = document.getElementById("redrive-all");
document.getElementById("letter-close").addEventListener("click", () => dialog.close());
let redriveShown = () => {};
all.addEventListener("click", () => redriveShown());

/** Draw the list. `changed()` is called after letters were published again. */
export function drawLetters(node, found, changed) {
  if (!found.letters) return found.used ? showError(node) : showEmpty(node, t("lake.unused"));
  if (!found.letters.length) return showEmpty(node, t("letters.none"));
  showFilled(node);
  node.querySelector("[data-letters-summary]").textContent = t("letters.summary", { total: found.total, waiting: found.waiting });
  const waiting = found.letters.filter(({ redriven_at: at }) => at === null).map(({ id }) => id);
  all.hidden = waiting.length < 2;
  redriveShown = () => redrive(waiting, changed);
  node.querySelector("[data-letters]").replaceChildren(...found.letters.map((letter) => item(letter, changed)));
}

function item(letter, changed) {
  const state = letter.redriven_at === null ? t("letters.waiting") : t("letters.redriven", { place: letter.redriven_as });
  const about = [letter.id, moment(letter.rejected_at), letter.layers.join(", "), state].join(" · ");
  return element("li", { "data-letter": letter.id, "data-state": letter.redriven_at === null ? "waiting" : "redriven" },
    element("p", { class: "reason" }, element("bdi", {}, letter.reason)),
    element("p", { class: "about" }, about),
    element("div", { class: "toolbar" },
      button(t("letters.show"), letter.id, () => show(letter.id)),
      letter.redriven_at === null ? button(t("letters.redrive"), letter.id, () => redrive([letter.id], changed)) : null));
}

function button(words, id, act) {
  return element("button", { type: "button", on: { click: act } }, words, element("span", { class: "unseen" }, ` ${id}`));
}

async function show(id) {
  const title = document.getElementById("letter-title");
  title.textContent = id;
  const value = dialog.querySelector("[data-letter-value]");
  const facts = dialog.querySelector("[data-letter-facts]");
  facts.replaceChildren();
  value.textContent = t("panel.loading");
  dialog.showModal();
  try {
    const letter = await ask(`/operator/dead-letters/${id.split("/").map(encodeURIComponent).join("/")}`);
    if (title.textContent !== id) return; // another one was opened meanwhile
    facts.replaceChildren(...fact(t("letters.reason"), letter.reason), ...fact(t("letters.key"), letter.key ?? "–"));
    value.textContent = letter.value === null ? t("letters.no_value") : letter.value + (letter.cut ? " …" : "");
  } catch (error) {
    if (title.textContent === id) value.textContent = t("confirm.failed", { reason: error.message });
  }
}

function fact(name, text) {
  return [element("dt", {}, name), element("dd", {}, element("bdi", {}, text))];
}

function redrive(ids, changed) {
  const words = t("letters.redrive");
  const action = async () => {
    const answers = await send("POST", "/operator/redrive", { ids });
    await changed();
    const refused = answers.find(({ reason }) => reason !== null);
    const done = t("letters.done", { count: answers.filter((answer) => answer.changed).length });
    return refused ? `${done} ${t("letters.refused", { id: refused.id, reason: refused.reason })}` : done;
  };
  confirmed({ title: words, text: t("letters.confirm", { count: ids.length }), yes: words, action });
}
