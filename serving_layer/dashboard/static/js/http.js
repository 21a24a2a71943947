// Asks the API. What it refuses becomes an error with the problem's sentence.

/** Give an answer's JSON; throws an Error with the problem's detail, and its `status`. */
export async function ask(url, options = {}) {
  const response = await fetch(url, { ...options, headers: { Accept: "application/json", ...options.headers } });
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  leadStrangers(response);
  const error = new Error(body.detail ?? body.title ?? String(response.status));
  error.status = response.status;
  throw error;
}

/** Lead whom the server does not know (any more) to the sign-in, and from there back to this page as it is. */
export function leadStrangers(response) {
  if (response.status === 401) location.assign(address("/sign-in", { next: location.pathname + location.search }));
}

/** Send JSON; the content type is one that no form of another site can send. */
export function send(method, url, body) {
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  return ask(url, options);
}

/** Give an address with its query. */
export function address(path, query) {
  return `${path}?${new URLSearchParams(query)}`;
}
