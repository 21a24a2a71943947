// The states of a panel: loading, empty, error, and filled.
import { t } from "./words.js";

/** Give the panel of this id. */
export function panel(id) {
  return document.getElementById(id);
}

/** Say in place of the body why there is nothing; `text` null: there is something. */
export function setPlaceholder(node, text) {
  const placeholder = node.querySelector("[data-placeholder]");
  placeholder.hidden = text === null;
  placeholder.textContent = text ?? "";
  for (const part of node.querySelectorAll(".body > :not([data-placeholder]), .behind")) part.hidden = text !== null;
  node.setAttribute("aria-busy", "false");
}

/** Show the panel's body. */
export function showFilled(node) {
  setPlaceholder(node, null);
}

/** Say that there is nothing to show. */
export function showEmpty(node, text) {
  setPlaceholder(node, text);
}

/** Say that the figures could not be had. */
export function showError(node) {
  setPlaceholder(node, t("panel.error"));
}
