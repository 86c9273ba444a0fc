// The lanes of a run over one time axis: what part of the call is seen, and where the head stands.

import { Theme, View, clock } from "../shared/axis.js";
import { laneOf } from "./lanes.js";

const SHORTEST_VIEW = 0.02;

/** Calls onseek(time, laneElement, finished) when somebody points at a place. */
export class Timeline {
  constructor(section, run) {
    this.run = run;
    this.from = 0;
    this.to = run.span;
    this.place = 0;
    this.element = section.querySelector(".lanes");
    this.tip = section.querySelector(".tip");
    this.cursor = section.querySelector(".cursor");
    this.head = section.querySelector(".head");
    this.scroll = section.querySelector(".scroll");
    this.lanes = [...this.element.querySelectorAll(".lane")].map((element) => {
      const { kind, index, recording } = element.dataset;
      const lane = laneOf(kind, run, Number(index), Number(recording));
      const canvas = element.querySelector("canvas");
      if (lane.rows > 1) canvas.style.height = `${lane.height}px`;
      return { lane, element, canvas };
    });
    for (const each of this.lanes) this.listen(each);
    this.listenToScroll();
    this.element.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    new ResizeObserver(() => this.redraw()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  redraw() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.draw();
    });
  }

  draw() {
    const theme = new Theme();
    for (const { lane, canvas } of this.lanes) {
      const view = View.of(canvas, this.from, this.to, theme);
      if (view) lane.paint(canvas.getContext("2d"), view);
    }
    this.scroll.hidden = this.to - this.from >= this.run.span;
    this.scroll.firstElementChild.style.marginLeft = `${(this.from / this.run.span) * 100}%`;
    this.scroll.firstElementChild.style.width = `${((this.to - this.from) / this.run.span) * 100}%`;
    this.moveHead(this.place);
  }

  /** Where the lanes' pictures stand, in pixels of the lanes' box. */
  get box() {
    const { canvas } = this.lanes[0];
    return { left: canvas.offsetLeft, width: canvas.clientWidth };
  }

  moveHead(time) {
    this.place = time;
    this.line(this.head, time);
    this.element.setAttribute("aria-valuenow", time.toFixed(3));
    this.element.setAttribute("aria-valuetext", clock(time, 3));
  }

  line(element, time) {
    const { left, width } = this.box;
    const share = (time - this.from) / (this.to - this.from);
    element.hidden = share < 0 || share > 1;
    element.style.transform = `translateX(${left + share * width}px)`;
  }

  /** Sees from a time on, as long as now or as said, within the call. */
  see(from, length = this.to - this.from) {
    length = Math.min(Math.max(length, SHORTEST_VIEW), this.run.span);
    this.from = Math.min(Math.max(from, 0), this.run.span - length);
    this.to = this.from + length;
    this.redraw();
  }

  zoom(factor, around = this.place) {
    if (around < this.from || around > this.to) around = (this.from + this.to) / 2;
    const length = Math.min(Math.max((this.to - this.from) * factor, SHORTEST_VIEW), this.run.span);
    this.see(around - ((around - this.from) / (this.to - this.from)) * length, length);
  }

  /** Turns the page when the head has left it. */
  follow(time) {
    if (time < this.from || time > this.to) this.see(time - 0.05 * (this.to - this.from));
  }

  /** Shows a few seconds around a place. */
  focus(time) {
    const length = Math.min(this.run.span, 12);
    this.see(time - length / 3, length);
  }

  listen({ lane, element, canvas }) {
    const timeAt = (event) => {
      const box = canvas.getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      return this.from + share * (this.to - this.from);
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      this.dragging = true;
      this.onseek(timeAt(event), element, false);
    });
    canvas.addEventListener("pointermove", (event) => {
      const time = timeAt(event);
      if (this.dragging) this.onseek(time, element, false);
      if (event.pointerType === "mouse") this.point(time, lane, event);
    });
    const finish = (event) => {
      if (!this.dragging) return;
      this.dragging = false;
      this.onseek(timeAt(event), element, true);
    };
    canvas.addEventListener("pointerup", finish);
    canvas.addEventListener("pointercancel", finish);
    canvas.addEventListener("pointerleave", () => {
      this.tip.hidden = this.cursor.hidden = true;
    });
  }

  /** Says beside the pointer what is there. */
  point(time, lane, event) {
    this.line(this.cursor, time);
    const slack = (5 / this.box.width) * (this.to - this.from);
    this.tip.textContent = [clock(time, 3), ...lane.describe(time, slack)].join("\n");
    this.tip.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const x = Math.min(event.clientX + 14, innerWidth - width - 8);
    const y = event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18;
    this.tip.style.transform = `translate(${Math.max(x, 8)}px, ${y}px)`;
  }

  onWheel(event) {
    const { left, width } = this.box;
    const at = (event.clientX - this.element.getBoundingClientRect().left - left) / width;
    const length = this.to - this.from;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY * 0.01), this.from + at * length);
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && length < this.run.span) {
      event.preventDefault();
      this.see(this.from + (event.deltaX / width) * length);
    }
  }

  listenToScroll() {
    const move = (event) => {
      const box = this.scroll.getBoundingClientRect();
      const length = this.to - this.from;
      this.see(((event.clientX - box.left) / box.width) * this.run.span - length / 2);
    };
    this.scroll.addEventListener("pointerdown", (event) => {
      this.scroll.setPointerCapture(event.pointerId);
      move(event);
    });
    this.scroll.addEventListener("pointermove", (event) => {
      if (this.scroll.hasPointerCapture(event.pointerId)) move(event);
    });
  }
}
