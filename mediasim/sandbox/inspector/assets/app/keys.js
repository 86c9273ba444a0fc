// The keyboard. Nothing is done while one types, nor with a modifier held.

import { h } from "./dom.js";
import { placeCall } from "./place.js";
import { nextTheme } from "./theme.js";

const KEYS = [
  ["/", "search"],
  ["n", "place a call"],
  ["c", "calls"], ["r", "recordings"], ["w", "webhooks"], ["m", "messages"],
  ["j", "the next in the list"], ["k", "the one before"],
  ["space", "play or pause the recording"],
  ["← →", "a second back or on"],
  ["1 2", "hear one channel alone"], ["0", "hear all channels"],
  ["+ −", "more or less of the timeline"],
  ["a", "advance the clock by a second"], ["i", "run until idle"],
  ["t", "theme"], ["esc", "close, or back to the list"],
];

export function showKeys() {
  const dialog = document.getElementById("dialog");
  dialog.replaceChildren(
    h("div.sheet", {},
      h("h2", {}, "Keys"),
      h("dl.keys", {}, KEYS.map(([key, words]) => h("div", {}, h("dt", {}, key.split(" ").map((each) => h("kbd", {}, each))), h("dd", {}, words)))),
      h("div.buttons", {}, h("button", { type: "button", onclick: () => dialog.close() }, "Close"))),
  );
  dialog.showModal();
}

export function listenToKeys({ lists, clock, search, view }) {
  const actions = {
    "/": () => search.focus(),
    n: () => placeCall(),
    c: () => (location.hash = "#/calls"),
    r: () => (location.hash = "#/recordings"),
    w: () => (location.hash = "#/webhooks"),
    m: () => (location.hash = "#/messages"),
    j: () => lists.step(1),
    k: () => lists.step(-1),
    a: () => clock.advance("1s"),
    i: () => clock.runUntilIdle(),
    t: nextTheme,
    "?": showKeys,
    Escape: () => {
      const [kind, id] = location.hash.replace(/^#\/?/, "").split("/");
      location.hash = id ? `#/${kind}` : "#/";
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.getElementById("dialog").open) return;
    if (event.target.closest?.("input, textarea, select")) return;
    const pressed = event.target.closest?.("button, a, summary");
    if (pressed && (event.key === " " || event.key === "Enter")) return;
    const action = view()?.keys?.(event.key) ?? actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
