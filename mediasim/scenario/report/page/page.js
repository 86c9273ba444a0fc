// Puts the page together: each run wakes when it is first opened, one of them plays at a time.

import { clock } from "../shared/axis.js";
import { EmbeddedPlayer, FilePlayer, recordingOf } from "./player.js";
import { Timeline } from "./timeline.js";

class Run {
  constructor(element) {
    this.element = element;
    const data = JSON.parse(element.querySelector("script.data").textContent);
    data.recordings = data.recordings.map((each) => each && recordingOf(each));
    this.recordings = data.recordings;
    this.players = this.recordings.map((each) =>
      each && (each.sounds ? new EmbeddedPlayer(each) : new FilePlayer(each)));
    this.button = element.querySelector(".play");
    this.time = element.querySelector(".time");
    this.notice = element.querySelector(".notice");
    this.timeline = new Timeline(element.querySelector(".timeline"), data);
    this.timeline.onseek = (time, lane, finished) => this.onSeek(time, lane, finished);
    this.button.addEventListener("click", () => this.toggle());
    const zooms = { in: () => this.timeline.zoom(0.5), out: () => this.timeline.zoom(2), fit: () => this.fit() };
    for (const each of element.querySelectorAll("[data-zoom]")) {
      each.addEventListener("click", zooms[each.dataset.zoom]);
    }
    for (const each of element.querySelectorAll("[data-seek]")) {
      each.addEventListener("click", () => this.goTo(each));
    }
    element.addEventListener("pointerdown", () => { Run.current = this; });
    element.addEventListener("focusin", () => { Run.current = this; });
    element.querySelector(".controls").hidden = false;
    this.chosen = null;
    this.choose(this.recordings.findIndex(Boolean));
    this.moveTo(0);
  }

  get recording() {
    return this.recordings[this.chosen];
  }

  get player() {
    return this.players[this.chosen];
  }

  fit() {
    this.timeline.see(0, this.timeline.run.span);
  }

  /** Takes a recording to be heard; -1 where a run has none. */
  choose(index) {
    if (index === this.chosen) return;
    const wasPlaying = this.player?.playing;
    this.player?.pause();
    this.chosen = index;
    this.button.disabled = !this.player;
    const name = this.recording?.file ?? "";
    this.button.title = this.recording ? `Play ${name} (space)` : "Nothing was recorded";
    for (const group of this.element.querySelectorAll(".group")) {
      group.classList.toggle("chosen", this.recordings.filter(Boolean).length > 1 && Number(group.dataset.recording) === index);
    }
    this.notice.hidden = !this.player || this.player.modes;
    this.notice.textContent = `The sound is not in this page: ${name} beside it is played, with its channels as they are.`;
    if (this.player) this.player.onend = () => this.onEnd();
    this.offerModes();
    if (wasPlaying) this.play();
  }

  offerModes() {
    const channels = this.player?.modes ? this.recording.channels : [];
    const offers = channels.length > 1
      ? [["stereo", "Stereo", "Each channel in an ear of its own (s)"], ["mono", "Mono", "All channels in both ears (m)"],
        ...channels.map(({ name }, index) => [index, `${index + 1} ${name}`, `Channel ${index + 1} alone (${index + 1})`])]
      : [];
    this.modes = offers.map(([mode, text, title]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: text, title });
      button.addEventListener("click", () => this.hear(mode));
      return { mode, button };
    });
    this.element.querySelector(".modes").replaceChildren(...this.modes.map(({ button }) => button));
    this.hear("stereo");
  }

  hear(mode) {
    this.player?.hear(mode);
    for (const each of this.modes) each.button.setAttribute("aria-pressed", String(each.mode === mode));
    for (const { element } of this.timeline.lanes) {
      const ofChosen = Number(element.dataset.recording) === this.chosen;
      element.classList.toggle("unheard", ofChosen && typeof mode === "number" && mode !== Number(element.dataset.index));
    }
  }

  toggle() {
    if (this.player?.playing) this.pause();
    else this.play();
  }

  async play() {
    if (!this.player) return;
    if (Run.playing !== this) Run.playing?.pause();
    Run.playing = Run.current = this;
    const { recording, timeline, player } = this;
    const end = recording.callTime(recording.seconds);
    const place = timeline.place >= end - 0.01 ? 0 : recording.fileTime(timeline.place);
    this.button.setAttribute("aria-label", "Pause");
    try {
      await player.play(place);
    } catch (error) {
      if (error.name === "AbortError") return; // paused before it began
      this.notice.hidden = false;
      this.notice.textContent = `${recording.file} cannot be played: keep this page beside its recordings folder.`;
      this.onEnd();
      return;
    }
    cancelAnimationFrame(this.frame);
    this.tick();
  }

  tick() {
    if (!this.player?.playing) return;
    const time = this.recording.callTime(this.player.place);
    this.moveTo(time);
    this.timeline.follow(time);
    this.frame = requestAnimationFrame(() => this.tick());
  }

  pause() {
    this.player?.pause();
    this.onEnd();
  }

  onEnd() {
    cancelAnimationFrame(this.frame);
    this.button.setAttribute("aria-label", "Play");
  }

  moveTo(time) {
    time = Math.min(Math.max(time, 0), this.timeline.run.span);
    this.timeline.moveHead(time);
    const bold = document.createElement("b");
    bold.textContent = clock(time, 3);
    const inFile = this.recording ? ` · ${clock(this.recording.fileTime(time), 3)} in the file` : "";
    this.time.replaceChildren(bold, ` / ${clock(this.timeline.run.span, 3)}${inFile}`);
  }

  /** Goes to a place; what plays goes on from there. */
  seek(time) {
    const goesOn = this.player?.playing;
    this.player?.pause();
    this.moveTo(time);
    this.timeline.follow(this.timeline.place);
    if (goesOn) this.play();
  }

  onSeek(time, lane, finished) {
    this.goesOn ||= Boolean(this.player?.playing);
    this.player?.pause();
    if (lane.dataset.recording !== undefined) this.choose(Number(lane.dataset.recording));
    this.moveTo(time);
    if (!finished) return;
    if (this.goesOn) this.play();
    this.goesOn = false;
  }

  /** Goes where a button points: a time, and maybe a channel of a recording. */
  goTo({ dataset, classList }) {
    const { seek, recording, channel } = dataset;
    if (recording !== undefined) this.choose(Number(recording));
    if (this.modes.some(({ mode }) => mode === channel - 1)) this.hear(channel - 1);
    this.seek(Number(seek));
    this.timeline.focus(Number(seek));
    const { top } = this.element.querySelector(".timeline").getBoundingClientRect();
    if (top < 0 || top > innerHeight / 2) this.element.querySelector(".timeline").scrollIntoView();
    if (classList.contains("listen")) this.play();
  }

  /** Does what a key asks for; false if it asks for nothing. */
  onKey(key) {
    const step = (seconds) => () => this.seek(this.timeline.place + seconds);
    const hear = (mode) => () => this.modes.some((each) => each.mode === mode) && this.hear(mode);
    const actions = {
      " ": () => this.toggle(),
      ArrowLeft: step(-1), ArrowRight: step(1), ",": step(-0.02), ".": step(0.02),
      "+": () => this.timeline.zoom(0.5), "=": () => this.timeline.zoom(0.5), "-": () => this.timeline.zoom(2),
      0: () => this.fit(), s: hear("stereo"), m: hear("mono"),
    };
    const action = actions[key] ?? (/^[1-9]$/.test(key) ? hear(Number(key) - 1) : null);
    action?.();
    return action !== null && action !== undefined;
  }
}

Run.current = Run.playing = null;
const runs = new Map();

function wake(details) {
  if (!details.open || runs.has(details) || !details.querySelector("script.data")) return;
  runs.set(details, new Run(details));
}

/** Opens the run that the address names. */
function openNamed() {
  const details = document.getElementById(location.hash.slice(1));
  if (details?.matches("details.run")) {
    details.open = true;
    details.scrollIntoView();
  }
}

for (const details of document.querySelectorAll("details.run")) {
  details.addEventListener("toggle", () => {
    wake(details);
    if (!details.open) runs.get(details)?.pause();
  });
  wake(details);
}
addEventListener("hashchange", openNamed);
openNamed();
for (const link of document.querySelectorAll(".contents a")) {
  link.addEventListener("click", () => setTimeout(openNamed));
}

document.addEventListener("click", async ({ target }) => {
  if (!target.matches?.("button.copy")) return;
  try {
    await navigator.clipboard.writeText(target.dataset.copy);
    target.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(target.previousElementSibling);
    target.textContent = "Selected";
  }
  setTimeout(() => { target.textContent = "Copy"; }, 1500);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.closest("button, summary, a")) return;
  const shown = runs.get(document.querySelector("details.run[open]"));
  const run = Run.current?.element.open ? Run.current : shown;
  if (run?.onKey(event.key)) event.preventDefault();
});
