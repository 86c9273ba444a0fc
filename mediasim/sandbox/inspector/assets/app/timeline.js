// The timeline of a call: lanes that share one time axis, with a strip below that tells of the
// mark under the pointer or in focus. All of it is elements, so that it can be read aloud.

import { Axis } from "../shared/axis.js";
import { h } from "./dom.js";
import { lanesOf } from "./marks.js";
import { clock, isLive, span } from "./words.js";

const NAME = () => (matchMedia("(max-width: 44rem)").matches ? 84 : 128);
const ROW = 22;
const MOST_ROWS = 6;
const LEAST_WIDTH = { webhooks: 8, keys: 16, events: 8, loss: 2, notes: 8, weather: 8, pace: 3 };
const BESIDE = new Set(["webhooks", "events", "notes", "weather", "pace"]); // labels stand beside their marks
const LETTER = 6.3; // pixels, about, of the labels' type

export class Timeline {
  #found = null;
  #zoom = 1;
  #picked = null;
  #written = "";

  /** `onOpen(mark)` is called for a mark that was chosen. */
  constructor(onOpen) {
    this.onOpen = onOpen;
    this.canvas = h("div.canvas");
    this.scroll = h("div.lanes", { tabindex: 0, role: "group", "aria-label": "Timeline" }, this.canvas);
    this.strip = h("p.strip.quiet", { "aria-live": "polite" }, HINT);
    this.headLine = h("div.playhead", { hidden: true });
    this.nowLine = h("div.nowline", { hidden: true });
    const button = (words, label, act) => h("button", { type: "button", "aria-label": /\w/.test(words) ? `${words}: ${label}` : label, title: label, onclick: act }, words);
    this.element = h("section.timeline", { "aria-label": "Timeline" },
      h("div.top", {}, h("h2", {}, "Timeline"), h("div.zoom", { role: "group", "aria-label": "Zoom" },
        button("−", "Show more time (−)", () => this.zoom(1 / 1.6)),
        button("+", "Show less time (+)", () => this.zoom(1.6)),
        button("Fit", "Show the whole call", () => this.zoom(0)))),
      this.scroll, this.strip);
    this.scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300), event.clientX);
    }, { passive: false });
    this.scroll.addEventListener("keydown", (event) => this.#arrows(event));
    this.resized = new ResizeObserver(() => this.#draw());
    this.resized.observe(this.scroll);
  }

  close() {
    this.resized.disconnect();
  }

  show(found) {
    const { now, ...rest } = found;
    this.#found = found;
    this.#extend(now);
    const written = JSON.stringify([rest, this.to]);
    if (written === this.#written) return;
    this.#written = written;
    this.#draw();
  }

  /** The time goes on; redrawn only when it leaves what is drawn. */
  now(seconds) {
    if (!this.#found) return;
    this.nowLine.style.left = `${this.#x(Math.min(seconds, this.to))}px`;
    for (const each of this.canvas.querySelectorAll("[data-open]")) {
      each.style.width = `${Math.max(this.#x(Math.min(seconds, this.to)) - Number(each.dataset.open), 2)}px`;
    }
    if (seconds > this.to) {
      this.#found.now = seconds;
      this.show(this.#found);
    }
  }

  /** Where a recording is being heard; null: nowhere. */
  head(seconds) {
    this.headLine.hidden = seconds === null;
    if (seconds !== null) this.headLine.style.left = `${this.#x(seconds)}px`;
    this.headSeconds = seconds;
  }

  /** Show less time by a factor, around what is at `clientX`; 0: all of it. */
  zoom(by, clientX) {
    const box = this.scroll.getBoundingClientRect();
    const at = (clientX ?? box.left + (box.width + NAME()) / 2) - box.left - NAME();
    const time = this.from + ((this.scroll.scrollLeft + at) / this.width) * (this.to - this.from);
    this.#zoom = by === 0 ? 1 : Math.min(Math.max(this.#zoom * by, 1), 400);
    this.#draw();
    this.scroll.scrollLeft = ((time - this.from) / (this.to - this.from)) * this.width - at;
  }

  #x(seconds) {
    return new Axis(this.from, this.to, this.width).x(seconds);
  }

  #extend(now) {
    const { legs, recordings, deliveries } = this.#found;
    this.from = Math.min(...legs.map((leg) => leg.created));
    this.live = legs.some(isLive);
    if (this.live) {
      // Grown in strides, so that what is drawn stays put.
      const past = now - this.from;
      const stride = [10, 20, 30, 60, 120, 300, 600, 1200, 3600].find((each) => past < each * 0.97) ?? Math.ceil(past / 1800 + 0.5) * 1800;
      this.to = this.from + stride;
      return;
    }
    const last = Math.max(...legs.map((leg) => leg.ended ?? leg.created));
    const told = deliveries.filter((each) => !each.replay_of && each.answered !== null && each.queued < last + 2).map((each) => Math.min(each.answered, last + 5));
    const ends = [last, ...told, ...recordings.map((each) => (each.seconds === null ? last : each.started + each.seconds))];
    const length = Math.max(...ends) - this.from;
    this.to = this.from + Math.max(length * 1.02, 0.5);
  }

  #draw() {
    if (!this.#found || !this.scroll.clientWidth) return;
    const focused = this.canvas.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const name = NAME();
    this.width = Math.max((this.scroll.clientWidth - name) * this.#zoom, 100);
    this.canvas.style.width = `${name + this.width}px`;
    this.canvas.style.setProperty("--name", `${name}px`);
    const overlay = h("div.overlay", {}, this.nowLine, this.headLine);
    this.canvas.replaceChildren(this.#ruler(), ...lanesOf(this.#found).map((lane, at) => this.#lane(lane, at)), overlay);
    this.nowLine.hidden = !this.live;
    this.now(this.#found.now);
    this.head(this.headSeconds ?? null);
    if (focused) this.canvas.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  #ruler() {
    const axis = new Axis(0, this.to - this.from, this.width);
    const ticks = [...axis.ticks()].filter(([time]) => axis.x(time) <= this.width - 26).map(([time, words]) =>
      h("span.tick", { style: { left: `${axis.x(time)}px` } }, words));
    return h("div.lane.ruler", { "aria-hidden": "true" }, h("div.name"), h("div.track", {}, ticks));
  }

  #lane({ name, note, kind, marks }, at) {
    const ends = [];
    const drawn = marks.map((mark, number) => {
      const x = Math.max(this.#x(mark.start), 0);
      const until = mark.end ?? Math.min(this.#found.now, this.to);
      const least = LEAST_WIDTH[kind] ?? 3;
      const width = Math.max(this.#x(until) - x, least);
      const beside = BESIDE.has(kind);
      const needs = beside ? width + mark.label.length * LETTER + 14 : width;
      const turned = beside && x + needs > this.width; // its label has room on the left only
      let row = 0;
      if (beside || kind === "recordings" || kind === "keys") {
        row = ends.findIndex((end) => end <= (turned ? x + width - needs : x));
        if (row < 0) row = Math.min(ends.length, MOST_ROWS - 1);
        ends[row] = turned ? x + width + 4 : x + needs;
      }
      return this.#mark(mark, { key: `${at}-${number}`, x, width, row, beside, turned, fits: width > 20 || kind === "keys" });
    });
    const rows = Math.max(1, ends.length);
    return h("div.lane", { class: `of-${kind}`, style: { "--rows": rows, "min-height": `${rows * ROW + 4}px` } },
      h("div.name", { title: name }, h("span", {}, name), note ? h("small", {}, note) : null),
      h("div.track", {}, drawn));
  }

  #mark(mark, { key, x, width, row, beside, turned, fits }) {
    const element = h("button.mark", {
      type: "button", class: mark.look, "aria-label": `${clock(mark.start - this.from, 2)}: ${[mark.label, mark.words].filter(Boolean).join(", ")}`,
      tabindex: -1, data: { key },
      style: { left: `${x}px`, width: `${width}px`, top: `${row * ROW + 3}px`, opacity: mark.opacity ?? 1 },
      onclick: () => this.#pick(mark, key, true), onfocus: () => this.#pick(mark, key), onpointerenter: () => this.#tell(mark),
      onpointerleave: () => this.#tell(this.#picked?.mark),
    }, (mark.pauses ?? []).map(([from, to]) => h("i.paused", { style: {
      left: `${this.#x(from) - x}px`, width: `${Math.max(this.#x(to ?? this.#found.now) - this.#x(from), 2)}px` } })),
    mark.label && (beside || fits) ? h("span.label", {}, mark.label) : null);
    if (beside) element.classList.add("beside");
    if (turned) element.classList.add("turned");
    if (mark.end === null && this.live) element.dataset.open = x;
    if (this.#picked?.key === key) element.classList.add("picked");
    return element;
  }

  #pick(mark, key, chosen = false) {
    this.canvas.querySelector(".picked")?.classList.remove("picked");
    this.canvas.querySelector(`[data-key="${CSS.escape(key)}"]`)?.classList.add("picked");
    this.#picked = { mark, key };
    this.#tell(mark);
    if (chosen) this.onOpen(mark);
  }

  #tell(mark) {
    if (!mark) return this.strip.replaceChildren(HINT);
    const until = mark.end !== null && mark.end > mark.start ? h("span.quiet", {}, ` for ${span(mark.end - mark.start)}`) : "";
    this.strip.replaceChildren(h("b", {}, clock(mark.start - this.from, 3)), until, "  ", mark.words,
      mark.link ? h("a", { href: mark.link[0] }, `${mark.link[1]} →`) : "");
  }

  /** Left and right go through a lane's marks, up and down through the lanes. */
  #arrows(event) {
    const by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const lanes = [...this.canvas.querySelectorAll(".lane")].map((lane) => [...lane.querySelectorAll(".mark")]).filter((lane) => lane.length);
    const row = lanes.findIndex((lane) => lane.includes(document.activeElement));
    if (row < 0) return lanes[0]?.[0].focus();
    if (by[0]) return lanes[row][lanes[row].indexOf(document.activeElement) + by[0]]?.focus();
    const x = Number.parseFloat(document.activeElement.style.left);
    const near = lanes[row + by[1]]?.reduce((best, each) =>
      Math.abs(Number.parseFloat(each.style.left) - x) < Math.abs(Number.parseFloat(best.style.left) - x) ? each : best);
    near?.focus();
  }
}

const HINT = "Point at a mark, or use the arrow keys.";
