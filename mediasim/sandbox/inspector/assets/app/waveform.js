// The waveforms of a recording, drawn by wavesurfer.js, with the truth laid over them by its
// regions.

import WaveSurfer from "../vendor/wavesurfer/wavesurfer.esm.js";
import Regions from "../vendor/wavesurfer/regions.esm.js";
import { h } from "./dom.js";
import { colour, onTheme } from "./theme.js";

const RATE = 8000;
const HEIGHT = 84;
const MOST_REGIONS = 400;
const nonce = document.querySelector("meta[name=style-nonce]").content;

export class Waveform {
  #regions;
  #forget;
  #heard = "all";

  constructor(container, audio, outline, truth, channels) {
    this.container = container;
    this.audio = audio;
    this.outline = outline;
    this.truth = truth;
    this.names = h("div.names", { "aria-hidden": "true" },
      outline.channels.map((_, at) => h("span", { class: `c${at + 1}` }, `${at + 1}`, channels[at]?.party ? ` ${channels[at].party}` : "")));
    this.#draw();
    this.#forget = onTheme(() => this.#draw());
  }

  hear(which) {
    this.#heard = which;
    this.#paint();
  }

  close() {
    this.#forget();
    this.surfer.destroy();
  }

  #look(at) {
    const heard = this.#heard === "all" || this.#heard === String(at + 1);
    const painted = heard ? colour(`c${at + 1}`) : colour("faint");
    return { waveColor: painted, progressColor: painted, overlay: false, height: HEIGHT };
  }

  #paint() {
    this.surfer.setOptions({ splitChannels: this.outline.channels.map((_, at) => this.#look(at)) });
  }

  #draw() {
    this.surfer?.destroy();
    this.#regions = Regions.create();
    const { channels, seconds } = this.outline;
    this.surfer = WaveSurfer.create({
      container: this.container,
      media: this.audio,
      peaks: channels,
      duration: seconds,
      height: HEIGHT,
      splitChannels: channels.map((_, at) => this.#look(at)),
      normalize: true,
      maxPeak: Math.max(0.05, ...channels.map((peaks) => peaks.reduce((most, each) => Math.max(most, each), 0))),
      cursorColor: colour("ink"),
      cursorWidth: 2,
      dragToSeek: true,
      cspNonce: nonce,
      plugins: [this.#regions],
    });
    this.container.prepend(this.names);
    this.surfer.on("ready", () => this.#overlay());
  }

  #overlay() {
    this.#regions.clearRegions();
    let left = MOST_REGIONS;
    const add = (start, end, channelIdx, paint, words = "") => {
      if (left-- <= 0 || end <= start) return;
      const content = words ? label(words) : undefined;
      const region = this.#regions.addRegion({ start: start / RATE, end: end / RATE, channelIdx, color: paint, content, drag: false, resize: false });
      if (region.element) {
        region.element.style.pointerEvents = "none";
        region.element.style.borderRadius = "0";
      }
    };
    for (const { channel, intervals, missing } of this.truth?.channels ?? []) {
      const at = channel - 1;
      for (const { start, end, kind, text } of intervals) {
        add(start, end, at, colour(`w${channel}`), kind === "say" || kind === "server" ? text : [kind, text].filter(Boolean).join(" "));
      }
      for (const { start, end } of missing) add(start, Math.max(end, start + RATE / 200), at, colour("lost-wash"));
    }
    for (const { start } of this.truth?.pauses ?? []) add(start, start + RATE / 50, -1, colour("faint"), "paused");
  }
}

function label(words) {
  const element = h("span", {}, words);
  Object.assign(element.style, {
    display: "block", overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap", padding: "2px 5px",
    font: `11px/1.3 ${colour("text")}`, color: colour("ink"),
  });
  return element;
}
