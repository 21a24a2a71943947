// The theme switch: light, dark, or whatever the system says. The server reads the cookie, so no page flashes.
const root = document.documentElement;
const YEAR_SECONDS = 31_536_000;

/** Announce that colours have changed; charts draw themselves again. */
function announce() {
  root.dispatchEvent(new CustomEvent("themechange"));
}

document.querySelector("[data-theme-switch]").addEventListener("change", (event) => {
  root.dataset.theme = event.target.value;
  document.cookie = `theme=${event.target.value}; path=/; max-age=${YEAR_SECONDS}; SameSite=Lax`;
  announce();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);
