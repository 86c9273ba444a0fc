// What of a recording's channels is heard in which ear.
// The report page holds this file, the inspector loads it.

const FADE = 0.005; // seconds: without one a change clicks

/**
 * Takes the channels of a source apart and gives them to the ears: "stereo", each to one of its
 * own; "mono", all to both; or a channel's index, that alone to both.
 */
export class Mixer {
  constructor(context, channels, mode) {
    this.context = context;
    this.input = context.createChannelSplitter(channels);
    const merger = context.createChannelMerger(2);
    this.gains = Array.from({ length: channels }, (_, channel) =>
      [0, 1].map((ear) => {
        const gain = context.createGain();
        gain.gain.value = this.#share(mode, channels, channel, ear);
        this.input.connect(gain, channel);
        gain.connect(merger, 0, ear);
        return gain;
      }));
    merger.connect(context.destination);
  }

  hear(mode) {
    this.gains.forEach((ears, channel) =>
      ears.forEach((gain, ear) =>
        gain.gain.setTargetAtTime(this.#share(mode, this.gains.length, channel, ear), this.context.currentTime, FADE)));
  }

  /** How much of a channel goes to an ear. */
  #share(mode, channels, channel, ear) {
    if (mode === "mono") return 1 / channels;
    if (mode === "stereo" && channels > 1) return channel % 2 === ear ? 1 : 0;
    return mode === "stereo" || mode === channel ? 1 : 0;
  }
}
