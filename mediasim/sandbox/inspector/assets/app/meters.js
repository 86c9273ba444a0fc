// How loud a leg is now, both ways; only in real time.

import { h } from "./dom.js";
import { store } from "./store.js";
import { decibels } from "./words.js";

const FLOOR = -60;

export class LegMeters {
  #meters = new Map();

  /** The two meters of a leg. */
  of(sid) {
    const known = this.#meters.get(sid);
    if (known) return known.element;
    const bars = ["from", "to"].map((way) => h("span.fill", { data: { way } }));
    const element = h("span.meters", { role: "img", "aria-label": "level" },
      bars.map((bar) => h("span.meter", { title: bar.dataset.way === "from" ? "heard from the party" : "sent to the party" }, bar)));
    this.#meters.set(sid, { element, bars });
    this.#paint(sid);
    return element;
  }

  update() {
    for (const sid of this.#meters.keys()) this.#paint(sid);
  }

  #paint(sid) {
    const { element, bars } = this.#meters.get(sid);
    const levels = store.levels[sid];
    element.hidden = !levels;
    if (!levels) return;
    levels.forEach((level, at) => {
      const part = Math.min(Math.max((level - FLOOR) / -FLOOR, 0), 1);
      bars[at].style.setProperty("transform", `scaleX(${part.toFixed(3)})`);
    });
    element.setAttribute("aria-label", `heard ${decibels(levels[0])}, sent ${decibels(levels[1])}`);
  }
}
