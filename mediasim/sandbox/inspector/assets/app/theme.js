// Light, dark, or as the system has it.

const WORDS = { auto: "as the system", light: "light", dark: "dark" };
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };
const changed = new Set();
let button = null;

const current = () => document.documentElement.dataset.theme ?? "auto";

export function onTheme(listener) {
  changed.add(listener);
  return () => changed.delete(listener);
}

export function nextTheme() {
  const order = ["auto", "light", "dark"];
  const next = order[(order.indexOf(current()) + 1) % 3];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem("mediasim-theme", next);
  } catch {
    // It lasts as long as the page.
  }
  tell();
}

export function themeButton(element) {
  button = element;
  button.addEventListener("click", nextTheme);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  tell();
}

/** A colour of the style sheet, for what is painted by other means. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function tell() {
  button.textContent = SIGNS[current()];
  button.title = `Theme: ${WORDS[current()]} (t)`;
  button.setAttribute("aria-label", `Theme: ${WORDS[current()]}`);
  for (const listener of [...changed]) listener();
}
