// What is heard: a media element whose channels can be heard alone, on both ears.

import { Mixer } from "../shared/mixer.js";

let context = null; // one for the page: browsers allow few

export class Sound {
  #mixer = null;
  heard = "all";

  constructor(url, channels) {
    this.audio = new Audio();
    this.audio.preload = "metadata";
    this.audio.src = url;
    this.channels = channels;
  }

  /** Hear "all" channels, the first on the left and the second on the right, or one: 1, 2. */
  hear(which) {
    this.heard = which;
    this.#mixer?.hear(this.#mode);
  }

  async toggle() {
    if (!this.audio.paused) return this.audio.pause();
    this.#connect(); // only now: browsers let sound begin where somebody asked for it
    await context.resume();
    await this.audio.play();
  }

  close() {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  get #mode() {
    return this.heard === "all" ? "stereo" : Number(this.heard) - 1;
  }

  #connect() {
    if (this.#mixer) return;
    context ??= new AudioContext();
    this.#mixer = new Mixer(context, this.channels, this.#mode);
    context.createMediaElementSource(this.audio).connect(this.#mixer.input);
  }
}
