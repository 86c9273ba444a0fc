// A recording: a waveform per channel with the truth laid over it, a player, its channels in
// words, and its downloads.

import { get, mediaUrl, part } from "./api.js";
import { h } from "./dom.js";
import { Sound } from "./sound.js";
import { Waveform } from "./waveform.js";
import { clock, count } from "./words.js";

const RATE = 8000;
let playing = null; // the panel that is heard: one at a time

export class RecordingPanel {
  #time = h("output.time", {}, "");
  #notice = h("p.quiet", { role: "status" });
  #modes = [];
  #closed = false;

  /** `onTime(seconds or null)` hears where in the call its sound is. */
  constructor(recording, onTime = () => {}) {
    this.recording = recording;
    this.onTime = onTime;
    this.channels = recording.channel_map.channels;
    this.element = h("section.panel-recording", { data: { sid: recording.sid }, "aria-label": `Recording ${recording.sid}` });
    const { layout } = recording.channel_map;
    this.stored = layout.stored_channels;
    this.done = recording.status === "completed";
    this.wave = h("div.wave");
    this.said = h("div.said");
    this.play = h("button.play", { type: "button", "aria-label": "Play", onclick: () => this.#toggle() });
    this.element.append(
      h("div.controls", { hidden: !this.done }, this.play, this.#time, this.#modeButtons(), this.#downloads()),
      this.#notice, this.wave, this.#channelWords(layout), this.said);
    this.#notice.textContent = this.done ? "" : NOT_YET[recording.status] ?? recording.status;
    this.#notice.hidden = this.done;
    if (this.done) this.#load();
  }

  keys(key) {
    if (!this.sound) return null;
    return {
      " ": () => this.#toggle(),
      ArrowLeft: () => this.seek(this.sound.audio.currentTime - 1),
      ArrowRight: () => this.seek(this.sound.audio.currentTime + 1),
      0: () => this.hear("all"),
      1: () => this.hear("1"),
      2: () => this.stored > 1 && this.hear("2"),
    }[key];
  }

  hear(which) {
    this.sound?.hear(which);
    this.element.dataset.heard = which;
    for (const button of this.#modes) button.setAttribute("aria-pressed", String(button.dataset.heard === which));
    this.waveform?.hear(which);
  }

  seek(seconds) {
    this.sound.audio.currentTime = Math.min(Math.max(seconds, 0), this.outline.seconds);
  }

  close() {
    this.#closed = true;
    if (playing === this) playing = null;
    this.waveform?.close();
    this.sound?.close();
  }

  async #load() {
    const { sid } = this.recording;
    try {
      [this.outline, this.truth] = await Promise.all([
        get(`/inspector/recordings/${part(sid)}/outline`),
        get(`/recordings/${part(sid)}/truth`).catch(() => null),
      ]);
    } catch (error) {
      this.#notice.textContent = error.message;
      this.#notice.hidden = false;
      return;
    }
    if (this.#closed) return;
    this.sound = new Sound(mediaUrl(sid, this.stored, "wav"), this.stored);
    const { audio } = this.sound;
    for (const event of ["timeupdate", "seeking", "play", "pause", "ended"]) audio.addEventListener(event, () => this.#tell());
    audio.addEventListener("error", () => this.#closed || (this.#notice.hidden = !(this.#notice.textContent = "The media cannot be played.")));
    this.waveform = new Waveform(this.wave, this.sound.audio, this.outline, this.truth, this.channels);
    this.#tellSaid();
    this.hear("all");
    this.#tell();
    this.element.dataset.ready = "true";
  }

  async #toggle() {
    if (!this.sound) return;
    if (playing !== this) playing?.sound?.audio.pause();
    playing = this;
    await this.sound.toggle();
  }

  #tell() {
    const { audio } = this.sound;
    this.#time.textContent = `${clock(audio.currentTime, 1)} / ${clock(this.outline.seconds, 1)}`;
    this.play.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
    this.onTime(audio.paused && !audio.currentTime ? null : this.#callTime(audio.currentTime));
  }

  /** A time in the file as loop time: pauses are cut out of it, silence trimmed. */
  #callTime(seconds) {
    const at = seconds * RATE;
    const pieces = (this.truth?.map ?? []).filter((piece) => piece.kind === "audio");
    const piece = pieces.findLast?.((each) => each.file <= at) ?? pieces[0];
    return piece ? (piece.call + at - piece.file) / RATE : this.recording.started + seconds;
  }

  #modeButtons() {
    if (this.stored === 1) return null;
    const choices = [["all", "Both"], ["1", "Channel 1"], ["2", "Channel 2"]];
    this.#modes = choices.map(([heard, words]) =>
      h("button", { type: "button", data: { heard }, "aria-pressed": "false", onclick: () => this.hear(heard) }, words));
    return h("div.modes", { role: "group", "aria-label": "What is heard" }, this.#modes);
  }

  #downloads() {
    const { sid } = this.recording;
    const link = (channels, format) =>
      h("a", { href: mediaUrl(sid, channels, format, true), download: "" }, `${format.toUpperCase()}, ${count(channels, "channel")}`);
    const kinds = this.stored === 2 ? [2, 1] : [1];
    return h("details.downloads", {}, h("summary", {}, "Download"),
      h("div.menu", {}, kinds.flatMap((channels) => [link(channels, "wav"), link(channels, "mp3")])));
  }

  #channelWords(layout) {
    return h("div.channels", {},
      h("ol", {}, this.channels.map((channel) => h("li", {},
        h("b", { class: `c${channel.channel}` }, `Channel ${channel.channel}`),
        " ", channel.words, channel.party ? h("span.quiet", {}, ` · ${channel.party}`) : null))),
      h("p.quiet", {}, layout.reason));
  }

  #tellSaid() {
    const rows = (this.truth?.channels ?? []).flatMap(({ channel, intervals }) =>
      intervals.map((each) => ({ channel, ...each }))).sort((a, b) => a.start - b.start);
    if (!rows.length) return;
    this.said.replaceChildren(h("details", { open: rows.length <= 12 },
      h("summary", {}, "What was said ", h("span.quiet", {}, rows.length)),
      h("div.scrolls", { tabindex: 0 }, h("table", {}, h("tbody", {}, rows.slice(0, 500).map((row) => h("tr", {},
        h("td", {}, h("button.seek", { type: "button", onclick: () => this.seek(row.start / RATE) }, clock(row.start / RATE, 1))),
        h("td", {}, h("b", { class: `c${row.channel}` }, `ch ${row.channel}`)),
        h("td", {}, row.party ?? "server"),
        h("td.prose", {}, row.kind === "say" || row.file ? row.text : h("span.quiet", {}, row.party === null ? row.text : [row.kind, row.text].filter(Boolean).join(" "))))))))));
  }
}

const NOT_YET = {
  "in-progress": "Being recorded. It can be heard once it is completed.",
  paused: "Paused. It can be heard once it is completed.",
  processing: "Being put together.",
  absent: "There is no audio: nothing was recorded.",
  deleted: "Its media was deleted.",
};
