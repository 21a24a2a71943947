// The lake: how large each folder is, by partition and by day.
import { element, fillTable } from "./elements.js";
import { showEmpty, showError, showFilled } from "./panels.js";
import { bytes, day, number, t } from "./words.js";

/** Draw the folders. Days that somebody has opened stay open. */
export function drawLake(node, lake) {
  if (!lake.folders) return lake.used ? showError(node) : showEmpty(node, t("lake.unused"));
  showFilled(node);
  const place = node.querySelector("[data-folders]");
  const open = new Set([...place.querySelectorAll("details[open]")].map((details) => details.dataset.key));
  place.replaceChildren(...lake.folders.map((folder) => section(folder, open)));
}

function section(folder, open) {
  const totals = [
    t("lake.objects", { count: folder.objects }), t("lake.rows", { count: folder.rows }), bytes(folder.bytes),
    folder.superseded ? t("lake.superseded", { count: folder.superseded }) : null,
  ].filter(Boolean).join(" · ");
  const counts = ({ objects, rows, bytes: size }) => [number(objects), number(rows), bytes(size)];
  const heads = [t("lake.objects_head"), t("lake.rows_head"), t("lake.size_head")];
  return element("section", { "data-folder": folder.folder },
    element("h3", {}, folder.folder),
    element("p", { class: "about" }, totals),
    folder.partitions.length ? table(t("lake.partitions"), [t("lake.partition_head"), ...heads, t("lake.next_head")],
      folder.partitions.map((it) => [String(it.partition), ...counts(it), number(it.next_offset)]), [0, 1, 2, 3, 4]) : null,
    folder.days.length ? element("details", { "data-key": folder.folder, open: open.has(folder.folder) },
      element("summary", {}, t("lake.days")),
      table(t("lake.days"), [t("lake.day_head"), ...heads],
        folder.days.toReversed().map((it) => [calendarDay(it.day), ...counts(it)]), [1, 2, 3])) : null);
}

function table(title, heads, rows, numeric) {
  const node = element("table");
  fillTable(node, title, heads, rows, numeric);
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, node);
}

/** Write a day of UTC as that day, wherever the reader is. */
function calendarDay(iso) {
  return day(`${iso}T12:00:00`);
}
