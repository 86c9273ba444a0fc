"use strict";
// Sound as the page carries it: mu-law octets (ITU-T G.711) in base64, 8,000 a second.

const RATE = 8000;

/** The sample, from -1 to 1, of each mu-law octet. */
const ULAW = Float32Array.from({ length: 256 }, (_, octet) => {
  const code = ~octet & 0xff;
  const magnitude = (((2 * (code & 15) + 33) << ((code >> 4) & 7)) - 33) << 2;
  return (code & 0x80 ? -magnitude : magnitude) / 32768;
});

/** Base64 of mu-law octets to samples. */
function decodeUlaw(base64) {
  const octets = atob(base64);
  const samples = new Float32Array(octets.length);
  for (let i = 0; i < octets.length; i++) samples[i] = ULAW[octets.charCodeAt(i)];
  return samples;
}

/** One recording: its channels as drawn and heard, and its clock (seconds of file and call). */
class Recording {
  constructor(data) {
    Object.assign(this, data);
    for (const channel of this.channels) channel.peaks = decodeUlaw(channel.peaks);
  }

  /** Samples of each channel, or null where the page does not hold them. */
  get samples() {
    if (this.decoded === undefined) {
      this.decoded = this.sounds?.map((id) => decodeUlaw(document.getElementById(id).textContent)) ?? null;
    }
    return this.decoded;
  }

  callTime(seconds) {
    const piece = this.pieces.findLast(([start]) => start <= seconds) ?? this.pieces[0];
    return piece[1] + seconds - piece[0];
  }

  /** The place in the file of a time of the call; of what was skipped, the place after it. */
  fileTime(time) {
    const piece = this.pieces.find(([, call, length]) => time < call + length) ?? this.pieces.at(-1);
    return Math.min(Math.max(piece[0] + time - piece[1], piece[0]), piece[0] + piece[2]);
  }

  /** The parts of a stretch of samples on the call's clock: more than one if a pause was skipped. */
  *stretches(start, end) {
    for (const [file, call, length] of this.pieces) {
      const from = Math.max(start / RATE, file);
      const to = Math.min(end / RATE, file + length);
      if (from < to) yield [from - file + call, to - file + call];
    }
  }

  /** Lowest and highest sample of a channel between two places, in samples. */
  extremes(channel, from, to) {
    let low = 1;
    let high = -1;
    if (this.samples && to - from < 2 * this.bucket) {
      const sound = this.samples[channel];
      // One sample more than asked for, so that neighbouring columns touch.
      for (let i = Math.floor(from); i <= Math.ceil(to) && i < sound.length; i++) {
        low = Math.min(low, sound[i]);
        high = Math.max(high, sound[i]);
      }
    } else {
      const { peaks } = this.channels[channel];
      const last = Math.min(Math.ceil(to / this.bucket), peaks.length / 2);
      for (let i = Math.floor(from / this.bucket); i < last; i++) {
        low = Math.min(low, peaks[2 * i]);
        high = Math.max(high, peaks[2 * i + 1]);
      }
    }
    return low > high ? [0, 0] : [low, high];
  }
}
