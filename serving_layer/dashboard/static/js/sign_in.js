// The sign-in: hands a token to the server, which has the browser keep it where no script reads it.
import { t } from "./words.js";

const form = document.getElementById("sign-in");
const field = document.getElementById("token");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ token: field.value.trim() });
  field.value = ""; // nothing of it stays on the page
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const response = await fetch("/dashboard/session", { method: "POST", headers, body }).catch(() => null);
  if (response?.ok) return location.assign(form.dataset.next);
  const { detail } = (await response?.json().catch(() => null)) ?? {};
  const notice = document.getElementById("notice");
  notice.hidden = false;
  notice.dataset.kind = "error";
  notice.textContent = t("sign_in.refused", { reason: detail ?? t("sign_in.no_answer") });
  field.focus();
});
form.querySelector("button").disabled = false; // before, the browser would send the form by itself
