// Builds elements. Whatever comes from people becomes text, never markup.

/** Give an element: properties by name (`class`, `data-x`, `aria-x` as attributes, `on` = listeners), then children. */
export function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Give a name of a film or a person, isolated so that its direction does not leak. */
export function named(text) {
  return element("bdi", { class: "name" }, text);
}

/** Fill a table: heads as texts, rows as arrays of texts, numbers or nodes; columns in `numeric` stand right. */
export function fillTable(table, caption, heads, rows, numeric = []) {
  const cell = (kind, value, place) => {
    const scope = kind === "th" ? "col" : null;
    return element(kind, { class: numeric.includes(place) ? "number" : null, scope }, value);
  };
  const line = (kind) => (values) => element("tr", {}, ...values.map((value, place) => cell(kind, value, place)));
  table.replaceChildren(
    element("caption", { class: "unseen" }, caption),
    element("thead", {}, line("th")(heads)),
    element("tbody", {}, ...rows.map(line("td"))),
  );
}
