// Sound as the page carries it, mu-law octets (ITU-T G.711), and two players with one shape:
// place, playing, play(place), pause(), hear(mode), onend.
// Places are seconds in the file. A mode is "stereo", "mono" or a channel's index.

import { RATE } from "../shared/axis.js";
import { Mixer } from "../shared/mixer.js";
import { Recording } from "../shared/waveform.js";

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

/** A recording as the page holds it: its peaks and its sound are mu-law octets in base64. */
export function recordingOf(data) {
  for (const channel of data.channels) channel.peaks = decodeUlaw(channel.peaks);
  const decode = data.sounds && (() => data.sounds.map((id) => decodeUlaw(document.getElementById(id).textContent)));
  return new Recording({ ...data, decode });
}

let sharedContext = null;

/** Plays sound that is in the page. */
export class EmbeddedPlayer {
  modes = true;

  constructor(recording) {
    this.recording = recording;
    this.mode = "stereo";
    this.source = null;
  }

  get playing() {
    return this.source !== null;
  }

  get place() {
    const elapsed = sharedContext.currentTime - this.startedAt - (sharedContext.outputLatency || 0);
    return Math.min(this.startedFrom + Math.max(elapsed, 0), this.recording.seconds);
  }

  async play(place) {
    this.pause();
    sharedContext ??= new AudioContext();
    const source = (this.source = sharedContext.createBufferSource());
    source.buffer = this.buffer();
    this.mixer ??= new Mixer(sharedContext, this.recording.channels.length, this.mode);
    source.connect(this.mixer.input);
    await sharedContext.resume();
    if (this.source !== source) return; // paused, or begun anew, meanwhile
    this.startedAt = sharedContext.currentTime;
    this.startedFrom = place;
    source.onended = () => {
      this.pause();
      this.onend?.();
    };
    source.start(0, place);
  }

  pause() {
    if (!this.source) return;
    this.source.onended = null;
    this.source.disconnect();
    this.source = null;
  }

  hear(mode) {
    this.mode = mode;
    this.mixer?.hear(mode);
  }

  buffer() {
    if (!this.decoded) {
      const { samples } = this.recording;
      this.decoded = sharedContext.createBuffer(samples.length, Math.max(samples[0].length, 1), RATE);
      samples.forEach((sound, channel) => this.decoded.copyToChannel(sound, channel));
    }
    return this.decoded;
  }
}

/** Plays the WAV beside the page, as it is: a browser does not let a page mix a local file. */
export class FilePlayer {
  modes = false;

  constructor(recording) {
    this.audio = new Audio();
    this.audio.preload = "none";
    this.audio.src = recording.file.split("/").map(encodeURIComponent).join("/");
    this.audio.onended = () => this.onend?.();
  }

  get playing() {
    return !this.audio.paused;
  }

  get place() {
    return this.audio.currentTime;
  }

  async play(place) {
    this.audio.currentTime = place;
    await this.audio.play();
  }

  pause() {
    this.audio.pause();
  }

  hear() {}
}
