// What is heard: a media element whose channels can be heard alone, on both ears.

let context = null; // one for the page: browsers allow few

export class Sound {
  #gains = null;
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
    if (!this.#gains) return;
    const alone = which === "all" ? null : Number(which) - 1;
    this.#gains.forEach((outs, channel) =>
      outs.forEach((gain, ear) => {
        const open = this.channels === 1 || (alone === null ? channel === ear : channel === alone);
        gain.gain.setTargetAtTime(open ? 1 : 0, context.currentTime, 0.005);
      }));
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

  #connect() {
    if (this.#gains) return;
    context ??= new AudioContext();
    const source = context.createMediaElementSource(this.audio);
    const splitter = context.createChannelSplitter(this.channels);
    const merger = context.createChannelMerger(2);
    source.connect(splitter);
    this.#gains = Array.from({ length: this.channels }, (_, channel) =>
      [0, 1].map((ear) => {
        const gain = context.createGain();
        gain.gain.value = 0;
        splitter.connect(gain, channel);
        gain.connect(merger, 0, ear);
        return gain;
      }));
    merger.connect(context.destination);
    this.hear(this.heard);
  }
}
