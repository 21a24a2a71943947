// Asks before something is done, and says what became of it.
import { t } from "./words.js";

const dialog = document.getElementById("confirm");
const part = (name) => document.getElementById(`confirm-${name}`);
const notice = document.getElementById("notice");
let act = null;

/** Ask whether `action` (asynchronous; gives a sentence) shall be done; its error is told in the dialog. */
export function confirmed({ title, text, yes, action }) {
  part("title").textContent = title;
  part("text").textContent = text;
  part("yes").textContent = yes;
  part("error").hidden = true;
  part("yes").disabled = false;
  act = () => action(); // another one each time, also for the same action
  dialog.showModal();
}

/** Tell at the top of the page. */
export function tell(text) {
  notice.textContent = text;
  notice.hidden = false;
}

part("no").addEventListener("click", () => dialog.close());
part("yes").addEventListener("click", async () => {
  const mine = act; // whoever closes the dialog may open it for something else before this has ended
  part("yes").disabled = true;
  part("error").hidden = true;
  try {
    tell(await mine());
    if (act === mine) dialog.close();
  } catch (error) {
    if (act !== mine || !dialog.open) return tell(t("confirm.failed", { reason: error.message }));
    part("error").textContent = t("confirm.failed", { reason: error.message });
    part("error").hidden = false;
    part("yes").disabled = false;
  }
});
