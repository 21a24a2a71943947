// The page's words and numbers in its language; the same messages as the server's (language.py).
const root = document.documentElement;
const language = root.lang;
const messages = await (await fetch(root.dataset.messages)).json();

/** Give a message with its {names} filled in; a number is written as the language writes it. */
export function t(key, values = {}) {
  const message = messages[key];
  if (message === undefined) throw new Error(`no message ${key}`);
  const text = typeof message === "string" ? message : message[values.count === 1 ? "one" : "other"];
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    if (values[name] === undefined) throw new Error(`${key} needs ${name}`);
    return typeof values[name] === "number" ? number(values[name]) : values[name];
  });
}

/** Write a number, with at most so many decimals. */
export function number(value, decimals = 2) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: decimals }).format(value);
}

/** Write a number that may be missing. */
export function numberOrDash(value, decimals = 2) {
  return value === null || value === undefined ? "–" : number(value, decimals);
}

/** Write a day. */
export function day(value) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(value));
}

/** Write a time of day, to the second. */
export function clock(value) {
  return new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(new Date(value));
}

/** Write a day and a time of day. */
export function moment(value) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(value));
}

/** Write a size, in the largest decimal unit that fits. */
export function bytes(size) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const place = Math.min(size < 1 ? 0 : Math.floor(Math.log10(size) / 3), units.length - 1);
  const options = { style: "unit", unit: units[place], unitDisplay: "short", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(language, options).format(size / 1_000 ** place);
}

/** Name a weekday, 0 = Monday. */
export function weekday(place, style = "long") {
  const monday = Date.UTC(2024, 0, 1);
  return new Intl.DateTimeFormat(language, { weekday: style, timeZone: "UTC" }).format(monday + place * 86_400_000);
}

/** Write how long something took or how old it is, in the largest unit that fits. */
export function span(seconds) {
  if (seconds < 10) return t("time.seconds", { n: number(Math.max(seconds, 0), 1) });
  if (seconds < 90) return t("time.seconds", { n: number(seconds, 0) });
  if (seconds < 5_400) return t("time.minutes", { n: number(seconds / 60, 0) });
  if (seconds < 129_600) return t("time.hours", { n: number(seconds / 3_600, 0) });
  return t("time.days", { n: number(seconds / 86_400, 0) });
}

/** Take out the characters that turn the direction of text: on a canvas nothing isolates them. */
export function plain(text) {
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
}
