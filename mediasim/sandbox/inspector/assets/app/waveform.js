// The waveforms of a recording with the truth laid over them: a lane for each channel over the
// file's own time, which is sought by pointing at it.

import { Axis, RATE, Theme, View } from "../shared/axis.js";
import { ChannelLane, Recording } from "../shared/waveform.js";
import { h } from "./dom.js";
import { onTheme } from "./theme.js";
import { count } from "./words.js";

export class Waveform {
  #forget;
  #frame = null;

  /** `audio` is the media element that is heard; `channels` the recording's channel map. */
  constructor(container, audio, outline, truth, channels) {
    this.audio = audio;
    this.seconds = outline.seconds;
    const recording = recordingOf(outline, truth);
    const parties = channels.map(({ party }) => party);
    this.lanes = outline.channels.map((_, at) => {
      const { intervals, missing } = recording.channels[at];
      const words = `Waveform of channel ${at + 1}: ${count(intervals.length, "clip")}, ${count(missing.length, "gap")} in what arrived`;
      const canvas = h("canvas", { role: "img", "aria-label": words });
      const name = h("span", { class: `c${at + 1}`, "aria-hidden": "true" }, `${at + 1}`, parties[at] ? ` ${parties[at]}` : "");
      return { canvas, element: h("div.channel", {}, canvas, name), lane: new ChannelLane(recording, at, parties) };
    });
    this.cursor = h("div.cursor", { "aria-hidden": "true" });
    this.container = container;
    container.replaceChildren(...this.lanes.map(({ element }) => element), this.cursor);
    for (const { canvas } of this.lanes) this.#listen(canvas);
    for (const event of ["play", "seeking", "timeupdate", "pause"]) audio.addEventListener(event, () => this.#follow());
    this.#forget = onTheme(() => this.#draw());
    this.resized = new ResizeObserver(() => this.#draw());
    this.resized.observe(container);
  }

  /** Shows which channel is heard: "all", or the number of one. */
  hear(which) {
    this.lanes.forEach(({ element }, at) => element.classList.toggle("unheard", which !== "all" && which !== String(at + 1)));
  }

  close() {
    this.#forget();
    this.resized.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  #draw() {
    const theme = new Theme();
    for (const { canvas, lane } of this.lanes) {
      const view = View.of(canvas, 0, this.seconds, theme);
      if (view) lane.paint(canvas.getContext("2d"), view);
    }
    this.#follow();
  }

  /** Moves the cursor to what is heard, for as long as something is. */
  #follow() {
    cancelAnimationFrame(this.#frame);
    const axis = new Axis(0, this.seconds, this.container.clientWidth);
    this.cursor.style.transform = `translateX(${axis.x(this.audio.currentTime)}px)`;
    if (!this.audio.paused) this.#frame = requestAnimationFrame(() => this.#follow());
  }

  #listen(canvas) {
    const seek = (event) => {
      const time = new Axis(0, this.seconds, canvas.clientWidth).time(event.offsetX);
      this.audio.currentTime = Math.min(Math.max(time, 0), this.seconds);
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      seek(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) seek(event);
    });
  }
}

/** A recording as its lanes take it, on its file's own clock. Each channel has one colour. */
function recordingOf({ seconds, channels }, truth) {
  const samples = seconds * RATE;
  const loudest = Math.max(0.05, ...channels.map((peaks) => peaks.reduce((most, each) => Math.max(most, each), 0)));
  return new Recording({
    seconds,
    bucket: samples / Math.max(channels[0]?.length ?? 0, 1),
    gain: 0.95 / loudest,
    pieces: [[0, 0, seconds]],
    pauses: (truth?.pauses ?? []).map(({ start, samples: length, kind }) => [
      start / RATE, (kind === "skip" ? start : start + length) / RATE, kind]),
    channels: channels.map((peaks, at) => {
      const told = truth?.channels.find(({ channel }) => channel === at + 1);
      return {
        peaks: Float32Array.from(peaks.flatMap((each) => [-each, each])),
        unscripted: at,
        intervals: (told?.intervals ?? []).map(({ start, end, kind, text, file }) => ({
          start, end, text, kind: kind === "server" || file ? "say" : kind, party: at, row: 0 })),
        missing: (told?.missing ?? []).map(({ start, end, why }) => [start, end, why]),
        adjustments: (told?.adjustments ?? []).map((each) => [each.start, each.samples]),
      };
    }),
  });
}
