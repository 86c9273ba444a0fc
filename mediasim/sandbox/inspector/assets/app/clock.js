// The clock: what time it is in the sandbox, and its controls.

import { Refused, post } from "./api.js";
import { h, toast } from "./dom.js";
import { store } from "./store.js";
import { clock, timeOfDay } from "./words.js";

const STEPS = ["100ms", "1s", "5s", "30s", "5m"];
const RATES = [0.5, 1, 2, 5, 10];
const KINDS = {
  real: "Real time",
  virtual: "Virtual time: as fast as it can, whenever there is something to do",
  manual: "Manual time: it stands still until you move it",
};

export class ClockPanel {
  #kind = null;
  #busy = false;

  constructor(element) {
    this.element = element;
    this.face = h("button.face", { type: "button", "aria-expanded": "false", "aria-controls": "clock-panel" });
    this.step = h("button.step", { type: "button", title: "Advance by a second (a)", onclick: () => this.advance("1s") }, "+1 s");
    this.idle = h("button.step", { type: "button", title: "Run until nothing is left to happen (i)", onclick: () => this.runUntilIdle() }, "Run");
    this.panel = h("div.panel", { id: "clock-panel", hidden: true });
    this.face.addEventListener("click", () => this.#open(this.panel.hidden));
    element.append(this.face, this.step, this.idle, this.panel);
    document.addEventListener("pointerdown", (event) => {
      if (!element.contains(event.target)) this.#open(false);
    });
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.panel.hidden) {
        this.#open(false);
        this.face.focus();
      }
    });
  }

  update() {
    if (!store.clock) return;
    const { kind, rate } = store.clock;
    if (kind !== this.#kind) this.#build(kind);
    for (const button of this.panel.querySelectorAll("[data-rate]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.rate) === rate));
    }
    this.tick();
  }

  tick() {
    if (!store.clock) return;
    const { kind, rate } = store.clock;
    const now = store.now();
    const more = kind === "real" ? (rate === 1 ? "" : ` ×${rate}`) : ` ${kind}`;
    this.face.textContent = `${timeOfDay(now)}${more}`;
    this.face.title = `${clock(now, 3)} since the start`;
  }

  async advance(by) {
    if (store.clock?.kind === "real") return;
    await this.#do(() => post("/clock/advance", { by }));
  }

  async runUntilIdle() {
    if (store.clock?.kind === "real") return;
    await this.#do(async () => {
      const { idle, seconds } = await post("/clock/run-until-idle");
      toast(idle ? `Nothing is left to happen, at ${clock(seconds, 1)}.` : "A day has passed, and there is more to come.");
    });
  }

  async #do(work) {
    if (this.#busy) return;
    this.#busy = true;
    this.element.classList.add("busy");
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      toast(error.message, "bad");
    } finally {
      this.#busy = false;
      this.element.classList.remove("busy");
    }
  }

  #open(open) {
    this.panel.hidden = !open;
    this.face.setAttribute("aria-expanded", String(open));
  }

  #build(kind) {
    this.#kind = kind;
    const real = kind === "real";
    this.step.hidden = this.idle.hidden = real;
    const by = h("input", { type: "text", value: "10s", size: 6, "aria-label": "How long", spellcheck: false });
    this.panel.replaceChildren(
      h("p", {}, KINDS[kind]),
      real
        ? h("div.choices", { role: "group", "aria-label": "Speed" },
            RATES.map((rate) => h("button", { type: "button", data: { rate }, onclick: () => this.#do(() => post("/clock/rate", { rate })) }, `×${rate}`)))
        : h("div.choices", { role: "group", "aria-label": "Advance" },
            STEPS.map((step) => h("button", { type: "button", onclick: () => this.advance(step) }, `+${step.replace(/(\D+)$/, " $1")}`))),
      real ? "" : h("form.by", { onsubmit: (event) => { event.preventDefault(); this.advance(by.value.trim()); } },
        by, h("button", { type: "submit" }, "Advance"),
        h("button", { type: "button", onclick: () => this.runUntilIdle() }, "Run until idle")),
    );
  }
}
